"""Growth: what an answer costs as a session fills up, and as sessions become many.

The same number of answers a second arrives, evenly and one by one, whatever the size: in one session of 10 to 10,000 phones,
and from 1,000 phones in 1 to 1,000 sessions. So every call carries one answer; that several share a call where they come
together, and what it spares, is told by `bench.ingest`. Results are shown to phones later and the hub ticks once a second,
so that fan-out, which has a bench of its own and grows with the audience by its nature, stays out of the sum as far as it
can. What the same hub spends on the same phones without answers is taken off.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.answers import Crowd
from bench.measure import Report, Spread, arguments, conclude, leave, quantile, short, spread
from bench.phones import run
from bench.samples import sampling, summary
from bench.serving import HIDDEN_POLL, Served, Stores, flusher, plenum, stores

_PARTS = ("hub", "valkey", "postgres")
# Phones that say nothing while a thousand sessions are made are not sent away for it.
_HUB = {"PLENUM_TICK_MS": "1000", "PLENUM_CONNECTIONS": "30000", "PLENUM_HEARTBEAT_MS": "60000"}
_MOST_GROWTH = 1.2


async def cost(served: Served, crowd: Crowd, rate: float, seconds: float) -> dict[str, float]:
    """CPU of each part per answer, in microseconds, without what idling costs."""

    async def spend(work: object) -> dict[str, float]:
        before = {part: served.cpu(part) for part in _PARTS}
        await work  # type: ignore[misc]
        return {part: served.cpu(part) - cpu for part, cpu in before.items()}

    idle = await spend(asyncio.sleep(seconds))
    crowd.latencies.clear()
    accepted = crowd.accepted

    async def answer() -> None:
        await crowd.press_evenly(rate, seconds)
        await crowd.settle()

    busy = await spend(answer())
    answers = crowd.accepted - accepted
    found = {part: (busy[part] - idle[part]) / answers * 1e6 for part in _PARTS}
    return found | {"p95": quantile(crowd.latencies, 0.95) * 1_000}


async def crowd_of(served: Served, sessions: int, people: int) -> Crowd:
    crowd = Crowd()
    halls = [
        await asyncio.to_thread(lambda: served.session(most_people=people + 10, config=HIDDEN_POLL)) for _ in range(sessions)
    ]
    await crowd.arrive(served, halls, people)
    return crowd


async def grow(
    report: Report, served: Served, sizes: Sequence[tuple[int, int]], rate: float, seconds: float, repeats: int
) -> list[dict[str, Spread]]:
    """One row per size; all crowds are there at once only if they are small, so each comes and goes."""
    rows = []
    for sessions, people in sizes:
        crowd = await crowd_of(served, sessions, people)
        await asyncio.sleep(1.5)
        await cost(served, crowd, rate, 1.0)
        found = [await cost(served, crowd, rate, seconds) for _ in range(repeats)]
        crowd.leave()
        await asyncio.sleep(1.0)
        columns = {name: spread([one[name] for one in found]) for name in found[0]}
        report.row(f"{sessions:,} x {people:,}", *(columns[name] for name in (*_PARTS, "p95")))
        rows.append(columns)
    return rows


async def explain(on: Stores, size: tuple[int, int], rate: float, seconds: float) -> str:
    """Where a hub's time goes while answers come at a size."""
    sessions, people = size
    with TemporaryDirectory(prefix="plenum-samples-") as folder:
        path = Path(folder) / "stacks.json"
        with plenum("--no-flusher", on=on, samples=path, **_HUB) as served:
            crowd = await crowd_of(served, sessions, people)
            await asyncio.sleep(1.5)
            with sampling(served.pid):
                await cost(served, crowd, rate, seconds)
            crowd.leave()
        return (
            f"The hub's time at {sessions:,} x {people:,}, {summary(path)}. What would have to change: what a session costs "
            "by itself. In one session all answers of a second share one tick; where each comes in a session of its own, each has "
            "a tick when it is counted and one when it is saved, with a read of that session, a frame to its phone and the "
            "flusher's note in Valkey; and each session's first answer of a kind is judged from the beginning. Reads go together "
            "already (decision 54); a tick that waits until the answer is saved would be one instead of two, and later."
        )


def growth_of(rows: list[dict[str, Spread]]) -> float:
    """How often the dearest costs the first, hub and Valkey together."""
    sums = [row["hub"].median + row["valkey"].median for row in rows]
    return max(sums) / sums[0]


def hold(report: Report, what: str, grown: float, why: str) -> None:
    report.target(
        f"cost of an answer, {what}, against the smallest (hub and Valkey)", f"<= {_MOST_GROWTH:g} x", f"{short(grown)} x",
        reached=grown <= _MOST_GROWTH, why=why,
    )  # fmt: skip


async def main(quick: bool, repeats: int) -> Report:
    columns = ["sessions x phones", "hub us", "valkey us", "postgres us", "ack p95 ms"]
    report = Report("growth", "Cost of an answer as things grow", columns)
    rate, seconds = (300, 1.0) if quick else (400, 4.0)
    with (
        stores() as on,
        plenum("--no-flusher", on=on, **_HUB) as served,
        flusher(on),
    ):
        people = ((1, 10), (1, 100)) if quick else ((1, 10), (1, 100), (1, 1_000), (1, 10_000))
        filled = await grow(report, served, people, rate, seconds, repeats)
        sessions = ((1, 100), (10, 10)) if quick else ((1, 1_000), (10, 100), (100, 10), (1_000, 1))
        spread_out = await grow(report, served, sessions, rate, seconds, repeats)
        held = [("10 to 10,000 phones", filled, people[-1]), ("1 to 1,000 sessions", spread_out, sessions[-1])]
        for what, rows, largest in [] if quick else held:
            grown = growth_of(rows)
            hold(report, what, grown, "" if grown <= _MOST_GROWTH else await explain(on, largest, rate, seconds))
    report.remark(
        f"{short(rate)} answers/s evenly; CPU per answer above what the same hub spends on the same phones without answers; "
        "ticks once a second, saving in a process of its own. At this rate a call carries one answer, and each call costs Valkey "
        "a write to disk: these are the costs of a lone answer, not of one in a crowd."
    )
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats)), options.json))
