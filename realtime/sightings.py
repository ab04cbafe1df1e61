"""When participants were last seen, stored once they are gone: while somebody is here, that is when he was last seen."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from persistence import participants
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from realtime.rooms import Room

log = logging.getLogger("plenum.sightings")

_EVERY_SECONDS: Final = 5.0
_AT_ONCE: Final = 5_000  # rows per statement
_MOST_WAITING: Final = 50_000  # sightings kept while PostgreSQL is away; then the oldest are forgotten


class Sightings:
    """Compares who is connected to this process with who was a moment ago."""

    def __init__(
        self, pool: Pool, rooms: Callable[[], Mapping[str, Room]], *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._pool = pool
        self._rooms = rooms
        self._clock = clock
        self._here: set[str] = set()
        self._waiting: dict[str, datetime] = {}

    async def run(self) -> None:
        """Look, and store, again and again, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            self.look()
            try:
                await self.store()
            except STORAGE_ERRORS as error:
                log.debug("when people were last seen is stored later: %s", error)

    def look(self) -> None:
        """Note who has gone since the last look."""
        here = {participant_id for room in self._rooms().values() for participant_id in room.people}
        now = self._clock()
        for participant_id in self._here - here:
            self._waiting.pop(participant_id, None)  # the newest last
            self._waiting[participant_id] = now
        self._here = here
        while len(self._waiting) > _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    async def store(self) -> None:
        """Write down what was noted; raises where PostgreSQL is away, and then nothing is forgotten."""
        while self._waiting:
            batch = dict(list(self._waiting.items())[:_AT_ONCE])
            await participants.touch(self._pool, batch)
            for participant_id, seen_at in batch.items():
                if self._waiting.get(participant_id) == seen_at:
                    del self._waiting[participant_id]
