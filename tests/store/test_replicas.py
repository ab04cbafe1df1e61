"""This process's copies: a client at any position, of any process, gets to the present state without a gap."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.documents import activity_document
from realtime.activities.contract import Audience
from realtime.activities.registry import installed
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.core.sync import Mirror
from realtime.identifiers import new_uuid
from realtime.store.live import Changes, Cold, Joining
from realtime.store.replicas import Replica, Replicas
from tests.store.stage import POLL, Hall, make_row

REVEALED_AT_CLOSE = POLL | {"reveal": {"counts": "live", "results": "after_close"}}


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
    await ours.read()
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


_DOCUMENTS = st.fixed_dictionaries({
    "state": st.sampled_from(("draft", "active", "paused", "closed")), "revealed": st.booleans(),
    "title": st.sampled_from(("Which?", "Which one?")), "version": st.integers(1, 3),
})  # fmt: skip
_TALLIES = st.dictionaries(st.sampled_from(("#n", "#p", "choice:a")), st.integers(1, 3))


_WRITES = st.tuples(st.one_of(st.none(), _DOCUMENTS, _TALLIES, st.integers(0, 40)), st.sets(st.sampled_from(list(Audience))))


@given(_DOCUMENTS, st.lists(_WRITES, max_size=20))
def test_a_copy_brings_everybody_from_any_position_to_what_a_fresh_one_shows(
    first: dict[str, Any], writes: list[tuple[Any, set[Audience]]]
) -> None:
    """An activity's document and tally, its removal (None) and the watermark (a number), one write after the other.

    Between two of them the copy is looked at by some audiences or none. Its clients, and those of another process that was
    at every position, all get to the present.
    """
    session_id = new_uuid()
    row = make_row(session_id, config=REVEALED_AT_CLOSE)
    raw: dict[str, tuple[int, Any]] = {"people": (1, '{"joined":1,"online":1}'), "saved": (1, "0")}
    lived = Replica(session_id, installed())
    clients: list[tuple[Audience, Mirror]] = []
    for offset, (write, looks) in enumerate([(first, set(Audience)), *writes], 2):
        key, value = f"activity:{row.id}", write
        if write is None:
            value = ""
        elif isinstance(write, int):
            key, value = "saved", str(write)
        elif "state" in write:
            closed = {"closed_offset": offset} if write["state"] == "closed" else {}  # as the script puts it in
            value = encode(activity_document(replace(row, **write)) | closed)
        else:
            key = f"tally:{row.id}:{row.round}"
        raw[key] = offset, value
        everything = [(name, *entry) for name, entry in raw.items()]
        lived.absorb(Changes("e", offset, 0, [(key, offset, value)] if lived.epoch else everything, []))
        fresh = Replica(session_id, installed())
        fresh.absorb(Changes("e", offset, 0, everything, []))
        for audience in looks:
            for _, mirror in [(whose, mirror) for whose, mirror in clients if whose is audience]:
                assert mirror.apply(json.loads(lived.state(audience, mirror.offset)))
                assert mirror.map == json.loads(fresh.map_of(audience).snapshot())
            clients += [(audience, _client(replica, audience)) for replica in (lived, fresh)]
        clients += [(audience, _client(fresh, audience)) for audience in Audience]
        if write is None:
            break  # an id that is gone does not come back
    for audience, mirror in clients:
        frame = json.loads(lived.state(audience, mirror.offset))
        assert (frame["type"], mirror.apply(frame)) == ("delta", True)
        assert mirror.map == json.loads(fresh.map_of(audience).snapshot())


def _client(replica: Replica, audience: Audience) -> Mirror:
    mirror = Mirror()
    mirror.apply(json.loads(replica.state(audience, None)))
    return mirror


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
        replica.map_of(Audience.PARTICIPANTS)
    held = replica._sights[Audience.PARTICIPANTS].positions
    assert len(held) >= 499
    replicas.unpin(hall.session_id)
    assert len(held) <= 64
    assert held[-1] == replica.offset
    assert replicas.peek(hall.session_id) is replica
    monkeypatch.setattr("realtime.store.replicas._REST_SECONDS", 0.0)
    other = Replica("another", installed())
    replicas._keep(other)
    assert replicas.peek(hall.session_id) is None
