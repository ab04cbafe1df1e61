"""After Redis became another incarnation, everything accepted and saved is there again, and nothing is counted twice."""

import asyncio
from pathlib import Path

import pytest

from persistence import activities, dead_letters, responses, sessions
from realtime.activities.registry import installed
from realtime.core.errors import Refusal
from realtime.core.response import Response
from realtime.identifiers import new_uuid
from realtime.store.keys import shard_of
from realtime.store.live import Joining
from realtime.store.outbox import Batch
from tests.recovery.stage import (
    SHARDS,
    Process,
    Town,
    answer_all,
    epochs_in_postgres,
    found_school,
    is_cold,
    open_process,
    recover,
    remove,
)
from tests.store.stage import code_of
from tests.waiting import eventually

TYPES = sorted(installed().kinds())


async def test_recovery_runs_until_the_store_answers_again(town: Town, process: Process) -> None:
    """The loop of a server: connections are dead at first, and nobody calls anything."""
    process.recovery._retry_seconds = 0.01
    running = asyncio.create_task(process.recovery.run())
    try:
        await eventually(lambda: all(process.incarnation.epochs))
        before = list(process.incarnation.epochs)
        town.engines.kill_valkey()
        process.incarnation.lose_all()
        town.engines.start_valkey()
        await eventually(lambda: all(process.incarnation.epochs))
        assert not set(before) & set(process.incarnation.epochs)
        assert process.incarnation.epochs == await epochs_in_postgres(process)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_first_start_gives_every_shard_an_epoch(process: Process) -> None:
    with pytest.raises(Refusal, match="recovering"):
        process.incarnation.epoch_of(0)
    await process.recovery.establish()
    assert not process.incarnation.lost.is_set()
    found = [process.incarnation.epoch_of(number) for number in range(SHARDS)]
    assert found == await epochs_in_postgres(process)
    assert len(set(found)) == SHARDS
    # Nothing to do is nothing done.
    await process.recovery.establish()
    assert [process.incarnation.epoch_of(number) for number in range(SHARDS)] == found


async def test_a_second_process_adopts_what_the_first_has_established(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process)
    other = await open_process(town)
    await other.recovery.establish()
    assert other.incarnation.epochs == process.incarnation.epochs
    (ada,) = await school.admit("Ada")
    assert await other.hall(school.session_id).live.nickname_of(school.session_id, ada) == "Ada"


async def test_two_processes_that_start_at_once_agree(town: Town, process: Process) -> None:
    other = await open_process(town)
    await asyncio.gather(process.recovery.establish(), other.recovery.establish())
    assert process.incarnation.epochs == other.incarnation.epochs == await epochs_in_postgres(process)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["crash", "flushall"])
async def test_every_type_is_rebuilt_from_its_rows(town: Town, process: Process, how: str) -> None:
    await process.recovery.establish()
    school = await found_school(process, TYPES)
    people = await school.admit("Ada", "Bob", "Eve")
    await answer_all(school, people)
    for name in TYPES:
        own = await school.hall.live.own(school.session_id, people[0], [(school.rows[name].id, 1)])
        await school.withdraw(people[0], name, own[0].entry)
    await school.move("poll", "active", round=2)
    await answer_all(school, people[:1])
    await process.flush()
    assert await process.flush() == 0
    before = await school.photograph()
    old = list(process.incarnation.epochs)
    if how == "crash":
        await town.restart_valkey()
    else:
        await town.empty_valkey()
    await recover(school)
    assert not set(old) & set(process.incarnation.epochs)
    assert await school.photograph() == before
    # What was accepted is known again: a resend counts nothing.
    latest = {(who, name, values["entry"]): (values, verdict) for who, name, values, verdict in school.sent if not verdict.error}
    chunks = [chunk async for chunk in responses.for_rebuild(process.pool, school.session_id)]
    known = {row.submission_id for chunk in chunks for row in chunk}
    for (who, name, _), (values, verdict) in latest.items():
        if values["submission_id"] in known:
            again = await school.send(who, name, values)
            assert (again.duplicate, again.offset, again.response_id) == (True, verdict.offset, verdict.response_id)
    assert await school.photograph() == before


