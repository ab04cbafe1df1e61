"""What was accepted and not saved: nothing leaves before it is confirmed, and the watermark is contiguous."""

import asyncio
import json

import pytest

from realtime.core.errors import Refusal
from realtime.store.live import Joining
from realtime.store.outbox import EpochLost
from tests.store.stage import Hall, build, make_row


async def test_joins_and_answers_come_out_as_they_went_in(hall: Hall) -> None:
    ids = ["p-1", "p-2"]
    await hall.live.join(hall.session_id, [Joining(ids[0], 'Ada|x,"', False), Joining(ids[1], "", True)])
    hall.people += ids
    answered = await hall.answer(ids[0], entry="q:a_b", payload={"data": "a|b\nc"})
    withdrawn = await hall.withdraw(ids[0], entry="q:a_b")
    batch = await hall.outbox.read(hall.names.shard, 100)
    assert [(one.participant_id, one.nickname, one.anonymous) for one in batch.joins] == [
        (ids[0], 'Ada|x,"', False), (ids[1], "", True),
    ]  # fmt: skip
    first, second = batch.responses
    assert json.loads(first.response_data) == json.loads(second.response_data) == {"data": "a|b\nc"}
    assert (first.entry, first.round, first.revision, first.withdrawn) == ("q:a_b", 1, 1, False)
    assert (second.revision, second.withdrawn, second.id) == (2, True, answered.response_id)
    assert (first.offset, second.offset) == (answered.offset, withdrawn.offset)
    assert {one.accepted_at_ms for one in batch.responses} <= {answered.at_ms, withdrawn.at_ms}
    assert (batch.rows, batch.upto) == (4, {hall.session_id: withdrawn.offset})


async def test_a_read_takes_whole_entries_from_the_oldest(hall: Hall) -> None:
    people = await hall.admit(20)
    await hall.flush()
    for start in range(0, 20, 5):
        await asyncio.gather(*(hall.send(one) for one in people[start : start + 5]))
    assert [(await hall.outbox.read(hall.names.shard, rows)).rows for rows in (1, 5, 6, 99)] == [5, 5, 10, 20]
    assert await hall.flush(6) == 10
    assert await hall.flush(6) == 10
    assert await hall.flush() == 0


async def test_more_entries_than_one_read_of_redis_brings(hall: Hall) -> None:
    (ada,) = await hall.admit()
    for _ in range(450):
        await hall.answer(ada)
    batch = await hall.outbox.read(hall.names.shard, 10_000)
    offsets = [one.offset for one in batch.responses]
    assert len(offsets) == 450
    assert offsets == sorted(set(offsets))


async def test_confirming_twice_is_confirming_once(hall: Hall) -> None:
    people = await hall.admit(3)
    for one in people:
        await hall.answer(one)
    batch = await hall.outbox.read(hall.names.shard, 100)
    await hall.outbox.confirm(batch)
    late = await hall.answer(people[0])
    saved = await hall.saved()
    await hall.outbox.confirm(batch)
    assert await hall.outbox.backlog() == (1, pytest.approx(0, abs=60_000))
    assert await hall.saved() == saved < late.offset
    assert await hall.flush() == 1
    assert await hall.saved() >= late.offset
    assert (await hall.outbox.backlog()) == (0, 0)


async def test_the_watermark_never_passes_what_waits(hall: Hall) -> None:
    ada, bob = await hall.admit(2)
    first = await hall.answer(ada)
    batch = await hall.outbox.read(hall.names.shard, 100)
    second = await hall.answer(bob)
    await hall.outbox.confirm(batch)
    assert first.offset <= await hall.saved() < second.offset
    await hall.flush()
    saved = await hall.saved()
    assert saved >= second.offset
    # Joins do not move it back, nor does an older batch.
    await hall.admit()
    await hall.flush()
    await hall.outbox.confirm(batch)
    assert await hall.saved() >= saved


async def test_closing_with_nothing_waiting_makes_final_at_once(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.answer(ada)
    await hall.flush()
    _, offset, closed = await hall.write(state="closed")
    assert 0 < closed <= await hall.saved() <= offset


async def test_closing_with_something_waiting_becomes_final_by_the_flush(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.answer(ada)
    _, _, closed = await hall.write(state="closed")
    assert await hall.saved() < closed
    # The fence stays where it is when the same state is published again.
    assert (await hall.write(revealed=True))[2] == closed
    await hall.flush()
    assert await hall.saved() >= closed
    # Reopened and closed again it is another fence.
    await hall.write(state="active")
    assert (await hall.write(state="closed"))[2] > closed


async def test_sessions_of_one_shard_have_watermarks_of_their_own(hall: Hall) -> None:
    while True:
        other = build(hall.redis, hall.live.incarnation)
        if other.names.shard == hall.names.shard:
            break
    await other.load()
    await other.write()
    (ada,), (bob,) = await hall.admit(), await other.admit()
    ours, theirs = await hall.answer(ada), await other.answer(bob)
    batch = await hall.outbox.read(hall.names.shard, 100)
    assert batch.upto == {hall.session_id: ours.offset, other.session_id: theirs.offset}
    await hall.outbox.confirm(batch)
    assert await hall.saved() >= ours.offset
    assert await other.saved() >= theirs.offset


async def test_a_batch_of_another_epoch_is_not_confirmed(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.answer(ada)
    batch = await hall.outbox.read(hall.names.shard, 100)
    await hall.redis.hset(hall.shard.epoch, "epoch", "another")
    with pytest.raises(EpochLost):
        await hall.outbox.confirm(batch)
    assert await hall.redis.xlen(hall.shard.outbox) == 2
    with pytest.raises(Refusal, match="recovering"):
        await hall.outbox.read(hall.names.shard, 100)
    # Recovery reads what was left all the same, and drops it by id.
    left = await hall.outbox.read(hall.names.shard, 100, epoch="another")
    assert left.rows == 2
    await hall.outbox.drop(left)
    assert await hall.redis.xlen(hall.shard.outbox) == 0


async def test_a_batch_for_a_session_loaded_anew_does_not_move_its_watermark(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.answer(ada)
    batch = await hall.outbox.read(hall.names.shard, 100)
    await hall.redis.hset(hall.names.meta, "epoch", "earlier")
    saved = await hall.saved()
    await hall.outbox.confirm(batch)
    assert await hall.saved() == saved


async def test_two_activities_in_one_turn_are_in_order(hall: Hall) -> None:
    other = make_row(hall.session_id)
    await hall.publish(other)
    ada, bob = await hall.admit(2)
    await hall.flush()
    place = {"activity_id": other.id}
    sent = [hall.send(ada), hall.send(ada, **place), hall.send(bob), hall.send(bob, **place)]
    offsets = sorted(one.offset for one in await asyncio.gather(*sent))
    batch = await hall.outbox.read(hall.names.shard, 100)
    assert [one.offset for one in batch.responses] == offsets == list(range(offsets[0], offsets[0] + 4))
