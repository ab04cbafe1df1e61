"""Soak: mixed load with churn for half an hour; memory must be flat after warming up, and every count exact.

Halls live for a few minutes each: phones join, answer, change their minds, lose the network and come back with their
position, leave; others poll over HTTP; the presenter opens new questions and closes old ones. When a hall is over, its
counts are compared to its stored rows and it is deleted, so that what the stores must remember stays the same; its
last halls are verified by `plenum verify`. Run it at low load beside other things; it counts no speed.
"""

import asyncio
import random
import time
import urllib.request
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from redis import Redis

from bench.answers import choose
from bench.measure import GONE, Report, arguments, conclude, leave, short
from bench.phones import Phone, frame, join_all, open_phones, run, seat
from bench.resume import last_position
from bench.serving import LIVE_POLL, Hall, Served, Stores, command, free_port, plenum, stores

_HALLS = 4
_PEOPLE = 40
_PING = frame(b'{"type":"ping","id":7}')
_PARTS = ("hub", "valkey", "postgres")
_MOST_GROWTH_PERCENT = 5.0
_GROWTH = (
    "Growth is twice the rise of the high-water mark from the first half of that to the second: what a leak adds over all of it; "
    "the slope is a fitted line. Of Valkey counts what it has in use without what the living halls' keys hold, which is the more "
    "the older they are: so what stays of a hall that is over counts. What its C library keeps of freed strings stands beside. "
    "Of PostgreSQL counts the largest process: there is one for each connection of the pool, of which some come with a rush and "
    "go after five idle minutes."
)

_CHANGE = "What would have to change: whatever keeps that memory; `tracemalloc` in the hub and `MEMORY STATS` of Valkey name it."


def private_bytes(pids: list[int]) -> int:
    """Anonymous memory: without files and without the shared buffers, which PostgreSQL fills once and for all."""
    total = 0
    for pid in pids:
        with suppress(*GONE):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss_Anon:"):
                    total += int(line.split()[1]) * 1_024
    return total


def c_heap_bytes(pids: list[int]) -> int:
    """Of it what C libraries hold by malloc; Python's objects live in arenas beside it."""
    total = 0
    for pid in pids:
        with suppress(*GONE):
            inside = False
            for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
                if "-" in line.split(" ")[0]:
                    inside = line.endswith("[heap]")
                elif inside and line.startswith("Anonymous:"):
                    total += int(line.split()[1]) * 1_024
    return total


class Watch:
    """The private memory of the parts as time goes by, and beside each a figure that says what is behind it."""

    _BEHIND: Final = {"hub": "MiB of C heap", "valkey": "MiB private", "postgres": "MiB in all processes"}

    def __init__(self, served: Served, on: Stores, living: Callable[[], Collection[str]]) -> None:
        self._served = served
        self._living = living  # ids of the sessions that are not over
        self._redis = Redis.from_url(on.redis_url)
        self._memory: dict[str, list[tuple[float, float]]] = {part: [] for part in _PARTS}
        self._behind: dict[str, list[float]] = {part: [] for part in _PARTS}

    def note(self, at: float) -> None:
        hub = self._served.pids("hub")
        self._add("hub", at, private_bytes(hub), c_heap_bytes(hub))
        used = self._redis.info("memory")["used_memory"] - self._held_by(self._living())
        self._add("valkey", at, used, private_bytes(self._served.pids("valkey")))
        each = [private_bytes([pid]) for pid in self._served.pids("postgres")]
        self._add("postgres", at, max(each), sum(each))

    def _held_by(self, sessions: Collection[str]) -> int:
        """Bytes of these sessions' keys."""
        names = [key for id in sessions for key in self._redis.scan_iter(f"plenum:*:s:{id}:*", count=1_000)]
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.memory_usage(name, samples=0)
        return sum(size or 0 for size in pipe.execute())  # none: gone since

    def _add(self, part: str, at: float, octets: int, behind: int) -> None:
        self._memory[part].append((at, octets / 2**20))
        self._behind[part].append(behind / 2**20)

    def tell(self, report: Report, warm: float) -> list[str]:
        """Put the parts into the table; returns what is to be said of those that grow."""
        grow = []
        for part, samples in self._memory.items():
            kept = [one for one in samples if one[0] >= warm]
            half = len(kept) // 2
            first, second = max(size for _, size in kept[:half]), max(size for _, size in kept[half:])
            grown = 2 * (second - first) / first * 100
            fitted = slope(kept) * (kept[-1][0] - kept[0][0]) / first * 100
            before, after = ends(self._behind[part][-len(kept) :])
            behind = f"{short(before)} to {short(after)} {self._BEHIND[part]}"
            report.row(part, short(first), short(second), short(grown), short(fitted), behind)
            report.figure(f"{part} growth %", grown)
            if grown > _MOST_GROWTH_PERCENT:
                grow.append(f"{part} took {short(first)} MiB, then {short(second)}, with {behind}")
        return grow


