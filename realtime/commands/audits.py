"""Changes that the audit tells of: line and change are written together, or neither is."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from persistence import events, unpublished
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Connection, Pool
from persistence.unpublished import Kind, Owed
from realtime.commands.actors import Actor
from realtime.core.errors import Refusal
from realtime.core.json_text import encode


@dataclass(frozen=True, slots=True)
class Audit:
    """A transaction of one actor. Nothing may be waited for in it but its own connection, and nothing published."""

    connection: Connection
    actor: Actor

    async def owe(self, kind: Kind, subject: str = "") -> Owed:
        """Note that something is to be published, for `Publisher.pay`. After the change, whose row others wait for first."""
        return await unpublished.owe(self.connection, self.actor.session_id, kind, subject)

    async def record(self, action: str, activity_id: str | None = None, **meta: Any) -> None:
        """Write a line, which is there once the transaction is."""
        await events.record(
            self.connection, session_id=self.actor.session_id, actor=self.actor.name, action=action, activity_id=activity_id,
            meta=encode(meta),
        )  # fmt: skip


@contextlib.asynccontextmanager
async def audited(pool: Pool, actor: Actor) -> AsyncIterator[Audit]:
    """Write what an actor changes, with its lines, in one transaction; a Refusal in it undoes all, and so does whatever fails.

    What is to reach the live store is owed in it and published after it.
    """
    try:
        async with pool.acquire() as connection, connection.transaction():
            yield Audit(connection, actor)
    except STORAGE_ERRORS as error:
        raise Refusal("storage_unavailable", after_ms=1_000) from error