async def test_what_was_not_flushed_at_the_crash_is_saved_from_the_outbox(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process, ["poll", "brainstorm"])
    people = await school.admit("Ada", "Bob")
    await answer_all(school, people)
    await process.flush()
    (late,) = await school.admit("Late")
    await answer_all(school, [late, people[0]])
    await school.withdraw(people[1], "poll")
    before = await school.photograph()
    await town.restart_valkey()
    await recover(school)
    assert process.recovery.rows_left > 0
    assert await school.photograph() == before
    assert await process.flush() == 0
    assert [int(await process.unchecked.hget(shard.epoch, "pending")) for shard in school.hall.live.shards] == [0] * SHARDS


async def test_an_append_only_file_that_is_older_than_the_rows_does_not_win(
    town: Town, process: Process, tmp_path: Path
) -> None:
    await process.recovery.establish()
    school = await found_school(process, ["poll", "brainstorm"])
    people = await school.admit("Ada", "Bob")
    await answer_all(school, people)
    town.copy_valkey(tmp_path / "older")  # with an outbox that has not been flushed
    await school.withdraw(people[0], "poll")
    await school.admit("Late")
    await answer_all(school, people[1:])
    await school.move("poll", "closed")
    await process.flush()
    before = await school.photograph()
    await town.roll_back_valkey(tmp_path / "older")
    await recover(school)
    assert await school.photograph() == before
    (offset,) = [int(meta["offset"]) for meta in [await school.hall.live.meta(school.session_id)]]
    assert offset > await responses.max_seq(process.pool, school.session_id)
    assert await responses.count_duplicates(process.pool, school.session_id) == 0


async def test_what_only_redis_knew_and_lost_comes_back_by_receipt(town: Town, process: Process, tmp_path: Path) -> None:
    await process.recovery.establish()
    school = await found_school(process)
    (ada,) = await school.admit("Ada")
    await process.flush()
    town.copy_valkey(tmp_path / "older")
    data = installed().resolve("poll").example["answers"][0]
    accepted = await school.answer(ada, "poll", data)
    before = await school.photograph()
    await town.roll_back_valkey(tmp_path / "older")
    await recover(school)
    await school.move("poll", "closed")
    who, name, values, _ = school.sent[-1]
    assert code_of(await school.send(who, name, values)) == "activity_closed"
    again = await school.send(who, name, values | {"by_receipt": True, "revision": accepted.revision})
    assert (code_of(again), again.duplicate) == (None, False)
    assert (await school.photograph())["poll 1"]["tally"] == before["poll 1"]["tally"]
    again = await school.send(who, name, values | {"by_receipt": True, "revision": accepted.revision})
    assert again.duplicate


async def test_a_resend_for_an_unknown_earlier_round_does_not_outlive_the_next_recovery(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process)
    (ada,) = await school.admit("Ada")
    await process.flush()
    await school.move("poll", "active", round=2)
    await town.restart_valkey()
    await recover(school)
    data = installed().resolve("poll").example["answers"][0]
    late = await school.answer(ada, "poll", data, round=1, by_receipt=True, revision=1)
    assert code_of(late) is None
    # It never reaches PostgreSQL, because the outbox is lost; then the session is loaded again.
    await process.unchecked.delete(*(shard.outbox for shard in school.hall.live.shards))
    await process.unchecked.hdel(school.hall.shard.epoch, "epoch")
    await recover(school)
    assert (await school.photograph())["poll 1"]["tally"] == {}


async def test_removed_people_stay_removed_and_states_come_back(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process, ["poll", "quiz", "rating"])
    ada, bob = await school.admit("Ada", "Bob")
    await answer_all(school, [ada, bob])
    await process.flush()
    await remove(school, bob)
    await school.move("poll", "paused")
    await school.move("quiz", "closed")
    before = await school.photograph()
    await town.restart_valkey()
    await recover(school)
    after = await school.photograph()
    assert after == before
    assert after["removed"] == {bob: "1"}
    (code,) = await school.hall.live.join(school.session_id, [Joining(bob, "Bob", False, holder=True)])
    assert isinstance(code, Refusal)
    assert code.code == "removed"
    assert code_of(await school.send(bob, "rating", {})) == "removed"
    assert code_of(await school.send(ada, "poll", {})) == "activity_paused"
    assert code_of(await school.send(ada, "quiz", {})) == "activity_closed"
    # The names are still taken.
    (name,) = await school.hall.live.join(school.session_id, [Joining(new_uuid(), "bob", False)])
    assert name == "bob 2"