class Listening(Phone):
    """A phone that keeps the last state it was told."""

    __slots__ = ("told",)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.told = b""


class Churn:
    """One hall after the other, with all that people do in them."""

    def __init__(self, served: Served, life_seconds: float) -> None:
        self.served = served
        self.life_seconds = life_seconds
        self.done = {"halls": 0, "answers": 0, "resumes": 0, "joins": 0, "polls": 0, "questions": 0}
        self.wrong: list[str] = []
        self.living: set[str] = set()
        self.ending = False

    def hear(self, phone: Phone, text: bytes) -> None:
        if text.startswith((b'{"type":"delta"', b'{"type":"snapshot"', b'{"type":"welcome"')):
            assert isinstance(phone, Listening)
            phone.told = text
        elif text.startswith(b'{"type":"accepted"'):
            self.done["answers"] += 1
        elif text.startswith(b'{"type":"refused"') and b'"code":"not_open"' not in text and b'"code":"closed"' not in text:
            self.wrong.append(text.decode()[:300])

    async def live(self) -> None:
        """Halls, one after the other; the last stays for `plenum verify`."""
        while not self.ending:
            hall = await asyncio.to_thread(self.served.session, most_people=10_000)
            self.living.add(hall.id)
            phones = await self._fill(hall)
            deadline = time.monotonic() + self.life_seconds * random.uniform(0.7, 1.3)
            pinged_at = 0.0
            while time.monotonic() < deadline and not self.ending:
                if time.monotonic() - pinged_at > 10:
                    pinged_at = time.monotonic()
                    for phone, _ in phones:
                        speak_up(phone, _PING)
                await self._step(hall, phones)
                await asyncio.sleep(random.uniform(0.05, 0.35))
            for phone, _ in phones:
                phone.transport.abort()
            if not self.ending:
                await self._conclude(hall)

    async def _fill(self, hall: Hall) -> list[tuple[Listening, str]]:
        tickets = [one["ticket"] for one in await join_all(self.served.port, hall.code, _PEOPLE, at_once=5)]
        self.done["joins"] += len(tickets)
        return list(zip(await self._enter(tickets), tickets, strict=True))

    async def _enter(self, tickets: list[str], position: Any = None) -> list[Listening]:
        phones = await open_phones(self.served.port, len(tickets), heard=self.hear, made=Listening)
        await seat(phones, tickets, positions=[position] * len(tickets) if position else None)
        return phones

    async def _step(self, hall: Hall, phones: list[tuple[Listening, str]]) -> None:
        """One thing that somebody does."""
        at = random.randrange(len(phones))
        phone, ticket = phones[at]
        match random.choices(("answer", "resume", "replace", "poll", "question"), (70, 10, 5, 12, 1))[0]:
            case "answer":
                for other, _ in random.sample(phones, 3):
                    speak_up(other, choose(hall.activities[-1], random.randrange(1_000, 2_000)))
            case "resume":
                phone.transport.abort()
                [back] = await self._enter([ticket], last_position(phone.told))
                phones[at] = back, ticket
                self.done["resumes"] += 1
            case "replace":
                phone.transport.abort()
                [joined] = await join_all(self.served.port, hall.code, 1)
                [fresh] = await self._enter([joined["ticket"]])
                phones[at] = fresh, joined["ticket"]
                self.done["joins"] += 1
            case "poll":
                await asyncio.to_thread(self.served.get, f"/api/v1/sessions/{hall.id}/changes", ticket)
                self.done["polls"] += 1
            case "question":
                await asyncio.to_thread(self._next_question, hall)
                self.done["questions"] += 1

    def _next_question(self, hall: Hall) -> None:
        path = f"/api/v1/sessions/{hall.id}/activities"
        made = self.served.post(path, {"type": "poll", "title": "Next", "config": LIVE_POLL}, hall.ticket)
        self.served.post(f"{path}/{made['id']}/transition", {"target_state": "active"}, hall.ticket)
        last = hall.activities[-1]
        hall.activities.append(made["id"])
        self.served.post(f"{path}/{last}/transition", {"target_state": "closed"}, hall.ticket)

    async def _conclude(self, hall: Hall) -> None:
        path = f"/api/v1/sessions/{hall.id}"
        async with asyncio.timeout(30):
            while True:
                verdict = await asyncio.to_thread(self.served.get, f"{path}/integrity", hall.ticket)
                if verdict["settled"]:
                    break
                await asyncio.sleep(0.2)
        if not verdict["sound"]:
            self.wrong.append(str(verdict))
        await asyncio.to_thread(self.served.delete, path, hall.ticket)
        self.living.discard(hall.id)
        self.done["halls"] += 1


