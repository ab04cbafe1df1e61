"""Workers: how much more two hub processes take than one, with the load generator subtracted.

Both servers run on the same engines and are loaded in turn by the same number of phones, which answer again as soon as they
are acknowledged. On a machine of few cores the phones take most of it, so the answers per second that are seen say
little about workers. What says it is the CPU of all hub processes per answer: a worker is one thread and can use one core,
so W workers with a core each take W / (hub CPU per answer), unless Valkey, which is one core for all, is full before:
1 / (Valkey CPU per answer). The lower of the two is the capacity, and what is compared. It assumes that phones and PostgreSQL
run elsewhere and that a core given to a worker is a whole one; it does not assume that an answer costs the same in both,
which is what is measured: with two workers batches are smaller and each keeps a copy of every session.
"""

import asyncio
import os
import re
import time
import urllib.request
from contextlib import ExitStack

from bench.answers import Crowd, choose
from bench.measure import Report, Spread, arguments, conclude, cpu_seconds, leave, quantile, short, spread
from bench.phones import run
from bench.serving import HIDDEN_POLL, Served, flusher, free_port, plenum, stores

CASES = (1, 2)
PARTS = ("hub", "valkey", "postgres", "phones")
SESSIONS = 4
TARGET = 1.7


class Case:
    """A server of some workers, its phones, and what was measured of it, block by block."""

    def __init__(self, workers: int, served: Served, metrics_port: int) -> None:
        self.workers = workers
        self.served = served
        self.crowd = Crowd(choose)
        self.found: dict[str, list[float]] = {name: [] for name in ("rate", "p95", "capacity", "valkey capacity", *PARTS)}
        self._metrics_port = metrics_port

    async def arrive(self, people: int) -> None:
        halls = [self.served.session(most_people=people + 10, config=HIDDEN_POLL) for _ in range(SESSIONS)]
        await self.crowd.arrive(self.served, halls, people // SESSIONS)

    def connections(self) -> list[int]:
        """How many phones each worker has."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=5) as answer:
            return [int(found) for found in re.findall(r"^plenum_connections\S* (\d+)$", answer.read().decode(), re.MULTILINE)]

    def cpu(self) -> dict[str, float]:
        return {part: cpu_seconds(os.getpid()) if part == "phones" else self.served.cpu(part) for part in PARTS}

    async def block(self, seconds: float) -> None:
        """Answer for some seconds, then stop, so that the other server has the machine for itself."""
        crowd = self.crowd
        crowd.again = True
        for phone in crowd.phones:
            crowd.press(phone)
        await asyncio.sleep(0.5)
        before, counted, started = self.cpu(), crowd.accepted, time.perf_counter()
        crowd.latencies.clear()
        await asyncio.sleep(seconds)
        took, answers = time.perf_counter() - started, crowd.accepted - counted
        used = self.cpu()
        each = {part: (used[part] - before[part]) / answers for part in PARTS}
        for part in PARTS:
            self.found[part].append(each[part] * 1e6)
        self.found["rate"].append(answers / took)
        self.found["p95"].append(quantile(crowd.latencies, 0.95) * 1_000)
        self.found["valkey capacity"].append(1 / each["valkey"])
        self.found["capacity"].append(min(self.workers / each["hub"], 1 / each["valkey"]))
        await crowd.settle(30)

    def spread(self, name: str) -> Spread:
        return spread(self.found[name])


async def main(quick: bool, repeats: int) -> Report:
    report = Report(
        "workers", "Workers: two hub processes beside one",
        ["workers", "capacity/s", "ratio", "hub us", "valkey us", "postgres us", "phones us", "seen answers/s", "seen p95 ms"],
    )  # fmt: skip
    people, seconds = (80, 1.0) if quick else (800, 4.0)
    with ExitStack() as stack:
        on = stack.enter_context(stores())
        stack.enter_context(flusher(on))
        cases = []
        for workers in CASES:
            port = free_port()
            served = stack.enter_context(
                plenum("--no-flusher", "--workers", str(workers), on=on, PLENUM_METRICS_PORT=str(port))
            )
            cases.append(Case(workers, served, port))
            await cases[-1].arrive(people)
        for _ in range(repeats):
            for case in cases:
                await case.block(seconds)
        shares = [case.connections() for case in cases]
        for case in cases:
            case.crowd.leave()
    one, two = cases
    ratios = spread([b / a for a, b in zip(one.found["capacity"], two.found["capacity"], strict=True)])
    for case in cases:
        ratio: object = ratios if case is two else 1
        report.row(case.workers, case.spread("capacity"), ratio, *(case.spread(part) for part in PARTS), case.spread("rate"),
                   case.spread("p95"))  # fmt: skip
        report.figure(f"capacity {case.workers}", case.spread("capacity").median)
        report.figure(f"hub us {case.workers}", case.spread("hub").median)
    report.remark(
        f"{people} phones in {SESSIONS} sessions; connections by worker: {', '.join(map(str, shares))}. Capacity is computed, not "
        "seen: workers / hub CPU per answer, or 1 / Valkey CPU per answer where that is less; phones and PostgreSQL are left out."
    )
    seen = spread([b / a for a, b in zip(one.found["rate"], two.found["rate"], strict=True)])
    report.remark(f"Seen on this machine, which the phones share, two workers took {seen} times the answers/s of one.")
    report.remark(f"Valkey alone would take {short(two.spread('valkey capacity').median)} answers/s of two workers.")
    if not quick:
        report.target(
            "two workers against one, load subtracted", f">= {TARGET} x", f"{short(ratios.median)} x",
            reached=ratios.median >= TARGET, why=explain(one, two),
        )  # fmt: skip
    return report


def explain(one: Case, two: Case) -> str:
    """Where the other half of two workers goes."""
    hub, alone = two.spread("hub").median, one.spread("hub").median
    return (
        f"Two workers' hubs take {short(hub)} us of an answer, one alone {short(alone)}, for batches are smaller and each keeps "
        f"its copy of every session; by that alone they would carry {short(2 * alone / hub)} times as much. Valkey is one core for "
        f"both and carries {short(two.spread('valkey capacity').median)} answers/s; the less a hub takes, the sooner is that the "
        "limit. What would have to change: sessions on several Valkey servers (a cluster, docs/scaling.md), and the phones of a "
        "session at one worker."
    )


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats)), options.json))
