"""Everything dies at random under load; then: was anything lost, counted twice, or not shown?

python -m tests.faults.randomised [--seconds N] [--rate R] [--seed S] [--phones P]

The seed decides who is killed when and for how long, and who answers what; the same seed is the same schedule.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from realtime.engines import Engines, start_engines
from tests.faults import checker, views
from tests.faults.checker import check
from tests.faults.cluster import Cluster
from tests.faults.hubs import Hub
from tests.journey.servers import run_plenum
from tests.waiting import eventually

REST_SECONDS = 60.0
say = print  # a command line says what it found


@dataclass(frozen=True, slots=True)
class Kill:
    """Who gets SIGKILL, when, and after how long they are started again."""

    at_seconds: float
    victim: str
    away_seconds: float

    def __str__(self) -> str:
        return f"{self.at_seconds:6.2f} s  kill -9 {self.victim}, back after {self.away_seconds:.2f} s"


def draw_schedule(seed: int, seconds: float) -> list[Kill]:
    """The kills of a run; one at a time, about every three seconds."""
    drawn = random.Random(seed)
    kills: list[Kill] = []
    at_seconds = drawn.uniform(0.5, 2.0)
    while at_seconds < seconds:
        victim = drawn.choice(["hub-0", "hub-1", "redis", "postgres"])
        kills.append(Kill(at_seconds, victim, drawn.uniform(0.05, 1.5)))
        at_seconds += drawn.uniform(1.0, 5.0)
    return kills


async def carry_out(cluster: Cluster, kills: list[Kill], started: float) -> None:
    """Kill and start again by the schedule, or as soon after as the machine allows."""
    for kill in kills:
        await asyncio.sleep(max(0.0, started + kill.at_seconds - time.monotonic()))
        if kill.victim == "redis":
            cluster.kill_redis()
            await asyncio.sleep(kill.away_seconds)
            cluster.start_redis()
        elif kill.victim == "postgres":
            cluster.kill_postgres()
            await asyncio.sleep(kill.away_seconds)
            cluster.start_postgres()
        else:
            hub = next(hub for hub in cluster.hubs if hub.name == kill.victim)
            await hub.kill9()
            await asyncio.sleep(kill.away_seconds)
            await _start(hub)
    for hub in cluster.hubs:
        await eventually(lambda hub=hub: _ready(hub), cluster.said, 60)


async def _start(hub: Hub) -> None:
    """Start a hub; one that finds an engine away ends, and is started again as its supervisor would."""
    deadline = time.monotonic() + 60
    while True:
        await hub.start(crash_at="nowhere")  # may end at once without being a fault of the harness
        if hub.running or time.monotonic() > deadline:
            return


async def _ready(hub: Hub) -> bool:
    return bool((await hub.health())["ready"])


async def run(engines: Engines, folder: Path, *, seconds: float, rate: float, seed: int, phones: int) -> bool:
    """One run; prints what happened and returns whether every promise was kept."""
    kills = draw_schedule(seed, seconds)
    say(f"seed {seed}: {seconds:.0f} s, {rate:.0f} answers/s, {phones} phones, two hubs, {len(kills)} kills")
    for kill in kills:
        say(f"  {kill}")
    cluster = Cluster(engines, folder, seed)
    try:
        await cluster.open(2)
        room = await cluster.room(phones)
        started = time.monotonic()
        await asyncio.gather(room.press(rate=rate, seconds=seconds), carry_out(cluster, kills, started))
        resting = time.monotonic()
        stuck = ""
        try:
            await eventually(
                lambda: room.host.session.online and all(phone.at_rest for phone in room.crowd.phones), room.crowd.unrest,
                REST_SECONDS,
            )  # fmt: skip
        except AssertionError as error:
            stuck = str(error)
        rest_seconds = time.monotonic() - resting
        verdict = check(cluster.history, [await cluster.collect(room)])
        accepted = len({ack.submission_id for ack in cluster.history.acks()})
        lost = verdict.found[checker.LOST] + verdict.found[checker.NOT_SAVED]
        doubled = verdict.found[checker.TWICE] + verdict.found[checker.COUNTED_TWICE] + verdict.found[checker.OFFSET_TWICE]
        converged = not stuck and not verdict.found[views.DIVERGED]
        say(f"accepted {accepted} of {room.crowd.pressed} pressed; at rest after {rest_seconds:.1f} s")
        say(f"lost {lost}, doubled {doubled}, tallies equal rows: {'no' if verdict.found[checker.TALLY] else 'yes'}")
        say(f"clients converged: {'yes' if converged else 'no'}")
        if verdict or stuck:
            cluster.history.dump(folder / "history.jsonl")
            say(f"BROKEN (seed {seed})\n{verdict}\n{stuck}\nhistory and logs: {folder}")
            return False
        say(f"every promise was kept (seed {seed})")
        return True
    finally:
        await cluster.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.randomised", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, metavar="N", help="how long there is load (default: 30)")
    parser.add_argument("--rate", type=float, default=100, metavar="R", help="answers per second (default: 100)")
    parser.add_argument("--phones", type=int, default=60, metavar="P", help="simulated phones (default: 60)")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="default: a new one")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    folder = Path(tempfile.mkdtemp(prefix="plenum-faults-"))
    engines = start_engines(folder / "engines", tcp=True)
    try:
        migrated = run_plenum("migrate", "up", REDIS_URL=engines.redis_url, DATABASE_URL=engines.database_url)
        if migrated.returncode:
            say(migrated.stderr)
            return 2
        kept = asyncio.run(run(engines, folder, seconds=given.seconds, rate=given.rate, seed=seed, phones=given.phones))
    finally:
        engines.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
