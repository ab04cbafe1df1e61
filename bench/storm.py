"""Storms: a hall that joins all at once, and a hall that comes back all at once after the hub was killed.

A join is everything that a phone does to take part: POST /join on a connection of its own (or on a proxy's, kept alive),
the WebSocket handshake, hello with the ticket, and the welcome with the session's state. The second storm is told in
`bench/resume.py`.
"""

import asyncio
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Report, arguments, conclude, leave, quantile, short, spread
from bench.phones import Phone, Post, open_phones, run, seat
from bench.resume import come_back
from bench.samples import sampling, summary
from bench.serving import Served, plenum
from bench.sources import next_source

_AT_ONCE = 400  # connections that one simulated access network opens at a time


class Joiner:
    """One phone that joins; asks again where it is told to."""

    def __init__(self, port: int, code: str, number: int) -> None:
        self.port, self.code, self.number = port, code, number
        self.phone: Phone | None = None
        self.retries = 0
        self.seconds = 0.0

    async def join(self, shared: Post | None) -> None:
        started = time.perf_counter()
        ticket = await self._ask(shared)
        phones = await open_phones(self.port, 1, first=self.number)
        await seat(phones, [ticket])
        self.phone, self.seconds = phones[0], time.perf_counter() - started

    async def _ask(self, shared: Post | None) -> str:
        body = {"code": self.code, "join_id": uuid.uuid4().hex, "nickname": f"P{self.number}"}
        connection = shared
        while True:
            if connection is None:
                _, connection = await asyncio.get_running_loop().create_connection(
                    Post, "127.0.0.1", self.port, local_addr=(next_source(), 0)
                )
            try:
                status, answer = await connection.post("/api/v1/join", body)
            except ConnectionResetError:
                connection = None
                continue
            if status < 300:
                if shared is None:
                    connection.hang_up()
                return str(answer["ticket"])
            if status not in (429, 503):
                raise RuntimeError(f"join: {status} {answer}")
            self.retries += 1
            await asyncio.sleep(0.1)


async def join_storm(served: Served, people: int, *, own_connections: bool) -> dict[str, float]:
    """Everybody joins one session, as fast as they are let in."""
    hall = served.session(most_people=people + 10)
    numbers = iter(range(people))
    joiners: list[Joiner] = []
    loop = asyncio.get_running_loop()

    async def queue() -> None:
        shared: Post | None = None
        if not own_connections:
            _, shared = await loop.create_connection(Post, "127.0.0.1", served.port)
        for number in numbers:
            joiner = Joiner(served.port, hall.code, number)
            joiners.append(joiner)
            await joiner.join(shared)

    before = {part: served.cpu(part) for part in ("hub", "valkey", "postgres")}
    started = time.perf_counter()
    await asyncio.gather(*(queue() for _ in range(min(_AT_ONCE, people))))
    took = time.perf_counter() - started
    used = {part: served.cpu(part) - cpu for part, cpu in before.items()}
    for joiner in joiners:
        assert joiner.phone is not None
        if joiner.phone.closed and took < 25:  # they ping nobody, so after two heartbeats they count as gone
            raise RuntimeError("a phone that had joined was closed")
        joiner.phone.transport.abort()
    return {
        "per cpu": people / used["hub"],
        "took": took,
        "p50": quantile([one.seconds for one in joiners], 0.5) * 1_000,
        "p99": quantile([one.seconds for one in joiners], 0.99) * 1_000,
        "hub": used["hub"] / people * 1e6,
        "valkey": used["valkey"] / people * 1e6,
        "postgres": used["postgres"] / people * 1e6,
        "retries": float(sum(one.retries for one in joiners)),
    }


async def sample(people: int) -> str:
    """Where a hub's time goes in a join storm."""
    with TemporaryDirectory(prefix="plenum-samples-") as folder:
        path = Path(folder) / "stacks.json"
        with plenum(samples=path) as served:
            await join_storm(served, 100, own_connections=True)
            with sampling(served.pid):
                await join_storm(served, people, own_connections=True)
        return f"The hub's time in a storm of {people:,}, {summary(path)}."


async def joins(report: Report, people: int, repeats: int, *, quick: bool) -> None:
    where = await sample(min(people, 2_000))
    with plenum() as served:
        await join_storm(served, 100, own_connections=True)
        for own, name, count in ((True, "own connections", people), (False, "kept alive", people // 5)):
            found = [await join_storm(served, count, own_connections=own) for _ in range(repeats)]
            columns = {key: spread([one[key] for one in found]) for key in found[0]}
            report.row(
                f"join, {name}", count, columns["per cpu"], columns["took"], columns["p50"], columns["p99"], columns["hub"],
                columns["valkey"], columns["postgres"],
            )  # fmt: skip
            report.remark(f"Join, {name}: {short(columns['retries'].median)} times somebody was asked to try again.")
            if own:
                for key, value in columns.items():
                    report.figure(f"join {key}", value.median)
            if own and not quick:
                rate, took = columns["per cpu"].median, columns["took"].median
                report.target("joins per CPU-second of the hub", ">= 1,500", short(rate), reached=rate >= 1_500, why=where)
                report.target(f"{people} join", "< 10 s", f"{short(took)} s", reached=took < 10, why=where)


async def returns(report: Report, people: int, repeats: int, *, quick: bool) -> None:
    found = [await come_back(people) for _ in range(repeats)]
    columns = {key: spread([one[key] for one in found]) for key in found[0]}
    measured = (columns[key] for key in ("per cpu", "took", "p50", "p99", "hub"))
    report.row("resume after kill -9", people, *measured, "-", "-")
    for key, value in columns.items():
        report.figure(f"resume {key}", value.median)
    report.remark(
        f"Resume: seconds from kill -9 to the last welcome; {short(columns['serving'].median)} s of them until the new process "
        f"served. Each phone comes back with its position after a random part of the 5 s window. {short(columns['deltas'].median)} "
        f"came back by a delta, the rest by a snapshot; {short(columns['resent'].median)} sent an answer again that had been under "
        "way. Checked for every phone: no delta that does not start where it stood, the final counts, its own answer; and "
        "`plenum verify` afterwards. p50 and p99 are from hello to welcome."
    )
    if not quick:
        took = columns["took"].median
        report.target(f"{people} phones back after kill -9, exact", "<= 15 s", f"{short(took)} s", reached=took <= 15)


async def main(quick: bool, repeats: int) -> Report:
    report = Report(
        "storm",
        "Join storm and resume storm",
        ["storm", "phones", "per hub CPU-s", "took s", "p50 ms", "p99 ms", "hub us each", "valkey us", "postgres us"],
    )
    await joins(report, 300 if quick else 5_000, repeats, quick=quick)
    await returns(report, 300 if quick else 5_000, 1 if quick else repeats, quick=quick)
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats)), options.json))
