"""Outage: an embedded engine is killed in the middle of a question, with thousands of phones in the room.

The phones answer at 500 a second, one after the other, and change their minds; whoever is told to retry sends the same
submission again, as every client does. After some seconds Valkey, or PostgreSQL, is ended as the kernel does it when
memory is short; the server starts it again by itself. Told is the longest time in which no answer at all was accepted,
how often somebody had to send again, whether any connection was lost, and, once all is quiet, the server's own proof: live
counts against rows, doubles, dead letters.
"""

import asyncio
import json
import os
import signal
import time
from itertools import pairwise
from typing import Any

from bench.answers import choose
from bench.measure import Report, arguments, conclude, leave, quantile, short, spread
from bench.phones import Phone, enter, join_all, run
from bench.serving import Hall, Served, plenum

_RATE = 500
_BEFORE_SECONDS, _AFTER_SECONDS = 5.0, 12.0
_MOST_GAP_SECONDS = 5.0
_ENGINES = ("valkey", "postgres")


class Patient:
    """Phones that send a submission again for as long as they are told to."""

    def __init__(self, hall: Hall) -> None:
        self.activity_id = hall.activities[0]
        self.phones: list[Phone] = []
        self.pending: dict[int, tuple[float, bytes]] = {}
        self.accepted: list[tuple[float, float]] = []  # when, and after how long
        self.retries = 0
        self.refused: list[bytes] = []

    def hear(self, phone: Phone, text: bytes) -> None:
        if text.startswith(b'{"type":"accepted"'):
            now = time.perf_counter()
            self.accepted.append((now, now - self.pending.pop(phone.number)[0]))
        elif text.startswith(b'{"type":"retry"'):
            self.retries += 1
            asyncio.get_running_loop().call_later(json.loads(text)["after_ms"] / 1_000, self._send, phone)
        elif text.startswith(b'{"type":"refused"'):
            self.refused.append(text)

    def _send(self, phone: Phone) -> None:
        phone.transport.write(self.pending[phone.number][1])

    async def press_evenly(self, seconds: float) -> None:
        """Whoever still waits for his last answer is passed over."""
        began, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            while done < passed * _RATE:
                done += 1
                phone = self.phones[done * 7919 % len(self.phones)]
                if phone.number not in self.pending:
                    self.pending[phone.number] = time.perf_counter(), choose(self.activity_id, done)
                    self._send(phone)
            await asyncio.sleep(0.002)

    async def rest(self, seconds: float) -> None:
        """Wait until every answer is accepted."""
        async with asyncio.timeout(seconds):
            while self.pending and not self.refused:
                await asyncio.sleep(0.02)


async def kill(served: Served, engine: str, people: int) -> dict[str, float]:
    """One outage in a new session."""
    hall = served.session(most_people=people + 10)
    crowd = Patient(hall)
    joined = await join_all(served.port, hall.code, people)
    crowd.phones = await enter(served.port, [one["ticket"] for one in joined], crowd.hear, 0)
    pressing = asyncio.create_task(crowd.press_evenly(_BEFORE_SECONDS + _AFTER_SECONDS))
    await asyncio.sleep(_BEFORE_SECONDS)
    killed = time.perf_counter()
    os.kill(int((served.folder / "data" / f"{engine}.pid").read_text()), signal.SIGKILL)
    await pressing
    await crowd.rest(60)
    if crowd.refused:
        raise RuntimeError(f"{len(crowd.refused)} answers were refused: {crowd.refused[0].decode()}")
    after = [one for one in crowd.accepted if one[0] > killed]
    lost = sum(phone.transport.is_closing() for phone in crowd.phones)
    proof = await prove(served, hall)
    for phone in crowd.phones:
        phone.transport.abort()
    if not proof["sound"] or proof["drift"] or lost:
        raise RuntimeError(f"{engine} was killed: {lost} connections lost, {proof}")
    return {
        "gap": max(later - earlier for (earlier, _), (later, _) in pairwise([(killed, 0.0), *after])),
        "retries": crowd.retries,
        "p99": quantile([took for _, took in after], 0.99) * 1_000,
        "accepted": len(crowd.accepted),
    }


async def prove(served: Served, hall: Hall) -> dict[str, Any]:
    """What the server says of the session's integrity, once nothing waits to be saved."""
    async with asyncio.timeout(60):
        while True:
            proof: dict[str, Any] = await asyncio.to_thread(served.get, f"/api/v1/sessions/{hall.id}/integrity", hall.ticket)
            if proof["settled"] and not proof["waiting"]:
                return proof
            await asyncio.sleep(0.1)


async def main(quick: bool, repeats: int) -> Report:
    report = Report(
        "outage", "An engine dies in the middle of a question",
        ["killed", "phones", "nothing accepted for s", "sent again", "ack p99 then ms", "accepted", "connections lost", "proof"],
    )  # fmt: skip
    people = 200 if quick else 5_000
    with plenum() as served:
        for engine in _ENGINES:
            found = [await kill(served, engine, people) for _ in range(1 if quick else repeats)]
            columns = {name: spread([one[name] for one in found]) for name in found[0]}
            report.row(
                engine, people, columns["gap"], columns["retries"], columns["p99"], columns["accepted"], 0, "sound",
            )  # fmt: skip
            gap = columns["gap"].median
            report.figure(f"{engine} gap s", gap)
            if not quick:
                report.target(
                    f"{engine} killed among {people} phones: answers go on", f"<= {short(_MOST_GAP_SECONDS)} s",
                    f"{short(gap)} s", reached=gap <= _MOST_GAP_SECONDS,
                )  # fmt: skip
    report.remark(
        f"{_RATE} answers a second. Every answer was accepted in the end, no connection was closed, and the proof found no answer "
        "missing, doubled or counted otherwise than its row; the bench fails where that is not so."
    )
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats)), options.json))
