"""Waiting for what nobody tells of: asked again and again, with a deadline. Every other test waits here."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

WAIT_SECONDS = 25.0  # where a test says nothing else: a busy machine may take long, and a hang ends
_EVERY_SECONDS = 0.01


async def eventually(
    holds: Callable[[], Any], what: str | Callable[[], str] = "it holds", seconds: float = WAIT_SECONDS,
    every_seconds: float = _EVERY_SECONDS,
) -> Any:  # fmt: skip
    """Wait until something (or what it awaits) is truthy, and return it; AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, _late(what, seconds)
        await asyncio.sleep(every_seconds)


def wait_until(holds: Callable[[], Any], what: str | Callable[[], str] = "it holds", seconds: float = WAIT_SECONDS) -> Any:
    """As `eventually`, for tests without a loop."""
    deadline = time.monotonic() + seconds
    while True:
        if value := holds():
            return value
        assert time.monotonic() < deadline, _late(what, seconds)
        time.sleep(_EVERY_SECONDS)


def _late(what: str | Callable[[], str], seconds: float) -> str:
    return f"not in {seconds} s: {what if isinstance(what, str) else what()}"
