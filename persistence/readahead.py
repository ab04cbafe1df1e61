"""The batch that will be saved next, read while PostgreSQL is at the present one. Never more than one."""

import asyncio
from dataclasses import dataclass
from typing import Generic, TypeVar

PendingT = TypeVar("PendingT")


@dataclass(frozen=True, slots=True)
class Ahead(Generic[PendingT]):
    """A batch in hand, or on its way. It counts only under the lease that it was begun with."""

    shard: int
    lease_token: int
    reading: asyncio.Task[PendingT]

    async def drop(self) -> None:
        """Throw it away, whatever became of it: its rows are still in the outbox."""
        self.reading.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)
