"""PostgreSQL dies, hangs, loses a reply, becomes read-only, fills up, refuses a row: answering goes on."""

import asyncio
import os
import signal
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from persistence.errors import STORAGE_ERRORS
from realtime.engines import Engines, start_engines
from realtime.store import keys
from tests.faults.cluster import SHARDS, Cluster, Room, stopped
from tests.faults.disks import Disk, small_disk
from tests.faults.test_redis import reply_seconds, told
from tests.journey.servers import run_plenum
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

MOST_ACK_SECONDS = 3.0  # at the 99th percentile, on a machine that is busy with others; whoever waited for PostgreSQL waits longer


async def press_without_postgres(cluster: Cluster, room: Room, seconds: float = 3) -> None:
    """Everybody answers for a while: all of it is accepted, at once, and nothing is told to be saved."""
    start_ns = cluster.history.lines[-1].event.ns
    infos, fails = told(cluster, "info"), told(cluster, "fail")
    await room.press(seconds=seconds)
    waits = reply_seconds(cluster, start_ns, cluster.history.lines[-1].event.ns)
    assert len(waits) > 20 * seconds, f"P16: only {len(waits)} answers were accepted"
    p99 = statistics.quantiles(waits, n=100)[-1]
    assert p99 < MOST_ACK_SECONDS, f"P16: accepted after {p99:.2f} s (p99)"
    assert (told(cluster, "info"), told(cluster, "fail")) == (infos, fails), "P16: nobody is told to come again"


async def test_row_16_postgres_is_down_for_a_while(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    cluster.kill_postgres()
    await press_without_postgres(cluster, room, 4)
    cluster.start_postgres()
    await cluster.rest(seconds=2 * 4 + 10)


async def test_row_17_backend_of_the_flusher_is_killed(cluster: Cluster) -> None:
    room = await cluster.room(30)
    pressing = asyncio.create_task(room.press(seconds=2))
    await eventually(lambda: told(cluster, "saved") > 10, "flushes are under way")
    backends = await cluster.database.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = 'plenum'")
    os.kill(cluster.random.choice(backends)["pid"], signal.SIGKILL)  # takes every other backend with it
    await pressing
    await cluster.rest()


async def test_row_17_postgres_restarts_in_the_middle_of_a_flush(cluster: Cluster) -> None:
    room = await cluster.room(30)
    pressing = asyncio.create_task(room.press(seconds=2.5))
    await eventually(lambda: told(cluster, "saved") > 10, "flushes are under way")
    cluster.kill_postgres()
    cluster.start_postgres()
    await pressing
    await cluster.rest()


async def test_row_18_commit_is_done_and_its_reply_is_lost(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    for hub in cluster.hubs:
        hub.database.drop_reply_after(b"COMMIT", times=3)
    await room.press(seconds=2)
    assert sum(hub.database.dropped_replies for hub in cluster.hubs) > 0, "replies were lost"
    await cluster.rest()


async def test_row_19_postgres_hangs(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    with stopped(*_family(cluster.engines.postgres_pid)):
        await press_without_postgres(cluster, room)
    await cluster.rest()


def _family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


async def test_row_20_postgres_is_read_only_after_a_failover(cluster: Cluster) -> None:
    room = await cluster.room(30)
    await room.press(seconds=0.5)
    await cluster.database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    await cluster.database.execute("SELECT pg_reload_conf()")
    try:
        await press_without_postgres(cluster, room, 2)
    finally:
        async with cluster.database.acquire() as connection:
            await connection.execute("SET default_transaction_read_only = off")
            await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            await connection.execute("SELECT pg_reload_conf()")
    await cluster.rest()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[tuple[Disk, Engines]]:
    """A PostgreSQL on a disk of its own that can be filled, and the Redis that goes with it."""
    with small_disk(tmp_path / "small", size_megabytes=160) as disk:
        started = start_engines(disk.folder / "engines", tcp=True, valkey_options={"appendonly": "no"})
        migrated = run_plenum("migrate", "up", REDIS_URL=started.redis_url, DATABASE_URL=started.database_url)
        assert migrated.returncode == 0, migrated.stderr
        yield disk, started
        started.stop()


async def test_row_21_disk_of_postgres_is_full(full_disk: tuple[Disk, Engines], tmp_path: Path) -> None:
    disk, own = full_disk
    cluster = Cluster(own, tmp_path)
    try:
        await cluster.open(1)
        room = await cluster.room(20)
        await room.press(seconds=0.5)
        disk.fill()
        # The next segment of its log does not fit any more: PostgreSQL gives up, as on any full disk.
        try:
            async with cluster.database.acquire() as connection:
                await connection.execute("SELECT pg_switch_wal()")
                await connection.execute("CREATE TABLE filler AS SELECT repeat('x', 500) AS text FROM generate_series(1, 60000)")
        except STORAGE_ERRORS as error:
            cluster.history.mark("postgres full", str(error))
        await press_without_postgres(cluster, room, 2)
        assert any(mark.name == "postgres full" for mark in cluster.history.marks), "the disk was full"
        disk.free()
        assert own._postgres is not None
        if not own._postgres.running:
            cluster.start_postgres()
        await cluster.rest(30)
    finally:
        await cluster.close()


POISON = {
    "nul": '{"type":"poll","version":1,"data":{"selected":["a"],"other_text":"\\u0000"},"metadata":{}}',
    "number": '{"type":"poll","version":1,"data":{"selected":["a"],"other_text":1e200000},"metadata":{}}',
    "depth": '{"type":"poll","version":1,"data":{"selected":["a"]},"deep":' + "[" * 50_000 + "]" * 50_000 + "}",
}


@pytest.mark.parametrize("poison", sorted(POISON))
async def test_row_22_poison_row_gets_into_the_outbox(poison: str, cluster: Cluster) -> None:
    room = await cluster.room(20)
    await room.press(seconds=0.5)
    session = keys.Session(room.id, SHARDS)
    shard = keys.Shard(session.shard)
    response, submission = "01890000-0000-7000-8000-" + os.urandom(6).hex(), "01890000-0000-7000-8000-" + os.urandom(6).hex()
    participant = room.crowd.phones[0].participant_id
    async with cluster.redis() as redis:
        offset = int(await redis.hget(session.meta, "offset") or 0)
        line = f"{offset}|1|{response}|{submission}|{participant}|0|n:poison\n{POISON[poison]}"
        entry = {"k": "r", "s": room.id, "a": room.many, "r": "1", "e": await redis.hget(shard.epoch, "epoch"), "t": "1", "d": line}
        await redis.xadd(shard.outbox, entry)
    await room.press(seconds=1)

    async def set_aside() -> bool:
        found: int = await cluster.database.fetchval("SELECT count(*) FROM dead_letters WHERE submission_id = $1", submission)
        return found == 1

    await eventually(set_aside, "the poisonous row is a dead letter")
    await cluster.database.execute("DELETE FROM dead_letters WHERE submission_id = $1", submission)  # nobody sent it
    await cluster.rest()


async def test_row_22_poison_is_refused_at_the_door(cluster: Cluster) -> None:
    room = await cluster.room(3, kinds=("many",))
    phone = room.crowd.phones[0]
    for data in (
        {"selected": ["a"], "other_text": "\0"}, {"selected": ["a\0"]}, {"selected": [2**70]}, {"selected": [["a"] * 3] * 99},
    ):  # fmt: skip
        submitted = await asyncio.wait_for(phone.session.submit(room.many, data), 10)
        assert submitted.refusal is not None, data
    await cluster.rest()
