"""This process's copies: a client at any position, of any process, gets to the present state without a gap."""

import asyncio
import json
from typing import Any

import pytest

from realtime.activities.contract import Audience
from realtime.activities.registry import installed
from realtime.core.errors import Refusal
from realtime.core.sync import Mirror
from realtime.identifiers import new_uuid
from realtime.store.live import Changes, Cold, Joining
from realtime.store.replicas import Replica, Replicas
from tests.store.stage import Hall, make_row

BOTH = list(Audience)


class Process:
    """A copy and what its clients hold."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.copy = Replica(hall.session_id, installed())

    async def read(self) -> dict[Audience, Mirror]:
        """Bring the copy up to date; returns a client of each audience at this position."""
        since = self.copy.offset if self.copy.epoch else 0
        self.copy.absorb(await self.hall.live.changes(self.hall.session_id, since))
        mirrors = {audience: Mirror() for audience in Audience}
        for audience, mirror in mirrors.items():
            mirror.apply(json.loads(self.copy.state(audience, None)))
        return mirrors

    async def bring_up(self, mirrors: dict[Audience, Mirror]) -> list[dict[str, Any]]:
        """Send clients of any process from where they are to the present, and compare with a fresh copy."""
        await self.read()
        fresh = await Process(self.hall).read()
        frames = [json.loads(self.copy.state(audience, mirror.offset)) for audience, mirror in mirrors.items()]
        for frame, (audience, mirror) in zip(frames, mirrors.items(), strict=True):
            assert mirror.apply(frame)
            assert mirror == fresh[audience]
        return frames


async def test_a_position_between_two_of_this_copys_loses_nothing(hall: Hall) -> None:
    """The activity is written first and the people last, but the copy reads them in one go."""
    ours, other = Process(hall), Process(hall)
    await ours.read()
    (ada,) = await hall.admit()
    await hall.answer(ada, counters={"#n": 1, "choice:a": 1})
    between = await other.read()
    await hall.admit()
    frames = await ours.bring_up(between)
    assert {frame["type"] for frame in frames} == {"delta"}


async def test_what_changed_and_changed_back_between_two_positions_is_told(hall: Hall) -> None:
    ours, other = Process(hall), Process(hall)
    (ada,) = await hall.admit()
    await hall.flush()
    await ours.read()
    await hall.answer(ada, counters={"#n": 1, "choice:a": 1})
    between = await other.read()
    assert between[Audience.PRESENTERS].map[f"counts:{hall.activity.id}"]["responses"] == 1
    await hall.withdraw(ada)
    await ours.bring_up(between)
    assert between[Audience.PRESENTERS].map[f"counts:{hall.activity.id}"]["responses"] == 0


async def test_what_appeared_and_went_between_two_positions_is_taken_away(hall: Hall) -> None:
    settings = {"settings": dict(installed().resolve("brainstorm").example["settings"])}
    hall.activity = make_row(hall.session_id, "brainstorm", settings)
    await hall.publish(hall.activity)
    ours, other = Process(hall), Process(hall)
    (ada,) = await hall.admit()
    await ours.read()
    item = {"text": "an idea", "column": "Ideas"}
    accepted = await hall.answer(ada, entry="i:1", item=item)
    extra = make_row(hall.session_id)
    await hall.publish(extra)
    between = await other.read()
    assert f"view:{hall.activity.id}:item:{accepted.response_id}" in between[Audience.PRESENTERS].map
    assert f"activity:{extra.id}" in between[Audience.PRESENTERS].map
    await hall.withdraw(ada, entry="i:1")
    await hall.live.write_activity(
        hall.session_id, extra.id, 99, None, hides=False, state="cancelled", round=0, settings_version=0, changes=False,
        until_ms=0,
    )  # fmt: skip
    await ours.bring_up(between)
    # A process that starts only now has never seen either of them.
    await Process(hall).bring_up(await other.read())


async def test_a_newcomer_moves_the_views_that_tell_how_many_are_here(hall: Hall) -> None:
    settings = {"settings": dict(installed().resolve("planning_poker").example["settings"])}
    hall.activity = make_row(hall.session_id, "planning_poker", settings)
    await hall.publish(hall.activity)
    ours = Process(hall)
    before = await ours.read()
    assert before[Audience.PRESENTERS].map[f"view:{hall.activity.id}"]["eligible"] == 0
    await hall.admit(2)
    await ours.bring_up(before)
    assert before[Audience.PRESENTERS].map[f"view:{hall.activity.id}"]["eligible"] == 2


async def test_a_closed_activity_becomes_final_for_everybody(hall: Hall) -> None:
    ours, other = Process(hall), Process(hall)
    (ada,) = await hall.admit()
    await hall.answer(ada)
    await hall.write(state="closed")
    between = await other.read()
    key = f"activity:{hall.activity.id}"
    assert between[Audience.PARTICIPANTS].map[key]["final"] is False
    assert await hall.flush() == 2
    await ours.bring_up(between)
    assert between[Audience.PARTICIPANTS].map[key]["final"] is True


async def test_what_is_hidden_is_gone_from_the_map(hall: Hall) -> None:
    ours = Process(hall)
    before = await ours.read()
    assert f"activity:{hall.activity.id}" in before[Audience.PARTICIPANTS].map
    await hall.write(state="draft")
    await ours.bring_up(before)
    assert not [key for key in before[Audience.PARTICIPANTS].map if hall.activity.id in key]
    assert f"activity:{hall.activity.id}" in before[Audience.PRESENTERS].map


async def test_a_position_of_the_future_or_of_hidden_times_gets_a_snapshot_with_the_reason(hall: Hall) -> None:
    copy = Process(hall)
    await copy.read()
    assert json.loads(copy.copy.state(Audience.PARTICIPANTS, None))["reason"] == "first"
    assert json.loads(copy.copy.state(Audience.PARTICIPANTS, 10**9))["reason"] == "ahead"
    assert json.loads(copy.copy.state(Audience.PARTICIPANTS, 0))["reason"] == "history"


async def test_copies_read_once_for_all_and_keep_what_is_pinned(hall: Hall) -> None:
    replicas = Replicas(hall.live, installed(), most_unpinned=1)
    assert replicas.peek(hall.session_id) is None
    pinned = replicas.pin(hall.session_id)
    found = await asyncio.gather(*(replicas.refresh(hall.session_id) for _ in range(5)))
    assert {id(replica) for replica, _ in found} == {id(pinned)}
    assert replicas.peek(hall.session_id) is pinned
    replicas.unpin(hall.session_id)
    assert replicas.peek(hall.session_id) is pinned


async def test_a_copy_of_an_unloaded_session_or_epoch_says_so(hall: Hall) -> None:
    replicas = Replicas(hall.live, installed(), most_unpinned=10)
    with pytest.raises(Cold):
        await replicas.refresh(new_uuid())
    replica, _ = await replicas.refresh(hall.session_id)
    await hall.redis.hset(hall.shard.epoch, "epoch", "another")
    with pytest.raises(Refusal, match="recovering"):
        await replicas.refresh(hall.session_id)
    with pytest.raises(Refusal, match="recovering"):
        await replicas.refresh(hall.session_id)
    hall.live.incarnation.epochs[hall.names.shard] = "another"
    with pytest.raises(Cold):
        await replicas.refresh(hall.session_id)
    await hall.load(offset=replica.offset)
    await hall.publish(hall.activity)
    again, _ = await replicas.refresh(hall.session_id)
    assert again.epoch == "another"


async def test_personal_changes_name_who_has_to_look(hall: Hall) -> None:
    replicas = Replicas(hall.live, installed(), most_unpinned=10)
    ada, bob = await hall.admit(2)
    await replicas.refresh(hall.session_id, personal=True)
    answered = await hall.answer(ada)
    _, changed = await replicas.refresh(hall.session_id, personal=True)
    assert changed == [(ada, answered.offset)]
    await hall.live.remove(hall.session_id, bob)
    _, changed = await replicas.refresh(hall.session_id, personal=True)
    assert [one for one, _ in changed] == [bob]
    assert (await replicas.refresh(hall.session_id, personal=True))[1] == []
    await hall.live.join(hall.session_id, [Joining(new_uuid(), "Eve", True)])
    assert (await replicas.refresh(hall.session_id, personal=True))[1] == []


async def test_a_copy_that_nobody_is_connected_to_shrinks_and_is_let_go_when_unused(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas = Replicas(hall.live, installed(), most_unpinned=10)
    replica = replicas.pin(hall.session_id)
    await replicas.refresh(hall.session_id)
    for _ in range(499):
        replica.absorb(Changes(replica.epoch, replica.offset + 1, 0, [], []))
    assert len(replica._positions) >= 499
    replicas.unpin(hall.session_id)
    assert len(replica._positions) <= 64
    assert replicas.peek(hall.session_id) is replica
    monkeypatch.setattr("realtime.store.replicas._REST_SECONDS", 0.0)
    other = Replica("another", installed())
    replicas._keep(other)
    assert replicas.peek(hall.session_id) is None
