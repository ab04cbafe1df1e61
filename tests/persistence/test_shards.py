import asyncio

import asyncpg
import pytest

from persistence import shards
from persistence.errors import ShardCountMismatch
from tests.waiting import eventually


@pytest.fixture
async def two_shards(db: asyncpg.Pool) -> asyncpg.Pool:
    await shards.ensure(db, 2)
    return db


async def test_a_store_keeps_its_number_of_shards(db: asyncpg.Pool) -> None:
    await asyncio.gather(*(shards.ensure(db, 16) for _ in range(4)))
    made = await shards.read_all(db)

    assert [row.shard for row in made] == list(range(16))
    assert len({row.epoch for row in made}) == 16
    await shards.ensure(db, 16)
    assert await shards.read_all(db) == made
    with pytest.raises(ShardCountMismatch, match="set the number of shards to 16"):
        await shards.ensure(db, 8)


async def test_of_two_renewals_of_an_epoch_one_wins(two_shards: asyncpg.Pool) -> None:
    before = await shards.read(two_shards, 1)
    assert before is not None

    results = await asyncio.gather(
        *(shards.renew_epoch(two_shards, 1, f"new{n}", "run", expected_epoch=before.epoch) for n in range(3))
    )

    (winner,) = [row for row in results if row is not None]
    assert await shards.read(two_shards, 1) == winner
    assert (winner.run_id, winner.lease_token) == ("run", before.lease_token)
    unconditional = await shards.renew_epoch(two_shards, 1, "newest", "run2")
    assert unconditional is not None
    assert unconditional.epoch == "newest"
    assert await shards.read(two_shards, 7) is None


async def test_a_run_id_is_noted_only_in_its_epoch(two_shards: asyncpg.Pool) -> None:
    await shards.renew_epoch(two_shards, 0, "e1", "run1")

    noted = await shards.note_run_id(two_shards, 0, "run2", epoch="e1")

    assert noted is not None
    assert (noted.epoch, noted.run_id) == ("e1", "run2")
    assert await shards.note_run_id(two_shards, 0, "run3", epoch="e0") is None


async def test_a_lease_has_one_holder(two_shards: asyncpg.Pool) -> None:
    tokens = await asyncio.gather(*(shards.acquire_lease(two_shards, 0, f"process{n}", 60) for n in range(4)))

    (token,) = [token for token in tokens if token is not None]
    assert await shards.renew_lease(two_shards, 0, token, 60)
    assert await shards.acquire_lease(two_shards, 1, "other", 60) is not None
    assert await shards.release_lease(two_shards, 0, token)
    assert not await shards.renew_lease(two_shards, 0, token, 60)
    assert not await shards.release_lease(two_shards, 0, token)
    assert (await shards.acquire_lease(two_shards, 0, "next", 60) or 0) > token


async def test_an_expired_lease_can_be_taken_over(two_shards: asyncpg.Pool) -> None:
    old = await shards.acquire_lease(two_shards, 0, "old", 0)
    assert old is not None
    assert await shards.renew_lease(two_shards, 0, old, 0)  # nobody else wanted it yet

    new = await shards.acquire_lease(two_shards, 0, "new", 60)

    assert new is not None
    assert new > old
    assert not await shards.renew_lease(two_shards, 0, old, 60)
    assert not await shards.release_lease(two_shards, 0, old)


async def test_an_owner_that_asks_again_gets_a_new_token(two_shards: asyncpg.Pool) -> None:
    first = await shards.acquire_lease(two_shards, 0, "me", 60)
    second = await shards.acquire_lease(two_shards, 0, "me", 60)

    assert first is not None
    assert second is not None
    assert second > first
    assert not await shards.renew_lease(two_shards, 0, first, 60)


async def test_recovery_takes_a_lease_whoever_holds_it(two_shards: asyncpg.Pool) -> None:
    held = await shards.acquire_lease(two_shards, 0, "flusher", 60)
    seized = await shards.seize_lease(two_shards, 0, "recovery", 60)

    assert held is not None
    assert seized is not None
    assert seized > held
    assert not await shards.renew_lease(two_shards, 0, held, 60)
    assert await shards.acquire_lease(two_shards, 0, "flusher", 60) is None


async def test_a_numbered_lock_has_one_holder(two_shards: asyncpg.Pool) -> None:
    async with two_shards.acquire() as first, two_shards.acquire() as second:
        await shards.lock(first, 7)
        waiting = asyncio.create_task(shards.lock(second, 7))
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await eventually(lambda: two_shards.fetchval(query))
        assert not waiting.done()

        await shards.unlock(first, 7)
        await asyncio.wait_for(waiting, 10)
        await shards.unlock(second, 7)
