"""A number to be given or guessed, with or without a right one."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from heapq import nsmallest
from math import sqrt
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Item, Json, Live, Mark, Model, Sight
from realtime.activities.labels import Line, Prompt, sheet, with_prompt
from realtime.activities.marking import closeness, marked, mean_score, share
from realtime.activities.statistics import (
    Number,
    answered,
    bin_counts,
    from_units,
    histogram_under,
    median,
    nice_edges,
    size,
    to_units,
    variance_of_sums,
)
from realtime.core.errors import invalid

MOST_VALUES: Final = 5_000  # distinct values that are counted one by one
_EXACT_BELOW: Final = 900  # without bounds: every value below this, two digits of those above
_LIMB: Final = 10**6  # sums are counted in parts below this, so that no counter outgrows 2**53

Value = Annotated[Number, Field(ge=-1e15, le=1e15)]
Fits = Annotated[Number, Field(ge=0, le=1e15)]


class Tolerance(Model):
    """QTI's tolerance modes; `value` is a distance when absolute, percent of the right one when relative."""

    mode: Literal["exact", "absolute", "relative"] = "exact"
    value: Fits = 0


class Band(Model):
    """`fraction` of the points for an answer not farther off than `within`, measured like the tolerance."""

    within: Fits
    fraction: Annotated[Number, Field(gt=0, le=1)]


class Closeness(Model):
    """The band in which nearness earns points, from `low` to `high`."""

    low: Value
    high: Value


