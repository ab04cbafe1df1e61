"""Ingest: what one accepted answer costs, whole path: frame in, checked, counted in Valkey, acknowledged.

Everybody answers, and changes the answer as soon as it is acknowledged. Beside it, in the same run and on the same
engines: a bare Starlette echo of the same frame, the plain stack (one redis-py call and one INSERT per answer), and the
limit (the accept script called back to back with batches of 100). Saving is done by a process of its own, so that its
CPU is told apart.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from bench.answers import Crowd, choose, write_text
from bench.measure import Report, Spread, arguments, conclude, cpu_seconds, leave, quantile, short, spread
from bench.peers import Peer, python_server
from bench.phones import Phone, join_all, open_phones, run
from bench.redis_costs import RedisCosts
from bench.samples import sampling, summary
from bench.script import back_to_back
from bench.serving import HIDDEN_POLL, LIVE_POLL, OPEN_TEXT, Served, Stores, flusher, plenum, stores

_PLAIN_TABLE = """
CREATE TABLE IF NOT EXISTS plain_responses (
  id uuid PRIMARY KEY, activity_id uuid NOT NULL, participant_id uuid NOT NULL, seq bigint NOT NULL,
  response_data jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX IF NOT EXISTS plain_responses_activity ON plain_responses (activity_id, seq)
"""
_PARTS = ("hub", "valkey", "postgres")


class Case:
    """One load: who answers what, and the CPU that each part of the server spends on it."""

    def __init__(self, crowd: Crowd, cpu: dict[str, Callable[[], float]]) -> None:
        self.crowd = crowd
        self.cpu = cpu
        self._warm = len(crowd.phones) // 4
        self.found: dict[str, list[float]] = {name: [] for name in ("rate", "p50", "p95", *cpu)}

    def start(self) -> None:
        self.crowd.again = True
        for phone in self.crowd.phones:
            self.crowd.press(phone)

    async def block(self, seconds: float) -> None:
        """Answer for some seconds, then stop, so that the next system has the machine for itself."""
        crowd = self.crowd
        self.start()
        await asyncio.sleep(0.3)
        async with asyncio.timeout(20):  # the first answers wait for pools and connections
            while crowd.accepted < self._warm:
                await asyncio.sleep(0.05)
        before, counted, started = {part: cpu() for part, cpu in self.cpu.items()}, crowd.accepted, time.perf_counter()
        crowd.latencies.clear()
        await asyncio.sleep(seconds)
        took, answers = time.perf_counter() - started, max(1, crowd.accepted - counted)
        self.found["rate"].append(answers / took)
        for part, cpu in self.cpu.items():
            self.found[part].append((cpu() - before[part]) / answers * 1e6)
        self.found["p50"].append(quantile(crowd.latencies, 0.5) * 1_000)
        self.found["p95"].append(quantile(crowd.latencies, 0.95) * 1_000)
        await crowd.settle(30)
        self._warm = crowd.accepted + len(crowd.phones) // 4

    def spread(self, name: str) -> Spread:
        return spread(self.found[name])


class Echo(Crowd):
    """Phones of a server without sessions: what comes back counts as an acknowledgement."""

    async def connect(self, peer: Peer, path: str, people: int) -> None:
        self.activities = ["00000000-0000-7000-8000-000000000000"] * people
        self._sent_at = [0.0] * people
        self.phones = await open_phones(peer.port, people, path=path, heard=self._hear)

    def _hear(self, phone: Phone, text: bytes) -> None:
        super()._hear(phone, b'{"type":"accepted"')


async def product(served: Served, people: int, config: dict[str, object], kind: str, saver: int) -> Case:
    crowd = Crowd(write_text if kind == "open_text" else choose)
    await crowd.arrive(served, [served.session(most_people=people + 10, kind=kind, config=config)], people)
    parts: dict[str, Callable[[], float]] = {part: (lambda part=part: served.cpu(part)) for part in _PARTS}
    return Case(crowd, parts | {"flusher": lambda: cpu_seconds(saver)})


async def baseline(peer: Peer, path: str, people: int, served: Served) -> Case:
    crowd = Echo()
    await crowd.connect(peer, path, people)
    return Case(crowd, {"hub": peer.cpu, "valkey": lambda: served.cpu("valkey"), "postgres": lambda: served.cpu("postgres")})


def add_row(report: Report, name: str, case: Case) -> None:
    cells = [case.spread(column) if column in case.found else "-" for column in ("rate", *_PARTS, "flusher", "p50", "p95")]
    report.row(name, *cells)


async def limit(on: Stores, served: Served, repeats: int, calls: int) -> tuple[Spread, Spread]:
    """The script by itself: answers a second, and Valkey's CPU per answer."""
    hall = served.session(most_people=1_100)
    people = [one["participant_id"] for one in await join_all(served.port, hall.code, 200)]
    rates, costs = [], []
    for _ in range(repeats):
        rate, cost = await asyncio.to_thread(
            back_to_back, on.redis_url, served.pids("valkey"), hall.id, hall.activities[0], people, calls
        )
        rates.append(rate)
        costs.append(cost)
    return spread(rates), spread(costs)


async def prepare_plain(on: Stores) -> None:
    connection = await asyncpg.connect(on.database_url)
    await connection.execute(_PLAIN_TABLE)
    await connection.close()


async def main(quick: bool, repeats: int) -> Report:
    report = Report(
        "ingest",
        "Ingest: one accepted answer",
        ["case", "answers/s", "hub us", "valkey us", "postgres us", "flusher us", "p50 ms", "p95 ms"],
    )
    commands: dict[int, str] = {}
    measured: dict[int, dict[str, Case]] = {}
    seconds, crowds = (0.7, (100,)) if quick else (2.0, (100, 1_000))
    with (
        stores() as on,
        plenum("--no-flusher", on=on) as served,
        flusher(on) as saver,
        python_server("Starlette", "starlette_plain", **on.variables) as peer,
    ):
        await prepare_plain(on)
        for people in crowds:
            cases = measured[people] = {
                "poll, counts shown later": await product(served, people, HIDDEN_POLL, "poll", saver.pid),
                "poll, counts live": await product(served, people, LIVE_POLL, "poll", saver.pid),
                "open question, each text new": await product(served, people, OPEN_TEXT, "open_text", saver.pid),
                "Starlette echo": await baseline(peer, "/echo", people, served),
                "plain stack": await baseline(peer, "/answer", people, served),
            }
            for _ in range(repeats):
                for case in cases.values():
                    await case.block(seconds)
            for name, case in cases.items():
                add_row(report, f"{name}, {people} phones", case)
            costs = RedisCosts(on.redis_url)
            await poll_again(cases, costs, seconds)
            commands[people] = (
                f"Valkey by command, {people} phones: {costs.sentence()}. "
                f"A script call carried {costs.answers_per_call():.0f} answers."
            )
            for case in cases.values():
                case.crowd.leave()
        where = await sample(on, saver.pid, seconds)
        rate, cost = await limit(on, served, repeats, 50 if quick else 300)
        report.row("limit: the script alone, batches of 100", rate, "-", cost, "-", "-", "-", "-")
        report.figure("script us", cost.median)
        commands = {
            people: f"{found} The same script without a hub and a flusher, a hundred answers per call: {short(cost.median)} us; "
            "what is above it is the calls' fixed part (commands that are the same for one answer and for a hundred, and the write "
            "to disk) shared by fewer answers, and the flusher's reading. Fuller calls (`PLENUM_ACCEPT_PAUSE_MS`) lower it. What "
            "would have to change: an answer goes to four keys and to the outbox, in Lua, and all of that to the log on disk; "
            "a module in C would spare the Lua, and a log of one record per call instead of one per command much of the rest."
            for people, found in commands.items()
        }
    for people, cases in measured.items():
        hold(report, people, cases, where, commands[people], quick=quick)
    report.remark(
        "CPU is microseconds per accepted answer, of the hub's process, of Valkey (which the flusher reads from as well), of all "
        "PostgreSQL processes and of `plenum flush`. The load generator shares the two cores, so answers/s are those of a machine "
        "that does both; CPU per answer is not."
    )
    return report


async def sample(on: Stores, saver: int, seconds: float) -> str:
    """Where a hub's time goes that does nothing but take answers."""
    with TemporaryDirectory(prefix="plenum-samples-") as folder:
        path = Path(folder) / "stacks.json"
        with plenum("--no-flusher", on=on, samples=path) as served:
            case = await product(served, 100, HIDDEN_POLL, "poll", saver)
            with sampling(served.pid):
                await case.block(seconds)
            case.crowd.leave()
        return (
            f"The hub's time while it takes answers, {summary(path)}. What would have to change: the echo has the machine for "
            "itself and its load, while a hub shares caches and cores with Valkey, PostgreSQL, the flusher and its load; of what "
            "it does itself the kernel's part of a send and a receive is the same as the echo's, and the rest would have to be "
            "compiled as a whole, from the frame to the script's call and from its reply to the acknowledgement."
        )


async def poll_again(cases: dict[str, Case], costs: RedisCosts, seconds: float) -> None:
    """One more block of the poll, for what Valkey itself says about its commands."""
    crowd = cases["poll, counts shown later"].crowd
    counted = crowd.accepted
    costs.begin()
    await cases["poll, counts shown later"].block(seconds)
    costs.end(crowd.accepted - counted)


def hold(report: Report, people: int, cases: dict[str, Case], where: str, commands: str, *, quick: bool) -> None:
    poll, echo, plain = cases["poll, counts shown later"], cases["Starlette echo"], cases["plain stack"]
    texts = cases["open question, each text new"]
    for part in (*_PARTS, "flusher"):
        report.figure(f"{part} us {people}", poll.spread(part).median)
        report.figure(f"text {part} us {people}", texts.spread(part).median)
    report.figure(f"rate {people}", poll.spread("rate").median)
    if quick:
        return
    own, bare = poll.spread("hub").median, echo.spread("hub").median
    report.target(f"hub CPU of an answer, {people} phones", f"<= {short(bare)} us (Starlette echo)", f"{short(own)} us",
                  reached=own <= bare, why=where)  # fmt: skip
    times = spread([one / other for one, other in zip(poll.found["rate"], plain.found["rate"], strict=False)]).median
    report.target(f"answers/s of the plain stack, {people} phones", ">= 5 x", f"{short(times)} x", reached=times >= 5, why=where)
    redis = poll.spread("valkey").median
    report.target(f"Redis CPU per answer, {people} phones", "<= 12 us", f"{short(redis)} us", reached=redis <= 12, why=commands)


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats)), options.json))
