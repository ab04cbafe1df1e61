"""A recovery that is cut, raced or overtaken leaves a state from which the next one goes on."""

import asyncio
from typing import Any, Self

import pytest

from persistence import responses, shards
from realtime.core.errors import Refusal
from realtime.identifiers import new_uuid
from realtime.store.live import Cold
from realtime.store.loading import Loader
from tests.recovery.stage import Process, Town, answer_all, epochs_in_postgres, found_school, is_cold, open_process, recover


async def test_processes_that_need_a_session_at_once_load_it_once(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process, ["poll", "brainstorm"])
    await answer_all(school, await school.admit("Ada", "Bob"))
    await process.flush()
    before = await school.photograph()
    await town.restart_valkey()
    process.incarnation.lose_all()
    other = await open_process(town)
    await asyncio.gather(process.recovery.establish(), other.recovery.establish())
    await process.unchecked.config_resetstat()
    wanted = [one.recovery.ensure(school.session_id) for one in (process, other) for _ in range(5)]
    await asyncio.gather(*wanted)
    assert await school.photograph() == before
    digests = await process.unchecked.info("commandstats")
    assert digests["cmdstat_unlink"]["calls"] <= 60  # one claim clears once


async def test_a_flusher_of_the_old_epoch_is_fenced(town: Town, process: Process) -> None:
    from persistence import batch
    from persistence.errors import Fenced

    await process.recovery.establish()
    school = await found_school(process)
    await answer_all(school, await school.admit("Ada"))
    number = school.hall.names.shard
    token = await shards.acquire_lease(process.pool, number, "zombie", 60)
    assert token is not None
    pending = await school.hall.outbox.read(number, 100)
    await town.restart_valkey()
    await recover(school)
    packed = batch.pack(pending.joins, pending.responses)
    with pytest.raises(Fenced):
        await batch.save(process.pool, packed, shard=number, epoch=pending.epoch, lease_token=token)
    assert await responses.count_duplicates(process.pool, school.session_id) == 0


async def test_an_epoch_that_only_redis_or_only_postgresql_knows_is_renewed(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process)
    await answer_all(school, await school.admit("Ada"))
    before = await school.photograph()
    number = school.hall.names.shard
    await shards.renew_epoch(process.pool, number, "of-a-dead-recovery", "run")
    other = await open_process(town)
    await other.recovery.establish()
    assert other.incarnation.epochs[number] not in (process.incarnation.epochs[number], "of-a-dead-recovery")
    assert other.incarnation.epochs == await epochs_in_postgres(process)
    # The first process finds out by its next call.
    with pytest.raises(Refusal, match="recovering"):
        await school.hall.live.changes(school.session_id, 0)
    assert process.incarnation.lost.is_set()
    await process.recovery.establish()
    assert process.incarnation.epochs == other.incarnation.epochs
    await process.recovery.ensure(school.session_id)
    assert await school.photograph() == before


class Cut:
    """Breaks the connection of recovery at its n-th call to Redis, before or after it was carried out."""

    def __init__(self, process: Process, at: int, *, after: bool) -> None:
        self.left, self.after, self.real = at, after, process.unchecked.execute_command
        self.process = process

    async def __aenter__(self) -> Self:
        async def execute(*command: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise ConnectionError("cut")
            reply = await self.real(*command, **options)
            if self.left == 0:
                raise ConnectionError("cut")
            return reply

        self.process.unchecked.execute_command = execute  # type: ignore[method-assign]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.process.unchecked.execute_command = self.real  # type: ignore[method-assign]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("after", [False, True])
async def test_a_recovery_that_is_cut_anywhere_can_be_run_again(town: Town, process: Process, after: bool) -> None:
    await process.recovery.establish()
    school = await found_school(process, ["poll", "brainstorm"])
    await answer_all(school, await school.admit("Ada", "Bob"))
    before = await school.photograph()
    finished = False
    for at in range(1, 80):
        await answer_all(school, school.people[:1])  # something is in the outbox each time
        before = await school.photograph()
        await process.unchecked.hset(school.hall.shard.epoch, "run_id", "an earlier one")
        process.incarnation.lose_all()
        async with Cut(process, at, after=after) as cut:
            try:
                await process.recovery.establish()
            except ConnectionError:
                assert process.incarnation.lost.is_set()
        finished = cut.left > 0
        await process.recovery.establish()
        assert process.incarnation.epochs == await epochs_in_postgres(process)
        await process.recovery.ensure(school.session_id)
        assert await school.photograph() == before
        if finished:
            break
    assert finished
    assert await responses.count_duplicates(process.pool, school.session_id) == 0


async def test_a_loader_that_dies_is_replaced_and_can_write_nothing_more(town: Town, process: Process) -> None:
    await process.recovery.establish()
    school = await found_school(process)
    await answer_all(school, await school.admit("Ada", "Bob"))
    await process.flush()
    before = await school.photograph()
    await town.restart_valkey()
    process.incarnation.lose_all()
    await process.recovery.establish()
    dead = Loader(school.hall.live, school.session_id, claim_seconds=0.05)
    assert await dead.begin()
    await dead.put_person(new_uuid(), "Ghost", "ghost", active=True)
    assert await is_cold(school)
    process.recovery._claim_seconds = 0.05
    await process.recovery.ensure(school.session_id)
    with pytest.raises(Cold):
        await dead.finish(10**6, {})
    assert await school.photograph() == before
