"""Who is let in first when everybody comes at once: phones that were in the room before newcomers."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from realtime.core.errors import Refusal


class Greetings:
    """Gives turns to connections that said hello. Those with a position come first; the wait is bounded."""

    def __init__(self, *, most_at_once: int, most_waiting: int) -> None:
        self._free = most_at_once
        self._most_waiting = most_waiting
        self._returning: deque[asyncio.Future[None]] = deque()
        self._newcomers: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._returning) + len(self._newcomers)

    @contextlib.asynccontextmanager
    async def turn(self, *, returning: bool) -> AsyncIterator[None]:
        """Wait for a turn; raises Refusal `overloaded` when too many wait."""
        await self._take(self._returning if returning else self._newcomers)
        try:
            yield
        finally:
            self._give()

    async def _take(self, line: deque[asyncio.Future[None]]) -> None:
        if self._free > 0:
            self._free -= 1
            return
        if self.waiting >= self._most_waiting:
            raise Refusal("overloaded", after_ms=2_000)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._give()  # the turn had been given to somebody who left
            raise

    def _give(self) -> None:
        for line in (self._returning, self._newcomers):
            while line:
                place = line.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self._free += 1
