"""One incarnation of Redis at a time, and no server that would break a promise."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from realtime.core.errors import Refusal
from realtime.engines import Engines, start_engines
from realtime.store.connection import (
    AnotherIncarnation,
    Incarnation,
    UnfitStore,
    as_refusal,
    check_server,
    connect,
    connect_unchecked,
    read_run_id,
)  # fmt: skip
from tests.store.stage import SHARDS, begin_epoch, code_of, open_hall
from tests.waiting import eventually


@pytest.fixture(scope="module")
def own_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """A Valkey that these tests may end and change."""
    started = start_engines(tmp_path_factory.mktemp("own") / "data", postgres=False)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
async def unchecked(own_engines: Engines) -> AsyncIterator[Redis]:
    client = connect_unchecked(own_engines.redis_url, timeout_seconds=5)
    yield client
    await client.aclose()


async def test_nothing_is_sent_before_an_incarnation_is_known(redis_url: str) -> None:
    incarnation = Incarnation(SHARDS)
    client = connect(redis_url, incarnation, connections=2, timeout_seconds=2)
    with pytest.raises(AnotherIncarnation):
        await client.ping()
    with pytest.raises(Refusal, match="recovering"):
        incarnation.epoch_of(0)
    assert incarnation.lost.is_set()
    await client.aclose()


async def test_another_life_of_redis_is_refused_until_recovery_has_run(own_engines: Engines) -> None:
    async with open_hall(own_engines.redis_url) as hall:
        (ada,) = await hall.admit()
        assert code_of(await hall.answer(ada)) is None
        own_engines.kill_valkey()
        assert code_of(await hall.answer(ada)) == "unavailable"
        own_engines.start_valkey()

        async def is_not(code: str) -> str | None:
            found = code_of(await hall.answer(ada))
            return None if found == code else str(found)

        # The data are there again, but nobody may write: perhaps the file is older than what was promised.
        assert await eventually(lambda: is_not("unavailable"), "the breaker lets through") == "recovering"
        assert hall.live.incarnation.run_ids == {}
        assert hall.live.incarnation.lost.is_set()
        unchecked = connect_unchecked(own_engines.redis_url, timeout_seconds=5)
        assert await unchecked.hget(hall.names.tally(hall.activity.id, 1), "#n") == "1"
        await begin_epoch(unchecked, hall.live.incarnation)

        async def is_cold() -> bool:
            return code_of(await hall.answer(ada)) == "cold"

        await eventually(is_cold, "the epoch is known")
        await unchecked.aclose()


async def test_a_replica_is_no_store(own_engines: Engines, unchecked: Redis) -> None:
    before = await read_run_id(unchecked)
    await unchecked.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(RedisConnectionError):
            await read_run_id(unchecked)
    finally:
        await unchecked.execute_command("REPLICAOF", "NO", "ONE")
    # It may have lost writes meanwhile without having died.
    assert await read_run_id(unchecked) != before


@pytest.mark.parametrize(("fsync", "durability"), [("always", "fsync"), ("everysec", "second"), ("no", "second")])
async def test_the_durability_announced_is_what_the_server_does(unchecked: Redis, fsync: str, durability: str) -> None:
    await unchecked.config_set("appendfsync", fsync)
    try:
        assert await check_server(unchecked) == durability
    finally:
        await unchecked.config_set("appendfsync", "always")


async def test_without_an_append_only_file_it_is_memory(unchecked: Redis) -> None:
    await unchecked.config_set("appendonly", "no")
    try:
        assert await check_server(unchecked) == "memory"
    finally:
        await unchecked.config_set("appendonly", "yes")


async def test_a_server_that_evicts_is_refused(unchecked: Redis) -> None:
    await unchecked.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(UnfitStore, match="noeviction"):
            await check_server(unchecked)
    finally:
        await unchecked.config_set("maxmemory-policy", "noeviction")


async def test_no_server_is_refused_with_a_sentence(tmp_path: object) -> None:
    client = connect_unchecked(f"unix://{tmp_path}/none.sock", timeout_seconds=1)
    with pytest.raises(UnfitStore, match="REDIS_URL"):
        await check_server(client)
    await client.aclose()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemoryError("command not allowed"), "overloaded"), (ResponseError("MISCONF errors writing"), "overloaded"),
        (BusyLoadingError("in memory"), "recovering"), (AnotherIncarnation("x"), "recovering"),
        (RedisConnectionError("gone"), "unavailable"), (TimeoutError(), "unavailable"), (Refusal("limited"), "limited"),
    ],
)  # fmt: skip
def test_a_failed_call_asks_for_a_retry(error: Exception, code: str) -> None:
    refusal = as_refusal(error)
    assert refusal.code == code
    assert refusal.retry


async def test_a_full_memory_refuses_for_the_moment_and_counts_nothing(own_engines: Engines) -> None:
    async with open_hall(own_engines.redis_url) as hall:
        (ada,) = await hall.admit()
        await hall.redis.config_set("maxmemory", "1")
        try:
            assert code_of(await hall.answer(ada)) == "overloaded"
        finally:
            await hall.redis.config_set("maxmemory", "0")
        assert await hall.tally() == {}
        assert code_of(await hall.answer(ada)) is None
        assert await hall.tally() == {"#n": 1, "#people": 1}


def test_losing_a_shard_touches_no_newer_epoch() -> None:
    incarnation = Incarnation(2)
    incarnation.epochs = ["new", "other"]
    incarnation.lost.clear()
    incarnation.lose(0, "old")
    assert not incarnation.lost.is_set()
    incarnation.lose(0, "new")
    assert incarnation.lost.is_set()
    assert incarnation.epochs == [None, "other"]
