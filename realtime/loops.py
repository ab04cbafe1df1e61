"""Loops of a process: they run beside everything else, and a fault that nobody foresaw does not end them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from typing import Any, Final, TypeVar

log = logging.getLogger("plenum.app")

_AGAIN_SECONDS: Final = 0.2

Loop = Callable[[], Coroutine[Any, Any, None]]
T = TypeVar("T")


@contextlib.asynccontextmanager
async def run_beside(loops: Sequence[Loop]) -> AsyncIterator[None]:
    """Run loops beside the body, until it is left."""
    tasks = [asyncio.create_task(until_done(loop)) for loop in loops]
    try:
        yield
    finally:
        await end_tasks(tasks)


class Errands:
    """Short tasks that outlive whoever started them, for instance one call for many. They end before what they use does."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._over = False

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it beside everything else; once errands have ended, it is cancelled before it begins."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._over:
            task.cancel()
        return task

    async def end(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        self._over = True
        while self._tasks:  # one that ends may have started another
            await end_tasks(list(self._tasks))


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, whatever their ends are.

    A client library that is cancelled may tell of it with an error of its own, which a loop takes for a fault that
    passes (and asyncio.wait_for of Python 3.11 may forget it altogether); so it is said again.
    """
    pending: Collection[asyncio.Task[Any]] = [task for task in tasks if not task.done()]
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


def heed_cancellation() -> None:
    """End this task if it was to end before, and something that was waited for forgot it; raises CancelledError.

    So a Ctrl-C in the first second, while stores are being connected to, is not lost.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


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
