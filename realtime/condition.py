"""How this process is doing: Redis, PostgreSQL, the outbox, the event loop. Measured once a second, told to presenters."""

import asyncio
import logging
import time

from realtime.store.connection import Incarnation
from realtime.store.outbox import Outbox

log = logging.getLogger("plenum.condition")

LATE_MS = 3_000  # an oldest unsaved answer older than this means PostgreSQL does not keep up


class Condition:
    """The last measurements. `live` false: answers get `retry`. `waiting` and `lag_ms` are of the whole store."""

    def __init__(self, incarnation: Incarnation, outbox: Outbox) -> None:
        self._incarnation = incarnation
        self._outbox = outbox
        self.waiting = 0
        self.lag_ms = 0
        self.loop_lag_seconds = 0.0
        self._answers = True  # whether Redis did, the last time that it was asked

    @property
    def live(self) -> bool:
        # Where a server of a cluster is away, the sessions of the others go on.
        return any(self._incarnation.epochs) and self._answers

    def document(self) -> dict[str, object]:
        """What presenters are told."""
        return {"live": self.live, "saving": self.lag_ms < LATE_MS, "waiting": self.waiting, "lag_ms": self.lag_ms}

    async def run(self, every_seconds: float = 1.0) -> None:
        """Measure until cancelled."""
        while True:
            started = time.monotonic()
            await asyncio.sleep(every_seconds)
            self.loop_lag_seconds = max(0.0, time.monotonic() - started - every_seconds)
            try:
                self.waiting, self.lag_ms = await self._outbox.backlog()
                self._answers = True
            except ConnectionError as error:
                self._answers = False
                log.debug("the outbox cannot be measured: %s", error)
