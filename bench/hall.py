"""A hall answers: thousands of phones press within two seconds, once each, in one session on the embedded engines.

Measured at the clients: the delay of each acknowledgement from press to receipt; the time from the last acknowledgement
until the presenter's dashboard shows all answers; and until the watermark says that all are saved in PostgreSQL.
Everybody sees the counts live, so the answers are fanned out to the same phones meanwhile. The phones are simulated by
one process on the same machine, which takes about as much CPU as the server; with phones of their own it does better.
"""

import asyncio
import random
import time
from collections.abc import Sequence

from bench.answers import Crowd
from bench.dashboards import Dashboard, offset_of
from bench.measure import Report, arguments, conclude, leave, quantile, short, spread
from bench.phones import Phone, run
from bench.serving import Served, plenum

_PRESS_SECONDS = 2.0


class Burst(Crowd):
    """A crowd that remembers the highest offset it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0

    def _hear(self, phone: Phone, text: bytes) -> None:
        if text.startswith(b'{"type":"accepted"'):
            self.offset = max(self.offset, offset_of(text))
        super()._hear(phone, text)


async def answer_at_once(served: Served, people: int) -> dict[str, float]:
    """One burst in a new session."""
    hall = served.session(most_people=people + 10)
    crowd = Burst()
    await crowd.arrive(served, [hall], people)
    dashboard = Dashboard(hall)
    await dashboard.open(served)
    await asyncio.sleep(1.5)  # presence and joins are written down
    crowd.all_acked = asyncio.Event()
    times = sorted(random.uniform(0, _PRESS_SECONDS) for _ in crowd.phones)
    before, started = served.cpu("hub"), time.perf_counter()
    for at, phone in zip(times, crowd.phones, strict=True):
        wait = started + at - time.perf_counter()
        if wait > 0.002:
            await asyncio.sleep(wait)
        crowd.press(phone)
        if phone.number % 50 == 0:
            await asyncio.sleep(0)
    pressed = time.perf_counter() - started
    async with asyncio.timeout(60):
        while crowd.accepted < people and not crowd.refused:
            await asyncio.sleep(0.002)
    crowd.check()
    acked = crowd.last_at
    shown = await dashboard.shows(responses=people)
    saved = await dashboard.shows(saved=crowd.offset)
    cost = served.cpu("hub") - before
    dashboard.leave()
    crowd.leave()
    return {
        "acked": crowd.accepted,
        "pressed": pressed,
        "p50": quantile(crowd.latencies, 0.5) * 1_000,
        "p95": quantile(crowd.latencies, 0.95) * 1_000,
        "p99": quantile(crowd.latencies, 0.99) * 1_000,
        "dashboard": max(0.0, shown - acked) * 1_000,
        "saved": max(0.0, saved - acked),
        "hub": cost,
    }


async def main(quick: bool, repeats: int, crowds: Sequence[int]) -> Report:
    report = Report(
        "hall",
        "A hall answers within two seconds",
        ["phones", "all acked", "pressed in s", "ack p50 ms", "ack p95 ms", "ack p99 ms", "dashboard ms", "saved s", "hub CPU s"],
    )
    with plenum() as served:
        for people in crowds:
            found = [await answer_at_once(served, people) for _ in range(repeats)]
            columns = {name: spread([one[name] for one in found]) for name in found[0]}
            report.row(
                people, "yes" if all(one["acked"] == people for one in found) else "NO",
                *(columns[name] for name in ("pressed", "p50", "p95", "p99", "dashboard", "saved", "hub")),
            )  # fmt: skip
            for name, value in columns.items():
                report.figure(f"{name} {people}", value.median)
            if people == 5_000 and not quick:
                hold(report, {name: value.median for name, value in columns.items()}, people)
    report.remark(
        "Dashboard and saved are counted from the last acknowledgement. Server, engines and all phones share this machine."
    )
    return report


def hold(report: Report, found: dict[str, float], people: int) -> None:
    for name, what, most in (
        ("p95", "acknowledgement p95", 250), ("p99", "acknowledgement p99", 500), ("dashboard", "dashboard after the last", 300),
    ):  # fmt: skip
        report.target(f"{people} answer in 2 s: {what}", f"<= {most} ms", f"{short(found[name])} ms", reached=found[name] <= most)
    report.target(f"{people} answer in 2 s: all saved", "<= 5 s", f"{short(found['saved'])} s", reached=found["saved"] <= 5)


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats, (200,) if options.quick else (1_000, 5_000, 10_000))), options.json))
