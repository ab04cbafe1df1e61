"""The audit: who did what in which session; it outlives the session."""

from dataclasses import dataclass
from datetime import datetime

from persistence.pool import Database
from persistence.rows import build_row
from persistence.statements import statement

_RECORD = statement("record_event")
_LIST_OF_SESSION = statement("list_events_of_session")
_LIST_OF_ACTOR = statement("list_events_of_actor")


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the audit; `meta` is JSON text."""

    id: int
    session_id: str
    activity_id: str | None
    actor: str
    action: str
    meta: str
    created_at: datetime


async def record(
    database: Database,
    *,
    session_id: str,
    actor: str,
    action: str,
    activity_id: str | None = None,
    meta: str = "{}",
) -> EventRow:
    """Write one line."""
    written = await database.fetchrow(_RECORD, session_id, activity_id, actor, action, meta)
    assert written is not None  # RETURNING always yields the row that was inserted
    return build_row(EventRow, written)


async def of_session(database: Database, session_id: str, *, limit: int, after_id: int = 0) -> list[EventRow]:
    """Return a session's lines after an id, oldest first."""
    return [
        build_row(EventRow, row)
        for row in await database.fetch(_LIST_OF_SESSION, session_id, after_id, limit)
    ]


async def of_actor(
    database: Database, actor: str, *, limit: int, action: str | None = None
) -> list[EventRow]:
    """Return what one actor did, newest first."""
    return [build_row(EventRow, row) for row in await database.fetch(_LIST_OF_ACTOR, actor, action, limit)]
