"""Who is here, and what each of his devices is told, also where one call is not enough or fails."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from persistence import participants
from realtime import hub
from realtime.core.errors import Refusal
from realtime.identifiers import new_uuid
from realtime.rooms import Room
from realtime.sightings import Sightings
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


async def test_who_has_gone_was_last_seen_when_he_went(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    await stage.connect(ann)
    await stage.connect(bob)
    assert ann.participant_id is not None
    assert bob.participant_id is not None

    async def rows() -> dict[str, datetime]:
        return {row.id: row.last_seen for row in await participants.of_session(stage.app.pool, stage.session_id)}

    await eventually(lambda: _has(rows, ann.participant_id, bob.participant_id), "both are stored")
    before, now = await rows(), datetime.now(UTC) + timedelta(hours=1)
    sightings = Sightings(stage.app.pool, lambda: stage.app.hub.rooms, clock=lambda: now)
    sightings.look()
    await sightings.store()
    assert await rows() == before, "who is here has not gone"
    for connection in [one for one in stage.app.hub.connections() if one.participant_id == ann.participant_id]:
        stage.app.hub.detach(connection)
    sightings.look()

    with monkeypatch.context() as patch:
        patch.setattr("persistence.participants.touch", _fail)
        with pytest.raises(OSError, match="away"):
            await sightings.store()
    now += timedelta(hours=1)
    sightings.look()
    await sightings.store()
    assert await rows() == before | {ann.participant_id: now - timedelta(hours=1)}, "kept, as of the moment he went"


async def test_the_server_itself_notes_who_has_gone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.sightings._EVERY_SECONDS", 0.02)  # from its next turn on
    looked: list[set[str]] = []
    look = Sightings.look

    def note(sightings: Sightings) -> None:
        look(sightings)
        looked.append(sightings._here)

    monkeypatch.setattr(Sightings, "look", note)
    ann = await stage.join("Ann")
    await stage.connect(ann)

    async def row() -> participants.ParticipantRow | None:
        return next(iter(await participants.of_session(stage.app.pool, stage.session_id)), None)

    before = await eventually(row, "she is stored")
    await eventually(lambda: any(ann.participant_id in here for here in looked), "she was found here")
    for connection in stage.app.hub.connections():
        stage.app.hub.detach(connection)

    async def is_noted() -> bool:
        now = await row()
        return now is not None and now.last_seen > before.last_seen

    await eventually(is_noted, "when she went is stored")


async def _fail(*_: Any) -> int:
    raise OSError("PostgreSQL is away")


async def _has(rows: Callable[[], Awaitable[dict[str, datetime]]], *ids: str | None) -> bool:
    return set(ids) <= (await rows()).keys()


async def test_sightings_that_cannot_be_stored_are_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.sightings._MOST_WAITING", 3)
    room = Room(stage.session_id)
    sightings = Sightings(stage.app.pool, lambda: {stage.session_id: room})
    ids = [new_uuid() for _ in range(5)]
    for participant_id in ids:
        room.people = {participant_id: set()}
        sightings.look()
    assert list(sightings._waiting) == ids[1:4], "the oldest is forgotten, the last is here"
    await sightings.store()
    assert not sightings._waiting
