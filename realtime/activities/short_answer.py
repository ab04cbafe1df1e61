"""A word or a short text, marked against a list of accepted answers."""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Mark, Model, Sight, Text
from realtime.activities.labels import Prompt, sheet, with_prompt
from realtime.activities.marking import mean_score, score_units, share
from realtime.activities.spelling import close_enough_h5p, matches_wildcard
from realtime.activities.statistics import Number, answered
from realtime.core.errors import invalid
from realtime.core.json_text import clean_text

SHOWN_TO_PRESENTERS: Final = 500
SHOWN_TO_PARTICIPANTS: Final = 50
MOST_TEXTS: Final = 2_000  # texts told apart
_UNITS: Final = 10_000  # fractions of the key are counted in ten-thousandths
_UNGRADED: Final = "?"


class Accepted(Model):
    """One accepted answer; `fraction` of the points, 0 for an answer known to be wrong."""

    text: Annotated[str, AfterValidator(clean_text), Field(min_length=1, max_length=500)]
    fraction: Annotated[Number, Field(ge=0, le=1)] = 1


class Settings(Model):
    """Without `answers` nothing is judged. `show_to_participants`: unjudged texts may go to everyone."""

    prompt: Prompt
    max_length: Annotated[int, Field(ge=1, le=500)] = 100
    answers: Annotated[list[Accepted], Field(max_length=100)] = Field(default_factory=list)
    case_sensitive: bool = False
    spelling: Literal["off", "h5p"] = "off"
    wildcards: bool = False
    show_to_participants: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if self.wildcards and any(answer.text.count("*") > 10 for answer in self.answers):
            raise ValueError("an answer has at most 10 wildcards")
        return self

    def key(self, text: str) -> str:
        """What equal answers have in common."""
        return text if self.case_sensitive else clean_text(text.casefold())

    def fraction(self, text: str) -> float | None:
        """What an answer earns, from 0 to 1; None where there is no key. The first answer that fits decides.

        Slips are forgiven only after every answer was tried as written, so that an answer known to be
        wrong cannot pass as a slip of a right one.
        """
        if not self.answers:
            return None
        key = self.key(text)
        for answer in self.answers:
            if self.wildcards and matches_wildcard(answer.text, text, self.case_sensitive):
                return float(answer.fraction)
            if key == self.key(answer.text):
                return float(answer.fraction)
        if self.spelling == "h5p":
            for answer in self.answers:
                written_out = not (self.wildcards and "*" in answer.text)
                if written_out and close_enough_h5p(self.key(answer.text), key):
                    return float(answer.fraction)
        return 0.0


class DecidedSettings(Settings):
    """Settings with what a presenter decided about single texts, by key; that comes before all answers."""

    verdicts: dict[str, float] = {}

    def fraction(self, text: str) -> float | None:
        verdict = self.verdicts.get(self.key(text))
        return super().fraction(text) if verdict is None else verdict


class Answer(Model):
    text: Annotated[str, Field(max_length=2_000)]