def speak_up(phone: Phone, octets: bytes) -> None:
    """Send something, unless the connection was lost; whoever resumes in his place comes back then."""
    if not phone.closed:
        phone.transport.write(octets)


def ends(values: list[float]) -> tuple[float, float]:
    """The means of the first and of the last tenth."""
    tenth = max(1, len(values) // 10)
    return sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth


def slope(samples: list[tuple[float, float]]) -> float:
    """Growth per second, by least squares."""
    middle = sum(at for at, _ in samples) / len(samples)
    level = sum(size for _, size in samples) / len(samples)
    above = sum((at - middle) * (size - level) for at, size in samples)
    return above / sum((at - middle) ** 2 for at, _ in samples)


async def main(quick: bool, minutes: float) -> Report:
    report = Report("soak", "Soak", ["part", "most, first half MiB", "second half MiB", "growth %", "slope %", "behind it"])
    seconds = minutes * 60
    metrics = free_port()
    with stores() as on, plenum(on=on, PLENUM_METRICS_PORT=str(metrics)) as served:
        churn = Churn(served, min(180.0, seconds / 8))
        halls = [asyncio.create_task(churn.live()) for _ in range(_HALLS)]
        began = time.monotonic()
        watch = Watch(served, on, lambda: set(churn.living))
        drift = 0.0
        while (passed := time.monotonic() - began) < seconds:
            await asyncio.sleep(min(5.0, seconds / 30))
            await asyncio.to_thread(watch.note, passed)
            drift = max(drift, await asyncio.to_thread(read_drift, metrics))
            for task in halls:
                if task.done():
                    task.result()
        churn.ending = True
        await asyncio.gather(*halls)
        verified = await asyncio.to_thread(command, on, "verify")
    grow = watch.tell(report, seconds / 3)
    report.figure("minutes", minutes)
    done = ", ".join(f"{count:,} {name}" for name, count in churn.done.items())
    report.remark(
        f"{minutes:g} minutes, {_HALLS} halls of {_PEOPLE} at a time: {done}. Private (anonymous) memory, read every "
        f"{short(min(5.0, seconds / 30))} s; it counts from a third of the time on. {_GROWTH} "
        f"`plenum verify` at the end: {verified.stdout.strip().splitlines()[-1]}"
    )
    if churn.wrong:
        raise RuntimeError(f"{len(churn.wrong)} things went wrong: {churn.wrong[0]}")
    if not quick:
        report.target(
            f"memory after warm-up, {minutes:g} minutes", f"flat (<= {_MOST_GROWTH_PERCENT:g} %)", "grows" if grow else "flat",
            reached=not grow, why="; ".join(grow) + f". {_CHANGE}",
        )  # fmt: skip
        report.target("drift of counts", "0", short(drift), reached=drift == 0)
    return report


def read_drift(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("plenum_counts_drift "):
                return float(line.split()[1])
    raise RuntimeError("no metric plenum_counts_drift")


if __name__ == "__main__":
    given = arguments(__doc__)
    given.add_argument("--minutes", type=float, default=0, help="how long (default: 30)")
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.minutes or (0.5 if options.quick else 30.0))), options.json))
