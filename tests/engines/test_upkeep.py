"""An engine that ended is brought back, whatever it says while it comes."""

import asyncio
from typing import Any, cast

from realtime.engines import EngineError, Engines
from realtime.engines.upkeep import Upkeep


class Moody:
    """An engine that ended, and refuses whom it knows for a moment after it was started again."""

    name = "PostgreSQL"

    def __init__(self) -> None:
        self.running = False
        self.refusals = 2
        self.is_back = asyncio.Event()

    def check(self) -> None:
        if not self.running:
            raise EngineError("PostgreSQL ended")

    def spawn(self, deadline_seconds: float) -> None:
        self.running = True

    def ready(self) -> bool:
        if self.refusals:
            self.refusals -= 1
            raise EngineError("PostgreSQL refuses the database plenum (SQLSTATE 53300): too many clients")
        self._loop.call_soon_threadsafe(self.is_back.set)
        return True

    def watch(self) -> None:
        self._loop = asyncio.get_running_loop()


class Pair:
    def __init__(self, part: Any) -> None:
        self.parts = [part]


async def test_one_that_refuses_for_a_moment_is_still_looked_after() -> None:
    engine = Moody()
    engine.watch()
    upkeep = Upkeep(cast(Engines, Pair(engine)))
    running = asyncio.create_task(upkeep.run())
    try:
        for restarts in (1, 2):
            async with asyncio.timeout(20):
                await engine.is_back.wait()
            assert (upkeep.restarts, running.done()) == (restarts, False)
            engine.is_back.clear()
            engine.running, engine.refusals = False, 1  # and ends once more
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