async def test_a_result_that_was_final_is_final_afterwards(town: Town, process: Process) -> None:
    """Offsets also count joins and presence, so a fence can be far above the last row."""
    await process.recovery.establish()
    school = await found_school(process)
    (ada,) = await school.admit("Ada")
    await answer_all(school, [ada])
    for _ in range(20):
        await school.hall.live.presence(school.session_id, [ada], [])
        await school.hall.live.presence(school.session_id, [], [ada])
    await process.flush()
    closed = await school.move("poll", "closed")
    assert closed > await responses.max_seq(process.pool, school.session_id) + 10
    assert await school.hall.saved() >= closed
    await town.restart_valkey()
    await recover(school)
    row = await activities.read(process.pool, school.rows["poll"].id)
    assert row is not None
    assert row.closed_offset == closed
    assert await school.hall.saved() >= closed


async def test_an_activity_closed_only_in_postgresql_becomes_final(town: Town, process: Process) -> None:
    """The process died between the two writes."""
    await process.recovery.establish()
    school = await found_school(process)
    (ada,) = await school.admit("Ada")
    await answer_all(school, [ada])
    await process.flush()
    row = school.rows["poll"]
    await activities.move(process.pool, row.id, expected_version=row.version, state="closed", round=1, revealed=False)
    await town.restart_valkey()
    await recover(school)
    rules = await school.hall.redis.hgetall(school.hall.names.activity(row.id))
    assert rules["state"] == "closed"
    assert 0 < int(rules["closed_offset"]) <= await school.hall.saved()


async def test_sessions_of_many_shards_come_back_one_by_one(town: Town, process: Process) -> None:
    await process.recovery.establish()
    schools = [await found_school(process) for _ in range(6)]
    for school in schools:
        await answer_all(school, await school.admit("Ada"))
    await process.flush()
    before = [await school.photograph() for school in schools]
    await town.restart_valkey()
    process.incarnation.lose_all()
    await process.recovery.establish()
    assert all([await is_cold(school) for school in schools])
    for school in schools:
        await process.recovery.ensure(school.session_id)
    assert [await school.photograph() for school in schools] == before


async def test_a_session_that_does_not_exist_cannot_be_loaded(process: Process) -> None:
    await process.recovery.establish()
    with pytest.raises(Refusal, match="unknown_session"):
        await process.recovery.ensure(new_uuid())


async def test_offsets_go_on_above_deleted_rows(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process, ["poll", "rating"])
    (ada,) = await school.admit("Ada")
    await answer_all(school, [ada])
    await process.flush()
    highest = await responses.max_seq(process.pool, school.session_id)
    await activities.delete(process.pool, school.rows.pop("rating").id)
    await town.restart_valkey()
    await recover(school)
    session = await sessions.read(process.pool, school.session_id)
    assert session is not None
    assert await school.hall.offset() > highest


async def test_what_postgresql_refused_counts_after_a_loss_as_before_it(town: Town, process: Process) -> None:
    """Its clients have forgotten it, for it is in the dead letters: nobody else would bring it back."""
    await process.recovery.establish()
    school = await found_school(process, ["poll"])
    ada, bob, eve = await school.admit("Ada", "Bob", "Eve")
    first, second = installed().resolve("poll").example["answers"][:2]
    for who in (ada, eve):
        await school.answer(who, "poll", first)
    await process.flush()
    # It refuses Bob, and every change of mind.
    check = f"CHECK (participant_id <> '{bob}' AND revision < 2)"
    await process.pool.execute(f"ALTER TABLE user_responses ADD CONSTRAINT picky {check}")
    await school.answer(bob, "poll", first)
    await school.answer(ada, "poll", second, revision=2)
    await school.withdraw(eve, "poll")
    assert await process.flush(dead=3) == 3
    before = await school.photograph()
    await town.empty_valkey()
    await recover(school)
    assert await school.photograph() == before
    newest = await school.answer(bob, "poll", second, revision=2)
    assert newest.offset > max(row["seq"] for row in await process.pool.fetch("SELECT seq FROM dead_letters")), "no place twice"

    # Repaired and retried, it is a row like any other, and not counted again.
    await process.pool.execute("ALTER TABLE user_responses DROP CONSTRAINT picky")
    before = await school.photograph()
    await process.flush()
    shard = shard_of(school.session_id, SHARDS)
    for letter in await dead_letters.list_page(process.pool, limit=10):
        response = dead_letters.decode_payload(letter.payload)
        assert isinstance(response, Response)
        await process.save(Batch(shard, process.incarnation.epoch_of(shard), responses=[response]))
        await dead_letters.note_retried(process.pool, letter.id)
    await town.empty_valkey()
    await recover(school)
    assert await school.photograph() == before
