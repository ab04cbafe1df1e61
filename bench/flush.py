"""Saving: rows a second from the outbox to COMMIT, beside the bare statement and COPY on the same table.

Each repeat fills the outboxes with accepted answers, each of another person to another activity, by the accept script.
Then, in turn: a `plenum flush` process empties them; the same INSERT … SELECT unnest … ON CONFLICT puts as many rows with the
same answers into the same table with the same indexes, keys and batch size, from memory; and so does COPY. With `--backlog`
a large backlog drains while phones go on answering. Last, on a table of their own, the statement is measured with each of the
things switched that `plenum tune` can switch.
"""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from statistics import harmonic_mean
from typing import Any

import asyncpg
from redis import Redis

from bench.answers import Crowd
from bench.measure import Report, arguments, conclude, cpu_seconds, leave, quantile, short, spread
from bench.phones import join_all, run, uuid7
from bench.script import BATCH, envelope, fill
from bench.serving import HIDDEN_POLL, Hall, Served, Stores, flusher, plenum, stores
from persistence import tuning
from persistence.statements import statement
from realtime.store import keys

_PEOPLE = 2_000
_SESSIONS = 2
_BATCH = 1_000  # rows per flush, the default
_ENVELOPES = ["".join(envelope(number)) for number in range(BATCH)]  # as the outboxes are filled with
# What `plenum tune` can change: GIN index, foreign keys, partitions.
_TUNINGS = {
    "as it is by default": (True, True, 0),
    "without the GIN index": (False, True, 0),
    "without foreign keys": (True, False, 0),
    "without both": (False, False, 0),
    "16 partitions": (True, True, 16),
    "16 partitions, without both": (False, False, 16),
}
_COLUMNS = (
    "id", "session_id", "activity_id", "participant_id", "response_data", "round", "entry", "revision", "submission_id", "seq",
    "epoch",
)  # fmt: skip


class Waiting:
    """Rows in all outboxes."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, decode_responses=True)

    def rows(self) -> int:
        pipe = self._redis.pipeline(transaction=False)
        for number in range(16):
            pipe.hget(keys.Shard(number).epoch, "pending")
        return sum(int(found or 0) for found in pipe.execute())


async def prepare(served: Served, activities: int) -> list[tuple[Hall, list[str]]]:
    """New sessions with people and open polls."""
    halls = []
    for _ in range(_SESSIONS):
        hall = await asyncio.to_thread(
            lambda: served.session(activities=activities, most_people=_PEOPLE + 10, config=HIDDEN_POLL)
        )
        joined = await join_all(served.port, hall.code, _PEOPLE)
        halls.append((hall, [one["participant_id"] for one in joined]))
    return halls


async def drain(on: Stores, served: Served, waiting: Waiting) -> dict[str, float]:
    """Start a flusher and watch; rate and CPU are those between a tenth and nine tenths of the way."""
    total, started = waiting.rows(), time.perf_counter()
    with flusher(on) as saver:

        def mark(left: int) -> tuple[int, float, float, float]:
            return left, time.perf_counter(), cpu_seconds(saver.pid), served.cpu("postgres")

        marks = [mark(total)]
        while (left := await asyncio.to_thread(waiting.rows)) > 0:
            if len(marks) < 1 + (left <= 0.9 * total) + (left <= 0.1 * total):
                marks.append(mark(left))
            if time.perf_counter() - started > 500:
                raise RuntimeError(f"{left} rows are still waiting")
            await asyncio.sleep(0.04)
        marks.append(mark(0))
    (most, *first), (least, *last) = marks[-3:][:2]
    took, cpu, postgres = (after - before for before, after in zip(first, last, strict=True))
    moved = most - least
    return {"rate": moved / took, "cpu": cpu / moved * 1e6, "postgres": postgres / moved * 1e6}


def rows(halls: list[tuple[Hall, list[str]]], round: int) -> Iterator[tuple[Any, ...]]:
    for hall, people in halls:
        for activity_id in hall.activities:
            for seq, person in enumerate(people):
                yield (uuid7(), hall.id, activity_id, person, _ENVELOPES[seq % BATCH], round, "", 1, uuid7(), seq, "bench")


async def bare_statement(url: str, halls: list[tuple[Hall, list[str]]], round: int) -> float:
    """Rows a second of the flusher's own statement, batch after batch on one connection, from rows in memory."""
    connection = await asyncpg.connect(url)
    ready = rows(halls, round)
    batches = []
    now_ms = time.time_ns() // 1_000_000
    while batch := list(islice(ready, _BATCH)):
        columns = [list(column) for column in zip(*batch, strict=True)]
        batches.append([*columns, [now_ms] * len(batch), [None] * len(batch)])
    started = time.perf_counter()
    for columns in batches:
        await connection.execute(statement("save_responses"), *columns)
    rate = sum(len(columns[0]) for columns in batches) / (time.perf_counter() - started)
    await connection.close()
    return rate


