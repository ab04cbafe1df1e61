"""Loops of a process: they run beside everything else, and a fault that nobody foresaw does not end them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

log = logging.getLogger("plenum.app")

Loop = Callable[[], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def run_beside(loops: Sequence[Loop]) -> AsyncIterator[None]:
    """Run loops beside the body, until it is left."""
    tasks = [asyncio.create_task(until_done(loop)) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_done(loop: Loop) -> None:
    """Run a loop until it ends by itself; start it again when a fault nobody foresaw ends it."""
    while True:
        try:
            await loop()
        except Exception:
            # The boundary of the process: one fault must not end what everybody in the room lives by.
            log.exception("a loop of the server ended by a fault; it starts again in a second")
            await asyncio.sleep(1.0)
        else:
            return
