"""A hall comes back: the hub is killed in the middle of answers, started again, and every phone is held to account.

Valkey and PostgreSQL go on; the hub is a process of its own on their addresses. Each phone remembers what it was told,
frame by frame. After the storm all frames are replayed as a client does: a delta must start where the phone stood.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from bench.answers import speak
from bench.measure import quantile
from bench.phones import Phone, enter, join_all, open_phones, seat
from bench.serving import Hall, Served, command, free_port, plenum, stores

_WINDOW_SECONDS = 5.0  # what the server announces as reconnect_window_ms
_LEAST_WAIT, _MOST_WAIT = 0.1, 2.0


def last_position(text: bytes) -> dict[str, Any]:
    """Where the phone stands that was told this last."""
    frame = json.loads(text)
    state = frame.get("state", frame)
    return {"epoch": state["epoch"], "offset": state["offset"]}


class Survivor:
    """One participant: what was told, what was answered, what is still under way."""

    def __init__(self, number: int, ticket: str) -> None:
        self.number = number
        self.ticket = ticket
        self.told: list[bytes] = []
        self.choice = ""
        self.pending: bytes | None = None
        self.phone: Phone | None = None
        self.welcome_seconds = 0.0
        self.back_at = 0.0
        self.resent = False

    def hear(self, _: Phone, text: bytes) -> None:
        if text.startswith((b'{"type":"delta"', b'{"type":"snapshot"', b'{"type":"welcome"')):
            self.told.append(text)
        elif text.startswith(b'{"type":"accepted"'):
            self.pending = None
        elif text.startswith(b'{"type":"retry"'):
            asyncio.get_running_loop().call_later(0.5, self.send)
        elif text.startswith(b'{"type":"refused"'):
            raise RuntimeError(text.decode())

    def press(self, activity_id: str, choice: str) -> None:
        self.choice = choice
        self.pending = speak(activity_id, self.number + 10, {"selected": [choice]})
        self.send()

    def send(self) -> None:
        if self.pending is not None and self.phone is not None and not self.phone.closed:
            self.phone.transport.write(self.pending)

    def position(self) -> dict[str, Any]:
        """Where it stands, by the last frame it was told."""
        return last_position(self.told[-1])

    async def return_to(self, port: int) -> None:
        """As a client comes back: after a random part of the window, then with growing pauses until it is let in."""
        await asyncio.sleep(random.uniform(0, _WINDOW_SECONDS))
        wait = _LEAST_WAIT
        while True:
            try:
                phones = await open_phones(port, 1, heard=self.hear, first=self.number)
                started = time.perf_counter()
                self.phone = phones[0]
                await seat(phones, [self.ticket], positions=[self.position()])
            except (OSError, RuntimeError):
                await asyncio.sleep(wait * random.uniform(0.5, 1.5))
                wait = min(wait * 2, _MOST_WAIT)
                continue
            self.back_at = time.perf_counter()
            self.welcome_seconds = self.back_at - started
            self.resent = self.pending is not None
            self.send()
            return


def replay(survivor: Survivor) -> tuple[dict[str, Any], dict[str, Any], int]:
    """What the phone shows in the end, its own answers as last told, and how often it came back by a delta."""
    shown: dict[str, Any] = {}
    mine: dict[str, Any] = {}
    epoch, offset, deltas = "", 0, 0
    for index, text in enumerate(survivor.told):
        frame = json.loads(text)
        state = frame.get("state", frame)
        mine = frame.get("mine", mine)
        if state["type"] == "snapshot":
            shown = dict(state["set"])
        else:
            if (state["epoch"], state["since"]) != (epoch, offset):
                raise RuntimeError(f"phone {survivor.number} stood at {epoch} {offset} and was told a delta from {state['since']}")
            # First what is gone, each key with all that begin with it and a colon; then what is there.
            for gone in state["removed"]:
                for key in [key for key in shown if key == gone or key.startswith(gone + ":")]:
                    del shown[key]
            shown |= state["set"]
            deltas += int(index > 0 and "state" in frame)
        epoch, offset = state["epoch"], state["offset"]
    return shown, mine, deltas


def check(survivors: list[Survivor], hall: Hall) -> int:
    """Everybody must show the same exact counts and has his own answer; returns how many came back by a delta."""
    activity_id = hall.activities[0]
    expected = Counter(one.choice for one in survivors)
    came_by_delta = 0
    for one in survivors:
        shown, mine, deltas = replay(one)
        came_by_delta += deltas
        counts: Mapping[str, int] = shown[f"view:{activity_id}"]["vote_counts"]
        if {name: count for name, count in counts.items() if count} != dict(expected):
            raise RuntimeError(f"phone {one.number} shows {counts}, but {dict(expected)} were answered")
        own = mine[activity_id][0]["data"]["selected"]
        if own != [one.choice] and one.back_at and not one.resent:
            raise RuntimeError(f"phone {one.number} was told that it answered {own}, and answered {one.choice}")
    return came_by_delta


async def arrive(served: Served, hall: Hall, people: int) -> list[Survivor]:
    joined = await join_all(served.port, hall.code, people)
    survivors = [Survivor(number, one["ticket"]) for number, one in enumerate(joined)]
    tickets = [one.ticket for one in survivors]
    phones = await enter(served.port, tickets, lambda phone, text: survivors[phone.number].hear(phone, text))
    for phone, one in zip(phones, survivors, strict=True):
        phone.heard, one.phone = one.hear, phone
    return survivors


async def answered(survivors: list[Survivor], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while any(one.pending for one in survivors):
            await asyncio.sleep(0.02)


async def shown_to_all(survivors: list[Survivor], hall: Hall, served: Served) -> None:
    """Wait until everybody has been told as much as the server knows."""
    path = f"/api/v1/sessions/{hall.id}/changes"
    async with asyncio.timeout(30):
        while True:
            present = (await asyncio.to_thread(served.get, path, hall.ticket))["offset"]
            if all(one.position()["offset"] >= present for one in survivors):
                return
            await asyncio.sleep(0.1)


async def come_back(people: int) -> dict[str, float]:
    """One storm; raises where anything is not exact."""
    with stores() as on, ExitStack() as first:
        port = free_port()
        served = first.enter_context(plenum(on=on, port=port))
        hall = served.session(most_people=people + 10)
        survivors = await arrive(served, hall, people)
        for one in survivors:
            one.press(hall.activities[0], random.choice("abcd"))
        await answered(survivors)
        for one in survivors[: people // 4]:
            one.press(hall.activities[0], random.choice("abcd"))
        await asyncio.sleep(0.05)
        killed = time.perf_counter()
        os.kill(served.pid, signal.SIGKILL)
        served.process.wait()
        first.close()
        returning = [asyncio.create_task(one.return_to(port)) for one in survivors]
        again = await asyncio.to_thread(lambda: first.enter_context(plenum(on=on, port=port)))
        serving, before = time.perf_counter(), again.cpu("hub")
        async with asyncio.timeout(60):
            await asyncio.gather(*returning)
        used = again.cpu("hub") - before
        await answered(survivors)
        await shown_to_all(survivors, hall, again)
        deltas = check(survivors, hall)
        for one in survivors:
            assert one.phone is not None
            one.phone.transport.abort()
        command(on, "verify")
        return {
            "per cpu": people / used,
            "took": max(one.back_at for one in survivors) - killed,
            "serving": serving - killed,
            "p50": quantile([one.welcome_seconds for one in survivors], 0.5) * 1_000,
            "p99": quantile([one.welcome_seconds for one in survivors], 0.99) * 1_000,
            "hub": used / people * 1e6,
            "deltas": float(deltas),
            "resent": float(sum(one.resent for one in survivors)),
        }
