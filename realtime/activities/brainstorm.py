"""Ideas on a board: collected, grouped by the presenter, then voted on with dots."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Item, Json, Live, Model, Sight
from realtime.activities.contributions import (
    STATUS_AFTER,
    ItemId,
    action_of,
    author_of,
    decide_status,
    is_shown,
    iso_time,
    item_of,
    newest,
    status_of,
    verdict,
    written_text,
)
from realtime.activities.labels import Line, Prompt, require_distinct, with_prompt
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text

SHOWN: Final = 500  # ideas in a view; all of them are in the responses list
PHASES: Final = ("collect", "group", "vote", "done")
_LONGEST_GROUP = 100

Column = Annotated[Line, Field(min_length=1, max_length=100)]


class Settings(Model):
    """`phase` is the first one; the presenter moves on by decisions. `max_ideas` is per participant."""

    prompt: Prompt
    max_ideas: Annotated[int, Field(ge=1, le=100)] = 5
    max_length: Annotated[int, Field(ge=1, le=1_000)] = 200
    columns: Annotated[list[Column], Field(min_length=1, max_length=10)] = Field(
        default_factory=lambda: ["Ideas"]
    )
    votes_per_participant: Annotated[int, Field(ge=0, le=100)] = 3
    max_votes_per_idea: Annotated[int, Field(ge=1, le=100)] = 1
    phase: Literal["collect", "group", "vote", "done"] = "collect"
    moderate: bool = False
    hide_votes_until_done: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        require_distinct(self.columns, "columns")
        return self


class Answer(Model):
    """An idea, or all of a participant's dots at once: sent again, they replace the dots of before."""

    action: Literal["idea", "votes"]
    text: Annotated[str, Field(max_length=2_000)] | None = None
    column: Annotated[str, Field(max_length=100)] | None = None
    edits: ItemId | None = None
    votes: Annotated[dict[ItemId, Annotated[int, Field(ge=0)]], Field(max_length=200)] | None = None


class Brainstorm(ActivityType[Settings, Answer]):
    name = "brainstorm"
    aliases = ("ideas", "board", "retro")
    xapi = "other"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "prompt": "How can we save energy?",
            "max_ideas": 5,
            "max_length": 200,
            "columns": ["Ideas"],
            "votes_per_participant": 3,
            "max_votes_per_idea": 1,
            "phase": "collect",
            "moderate": False,
        },
        "answers": [
            {"action": "idea", "text": "Turn off beamers", "column": "Ideas"},
            {"action": "idea", "text": "Share cars"},
            {"action": "votes", "votes": {"d1": 1, "d2": 1}},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        return with_prompt(settings)

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """`edit` is an idea that `edits`."""
        return dict(data) | ({"action": "idea"} if data.get("action") == "edit" else {})

    def check(self, settings: Settings, answer: Answer) -> Answer:
        if answer.action == "idea":
            text = written_text(answer.text or "", "data.text", 1, settings.max_length)
            column = settings.columns[0] if answer.column is None else clean_text(answer.column)
            if column not in settings.columns:
                raise invalid("data.column", "no such column", "unknown_option")
            return Answer(action="idea", text=text, column=column, edits=answer.edits)
        dots = {item_id: number for item_id, number in sorted((answer.votes or {}).items()) if number}
        for item_id, number in dots.items():
            if number > settings.max_votes_per_idea:
                most = settings.max_votes_per_idea
                raise Refusal(
                    "too_many_choices", details={"field": f"data.votes.{item_id}", "max_choices": most}
                )
        if sum(dots.values()) > settings.votes_per_participant:
            most = settings.votes_per_participant
            raise Refusal("too_many_choices", details={"field": "data.votes", "max_choices": most})
        return Answer(action="votes", votes=dots)

    def admit(self, live: Live[Settings], participant_id: str, answer: Answer) -> None:
        """Refuse what the present phase does not take: ideas while collecting, dots while voting."""
        phase = _phase(live.settings, live.decisions)
        if phase != ("collect" if answer.action == "idea" else "vote"):
            raise Refusal("illegal_move", details={"field": "data.action", "phase": phase})

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        if answer.action == "idea":
            return {"ideas": 1}
        return {f"votes:{item_id}": number for item_id, number in (answer.votes or {}).items() if number}

    def entry(self, settings: Settings, answer: Answer, submission_id: str) -> str:
        return "v" if answer.action == "votes" else f"i:{answer.edits or submission_id}"

    def entry_limit(self, settings: Settings, kind: str) -> int:
        return settings.max_ideas if kind == "i" else 1

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        return {"text": answer.text, "column": answer.column} if answer.action == "idea" else None

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        phase = _phase(live.settings, live.decisions)
        counted = sight.host or phase == "done" or not live.settings.hide_votes_until_done
        moderated = live.settings.moderate
        shown = [
            item
            for item in live.items.values()
            if is_shown(status_of(live.decisions, item.id, moderated=moderated), sight)
        ]
        cast = sum(live.tally.get(f"votes:{item_id}", 0) for item_id in live.items)
        main: dict[str, Any] = {
            "phase": phase,
            "total": len(shown),
            "columns": live.settings.columns,
            "votes_cast": cast,
            "votes_available": live.settings.votes_per_participant * live.joined,
        }
        parts: dict[str, Json] = {"": main}
        for item in newest(shown, SHOWN):
            parts[f"item:{item.id}"] = _part(live, sight, item, counted=counted)
        return parts

    def assemble(self, parts: Mapping[str, Json]) -> dict[str, Json]:
        ideas = [part for name, part in parts.items() if name.startswith("item:")]
        ideas.sort(key=lambda part: (-part.get("votes", 0), part["created_at"], part["id"]))
        return {"ideas": ideas} | dict(parts.get("", {}))

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """A status action, `phase`, `group` with a name or none, `move` to a `column`."""
        action = action_of(decision, {*STATUS_AFTER, "phase", "group", "move"})
        if action in STATUS_AFTER:
            return decide_status(live, decision, action)
        if action == "phase":
            if decision.get("phase") not in PHASES:
                raise invalid("phase", "must be one of " + ", ".join(PHASES))
            return {"phase": decision["phase"]}
        item = item_of(live, decision)
        decided = verdict(live.decisions, item.id)
        if action == "move":
            if decision.get("column") not in live.settings.columns:
                raise invalid("column", "no such column", "unknown_option")
            return {f"item:{item.id}": decided | {"column": decision["column"]}}
        group = decision.get("group")
        if group is not None and not isinstance(group, str):
            raise invalid("group", "must be a text or null")
        decided.pop("group", None)
        if group is not None:
            decided["group"] = written_text(group, "group", 1, _LONGEST_GROUP)
        return {f"item:{item.id}": decided or None}


def _phase(settings: Settings, decisions: Mapping[str, Json]) -> str:
    return str(decisions.get("phase") or settings.phase)


def _part(live: Live[Settings], sight: Sight, item: Item, *, counted: bool) -> dict[str, Json]:
    decided = verdict(live.decisions, item.id)
    part: dict[str, Json] = {
        "id": item.id,
        "text": item.data["text"],
        "column": decided.get("column") or item.data["column"],
        "group": decided.get("group"),
        "status": status_of(live.decisions, item.id, moderated=live.settings.moderate),
        "created_at": iso_time(item.at_ms),
    }
    if counted:
        part["votes"] = live.tally.get(f"votes:{item.id}", 0)
    return part | author_of(live, item, sight)


TYPE = Brainstorm()
