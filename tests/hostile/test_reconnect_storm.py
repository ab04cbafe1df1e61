"""Fault 25: a hub dies, and everybody it served comes to another one at once, while people there go on answering."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.others import Others
from tests.hostile.raw import Raw
from tests.journey.servers import Server
from tests.journey.stages import open_stage

CLIENTS = 1_500
AT_A_TIME = 100
SOURCES = [f"127.0.0.{number}" for number in range(2, 6)]  # ports of one address would not do for a real storm
BACK_SECONDS = 10.0  # beyond the window that clients are told; a shared machine is given twice that


async def arrive(url: str, ticket: str, position: dict[str, Any] | None, number: int) -> tuple[Raw, dict[str, Any]]:
    """A welcome connection, however often it is told to wait; and its welcome."""
    while True:
        raw = None
        try:
            raw = await Raw.upgrade(url, source=SOURCES[number % len(SOURCES)])
            await raw.tell({"type": "hello", "id": 1, "ticket": ticket, **({"position": position} if position else {})})
            reply = await raw.reply(1)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            reply = {"type": "retry", "after_ms": random.randint(100, 500)}  # as clients do
        if raw is not None and reply["type"] == "welcome":
            return raw, reply
        assert reply["type"] == "retry", reply
        if raw is not None:
            await raw.close()
        await asyncio.sleep((reply["after_ms"] or 500) / 1_000)


@pytest.mark.timeout(240)
async def test_reconnect_storm(make_hub: Callable[..., Server], sockets: list[Raw]) -> None:
    dying, staying = make_hub(), make_hub()
    stage = await open_stage(staying.url, staying.database_url)
    others = await Others.enter(staying, stage)
    sockets += others.phones
    tickets = [(await others.scene.join(f"S{number}")).ticket for number in range(30)]
    turns = asyncio.Semaphore(AT_A_TIME)

    async def first(number: int) -> tuple[Raw, dict[str, Any]]:
        async with turns:
            return await arrive(dying.url, tickets[number % len(tickets)], None, number)

    held = await asyncio.gather(*(first(number) for number in range(CLIENTS)))
    window_seconds = held[0][1]["reconnect_window_ms"] / 1_000
    answering = asyncio.create_task(others.p99(window_seconds + 5))
    os.kill(dying.pid, signal.SIGKILL)
    started = time.monotonic()

    async def again(number: int) -> dict[str, Any]:
        old, welcome = held[number]
        await old.rest()
        await old.close()
        state = welcome["state"]
        await asyncio.sleep(random.uniform(0, window_seconds))
        position = {"epoch": state["epoch"], "offset": state["offset"]}
        raw, welcome = await arrive(staying.url, tickets[number % len(tickets)], position, number)
        sockets.append(raw)
        return welcome

    welcomes = await asyncio.gather(*(again(number) for number in range(CLIENTS)))
    seconds = time.monotonic() - started
    assert {welcome["state"]["type"] for welcome in welcomes} == {"delta"}, "who held a state is told what changed, no more"
    assert seconds < window_seconds + 2 * BACK_SECONDS, f"{seconds:.1f} s"
    assert await answering < 5.0, "answers keep flowing; each was accepted"
    await stage.close()
