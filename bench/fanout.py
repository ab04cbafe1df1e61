"""Fan-out: one ready frame to everybody in the hall, and what a delivery costs the server.

Two questions. The mechanism: 200 bytes to 1,000 and 5,000 subscribers, by Plenum's WebSocket class and its peers, each
paired with the C limit in turns of about half a second, so that both meet the same machine. The product: a session
whose counts change with every tick, with everything that a hub does for it included.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack

from bench.measure import Report, arguments, conclude, leave, quantile, short, spread
from bench.peers import FRAME_BYTES, Peer, limit, limit_missing, nchan, nchan_missing, publisher, python_server
from bench.phones import enter, join_all, run, submit
from bench.serving import plenum
from bench.taps import Gauge, open_taps
from realtime.delivery.fanout import load_native

Start = Callable[[], AbstractContextManager[Peer]]

_BLOCK_SECONDS = 0.6


class Hall:
    """A peer with its subscribers connected."""

    def __init__(self, peer: Peer, people: int) -> None:
        self.peer = peer
        self.people = people
        self.gauge = Gauge()
        self.latencies: list[float] = []

    async def gather(self) -> None:
        self.taps = await open_taps(self.peer.port, self.people, self.gauge, path="/sub")
        self.publish = await publisher(self.peer)
        for _ in range(3):
            await self.once()
        self.latencies.clear()

    async def once(self) -> None:
        """Publish, and wait until the last subscriber has it."""
        started = time.perf_counter()
        self.publish.once()
        self.latencies.append(await self.gauge.fill(self.people * FRAME_BYTES) - started)

    async def block(self, seconds: float) -> float:
        """Deliveries per CPU-second of the server."""
        before, deadline, rounds = self.peer.cpu(), time.perf_counter() + seconds, 0
        while time.perf_counter() < deadline:
            await self.once()
            rounds += 1
        return rounds * self.people / (self.peer.cpu() - before)

    def leave(self) -> None:
        for tap in self.taps:
            tap.transport.abort()
        self.publish.close()


async def mechanism(report: Report, people: int, repeats: int, starts: Sequence[tuple[str, Start]], seconds: float) -> None:
    """Every system in turn with the limit; adds a row for each."""
    with ExitStack() as stack:
        bound = None if limit_missing() else Hall(stack.enter_context(limit()), people)
        if bound is not None:
            await bound.gather()
        rates: dict[str, float] = {}
        limits: list[float] = []
        for name, start in starts:
            with start() as peer:
                hall = Hall(peer, people)
                await hall.gather()
                found, ratios = [], []
                for _ in range(repeats):
                    most = await bound.block(seconds) if bound is not None else 0.0
                    found.append(await hall.block(seconds))
                    if bound is not None:
                        limits.append(most)
                        ratios.append(found[-1] / most)
                hall.leave()
                rates[name] = spread(found).median
                report.row(
                    name, people, spread(found), spread(ratios) if ratios else "-", short(quantile(hall.latencies, 0.5) * 1_000)
                )
                report.figure(f"{name} {people}", rates[name])
                if ratios:
                    report.figure(f"{name} {people} of limit", spread(ratios).median)
        if bound is not None:
            report.row("C limit", people, spread(limits), 1, short(quantile(bound.latencies, 0.5) * 1_000))
            report.figure(f"C limit {people}", spread(limits).median)
            bound.leave()


async def product(report: Report, people: int, repeats: int, seconds: float) -> None:
    """A hall looks at counts that change all the time; one more phone changes its answer ten times a second."""
    with plenum() as served:
        hall = served.session(most_people=people + 10)
        joined = await join_all(served.port, hall.code, people + 1)
        phones = await enter(served.port, [one["ticket"] for one in joined])
        *audience, busy = phones
        await asyncio.sleep(1.0)

        async def press() -> None:
            for number in range(1_000_000):
                busy.transport.write(submit(hall.activities[0], number + 10, "abcd"[number % 4]))
                await asyncio.sleep(0.1)

        pressing = asyncio.create_task(press())
        await asyncio.sleep(1.0)
        rates, per_second, octets = [], [], 0.0
        for _ in range(repeats):
            before, count, size = served.cpu("hub"), sum(p.frames for p in audience), sum(p.octets for p in audience)
            started = time.perf_counter()
            await asyncio.sleep(seconds)
            delivered = sum(p.frames for p in audience) - count
            rates.append(delivered / (served.cpu("hub") - before))
            per_second.append(delivered / people / (time.perf_counter() - started))
            octets = (sum(p.octets for p in audience) - size) / max(delivered, 1)
        pressing.cancel()
        report.row("Plenum, whole product", people, spread(rates), "-", "-")
        report.remark(
            f"Whole product, {people} phones: {short(spread(per_second).median)} frames a second to each, "
            f"{octets:.0f} bytes on average, by `plenum serve` with hub, flusher, presence and heartbeats in one process."
        )
        report.figure(f"product {people}", spread(rates).median)
        for phone in phones:
            phone.transport.abort()


def hold(report: Report, people: int) -> None:
    """The project's targets for the mechanism."""
    own = report.figures[f"Plenum {people}"]
    if f"Plenum {people} of limit" in report.figures:
        share = report.figures[f"Plenum {people} of limit"]
        report.target(f"fan-out to {people}, of the C limit", ">= 0.8", short(share), reached=share >= 0.8)
        if f"nchan {people} of limit" in report.figures:
            # Each was paired with the limit; the quotient of the two is freer of the machine's moods than their rates.
            beside = share / report.figures[f"nchan {people} of limit"]
            report.target(f"fan-out to {people}, of nchan", ">= 1", short(beside), reached=beside >= 1)
    if f"C limit {people}" in report.figures:
        most = 1 / report.figures[f"Starlette loop {people} of limit"]
        report.remark(
            f"With {people} subscribers the C limit itself makes {short(most)} times the deliveries of the Starlette loop on this "
            "machine: the kernel's part of a write, which all pay alike, is the larger part, so no server can be further ahead."
        )
    times = own / report.figures[f"Starlette loop {people}"]
    report.target(f"fan-out to {people}, times the Starlette loop", ">= 3", short(times), reached=times >= 3)


async def main(quick: bool, repeats: int) -> Report:
    report = Report("fanout", "Fan-out", ["system", "people", "deliveries / CPU-s", "of limit", "last ms"])
    starts: list[tuple[str, Start]] = [
        ("Plenum", lambda: python_server("Plenum", "wires")),
        ("Plenum, without its C call", lambda: python_server("Plenum in Python", "wires", "python")),
        ("websockets.broadcast", lambda: python_server("websockets.broadcast", "broadcast")),
        ("Starlette loop", lambda: python_server("Starlette loop", "starlette_plain")),
    ]
    if load_native() is None:
        report.remark("Plenum's C call was not compiled here, so that both of its rows are in Python.")
    if nchan_missing():
        report.remark(nchan_missing())
    else:
        starts.insert(1, ("nchan", nchan))
    if limit_missing():
        report.remark(limit_missing())
    for people in (200,) if quick else (1_000, 5_000):
        await mechanism(report, people, repeats, starts, 0.2 if quick else _BLOCK_SECONDS)
        if not quick:
            hold(report, people)
    for people in (200,) if quick else (1_000, 5_000):
        await product(report, people, repeats, 1.0 if quick else 4.0)
    report.remark(
        "A delivery is one 200-byte text frame to one subscriber; the next is published when the last subscriber has the one "
        "before. CPU is that of the server's processes alone; the load generator runs on the same machine."
    )
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats)), options.json))