class ShortAnswer(ActivityType[Settings, Answer]):
    name = "short_answer"
    aliases = ("fill_in", "type_answer")
    qti, moodle, xapi = "textEntryInteraction", "shortanswer", "fill-in"
    settings_model, answer_model = Settings, Answer
    secrets = ("answers",)
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "prompt": "The pigment is called …",
            "max_length": 100,
            "answers": [{"text": "chlorophyll", "fraction": 1.0}, {"text": "chloroph*", "fraction": 0.5}],
            "case_sensitive": False,
            "spelling": "off",
            "wildcards": True,
        },
        "answers": [{"text": "Chlorophyl"}, {"text": "chlorophyll"}, {"text": "carotene"}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept accepted answers as plain strings."""
        migrated = with_prompt(settings)
        answers = migrated.get("answers")
        if isinstance(answers, list):
            migrated["answers"] = [{"text": each} if isinstance(each, str) else each for each in answers]
        return migrated

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        return {"text": data["answer"]} if data.keys() == {"answer"} else data

    def check(self, settings: Settings, answer: Answer) -> Answer:
        text = clean_text(answer.text)
        if not text:
            raise invalid("data.text", "is empty")
        if len(text) > settings.max_length:
            raise invalid("data.text", f"at most {settings.max_length} characters")
        return Answer(text=text)

    def mark(self, settings: Settings, answer: Answer) -> Mark | None:
        fraction = settings.fraction(answer.text)
        return None if fraction is None else Mark(fraction >= 1, fraction)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        fraction = settings.fraction(answer.text)
        graded = _UNGRADED if fraction is None else str(round(fraction * _UNITS))
        # The judgement is in the name: a view need not mark hundreds of texts again.
        return {f"text:{graded}:{settings.key(answer.text)}": 1}

    def text_of(self, settings: Settings, name: str) -> Text | None:
        if not name.startswith("text:"):
            return None
        return Text(place="", part="text", other=f"text:{name.split(':', 2)[1]}:", most=MOST_TEXTS)

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """`{"action": "accept", "text": …, "fraction": 1}` judges a text anew; a null fraction undoes it."""
        if decision.get("action") != "accept":
            raise invalid("action", "this type knows only accept")
        text, fraction = decision.get("text"), decision.get("fraction", 1)
        if not isinstance(text, str) or not clean_text(text) or len(text) > live.settings.max_length:
            raise invalid("text", "must be a text that participants could give")
        key = f"accept:{live.settings.key(clean_text(text))}"
        if fraction is None:
            return {key: None}
        if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 <= fraction <= 1:
            raise invalid("fraction", "must be from 0 to 1")
        return {key: {"fraction": fraction}}

    def decided(self, settings: Settings, decisions: Mapping[str, Json]) -> Settings:
        verdicts = {
            name.removeprefix("accept:"): float(verdict["fraction"])
            for name, verdict in decisions.items()
            if name.startswith("accept:")
        }
        return DecidedSettings(**dict(settings), verdicts=verdicts) if verdicts else settings

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        settings = live.settings
        people = answered(live.tally)
        main: dict[str, Json] = {"total_responses": people}
        if not sight.results:
            return {"": main}
        groups = _groups(live)
        if sight.key:
            main["correct_fraction"] = share(
                sum(count for _, count, fraction in groups if fraction is not None and fraction >= 1), people
            )
            earned = sum(score_units(fraction) * count for _, count, fraction in groups if fraction)
            main["mean_score"] = mean_score(earned, people)
            main["ungraded"] = sum(count for _, count, fraction in groups if fraction is None)
        # Nobody has read these texts before they appear: participants get what the key knows, if that.
        shown = [
            {"key": key, "count": count} | ({"fraction": fraction} if sight.key else {})
            for key, count, fraction in groups
            if key
            if sight.host or settings.show_to_participants or (sight.key and fraction)
        ]
        crowded = [count for key, count, _ in groups if not key]  # texts for which there was no room
        if crowded:
            main["other"] = sum(crowded)
        most = SHOWN_TO_PRESENTERS if sight.host else SHOWN_TO_PARTICIPANTS
        main |= {"groups": shown[:most], "distinct": len(groups) - len(crowded), "truncated": len(shown) > most}
        return {"": main}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        return sheet(responses, lambda answer: {"text": answer.text, "score": settings.fraction(answer.text)})


def _groups(live: Live[Settings]) -> list[tuple[str, int, float | None]]:
    """Key, number and fraction of all equal answers, the most frequent first."""
    groups: list[tuple[str, int, float | None]] = []
    for name, count in live.tally.items():
        if name.startswith("text:"):
            _, graded, key = name.split(":", 2)
            fraction = None if graded == _UNGRADED else int(graded) / _UNITS
            decided = live.decisions.get(f"accept:{key}")
            groups.append((key, count, float(decided["fraction"]) if decided else fraction))
    groups.sort(key=lambda group: (-group[1], group[0]))
    return groups


TYPE = ShortAnswer()
