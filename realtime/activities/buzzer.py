"""A buzzer: who pressed first answers."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from realtime.activities.contract import ActivityType, Item, Json, Live, Model, Sight
from realtime.activities.contributions import action_of, item_of
from realtime.activities.labels import Prompt, with_prompt
from realtime.core.errors import Refusal

QUEUE_SHOWN: Final = 100
_PRESSES_PER_PERSON = 50

_STATUS_AFTER: Final[Mapping[str, str]] = {"right": "right", "wrong": "wrong"}


class Settings(Model):
    """`lockout_ms` voids a person's press that follows their last one sooner.

    `reset_on_wrong`: after a wrong answer all others press anew; else the next in the queue answers.
    """

    prompt: Prompt
    max_winners: Annotated[int, Field(ge=1, le=50)] = 1
    lockout_ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    reset_on_wrong: bool = True


class Answer(Model):
    press: Literal[True] = True


class Buzzer(ActivityType[Settings, Answer]):
    name = "buzzer"
    xapi = "other"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "prompt": "First one answers",
            "max_winners": 1,
            "lockout_ms": 0,
            "reset_on_wrong": True,
        },
        "answers": [{"press": True}, {"press": True}, {}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        return with_prompt(settings)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        return {"presses": 1}

    def entry(self, settings: Settings, answer: Answer, submission_id: str) -> str:
        # Where people may press again after a wrong answer, each press is a response of its own.
        return f"p:{submission_id}" if settings.reset_on_wrong else ""

    def entry_limit(self, settings: Settings, kind: str) -> int:
        return _PRESSES_PER_PERSON if settings.reset_on_wrong else 1

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        return {"press": True}

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        queue = _queue(live)
        winners = live.settings.max_winners
        right = sum(_status(live, item) == "right" for item in live.items.values())
        shown: list[dict[str, Any]] = []
        for position, item in enumerate(queue[:QUEUE_SHOWN], start=1):
            entry: dict[str, Any] = {"position": position, "behind_ms": item.at_ms - queue[0].at_ms}
            if sight.host or sight.names:
                entry["id"] = item.id
            if sight.names:
                entry |= {"participant": item.participant_id, "name": live.names.get(item.participant_id)}
            if (status := _status(live, item)) is not None:
                entry["status"] = status
            shown.append(entry)
        taken = sum(_status(live, item) != "wrong" for item in queue)
        # Open while another press could still win.
        return {"": {"queue": shown, "open": taken < winners and right < winners, "presses": len(live.items)}}

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """right or wrong for a press in the queue; `reset` lets everybody press anew."""
        action = action_of(decision, {*_STATUS_AFTER, "reset"})
        latest = max((item.at_ms for item in live.items.values()), default=0)
        if action == "reset":
            return {"void_until_ms": latest, "locked_out": None}
        item = item_of(live, decision)
        if item not in _queue(live):
            raise Refusal("illegal_move", details={"field": "item_id", "reason": "it is not in the queue"})
        decided: dict[str, Json] = {f"item:{item.id}": {"status": _STATUS_AFTER[action]}}
        if action == "wrong" and live.settings.reset_on_wrong:
            decided["void_until_ms"] = latest
            decided["locked_out"] = sorted({*_locked_out(live), item.participant_id})
        return decided


def _status(live: Live[Settings], item: Item) -> str | None:
    decided = live.decisions.get(f"item:{item.id}")
    return decided.get("status") if isinstance(decided, Mapping) else None


def _locked_out(live: Live[Settings]) -> list[str]:
    """Who answered wrong since the last reset."""
    return list(live.decisions.get("locked_out") or [])


def _queue(live: Live[Settings]) -> list[Item]:
    """The first valid press of each person since the last reset, as the server had them."""
    void_until_ms = live.decisions.get("void_until_ms") or 0
    out = set(_locked_out(live))
    before: dict[str, int] = {}
    queue: dict[str, Item] = {}
    for item in sorted(live.items.values(), key=lambda item: (item.at_ms, item.id)):
        person, last_ms = item.participant_id, before.get(item.participant_id)
        before[person] = item.at_ms
        too_soon = last_ms is not None and item.at_ms - last_ms < live.settings.lockout_ms
        if item.at_ms > void_until_ms and person not in out and not too_soon:
            queue.setdefault(person, item)
    return list(queue.values())


TYPE = Buzzer()
