"""A flusher with nothing to do rests, and what is accepted then is saved no later than ever."""

import asyncio
from typing import Any

import pytest

from persistence import flusher
from persistence.flusher import Flusher


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Flusher[Any]:
    monkeypatch.setattr(flusher, "_REST_SECONDS", 600.0)
    nowhere: Any = None
    return Flusher(nowhere, nowhere, [], "me", rows=1, age_ms=1, retry_ms=1, lease_seconds=1, transient=(), absent=())


async def test_who_is_told_of_nothing_looks_for_himself(idle: Flusher[Any]) -> None:
    async with asyncio.timeout(60):
        await idle._rest()


async def test_a_notice_ends_the_rest_and_so_does_the_end(idle: Flusher[Any]) -> None:
    idle.expect_notices()
    for wake in (idle.notice, idle.hurry, idle.stop):
        idle._quiet_since = 0.0
        resting = asyncio.create_task(idle._rest())
        await asyncio.sleep(0)
        assert idle._resting
        wake()
        async with asyncio.timeout(60):
            await resting


async def test_a_notice_in_the_middle_of_a_round_is_not_lost(idle: Flusher[Any]) -> None:
    idle.expect_notices()
    idle.notice()
    async with asyncio.timeout(60):
        await idle._rest()
