"""An opinion poll: single or multiple choice without a right answer."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Json, Live, Model, Sight
from realtime.activities.labels import as_ids
from realtime.core.errors import Refusal
from realtime.core.json_text import clean_text
from realtime.core.tally import ABSTAINED, RESPONSES, under


class Option(Model):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    text: Annotated[str, Field(min_length=1, max_length=200)]


class Settings(Model):
    question: Annotated[str, Field(min_length=1, max_length=500)]
    options: Annotated[list[Option], Field(min_length=2, max_length=50)]
    min_choices: Annotated[int, Field(ge=1)] = 1
    max_choices: Annotated[int, Field(ge=1)] = 1
    shuffle: bool = False
    allow_other: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if len({option.id for option in self.options}) != len(self.options):
            raise ValueError("option ids must differ")
        if not self.min_choices <= self.max_choices <= len(self.options):
            raise ValueError("min_choices <= max_choices <= number of options must hold")
        return self


class Answer(Model):
    selected: Annotated[list[str], Field(max_length=50)]
    other_text: Annotated[str, Field(max_length=200)] | None = None


class Poll(ActivityType[Settings, Answer]):
    name = "poll"
    aliases = ("multiple_choice", "single_choice", "yes_no", "vote")
    qti, moodle, xapi = "choiceInteraction", "choice", "choice"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "question": "Which topic next?",
            "options": [
                {"id": "a", "text": "Light reactions"},
                {"id": "b", "text": "Calvin cycle"},
                {"id": "c", "text": "Respiration"},
            ],
            "min_choices": 1,
            "max_choices": 2,
        },
        "answers": [{"selected": ["b"]}, {"selected": ["a", "c"]}, {"selected": ["c"]}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: `options: ["A", "B"]`, `allow_multiple_choice`; display rules live in the envelope."""
        migrated = dict(settings)
        options = migrated.get("options")
        if isinstance(options, list) and options and all(isinstance(option, str) for option in options):
            migrated["options"] = [{"id": _letters(index), "text": text} for index, text in enumerate(options)]
        several = migrated.pop("allow_multiple_choice", False)
        if several is True and isinstance(migrated.get("options"), list):
            migrated.setdefault("max_choices", len(migrated["options"]))
        for moved in ("show_live_results", "anonymous_voting"):
            migrated.pop(moved, None)
        return migrated

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: `selected_options`, by id or by text."""
        migrated = dict(data)
        if "selected_options" in migrated and "selected" not in migrated:
            migrated["selected"] = migrated.pop("selected_options")
        selected = migrated.get("selected")
        if isinstance(selected, list):
            migrated["selected"] = as_ids(selected, {option.id: option.text for option in settings.options})
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        known = {option.id for option in settings.options}
        for index, choice in enumerate(answer.selected):
            if choice not in known:
                raise Refusal("unknown_option", details={"field": f"data.selected.{index}", "reason": "no such option"})
        if len(set(answer.selected)) != len(answer.selected):
            raise Refusal("invalid", details={"field": "data.selected", "reason": "an option was chosen twice"})
        other = clean_text(answer.other_text) if answer.other_text else None
        if other and not settings.allow_other:
            raise Refusal("unknown_option", details={"field": "data.other_text", "reason": "no free answer is offered"})
        chosen = len(answer.selected) + (1 if other else 0)
        if chosen < settings.min_choices:
            raise Refusal("too_few_choices", details={"field": "data.selected", "min_choices": settings.min_choices})
        if chosen > settings.max_choices:
            raise Refusal("too_many_choices", details={"field": "data.selected", "max_choices": settings.max_choices})
        return Answer(selected=sorted(answer.selected), other_text=other)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result = {f"choice:{choice}": 1 for choice in answer.selected}
        if answer.other_text:
            result["other"] = 1
        if settings.max_choices > 1:
            result["combination:" + "+".join(answer.selected)] = 1
        return result

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        return {"text": answer.other_text} if answer.other_text else None

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        counts = under(live.tally, "choice:")
        votes = {option.id: counts.get(option.id, 0) for option in live.settings.options}
        people = live.tally.get(RESPONSES, 0) - live.tally.get(ABSTAINED, 0)
        most = max(votes.values(), default=0)
        main: dict[str, Any] = {
            "vote_counts": votes,
            "percentages": {choice: round(100 * n / people, 1) if people else 0.0 for choice, n in votes.items()},
            "most_popular": [choice for choice, n in votes.items() if n == most] if most else [],
            "total_responses": people,
        }
        if live.settings.allow_other:
            main["other"] = live.tally.get("other", 0)
        if live.settings.max_choices > 1 and sight.results:
            combinations = Counter(under(live.tally, "combination:")).most_common(20)
            main["combinations"] = [{"ids": ids.split("+") if ids else [], "count": n} for ids, n in combinations]
        parts: dict[str, Json] = {"": main}
        if sight.host:  # free answers are unmoderated text: presenters only
            parts |= {f"item:{item.id}": {"text": item.data["text"]} for item in live.items.values()}
        return parts


def _letters(index: int) -> str:
    return chr(ord("a") + index) if index < 26 else f"o{index}"



TYPE = Poll()
