"""A batch is read while PostgreSQL saves the one before it; whatever becomes of that one, no promise weakens.

And where fewer rows wait than a batch holds, they gather first.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from redis.exceptions import RedisError

from persistence import dead_letters, responses, shards
from persistence.flusher import Flusher
from realtime.core.errors import Refusal
from realtime.loops import end_tasks
from realtime.store.outbox import Batch, EpochLost, Outbox
from tests.recovery.stage import Process, School, Town, found_school
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(60)

ROWS = 10  # of a batch
ANSWERS = 3 * ROWS + 5
LONG_MS = 20_000  # Valkey is told to hold its breath for so long, and is told to go on before
HELD_UP = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO user_responses%'"


class Scene:
    """Four batches wait in the outbox, and PostgreSQL holds up the first of them until it may go on."""

    def __init__(self, school: School, blocker: asyncpg.Connection) -> None:
        self.school = school
        self.process = school.process
        self.hall = school.hall
        self.shard = school.hall.names.shard
        self.blocker = blocker
        self.points: list[str] = []
        self.flusher = self.make_flusher(age_ms=5)

    def make_flusher(self, *, age_ms: int, rows: int = ROWS) -> Flusher[Batch]:
        return Flusher(
            self.process.pool, Outbox(self.hall.live.servers, self.hall.live.shards, timeout_seconds=1.0), [self.shard], "flusher",
            rows=rows, age_ms=age_ms, retry_ms=20, lease_seconds=0.6, transient=(RedisError,), absent=(EpochLost, Refusal),
            fault=self.points.append,
        )  # fmt: skip

    async def fill(self, *, poisoned: int | None) -> None:
        people = await self.school.admit(*(f"P{number}" for number in range(ANSWERS)))
        await self.process.flush()
        stored = await shards.read(self.process.pool, self.shard)
        assert stored is not None
        await shards.release_lease(self.process.pool, self.shard, stored.lease_token)
        for number, one in enumerate(people):
            if number == poisoned:
                await self.school.send(one, "poll", {"payload": {"data": "\0"}})
            else:
                await self.school.answer(one, "poll", {"selected": ["a"]})

    async def hold(self) -> None:
        await self.blocker.execute("BEGIN")
        await self.blocker.execute("LOCK TABLE user_responses IN SHARE MODE")

    async def go_on(self) -> None:
        await self.blocker.execute("COMMIT")

    async def held_up(self) -> list[int]:
        return [row["pid"] for row in await self.process.pool.fetch(HELD_UP)]

    async def one_is_held_up_and_one_in_hand(self) -> None:
        await eventually(self.held_up)
        await eventually(lambda: "read_ahead" in self.points)
        assert self.points == ["before_save", "read_ahead"]

    async def pause_writes(self) -> None:
        await self.process.unchecked.client_pause(LONG_MS, all=False)

    async def unpause(self) -> None:
        await self.process.unchecked.client_unpause()

    async def savers(self) -> dict[int, int]:
        """The transaction that saved it, of every saved answer by its offset."""
        rows = await self.process.pool.fetch("SELECT seq, xmin::text::bigint AS saver FROM user_responses ORDER BY seq")
        return {row["seq"]: row["saver"] for row in rows}

    async def everything_is_saved(self) -> None:
        """Each answer once, the older ones first, and the watermark and the number of those that wait say so."""
        await eventually(self.is_empty)
        savers = await self.savers()
        assert list(savers) == [verdict.offset for *_, verdict in self.school.sent]
        assert list(savers.values()) == sorted(savers.values()), "what was read ahead was saved before what it was read behind"
        await eventually(self._is_told)
        assert await self.hall.outbox.backlog() == (0, 0)
        assert await responses.count_duplicates(self.process.pool, self.school.session_id) == 0

    async def is_empty(self) -> bool:
        return not await self.process.unchecked.xlen(self.hall.shard.outbox)

    async def _is_told(self) -> bool:
        return await self.hall.saved() >= self.school.sent[-1][3].offset


@pytest.fixture
async def scene(town: Town, process: Process) -> AsyncIterator[Scene]:
    await process.recovery.establish()
    blocker = await asyncpg.connect(town.database_url)
    scene = Scene(await found_school(process), blocker)
    try:
        yield scene
    finally:
        await scene.unpause()
        await blocker.close()


@asynccontextmanager
async def flushing(scene: Scene, *, poisoned: int | None = None) -> AsyncIterator[None]:
    """Run the flusher from its first batch, which is held up, to the end."""
    await scene.fill(poisoned=poisoned)
    await scene.hold()
    task = asyncio.create_task(scene.flusher.run())
    try:
        await scene.one_is_held_up_and_one_in_hand()
        yield
        scene.flusher.stop()
        async with asyncio.timeout(20):
            await task
    finally:
        await end_tasks([task])


async def test_it_is_in_hand_when_its_turn_comes(scene: Scene) -> None:
    async with flushing(scene):
        await scene.go_on()
        await scene.everything_is_saved()
    assert scene.flusher.done.batches == 4
    assert scene.points.count("read_ahead") == 3, "nothing is read ahead behind a batch that was not full"


async def test_it_falls_with_the_batch_before_it(scene: Scene) -> None:
    async with flushing(scene):
        for pid in await scene.held_up():
            await scene.blocker.execute("SELECT pg_terminate_backend($1)", pid)
        await eventually(lambda: scene.flusher.done.failures)
        await scene.go_on()
        await scene.everything_is_saved()


async def test_it_falls_where_the_batch_before_it_is_saved_and_not_confirmed(scene: Scene) -> None:
    async with flushing(scene):
        await scene.pause_writes()
        await scene.go_on()
        await eventually(lambda: scene.flusher.done.failures >= 2)
        assert len(await scene.savers()) == ROWS, "its rows are committed, and nothing behind them"
        await scene.unpause()
        await scene.everything_is_saved()


async def test_a_poisoned_row_before_it_harms_nobody(scene: Scene) -> None:
    async with flushing(scene, poisoned=3):
        await scene.go_on()
        await scene.everything_is_saved()
    assert scene.flusher.done.dead == await dead_letters.count(scene.process.pool) == 1
    assert scene.flusher.done.rows == ANSWERS - 1


async def test_answers_that_come_one_by_one_are_saved_together(scene: Scene) -> None:
    age_ms = 100
    school, flusher = scene.school, scene.make_flusher(age_ms=age_ms, rows=1_000)
    (ada,) = await school.admit("Ada")
    task = asyncio.create_task(flusher.run())
    try:
        await eventually(lambda: flusher.done.leases)
        began = time.monotonic()
        for _ in range(60):
            await school.send(ada, "poll", {})
        await eventually(scene.is_empty)
        took_ms = (time.monotonic() - began) * 1_000
        assert flusher.done.rows == 61
        assert flusher.done.batches <= took_ms / age_ms + 2
    finally:
        await end_tasks([task])


@pytest.mark.parametrize("lost", ["lease", "epoch"])
async def test_who_lost_the_shard_saves_nothing_that_is_in_hand(scene: Scene, lost: str) -> None:
    pool, shard = scene.process.pool, scene.shard
    async with flushing(scene):
        await scene.pause_writes()  # so that the first batch is not confirmed before the shard is lost
        losing = asyncio.create_task(
            shards.seize_lease(pool, shard, "another", 60) if lost == "lease" else shards.renew_epoch(pool, shard, "next", "run")
        )
        await scene.go_on()
        assert await losing
        await scene.unpause()
        await eventually(lambda: shard not in scene.flusher.done.leases)
        assert len(await scene.savers()) == ROWS
        if lost == "epoch":
            assert scene.process.incarnation.lost.is_set()
            await scene.process.recovery.establish()
            await scene.process.recovery.ensure(scene.school.session_id)
        else:
            await scene.process.flush()
        await scene.everything_is_saved()
