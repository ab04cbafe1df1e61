"""The stored sessions."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from persistence.errors import JoinCodeTaken
from persistence.pool import Database
from persistence.rows import build_optional, build_row, count_affected
from persistence.statements import statement

_CREATE = statement("create_session")
_READ = statement("read_session")
_READ_BY_CODE = statement("read_session_by_code")
_READ_BY_LEGACY_ID = statement("read_session_by_legacy_id")
_LIST = statement("list_sessions")
_COUNT = statement("count_sessions")
_UPDATE = statement("update_session")
_SET_STATE = statement("set_session_state")
_DELETE = statement("delete_session")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as stored; `settings` is JSON text."""

    id: str
    title: str
    description: str | None
    state: str
    join_code: str
    settings: str
    max_participants: int
    version: int
    shard: int
    seq_floor: int
    legacy_id: int | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


async def create(
    database: Database,
    *,
    id: str,
    title: str,
    join_code: str,
    shard: int,
    max_participants: int,
    description: str | None = None,
    settings: str = "{}",
    state: str = "draft",
    legacy_id: int | None = None,
) -> SessionRow:
    """Store a new session; `JoinCodeTaken` when another one has the code."""
    try:
        record = await database.fetchrow(
            _CREATE, id, title, description, state, join_code, settings, max_participants, shard, legacy_id
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "uq_sessions_join_code":
            raise JoinCodeTaken(f"The join code {join_code} is taken; draw a new one.") from error
        raise
    assert record is not None  # RETURNING always yields the row that was inserted
    return build_row(SessionRow, record)


async def read(database: Database, session_id: str) -> SessionRow | None:
    """Return one session, or None."""
    return build_optional(SessionRow, await database.fetchrow(_READ, session_id))


async def by_code(database: Database, join_code: str) -> SessionRow | None:
    """Return the session with this join code, or None."""
    return build_optional(SessionRow, await database.fetchrow(_READ_BY_CODE, join_code))


async def by_legacy_id(database: Database, legacy_id: int) -> SessionRow | None:
    """Return the imported session that had this integer id, or None."""
    return build_optional(SessionRow, await database.fetchrow(_READ_BY_LEGACY_ID, legacy_id))


async def list_page(
    database: Database, *, offset: int, limit: int, state: str | None = None
) -> tuple[list[SessionRow], int]:
    """Return a page of sessions, newest first, and how many there are on all pages."""
    records = await database.fetch(_LIST, state, limit, offset)
    total: int = await database.fetchval(_COUNT, state)
    return [build_row(SessionRow, record) for record in records], total


async def update(
    database: Database,
    session_id: str,
    *,
    title: str | None = None,
    description: str | None = None,
    settings: str | None = None,
    max_participants: int | None = None,
    expected_version: int | None = None,
) -> SessionRow | None:
    """Change what is given and raise the version.

    Returns None when there is no such session or its version is another than expected.
    """
    record = await database.fetchrow(
        _UPDATE, session_id, expected_version, title, description, settings, max_participants
    )
    return build_optional(SessionRow, record)


async def set_state(
    database: Database, session_id: str, state: str, *, expected_version: int | None = None
) -> SessionRow | None:
    """Put a session into a state and set its times; None as with `update`."""
    return build_optional(
        SessionRow, await database.fetchrow(_SET_STATE, session_id, expected_version, state)
    )


async def delete(database: Database, session_id: str) -> bool:
    """Delete a session with its activities, participants and responses; False when there is none."""
    return count_affected(await database.execute(_DELETE, session_id)) > 0
