"""The pass-through for activity types nobody registered: any JSON in, counted and kept."""

from typing import Any

from pydantic import ConfigDict, RootModel

from realtime.activities.contract import ActivityType, Json, Live, Sight
from realtime.core.tally import ABSTAINED, RESPONSES

LATEST = 50  # contributions shown to presenters; all of them are in the responses list


class Settings(RootModel[dict[str, Any]]):
    model_config = ConfigDict(frozen=True)


class Answer(RootModel[dict[str, Any]]):
    model_config = ConfigDict(frozen=True)


class Generic(ActivityType[Settings, Answer]):
    name = "generic"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {"prompt": "Send us anything"},
        "answers": [{"mood": "fine"}, {"readings": [1, 2.5, None], "nested": {"deep": True}}, {}],
    }

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        return {}

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        return {"data": answer.root}

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        parts: dict[str, Json] = {"": {"total_responses": live.tally.get(RESPONSES, 0) - live.tally.get(ABSTAINED, 0)}}
        if sight.host:
            latest = sorted(live.items.values(), key=lambda item: (item.at_ms, item.id))[-LATEST:]
            parts |= {f"item:{item.id}": {"data": item.data["data"], "at_ms": item.at_ms} for item in latest}
        return parts


TYPE = Generic()