class Settings(Model):
    """`correct` null asks for an opinion. `closeness` true takes the widest of tolerance and bands.

    `list_closest`: how many people are listed who came near; 0 spares an item for each answer.
    """

    prompt: Prompt
    min: Value | None = None
    max: Value | None = None
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    unit: Line | None = None
    correct: Value | None = None
    tolerance: Tolerance = Tolerance()
    bands: Annotated[list[Band], Field(max_length=20)] = Field(default_factory=list)
    closeness: bool | Closeness = False
    list_closest: Annotated[int, Field(ge=0, le=20)] = 3

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None:
                try:
                    to_units(bound, self.decimals)
                except ValueError as error:
                    raise ValueError(f"{name} may have {error}") from error
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError("min < max must hold")
        if self.correct is None and (self.closeness is not False or self.bands):
            raise ValueError("bands and closeness need a correct value")
        if self.correct is not None and not self.holds(self.correct):
            raise ValueError("correct is outside min and max")
        if self.closeness is not False and self.correct is not None:
            low, high = self.band()
            if not low <= _exact(self.correct) <= high or low == high:
                raise ValueError("closeness needs a band round the correct value")
        return self

    def holds(self, value: Number) -> bool:
        # A bound of 0 is a bound: compare with None, never with truth.
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def reach(self, width: Number) -> Fraction:
        """How far from the correct value a tolerance or a band of this width reaches."""
        if self.tolerance.mode == "relative":
            return abs(_exact(self.correct or 0)) * _exact(width) / 100
        return _exact(width)

    def tolerated(self) -> Fraction:
        return Fraction(0) if self.tolerance.mode == "exact" else self.reach(self.tolerance.value)

    def band(self) -> tuple[Fraction, Fraction]:
        """Where closeness earns points."""
        if isinstance(self.closeness, Closeness):
            return _exact(self.closeness.low), _exact(self.closeness.high)
        widest = max([self.tolerated(), *(self.reach(band.within) for band in self.bands)])
        return _exact(self.correct or 0) - widest, _exact(self.correct or 0) + widest

    def every_value(self) -> bool:
        """Whether each possible value has a counter of its own."""
        if self.min is None or self.max is None:
            return False
        return to_units(self.max, self.decimals) - to_units(self.min, self.decimals) < MOST_VALUES

    def bucket(self, units: int) -> int:
        """The value under which `units` is counted: itself, or what is near it among some 5,000 values."""
        if self.every_value():
            return units
        if self.min is not None and self.max is not None:
            low = to_units(self.min, self.decimals)
            width = (to_units(self.max, self.decimals) - low) // MOST_VALUES + 1
            return low + (units - low) // width * width
        if abs(units) < _EXACT_BELOW:
            return units
        step = int("1" + "0" * (len(str(abs(units))) - 2))
        return (abs(units) + step // 2) // step * step * (1 if units > 0 else -1)


def _exact(value: Number) -> Fraction:
    return Fraction(repr(value))  # as written: 0.1 is a tenth


class Answer(Model):
    value: Value


class Numeric(ActivityType[Settings, Answer]):
    name = "numeric"
    aliases = ("number", "guess", "estimate")
    qti, moodle, xapi = "textEntryInteraction", "numerical", "numeric"
    settings_model, answer_model = Settings, Answer
    secrets = ("correct", "tolerance", "bands", "closeness")
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "prompt": "ATP per glucose?",
            "min": 0,
            "max": 100,
            "decimals": 0,
            "unit": "ATP",
            "correct": 32,
            "tolerance": {"mode": "absolute", "value": 2},
            "bands": [{"within": 5, "fraction": 0.5}],
            "closeness": False,
            "list_closest": 3,
        },
        "answers": [{"value": 30}, {"value": 0}, {"value": 36}, {"value": 100}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        return with_prompt(settings)

    def check(self, settings: Settings, answer: Answer) -> Answer:
        try:
            units = to_units(answer.value, settings.decimals)
        except ValueError as error:
            raise invalid("data.value", str(error)) from error
        if not settings.holds(answer.value):
            raise invalid("data.value", f"must be from {settings.min} to {settings.max}")
        return Answer(value=from_units(units, settings.decimals))

    def mark(self, settings: Settings, answer: Answer) -> Mark | None:
        if settings.correct is None:
            return None
        value, best = _exact(answer.value), _exact(settings.correct)
        off = abs(value - best)
        correct = off <= settings.tolerated()
        if settings.closeness is not False:
            low, high = settings.band()
            return Mark(correct, closeness(float(value), float(low), float(best), float(high)))
        if correct:
            return Mark(True, 1.0)
        earned = [float(band.fraction) for band in settings.bands if off <= settings.reach(band.within)]
        return Mark(False, max(earned, default=0.0))

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        units = to_units(answer.value, settings.decimals)
        result = {f"value:{settings.bucket(units)}": 1}
        if not settings.every_value():  # the buckets are coarse, so the sums are counted on their own
            result |= _limbs("sum", units) | _limbs("squares", units * units)
        mark = self.mark(settings, answer)
        return result if mark is None else result | marked(correct=mark.correct, score=mark.score)

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        if settings.correct is None or not settings.list_closest:
            return None
        return {"value": answer.value}

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        settings = live.settings
        if settings.correct is not None and not sight.results:
            return {"": {"n": answered(live.tally)}}  # the guesses of the crowd would give the answer away
        histogram = histogram_under(live.tally, "value:")
        number = size(histogram)
        main: dict[str, Json] = {"n": number}
        if number:
            main |= _statistics(settings, live.tally, histogram, number)
        if settings.correct is not None and sight.key:
            main["correct_fraction"] = share(live.tally.get("right", 0), number)
            main["mean_score"] = mean_score(live.tally.get("score", 0), number)
            if settings.list_closest and sight.names:
                main["closest"] = _closest(live, _exact(settings.correct))
        return {"": main}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        def columns(answer: Answer) -> dict[str, Json]:
            mark = self.mark(settings, answer)
            judged = {} if mark is None else {"correct": mark.correct, "score": mark.score}
            return {"value": answer.value} | judged

        return sheet(responses, columns)


def _limbs(name: str, amount: int) -> dict[str, int]:
    """An integer of any size as counters below a million: `sum:2` counts millions of millions."""
    result: dict[str, int] = {}
    sign, rest, place = (-1 if amount < 0 else 1), abs(amount), 0
    while rest:
        rest, limb = divmod(rest, _LIMB)
        if limb:
            result[f"{name}:{place}"] = sign * limb
        place += 1
    return result


def _from_limbs(tally: Mapping[str, int], name: str) -> int:
    return sum(limb * _LIMB**place for place, limb in histogram_under(tally, f"{name}:").items())


def _statistics(
    settings: Settings, tally: Mapping[str, int], histogram: Mapping[int, int], number: int
) -> dict[str, Json]:
    decimals, scale = settings.decimals, 10**settings.decimals
    if settings.every_value():
        total = sum(value * count for value, count in histogram.items())
        squares = sum(value * value * count for value, count in histogram.items())
    else:
        total, squares = _from_limbs(tally, "sum"), _from_limbs(tally, "squares")
    spread = variance_of_sums(number, total, squares) / scale**2
    middle = median(histogram) / scale
    edges = nice_edges(min(histogram), max(histogram))
    result: dict[str, Json] = {
        "mean": round(total / number / scale, decimals + 4),
        "median": int(middle) if middle.is_integer() else round(middle, decimals + 1),
        "stdev": round(sqrt(spread), decimals + 4),
        "variance": round(spread, decimals + 4),
        "min": from_units(min(histogram), decimals),
        "max": from_units(max(histogram), decimals),
        "histogram": {
            "edges": [from_units(edge, decimals) for edge in edges],
            "counts": bin_counts(histogram, edges),
        },
    }
    if not settings.every_value():
        result["approximate"] = ["median", "min", "max", "histogram"]
    return result


def _closest(live: Live[Settings], best: Fraction) -> list[Json]:
    def distance(item: Item) -> tuple[Fraction, int, str]:
        return abs(_exact(item.data["value"]) - best), item.at_ms, item.id

    nearest = nsmallest(live.settings.list_closest, live.items.values(), key=distance)
    return [{"participant": item.participant_id, "value": item.data["value"]} for item in nearest]


TYPE = Numeric()
