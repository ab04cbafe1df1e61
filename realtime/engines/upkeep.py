"""Keeps the engines running: whichever ends by itself is started again, for as long as the server runs.

What was accepted is on disk, and the server finds its way back by itself as soon as the engine answers; all that is
needed is that somebody starts it. The one that kept ending is started less and less often, but for ever.
"""

import asyncio
import logging
import time
from typing import Final

from realtime.engines.engine import Engine
from realtime.engines.errors import EngineError
from realtime.engines.supervisor import Engines

_LOOK_SECONDS: Final = 0.1
_FIRST_PAUSE_SECONDS: Final = 0.1
_MOST_PAUSE_SECONDS: Final = 10.0
_CALM_SECONDS: Final = 60.0  # one that ran for so long is started again at once
_READY_SECONDS: Final = 120.0  # a large store takes its time to load; one that takes longer is started anew

_log = logging.getLogger("plenum.engines")


class Upkeep:
    """`run` in the event loop of the main thread, for only that may start engines. `restarts` counts."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self.restarts = 0

    async def run(self) -> None:
        """Look after all of them until cancelled."""
        async with asyncio.TaskGroup() as group:
            for engine in self._engines.parts:
                group.create_task(self._keep(engine))

    async def _keep(self, engine: Engine) -> None:
        pause_seconds, since = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                engine.check()
            except EngineError as error:
                _log.error("%s", error)
            else:
                continue
            if time.monotonic() - since > _CALM_SECONDS:
                pause_seconds = 0.0
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(max(2 * pause_seconds, _FIRST_PAUSE_SECONDS), _MOST_PAUSE_SECONDS)
            since = time.monotonic()
            await self._start(engine, since)

    async def _start(self, engine: Engine, began: float) -> None:
        """Start one that ended; where that fails it is found ended again."""
        self.restarts += 1
        try:
            engine.spawn(began + _READY_SECONDS)
        except (EngineError, OSError) as error:
            _log.error("%s could not be started again: %s", engine.name, error)
            return
        while engine.running:
            try:
                is_ready = await asyncio.to_thread(engine.ready)
            except (EngineError, OSError) as error:  # it answers, and refuses: all who lost it may want it back at once
                _log.debug("%s is not ready: %s", engine.name, error)
                is_ready = False
            if is_ready:
                _log.warning("%s runs again, after %.1f s", engine.name, time.monotonic() - began)
                return
            if time.monotonic() - began > _READY_SECONDS:
                _log.error("%s was not ready within %.0f s", engine.name, _READY_SECONDS)
                engine.kill()
                return
            await asyncio.sleep(_LOOK_SECONDS / 2)
