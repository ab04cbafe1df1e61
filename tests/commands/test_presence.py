"""Who is here, and what each of his devices is told, also where one call is not enough or fails."""

import json
from typing import Any

import pytest

from realtime import hub
from realtime.core.errors import Refusal
from tests.commands.stage import Stage
from tests.waiting import eventually


async def test_everybody_of_a_large_room_stays_here(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Presence lapses unless it is noted again; of a room with more people than one call takes, it is for all of them."""
    monkeypatch.setattr(hub, "_PRESENT_AT_ONCE", 2)
    people = await stage.crowd(5)
    for one in people:
        await stage.connect(one)
    await eventually(lambda: _online(stage, 5), "all are here")
    names = stage.app.live.session(stage.session_id)
    redis = stage.app.live.servers.of(names.shard)
    before = dict(await redis.zrange(names.online, 0, -1, withscores=True))

    async def all_noted_again() -> bool:
        now = dict(await redis.zrange(names.online, 0, -1, withscores=True))
        return all(now[one] > lapses for one, lapses in before.items())

    await eventually(all_noted_again, "each was noted again")


async def _online(stage: Stage, count: int) -> bool:
    return len(await stage.app.live.online(stage.session_id)) == count


async def test_another_device_hears_of_an_answer_after_a_read_that_failed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    activity_id = await stage.open()
    ann = await stage.join("Ann")
    phone = await stage.connect(ann)
    read, failures = stage.app.live.is_removed, []

    async def fail_once(*names: str) -> bool:
        if not failures:
            failures.append(names)
            raise Refusal("unavailable", after_ms=100)
        return await read(*names)

    monkeypatch.setattr(stage.app.live, "is_removed", fail_once)
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"

    def told() -> Any:
        return next((frame for frame in phone.frames if frame.get("mine")), None)

    frame = await eventually(told, "the device is told")
    assert failures
    assert activity_id in json.dumps(frame["mine"])
