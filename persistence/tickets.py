"""The presenters' tickets; only their hashes are stored."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from persistence.errors import ParentMissing
from persistence.pool import Database
from persistence.rows import build_optional, build_row
from persistence.statements import statement

_CREATE = statement("create_ticket")
_READ = statement("read_ticket")
_LIST = statement("list_tickets")
_REVOKE = statement("revoke_ticket")
_GRANT = statement("grant_ticket")
_LOCK = statement("lock_ticket")


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket as stored: the SHA-256 of its secret in hex, and what it allows."""

    sha256: str
    session_id: str
    role: str
    label: str
    created_at: datetime
    revoked_at: datetime | None


async def create(
    database: Database, *, sha256: str, session_id: str, role: str, label: str = ""
) -> TicketRow:
    """Store the hash of a ticket that is handed out; `ParentMissing` without the session."""
    return await _store(database, _CREATE, sha256, session_id, role, label)


async def grant(
    database: Database, *, sha256: str, session_id: str, role: str, label: str = ""
) -> TicketRow:
    """As `create`, for what somebody has already: he gets another role, also where it was revoked."""
    return await _store(database, _GRANT, sha256, session_id, role, label)


async def _store(database: Database, query: str, *values: str) -> TicketRow:
    try:
        record = await database.fetchrow(query, *values)
    except asyncpg.ForeignKeyViolationError as error:
        raise ParentMissing("There is no such session.") from error
    assert record is not None  # RETURNING always yields the row that was inserted
    return build_row(TicketRow, record)


async def read(database: Database, sha256: str) -> TicketRow | None:
    """Return the ticket with this hash, or None when it is unknown or revoked."""
    return build_optional(TicketRow, await database.fetchrow(_READ, sha256))


async def of_session(database: Database, session_id: str, *, limit: int = 1000) -> list[TicketRow]:
    """Return a session's tickets, oldest first, also the revoked ones."""
    return [build_row(TicketRow, record) for record in await database.fetch(_LIST, session_id, limit)]


async def revoke(database: Database, sha256: str) -> bool:
    """Make a ticket worthless; False when it is unknown or was revoked before."""
    return await database.fetchrow(_REVOKE, sha256) is not None


async def lock(database: Database, sha256: str) -> TicketRow | None:
    """Return a ticket, also a revoked one, which nobody else changes before the transaction ends."""
    return build_optional(TicketRow, await database.fetchrow(_LOCK, sha256))
