"""Pokes say which session changed; a lost one is healed elsewhere, a lost subscription comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from realtime.identifiers import new_uuid
from realtime.store.connection import connect_for_pokes
from realtime.store.live import Joining
from realtime.store.pokes import listen
from realtime.store.servers import Servers
from tests.store.stage import Hall
from tests.waiting import eventually


@asynccontextmanager
async def listening(hall: Hall, url: str) -> AsyncIterator[tuple[list[str], list[None]]]:
    heard: list[str] = []
    begun: list[None] = []
    client = connect_for_pokes(url, timeout_seconds=5)
    servers = Servers(hall.live.incarnation, lambda _: client)
    task = asyncio.create_task(listen(servers, hall.live.shards, heard.append, lambda: begun.append(None)))
    try:
        await eventually(lambda: len(begun) == 1)
        yield heard, begun
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def test_every_write_pokes(hall: Hall, redis_url: str) -> None:
    async with listening(hall, redis_url) as (heard, _):
        expected = 0

        async def poked() -> None:
            nonlocal expected
            expected += 1
            await eventually(lambda: len(heard) >= expected)

        (ada,) = await hall.admit()
        await poked()
        await hall.answer(ada)
        await poked()
        await hall.flush()
        await poked()
        await hall.live.presence(hall.session_id, [ada], [])
        await poked()
        await hall.write(state="paused")
        await poked()
        await hall.live.write_value(hall.session_id, "session", 5, {})
        await poked()
        await hall.live.remove(hall.session_id, ada)
        await poked()
        assert set(heard) == {hall.session_id}


async def test_what_changes_nothing_does_not_poke(hall: Hall, redis_url: str) -> None:
    (ada,) = await hall.admit()
    await hall.live.presence(hall.session_id, [ada], [])
    await hall.flush()
    async with listening(hall, redis_url) as (heard, _):
        await hall.live.join(hall.session_id, [Joining(ada, "Ada", True)])
        await hall.live.presence(hall.session_id, [ada], [])
        await hall.publish(hall.activity)
        await hall.answer(new_uuid())
        await hall.live.write_value(hall.session_id, "session", 9, {})
        await eventually(lambda: bool(heard))
        assert len(heard) == 1


async def test_a_cut_subscription_comes_back_and_says_so(hall: Hall, redis_url: str) -> None:
    async with listening(hall, redis_url) as (heard, begun):
        await hall.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await eventually(lambda: len(begun) == 2)
        await hall.admit()
        await eventually(lambda: bool(heard))


async def test_a_quiet_subscription_is_kept_as_long_as_it_answers(
    hall: Hall, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.store.pokes.QUIET_SECONDS", 0.05)

    async def pings() -> int:
        return int((await hall.redis.info("commandstats")).get("cmdstat_ping", {"calls": 0})["calls"])

    async with listening(hall, redis_url) as (heard, begun):
        before = await pings()

        async def was_asked() -> bool:
            return await pings() >= before + 5

        await eventually(was_asked)
        await hall.admit()
        await eventually(lambda: bool(heard))
        assert len(begun) == 1


async def test_a_subscription_that_hangs_is_made_anew(hall: Hall, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.store.pokes.QUIET_SECONDS", 0.1)
    async with listening(hall, redis_url) as (heard, begun):
        await hall.redis.client_pause(500)
        await eventually(lambda: len(begun) >= 2)
        await hall.redis.client_unpause()
        await hall.admit()
        await eventually(lambda: bool(heard))
