"""Points on a picture: shown as a heat map, and marked where regions are right."""

from collections.abc import Mapping
from math import hypot
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Json, Live, Mark, Model, Sight
from realtime.activities.labels import Id, Line, Prompt, require_distinct, require_number, with_prompt
from realtime.activities.marking import share
from realtime.activities.statistics import answered
from realtime.core.errors import invalid
from realtime.core.tally import under

COLUMNS: Final = 40
ROWS: Final = 24
_DECIMALS: Final = 4  # a ten-thousandth of the picture: finer than any finger
_COORDS: Final = {"circle": 3, "ellipse": 4, "rect": 4}
_MOST_CORNERS: Final = 100

Share = Annotated[float, Field(ge=0, le=1)]


class Image(Model):
    """The picture; `width` and `height` in pixels make circles round."""

    media_id: Annotated[str, Field(max_length=200)] | None = None
    url: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://|/)\S+$")] | None = None
    width: Annotated[int, Field(ge=1, le=100_000)]
    height: Annotated[int, Field(ge=1, le=100_000)]
    alt: Annotated[Line, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _is_somewhere(self) -> "Image":
        if not (self.media_id or self.url):
            raise ValueError("media_id or url is needed")
        return self


class Region(Model):
    """Coordinates are shares of width and height; the radius of a circle is a share of the width.

    circle: x, y, r · ellipse: x, y, rx, ry · rect: left, top, right, bottom · poly: x, y of each corner.
    """

    id: Id
    shape: Literal["circle", "ellipse", "rect", "poly"]
    coords: Annotated[list[Share], Field(min_length=3, max_length=2 * _MOST_CORNERS)]
    correct: bool = True

    @model_validator(mode="after")
    def _fits(self) -> "Region":
        number = len(self.coords)
        if self.shape == "poly":
            if number < 6 or number % 2:
                raise ValueError("a poly has x and y of at least three corners")
        elif number != _COORDS[self.shape]:
            raise ValueError(f"a {self.shape} has {_COORDS[self.shape]} coordinates")
        if self.shape == "rect" and not (self.coords[0] < self.coords[2] and self.coords[1] < self.coords[3]):
            raise ValueError("a rect is left, top, right, bottom")
        if self.shape in ("circle", "ellipse") and not all(radius > 0 for radius in self.coords[2:]):
            raise ValueError("a radius is more than 0")
        return self

    def holds(self, x: float, y: float, width: int, height: int) -> bool:
        """Whether a point lies inside; the edge belongs to the region, but for a poly's."""
        c = self.coords
        if self.shape == "circle":
            return hypot((x - c[0]) * width, (y - c[1]) * height) <= c[2] * width
        if self.shape == "ellipse":
            return hypot((x - c[0]) / c[2], (y - c[1]) / c[3]) <= 1
        if self.shape == "rect":
            return c[0] <= x <= c[2] and c[1] <= y <= c[3]
        return _is_inside(x, y, list(zip(c[::2], c[1::2], strict=True)))


def _is_inside(x: float, y: float, corners: list[tuple[float, float]]) -> bool:
    """Whether a ray to the right crosses the outline an odd number of times."""
    inside = False
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


class Settings(Model):
    prompt: Prompt
    image: Image
    min_points: Annotated[int, Field(ge=1, le=20)] = 1
    max_points: Annotated[int, Field(ge=1, le=20)] = 1
    regions: Annotated[list[Region], Field(max_length=50)] = Field(default_factory=list)
    keyboard_alternative: bool = True

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        require_distinct((region.id for region in self.regions), "region ids")
        if any(region.id == "none" for region in self.regions):
            raise ValueError("no region may be called none")
        if self.min_points > self.max_points:
            raise ValueError("min_points <= max_points must hold")
        return self


class Point(Model):
    x: Share
    y: Share


class Answer(Model):
    points: Annotated[list[Point], Field(max_length=20)]


class Hotspot(ActivityType[Settings, Answer]):
    name = "hotspot"
    aliases = ("image_point", "clickable_image")
    qti, moodle, xapi = "hotspotInteraction", "ddmarker", "other"
    settings_model, answer_model = Settings, Answer
    secrets = ("regions",)
    example = {
        "settings": {
            "prompt": "Tap the chloroplast",
            "image": {"media_id": "m1", "width": 1600, "height": 900, "alt": "Plant cell"},
            "max_points": 1,
            "regions": [{"id": "g1", "shape": "circle", "coords": [0.42, 0.55, 0.08], "correct": True}],
            "keyboard_alternative": True,
        },
        "answers": [
            {"points": [{"x": 0.43, "y": 0.56}]},
            {"points": [{"x": 0.9, "y": 0.1}]},
            {"points": [{"x": 0, "y": 1}]},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        return with_prompt(settings)

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """One point may come as `x` and `y` alone."""
        return {"points": [dict(data)]} if data.keys() == {"x", "y"} else data

    def check(self, settings: Settings, answer: Answer) -> Answer:
        require_number(len(answer.points), settings.min_points, settings.max_points, "data.points")
        points = sorted({(round(point.x, _DECIMALS), round(point.y, _DECIMALS)) for point in answer.points})
        if len(points) != len(answer.points):
            raise invalid("data.points", "the same point twice")
        return Answer(points=[Point(x=x, y=y) for x, y in points])

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result: dict[str, int] = {}
        for point in answer.points:
            column, row = min(int(point.x * COLUMNS), COLUMNS - 1), min(int(point.y * ROWS), ROWS - 1)
            for name in (f"cell:{column}-{row}", f"region:{_region_at(settings, point) or 'none'}"):
                result[name] = result.get(name, 0) + 1
        mark = self.mark(settings, answer)
        if mark is not None and mark.correct:
            result["correct"] = 1
        return result

    def mark(self, settings: Settings, answer: Answer) -> Mark | None:
        """Each right region counts once; points beside them are taken off. None where no region is right."""
        right = {region.id for region in settings.regions if region.correct}
        if not right:
            return None
        hit = [_region_at(settings, point) for point in answer.points]
        needed = min(len(right), settings.max_points)
        beside = sum(region not in right for region in hit)
        score = max(0.0, (len(right.intersection(filter(None, hit))) - beside) / needed)
        return Mark(
            correct=score >= 1,
            score=min(1.0, score),
            detail={"regions": [region or "none" for region in hit]},
        )

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        cells = under(live.tally, "cell:")
        main: dict[str, Any] = {
            "grid": {"cols": COLUMNS, "rows": ROWS, "cells": cells},
            "points": sum(cells.values()),
        }
        if sight.key:  # where the regions are is the answer
            regions = [region.id for region in live.settings.regions]
            main["regions"] = {name: live.tally.get(f"region:{name}", 0) for name in [*regions, "none"]}
        if sight.results and any(region.correct for region in live.settings.regions):
            main["correct_fraction"] = share(live.tally.get("correct", 0), answered(live.tally))
        return {"": main}


def _region_at(settings: Settings, point: Point) -> str | None:
    """The first region a point lies in."""
    width, height = settings.image.width, settings.image.height
    for region in settings.regions:
        if region.holds(point.x, point.y, width, height):
            return region.id
    return None


TYPE = Hotspot()
