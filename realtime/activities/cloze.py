"""A text with blanks, to be filled in or chosen from lists."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Mark, Model, Sight, Text
from realtime.activities.labels import Id, clean_lines, require_distinct, sheet
from realtime.activities.marking import mean_score, score_units
from realtime.activities.spelling import close_enough_h5p
from realtime.activities.statistics import (
    Number,
    answered,
    decimals_of,
    from_units,
    histogram_under,
    to_units,
)
from realtime.core.errors import invalid
from realtime.core.json_text import clean_text

MOST_BLANKS: Final = 50
TOP_WRONG: Final = 10
MOST_TEXTS: Final = 200  # wrong texts told apart in one blank
_MARK_DECIMALS: Final = 2
_MOST_SCORES: Final = 2_000  # distinct scores counted one by one; beyond it whole marks are
_GAP: Final = re.compile(r"\{\{([A-Za-z0-9_-]{1,40})\}\}")

Entry = Annotated[str, AfterValidator(clean_text), Field(min_length=1, max_length=200)]


class Blank(Model):
    """`answers`: every one of them is right. `options`: what a `choice` blank offers."""

    kind: Literal["text", "choice"] = "text"
    answers: Annotated[list[Entry], Field(min_length=1, max_length=50)]
    options: Annotated[list[Entry], Field(max_length=50)] = Field(default_factory=list)
    marks: Annotated[Number, Field(gt=0, le=100)] = 1
    case_sensitive: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Blank":
        if decimals_of(self.marks) > _MARK_DECIMALS:
            raise ValueError(f"marks have at most {_MARK_DECIMALS} decimals")
        if self.kind == "choice":
            require_distinct(self.options, "options")
            if len(self.options) < 2 or not set(self.answers) <= set(self.options):
                raise ValueError("a choice needs two options at least, and its answers among them")
        elif self.options:
            raise ValueError("options belong to blanks of the kind choice")
        return self

    def key(self, text: str) -> str:
        """What equal entries have in common."""
        return text if self.case_sensitive or self.kind == "choice" else clean_text(text.casefold())

    def accepts(self, text: str, spelling: str) -> bool:
        key, keys = self.key(text), [self.key(answer) for answer in self.answers]
        if key in keys:
            return True
        slips = spelling == "h5p" and self.kind == "text"
        return slips and any(close_enough_h5p(expected, key) for expected in keys)


class Settings(Model):
    """`text` names each blank once, as `{{id}}`. `show_to_participants`: wrong entries may go to everyone."""

    text: Annotated[str, AfterValidator(clean_lines), Field(min_length=1, max_length=10_000)]
    blanks: Annotated[dict[Id, Blank], Field(min_length=1, max_length=MOST_BLANKS)]
    spelling: Literal["off", "h5p"] = "off"
    show_to_participants: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        gaps = _GAP.findall(self.text)
        require_distinct(gaps, "blanks in the text")
        if set(gaps) != self.blanks.keys():
            raise ValueError("the text and blanks must name the same ids")
        return self

    def units(self, blanks: Iterable[str]) -> int:
        """The marks of some blanks, in hundredths."""
        return sum(to_units(self.blanks[blank].marks, _MARK_DECIMALS) for blank in blanks)

    def counted(self, units: int) -> int:
        """The score under which an answer is counted, in hundredths."""
        whole = 10**_MARK_DECIMALS
        return units if self.units(self.blanks) <= _MOST_SCORES else units // whole * whole


class Answer(Model):
    blanks: Annotated[dict[str, Annotated[str, Field(max_length=500)] | None], Field(max_length=MOST_BLANKS)]


class Cloze(ActivityType[Settings, Answer]):
    name = "cloze"
    aliases = ("fill_blanks", "blanks")
    qti, moodle, xapi = "textEntryInteraction", "multianswer", "fill-in"
    settings_model, answer_model = Settings, Answer
    secrets = ("blanks[].answers",)
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "text": "In the {{b1}} light splits {{b2}}.",
            "blanks": {
                "b1": {"kind": "text", "answers": ["thylakoid"], "marks": 1, "case_sensitive": False},
                "b2": {"kind": "choice", "options": ["water", "sugar"], "answers": ["water"], "marks": 1},
            },
            "spelling": "h5p",
        },
        "answers": [
            {"blanks": {"b1": "thylakoid", "b2": "water"}},
            {"blanks": {"b1": "Stroma", "b2": "sugar"}},
            {"blanks": {"b1": "tylakoid", "b2": ""}},
        ],
    }

    def check(self, settings: Settings, answer: Answer) -> Answer:
        unknown = answer.blanks.keys() - settings.blanks.keys()
        if unknown:
            raise invalid(f"data.blanks.{min(unknown)}", "no such blank", "unknown_option")
        entries: dict[str, str | None] = {}
        for name, blank in settings.blanks.items():
            text = clean_text(answer.blanks.get(name) or "")
            if len(text) > 200:
                raise invalid(f"data.blanks.{name}", "at most 200 characters")
            if text and blank.kind == "choice" and text not in blank.options:
                raise invalid(f"data.blanks.{name}", "no such option", "unknown_option")
            if text:
                entries[name] = text
        return Answer(blanks=entries)

    def _states(self, settings: Settings, answer: Answer) -> dict[str, str]:
        states: dict[str, str] = {}
        for name, blank in settings.blanks.items():
            text = answer.blanks.get(name)
            if not text:
                states[name] = "blank"
            else:
                states[name] = "right" if blank.accepts(text, settings.spelling) else "wrong"
        return states

    def mark(self, settings: Settings, answer: Answer) -> Mark:
        states = self._states(settings, answer)
        right = [name for name, state in states.items() if state == "right"]
        units, most = settings.units(right), settings.units(settings.blanks)
        marks, max_marks = from_units(units, _MARK_DECIMALS), from_units(most, _MARK_DECIMALS)
        detail = {"blanks": states, "marks": marks, "max_marks": max_marks}
        return Mark(len(right) == len(states), units / most, detail)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result: dict[str, int] = {}
        right: list[str] = []
        for name, state in self._states(settings, answer).items():
            text = answer.blanks.get(name)
            if not text:
                continue
            result[f"answered:{name}"] = 1
            if state == "right":
                right.append(name)
                result[f"right:{name}"] = 1
            else:
                result[f"wrong:{name}:{settings.blanks[name].key(text)}"] = 1
        units = settings.units(right)
        result[f"marks:{settings.counted(units)}"] = 1
        if units:
            result["score"] = score_units(units / settings.units(settings.blanks))
        return result

    def text_of(self, settings: Settings, name: str) -> Text | None:
        if not name.startswith("wrong:"):
            return None
        blank = name.split(":", 2)[1]
        return Text(place=blank, part=blank, other=f"wrong:{blank}:", most=MOST_TEXTS)

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        settings = live.settings
        people = answered(live.tally)
        main: dict[str, Json] = {"total_responses": people}
        if not sight.results:
            return {"": main}
        blanks: dict[str, dict[str, Json]] = {
            name: {"answered": live.tally.get(f"answered:{name}", 0)} for name in settings.blanks
        }
        main["blanks"] = blanks
        if sight.key:
            wrong = _wrong_entries(live.tally)
            for name, blank in settings.blanks.items():
                blanks[name]["correct"] = live.tally.get(f"right:{name}", 0)
                # Nobody has read what people typed; what a list offers was written by the author.
                if sight.host or settings.show_to_participants or blank.kind == "choice":
                    frequent = sorted(wrong.get(name, {}).items(), key=lambda entry: (-entry[1], entry[0]))
                    blanks[name]["top_wrong"] = [
                        {"text": text, "count": count} for text, count in frequent if text
                    ][:TOP_WRONG]
                    if "" in wrong.get(name, {}):  # the blank had no room for them
                        blanks[name]["other"] = wrong[name][""]
            main["mean_score"] = mean_score(live.tally.get("score", 0), people)
            main["score_distribution"] = {
                str(from_units(units, _MARK_DECIMALS)): count
                for units, count in sorted(histogram_under(live.tally, "marks:").items())
            }
        return {"": main}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        def columns(answer: Answer) -> dict[str, Json]:
            detail = self.mark(settings, answer).detail
            entries = {f"blank:{name}": answer.blanks.get(name) for name in settings.blanks}
            return entries | {"marks": detail["marks"], "max_marks": detail["max_marks"]}

        return sheet(responses, columns)


def _wrong_entries(tally: Mapping[str, int]) -> dict[str, Counter[str]]:
    wrong: dict[str, Counter[str]] = {}
    for name, count in tally.items():
        if name.startswith("wrong:"):
            _, blank, text = name.split(":", 2)
            wrong.setdefault(blank, Counter())[text] += count
    return wrong


TYPE = Cloze()
