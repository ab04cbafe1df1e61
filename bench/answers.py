"""Phones that answer: as fast as they are acknowledged, or at a given rate, with the time that each took."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.phones import Phone, enter, frame, join_all, uuid7
from bench.serving import Hall, Served

Say = Callable[[str, int], bytes]  # (activity, number) -> a ready submit frame


def choose(activity_id: str, number: int) -> bytes:
    """An answer to a poll."""
    return speak(activity_id, number, {"selected": ["abcd"[number % 4]]})


def write_text(activity_id: str, number: int) -> bytes:
    """An answer to an open question, each another text."""
    text = f"What I did not see at all was point {number} and what {number % 977} has to do with it."
    return speak(activity_id, number, {"entries": [text]})


def speak(activity_id: str, number: int, data: dict[str, Any]) -> bytes:
    message = {"id": number, "type": "submit", "activity_id": activity_id, "submission_id": uuid7(), "data": data}
    return frame(json.dumps(message, separators=(",", ":")).encode())


class Crowd:
    """Phones in their sessions. Counts acknowledgements and their delays; `again` makes each press anew at once."""

    def __init__(self, say: Say = choose) -> None:
        self.say = say
        self.phones: list[Phone] = []
        self.activities: list[str] = []
        self.accepted = 0
        self.pressed = 0
        self.refused: list[bytes] = []
        self.latencies: list[float] = []
        self.last_at = 0.0
        self.again = False
        self.all_acked: asyncio.Event | None = None
        self.on_state: Callable[[Phone, bytes], None] | None = None
        self._sent_at: list[float] = []

    async def arrive(self, served: Served, halls: Sequence[Hall], people: int) -> None:
        """Let so many people into each of the halls."""
        for hall in halls:
            joined = await join_all(served.port, hall.code, people)
            first = len(self.phones)
            self.activities += [hall.activities[0]] * people
            self._sent_at += [0.0] * people
            self.phones += await enter(served.port, [one["ticket"] for one in joined], self._hear, first)

    def _hear(self, phone: Phone, text: bytes) -> None:
        if text.startswith(b'{"type":"accepted"'):
            self.last_at = time.perf_counter()
            self.latencies.append(self.last_at - self._sent_at[phone.number])
            self.accepted += 1
            if self.again:
                self.press(phone)
            elif self.all_acked is not None and self.accepted >= self.pressed:
                self.all_acked.set()
        elif text.startswith((b'{"type":"refused"', b'{"type":"retry"')):
            self.refused.append(text)
        elif self.on_state is not None:
            self.on_state(phone, text)

    def press(self, phone: Phone) -> None:
        self.pressed += 1
        self._sent_at[phone.number] = time.perf_counter()
        phone.transport.write(self.say(self.activities[phone.number], self.pressed))

    def check(self) -> None:
        """Every answer must have been accepted."""
        if self.refused:
            raise RuntimeError(f"{len(self.refused)} answers were not accepted: {self.refused[0].decode()}")

    async def settle(self, seconds: float = 10.0) -> None:
        """Stop answering, and wait for what is under way."""
        self.again = False
        async with asyncio.timeout(seconds):
            while self.accepted < self.pressed and not self.refused:
                await asyncio.sleep(0.01)
        self.check()

    async def press_evenly(self, rate: float, seconds: float) -> None:
        """Answers at this rate, by one phone after the other, in steps of two milliseconds."""
        began, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            while done < passed * rate:
                self.press(self.phones[done * 7919 % len(self.phones)])
                done += 1
            await asyncio.sleep(0.002)

    def leave(self) -> None:
        for phone in self.phones:
            phone.transport.abort()
