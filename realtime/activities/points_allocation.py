"""Points to be shared out among items: 100 points, a budget, dots."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Model, Sight
from realtime.activities.labels import Labelled, Prompt, as_labelled, require_distinct, sheet, with_prompt
from realtime.activities.statistics import answered, variance_of_sums
from realtime.core.errors import invalid


class Settings(Model):
    prompt: Prompt
    items: Annotated[list[Labelled], Field(min_length=2, max_length=20)]
    total: Annotated[int, Field(ge=1, le=10_000)] = 100  # squares of points of a million people stay exact
    step: Annotated[int, Field(ge=1, le=10_000)] = 1
    must_spend_all: bool = True

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        require_distinct((item.id for item in self.items), "item ids")
        if self.total % self.step:
            raise ValueError("total must be a whole number of steps")
        return self


class Answer(Model):
    points: Annotated[dict[str, Annotated[int, Field(ge=0, le=10_000)]], Field(max_length=20)]


class PointsAllocation(ActivityType[Settings, Answer]):
    name = "points_allocation"
    aliases = ("prioritisation", "100_points", "constant_sum")
    settings_model, answer_model = Settings, Answer
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "prompt": "Share 100 points",
            "total": 100,
            "step": 5,
            "must_spend_all": True,
            "items": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}],
        },
        "answers": [{"points": {"a": 70, "b": 30}}, {"points": {"a": 100}}, {"points": {"a": 45, "b": 55}}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        migrated = with_prompt(settings)
        return migrated | {"items": as_labelled(migrated.get("items", migrated.pop("options", None)))}

    def check(self, settings: Settings, answer: Answer) -> Answer:
        known = [item.id for item in settings.items]
        unknown = answer.points.keys() - set(known)
        if unknown:
            raise invalid(f"data.points.{min(unknown)}", "no such item", "unknown_option")
        for item, points in answer.points.items():
            if points % settings.step:
                raise invalid(f"data.points.{item}", f"must be a multiple of {settings.step}")
        spent = sum(answer.points.values())
        if spent > settings.total:
            raise invalid("data.points", f"{spent} points are spent of {settings.total}", "too_many_choices")
        if settings.must_spend_all and spent < settings.total:
            raise invalid("data.points", f"{spent} points are spent of {settings.total}", "too_few_choices")
        return Answer(points={item: answer.points.get(item, 0) for item in known})

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result: dict[str, int] = {}
        for item, points in answer.points.items():
            if points:
                result[f"sum:{item}"] = points
                result[f"squares:{item}"] = points * points
        return result

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        number = answered(live.tally)
        totals: dict[str, int] = {}
        means: dict[str, float] = {}
        spreads: dict[str, float] = {}
        for item in live.settings.items:
            total = totals[item.id] = live.tally.get(f"sum:{item.id}", 0)
            means[item.id] = round(total / number, 2) if number else 0.0
            squares = live.tally.get(f"squares:{item.id}", 0)
            spreads[item.id] = round(sqrt(variance_of_sums(number, total, squares)), 2)
        return {"": {"totals": totals, "mean": means, "stdev": spreads, "n": number}}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        return sheet(
            responses, lambda answer: {f"points:{item.id}": answer.points[item.id] for item in settings.items}
        )


TYPE = PointsAllocation()
