"""Ratings of one or more statements on a scale: Likert, stars, a slider, or the recommendation score."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Model, Sight
from realtime.activities.labels import Id, Labelled, Prompt, as_labelled, require_distinct, sheet, with_prompt
from realtime.activities.statistics import (
    Number,
    decimals_of,
    from_units,
    histogram_under,
    mean,
    median,
    size,
    stdev,
    to_units,
)
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text

MOST_STEPS = 100
PROMOTER, DETRACTOR = 9, 6  # recommendation score: from 9 on for us, up to 6 against us

Scale = Annotated[Number, Field(ge=-1_000_000, le=1_000_000)]


class Settings(Model):
    """`labels` name points of the scale, by the value as text."""

    prompt: Prompt
    items: Annotated[list[Labelled], Field(min_length=1, max_length=20)]
    min: Scale = 1
    max: Scale = 5
    step: Scale = 1
    labels: dict[str, Annotated[str, AfterValidator(clean_text), Field(max_length=100)]] = Field(
        default_factory=dict, max_length=MOST_STEPS + 1
    )
    kind: Literal["likert", "scale", "stars", "slider", "nps"] = "likert"
    allow_skip: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        require_distinct((item.id for item in self.items), "item ids")
        if max(decimals_of(self.min), decimals_of(self.max), decimals_of(self.step)) > 6:
            raise ValueError("at most 6 decimals")
        low, high, step = self.units()
        if step <= 0 or high <= low:
            raise ValueError("min < max and step > 0 must hold")
        if (high - low) % step:
            raise ValueError("max must be on the grid: min and a whole number of steps")
        if (high - low) // step > MOST_STEPS:
            raise ValueError(f"a scale has at most {MOST_STEPS} steps")
        if self.kind == "nps" and (self.min, self.max, self.step) != (0, 10, 1):
            raise ValueError("a recommendation score is given from 0 to 10 in steps of 1")
        if not self.labels.keys() <= {str(value) for value in self.values}:
            raise ValueError("labels name a value that is not on the scale")
        return self

    @cached_property
    def decimals(self) -> int:
        return max(decimals_of(self.min), decimals_of(self.max), decimals_of(self.step))

    def units(self) -> tuple[int, int, int]:
        """Least value, greatest value and step in fixed-point units."""
        decimals = self.decimals
        return to_units(self.min, decimals), to_units(self.max, decimals), to_units(self.step, decimals)

    @cached_property
    def values(self) -> list[Number]:
        """Every value of the scale, from the least."""
        low, high, step = self.units()
        return [from_units(units, self.decimals) for units in range(low, high + 1, step)]

    @cached_property
    def indexes(self) -> dict[Number, int]:
        """How many steps each value is above the least one."""
        return {value: index for index, value in enumerate(self.values)}


class Answer(Model):
    ratings: Annotated[dict[str, Number], Field(max_length=20)]


class Rating(ActivityType[Settings, Answer]):
    name = "rating"
    aliases = ("scale", "likert", "nps", "stars")
    qti, moodle, xapi = "sliderInteraction", "multichoicerated", "likert"
    settings_model, answer_model = Settings, Answer
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "prompt": "How sure are you?",
            "min": 1,
            "max": 5,
            "step": 1,
            "labels": {"1": "not at all", "5": "very"},
            "kind": "likert",
            "items": [
                {"id": "i1", "text": "I can explain the light reactions"},
                {"id": "i2", "text": "I can explain the Calvin cycle"},
            ],
            "allow_skip": True,
        },
        "answers": [{"ratings": {"i1": 4, "i2": 2}}, {"ratings": {"i1": 5}}, {"ratings": {"i1": 1, "i2": 3}}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept no items (the prompt is the one item), items as strings, `nps` without bounds."""
        migrated = with_prompt(settings)
        if "items" not in migrated and "prompt" in migrated:
            migrated["items"] = [{"id": "value", "text": migrated["prompt"]}]
        migrated["items"] = as_labelled(migrated.get("items"))
        if migrated.get("kind") == "nps":
            migrated = {"min": 0, "max": 10} | migrated
        return migrated

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept `{"rating": 4}` or `{"value": 4}` where there is one item."""
        for old in ("rating", "value"):
            if len(settings.items) == 1 and data.keys() == {old}:
                return {"ratings": {settings.items[0].id: data[old]}}
        return data

    def check(self, settings: Settings, answer: Answer) -> Answer:
        ratings: dict[Id, Number] = {}
        unknown = answer.ratings.keys() - {item.id for item in settings.items}
        if unknown:
            raise invalid(f"data.ratings.{min(unknown)}", "no such item", "unknown_option")
        for item in settings.items:
            if item.id in answer.ratings:
                index = settings.indexes.get(answer.ratings[item.id])
                if index is None:
                    raise invalid(f"data.ratings.{item.id}", "is not on the scale")
                ratings[item.id] = settings.values[index]
            elif not settings.allow_skip:
                raise Refusal("too_few_choices", details={"field": f"data.ratings.{item.id}"})
        if not ratings:
            raise Refusal("too_few_choices", details={"field": "data.ratings", "min_choices": 1})
        return Answer(ratings=ratings)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        return {f"at:{item}:{settings.indexes[value]}": 1 for item, value in answer.ratings.items()}

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        settings = live.settings
        low, _, step = settings.units()
        scale = 10**settings.decimals
        items: dict[str, Json] = {}
        everything: dict[int, int] = {}
        for item in settings.items:
            steps = histogram_under(live.tally, f"at:{item.id}:")
            units = {low + index * step: count for index, count in steps.items()}
            for value, count in units.items():
                everything[value] = everything.get(value, 0) + count
            number = size(units)
            items[item.id] = {
                "n": number,
                "mean": round(mean(units) / scale, 4) if number else None,
                "median": _plain(median(units) / scale) if number else None,
                "stdev": round(stdev(units) / scale, 4) if number else None,
                "distribution": {
                    str(value): steps.get(index, 0) for index, value in enumerate(settings.values)
                },
            }
        nps = _recommendation(everything) if settings.kind == "nps" else None
        return {"": {"items": items, "nps": nps}}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        return sheet(
            responses,
            lambda answer: {f"rating:{item.id}": answer.ratings.get(item.id) for item in settings.items},
        )


def _plain(value: float) -> Number:
    return int(value) if value.is_integer() else round(value, 7)


def _recommendation(votes: Mapping[int, int]) -> float | None:
    number = size(votes)
    if not number:
        return None
    promoters = sum(count for value, count in votes.items() if value >= PROMOTER)
    detractors = sum(count for value, count in votes.items() if value <= DETRACTOR)
    return round(100 * (promoters - detractors) / number, 1)


TYPE = Rating()
