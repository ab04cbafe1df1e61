"""The stored activities."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from persistence.errors import ParentMissing
from persistence.pool import Database
from persistence.rows import build_optional, build_row
from persistence.statements import statement

_CREATE = statement("create_activity")
_READ = statement("read_activity")
_LIST_OF_SESSION = statement("list_activities_of_session")
_LIST = statement("list_activities")
_COUNT = statement("count_activities")
_UPDATE = statement("update_activity")
_MOVE = statement("move_activity")
_NOTE_CLOSED_OFFSET = statement("note_closed_offset")
_DELETE = statement("delete_activity")

MOST_ACTIVITIES: Final = 10_000  # the highest that the setting max_activities can be


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """An activity as stored; `config` is JSON text, `status` is derived from `state` by the database."""

    id: str
    session_id: str
    type: str
    title: str
    config: str
    order_index: int
    state: str
    status: str
    round: int
    revealed: bool
    version: int
    opened_at: datetime | None
    closed_at: datetime | None
    deadline_at: datetime | None
    closed_offset: int | None
    created_at: datetime
    updated_at: datetime
    answers_from: datetime | None = None  # end of the reading phase
    paused_at: datetime | None = None
    decisions_version: int = 0


async def create(
    database: Database,
    *,
    id: str,
    session_id: str,
    type: str,
    title: str,
    config: str = "{}",
    order_index: int | None = None,
    state: str = "draft",
) -> ActivityRow:
    """Store a new activity, last unless a place is given; `ParentMissing` without its session."""
    try:
        record = await database.fetchrow(_CREATE, id, session_id, type, title, config, order_index, state)
    except asyncpg.ForeignKeyViolationError as error:
        raise ParentMissing(f"There is no session {session_id}.") from error
    assert record is not None  # RETURNING always yields the row that was inserted
    return build_row(ActivityRow, record)


async def read(database: Database, activity_id: str) -> ActivityRow | None:
    """Return one activity, or None."""
    return build_optional(ActivityRow, await database.fetchrow(_READ, activity_id))


async def of_session(database: Database, session_id: str, *, limit: int = MOST_ACTIVITIES) -> list[ActivityRow]:
    """Return a session's activities in their order."""
    return [
        build_row(ActivityRow, record) for record in await database.fetch(_LIST_OF_SESSION, session_id, limit)
    ]


async def list_page(
    database: Database, session_id: str, *, offset: int, limit: int, state: str | None = None
) -> tuple[list[ActivityRow], int]:
    """Return a page of a session's activities in their order, and how many there are on all pages."""
    records = await database.fetch(_LIST, session_id, state, limit, offset)
    total: int = await database.fetchval(_COUNT, session_id, state)
    return [build_row(ActivityRow, record) for record in records], total


async def update_config(
    database: Database,
    activity_id: str,
    *,
    title: str | None = None,
    config: str | None = None,
    order_index: int | None = None,
    expected_version: int | None = None,
) -> ActivityRow | None:
    """Change what is given and raise the version.

    Returns None when there is no such activity or its version is another than expected.
    """
    record = await database.fetchrow(_UPDATE, activity_id, expected_version, title, config, order_index)
    return build_optional(ActivityRow, record)


async def move(
    database: Database,
    activity_id: str,
    *,
    expected_version: int | None,
    state: str,
    round: int,
    revealed: bool,
    deadline_at: datetime | None = None,
) -> ActivityRow | None:
    """Put an activity into a state, round and visibility, set its times and raise the version.

    A missing deadline clears the stored one. Returns None as `update_config` does.
    """
    record = await database.fetchrow(
        _MOVE, activity_id, expected_version, state, round, revealed, deadline_at
    )
    return build_optional(ActivityRow, record)


async def note_closed_offset(database: Database, activity_id: str, offset: int) -> ActivityRow | None:
    """Remember at which offset the live store closed an activity; None when it is open again or gone.

    The version stays: this notes a move, it is none.
    """
    return build_optional(ActivityRow, await database.fetchrow(_NOTE_CLOSED_OFFSET, activity_id, offset))


async def delete(database: Database, activity_id: str) -> bool:
    """Delete an activity with its responses; False when there is none."""
    deleted: int = await database.fetchval(_DELETE, activity_id)
    return deleted > 0