async def copy(url: str, halls: list[tuple[Hall, list[str]]], round: int) -> float:
    """Rows a second of COPY straight into the table, which cannot be repeated safely."""
    connection = await asyncpg.connect(url)
    ready = list(rows(halls, round))
    started = time.perf_counter()
    for start in range(0, len(ready), _BATCH):
        await connection.copy_records_to_table("user_responses", records=ready[start : start + _BATCH], columns=_COLUMNS)
    rate = len(ready) / (time.perf_counter() - started)
    await connection.close()
    return rate


async def compare(report: Report, on: Stores, served: Served, wanted: int, repeats: int, *, quick: bool) -> None:
    waiting = Waiting(on.redis_url)
    found: dict[str, list[float]] = {name: [] for name in ("flusher", "statement", "copy", "cpu", "postgres")}
    activities = max(1, wanted // _PEOPLE // _SESSIONS)
    for _ in range(repeats):
        halls = await prepare(served, activities)
        if waiting.rows() > 10:
            await drain(on, served, waiting)  # the joins
        for hall, people in halls:
            await asyncio.to_thread(fill, on.redis_url, hall.id, hall.activities, people)
        # Before and after, for the table grows meanwhile.
        before = await bare_statement(on.database_url, halls, 2)
        emptied = await drain(on, served, waiting)
        found["statement"].append(harmonic_mean([before, await bare_statement(on.database_url, halls, 3)]))
        found["postgres"].append(emptied["postgres"])
        found["flusher"].append(emptied["rate"])
        found["cpu"].append(emptied["cpu"])
        found["copy"].append(await copy(on.database_url, halls, 4))
    for name, title in (("flusher", "the flusher, outbox to COMMIT"), ("statement", "the statement alone"), ("copy", "COPY alone")):
        cpu = (spread(found["cpu"]), spread(found["postgres"])) if name == "flusher" else ("-", "-")
        report.row(title, f"{activities * _PEOPLE * _SESSIONS:,}", spread(found[name]), *cpu)
        report.figure(f"{name} rows/s", spread(found[name]).median)
    report.figure("flusher us per row", spread(found["cpu"]).median)
    report.figure("postgres us per row", spread(found["postgres"]).median)
    share = spread([one / other for one, other in zip(found["flusher"], found["statement"], strict=True)]).median
    if not quick:
        report.target("flush, of the bare statement's rows/s", ">= 0.8", short(share), reached=share >= 0.8)


async def tunings(report: Report, on: Stores, served: Served, wanted: int, repeats: int) -> None:
    """The statement alone again, on the table as `plenum tune` can make it: what each of its switches buys."""
    waiting, connection = Waiting(on.redis_url), await asyncpg.connect(on.database_url)
    activities = max(1, wanted // _PEOPLE // _SESSIONS)
    found: dict[str, list[float]] = {name: [] for name in _TUNINGS}
    for _ in range(repeats):
        for name, (gin, foreign_keys, partitions) in _TUNINGS.items():
            await tuning.set_partitions(connection, partitions)
            await tuning.set_gin(connection, gin)
            await tuning.set_foreign_keys(connection, foreign_keys)
            halls = await prepare(served, activities)
            await drain(on, served, waiting)  # the joins: keys refer to them
            found[name].append(await bare_statement(on.database_url, halls, 1))
    await connection.close()
    standard = spread(found["as it is by default"]).median
    for name, rates in found.items():
        report.row(f"the statement, {name}", f"{activities * _PEOPLE * _SESSIONS:,}", spread(rates), "-", "-")
        report.figure(f"tuned x, {name}", spread(rates).median / standard)


async def backlog(report: Report, on: Stores, served: Served, wanted: int, *, quick: bool) -> None:
    """A large backlog drains while a hall goes on answering at 300 answers a second."""
    waiting = Waiting(on.redis_url)
    halls = await prepare(served, min(500, max(1, wanted // _PEOPLE // _SESSIONS)))
    for hall, people in halls:
        await asyncio.to_thread(fill, on.redis_url, hall.id, hall.activities, people)
    crowd = Crowd()
    await crowd.arrive(served, [served.session(most_people=300, config=HIDDEN_POLL)], 200)
    answering = asyncio.create_task(crowd.press_evenly(300.0, 600.0))
    await asyncio.sleep(1.0)
    crowd.latencies.clear()
    accepted, total, started = crowd.accepted, waiting.rows(), time.perf_counter()
    with flusher(on):
        # The hall goes on, so the outboxes are never quite empty.
        while await asyncio.to_thread(waiting.rows) > 600:
            await asyncio.sleep(0.05)
            if time.perf_counter() - started > 500:
                raise RuntimeError("the backlog does not drain")
        took = time.perf_counter() - started
    meanwhile = crowd.accepted - accepted
    answering.cancel()
    await crowd.settle()
    crowd.leave()
    report.row(f"backlog, with {short(meanwhile / took)} answers/s", f"{total:,}", short((total + meanwhile) / took), "-", "-")
    report.figure("backlog rows/s", (total + meanwhile) / took)
    report.remark(
        f"The backlog of {total:,} rows was gone after {took:.0f} s, while {meanwhile:,} more answers were accepted, "
        f"acknowledged with p95 {short(quantile(crowd.latencies, 0.95) * 1_000)} ms."
    )
    if not quick:
        report.target("backlog of 1 million rows drains while answers go on", "drains", f"{total:,} rows in {took:.0f} s",
                      reached=total >= 1_000_000, why="It drained; the run was given a smaller backlog.")  # fmt: skip


async def main(quick: bool, repeats: int, wanted: int, large: int) -> Report:
    report = Report("flush", "Saving: outbox to COMMIT", ["what", "rows", "rows/s", "flusher us", "postgres us"])
    with stores() as on, plenum("--no-flusher", on=on) as served:
        await compare(report, on, served, wanted, repeats, quick=quick)
        if large:
            await backlog(report, on, served, large, quick=quick)
    with stores() as on, plenum("--no-flusher", on=on) as served:
        await tunings(report, on, served, wanted // 2, 1 if quick else repeats)
    report.remark(
        "Unless a row says otherwise the table has all required indexes (GIN too) and foreign keys; synchronous_commit is on."
    )
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    given.add_argument("--rows", type=int, default=0, help="rows per repeat (default: 40,000)")
    given.add_argument("--backlog", type=int, default=-1, help="rows of the large backlog (default: 1,000,000; 0: none)")
    options = given.parse_args()
    chosen = options.rows or (4_000 if options.quick else 40_000)
    behind = options.backlog if options.backlog >= 0 else (8_000 if options.quick else 1_000_000)
    leave(conclude(run(main(options.quick, options.repeats, chosen, behind)), options.json))
