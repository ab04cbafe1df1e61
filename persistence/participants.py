"""The stored participants; most come through the outbox, see `batch`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from persistence.errors import ParentMissing, ParticipantExists
from persistence.pool import Database
from persistence.rows import build_optional, build_row, count_affected
from persistence.statements import statement

_CREATE = statement("create_participant")
_READ = statement("read_participant")
_LIST = statement("list_participants")
_COUNT = statement("count_participants")
_SET_INACTIVE = statement("set_participant_inactive")
_TOUCH = statement("touch_participants")
_DELETE = statement("delete_participant")


@dataclass(frozen=True, slots=True)
class ParticipantRow:
    """A participant as stored; not `is_active` means removed by a presenter."""

    id: str
    session_id: str
    nickname: str
    anonymous: bool
    role: str
    is_active: bool
    legacy_id: int | None
    joined_at: datetime
    last_seen: datetime
    created_at: datetime
    updated_at: datetime
    extra_time_percent: int = 0


async def create(
    database: Database,
    *,
    id: str,
    session_id: str,
    nickname: str,
    anonymous: bool = False,
    role: str = "participant",
    legacy_id: int | None = None,
) -> ParticipantRow:
    """Store a participant who did not come through the outbox; `ParentMissing` without the session, or `ParticipantExists`."""
    try:
        record = await database.fetchrow(_CREATE, id, session_id, nickname, anonymous, role, legacy_id)
    except asyncpg.ForeignKeyViolationError as error:
        raise ParentMissing(f"There is no session {session_id}.") from error
    except asyncpg.UniqueViolationError as error:
        raise ParticipantExists(f"Participant {id} is stored already.") from error
    assert record is not None  # RETURNING always yields the row that was inserted
    return build_row(ParticipantRow, record)


async def read(database: Database, participant_id: str) -> ParticipantRow | None:
    """Return one participant, or None."""
    return build_optional(ParticipantRow, await database.fetchrow(_READ, participant_id))


async def of_session(
    database: Database, session_id: str, *, offset: int = 0, limit: int = 10_000, active_only: bool = False
) -> list[ParticipantRow]:
    """Return a page of a session's participants in the order of their ids, which is that of joining."""
    records = await database.fetch(_LIST, session_id, active_only, limit, offset)
    return [build_row(ParticipantRow, record) for record in records]


async def count(database: Database, session_id: str, *, active_only: bool = False) -> int:
    """Return how many participants of a session are stored."""
    total: int = await database.fetchval(_COUNT, session_id, active_only)
    return total


async def set_inactive(database: Database, participant_id: str) -> ParticipantRow | None:
    """Note that a presenter removed a participant; None when they are not stored (yet)."""
    return build_optional(ParticipantRow, await database.fetchrow(_SET_INACTIVE, participant_id))


async def touch(database: Database, seen_at: Mapping[str, datetime]) -> int:
    """Note when participants were last seen, by id, and return for how many that was news."""
    return count_affected(await database.execute(_TOUCH, list(seen_at), list(seen_at.values())))


async def delete(database: Database, participant_id: str) -> bool:
    """Delete a participant with their responses; False when there is none."""
    deleted: int = await database.fetchval(_DELETE, participant_id)
    return deleted > 0
