"""The ring of keys that participants' tickets and receipts are signed with."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from persistence.pool import Database
from persistence.rows import build_row
from persistence.statements import statement

_LOCK = statement("lock_for_transaction")
_ADD = statement("add_server_key")
_LIST = statement("list_server_keys")
_RETIRE = statement("retire_server_key")

_ENSURE_LOCK = 0x706C656E_6B657900  # arbitrary; "plen" "key"


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A signing key: `kid` names it in what it signed. Its secret is never shown."""

    kid: str
    secret: bytes
    created_at: datetime
    retired_at: datetime | None

    def __repr__(self) -> str:
        return f"ServerKey(kid={self.kid!r})"


async def add(database: Database, kid: str, secret: bytes) -> ServerKey:
    """Add a key; from now on it is the one to sign with."""
    record = await database.fetchrow(_ADD, kid, secret)
    assert record is not None  # RETURNING always yields the row that was inserted
    return build_row(ServerKey, record)


async def ring(database: Database) -> list[ServerKey]:
    """Return the keys that count, the one to sign with first."""
    return [build_row(ServerKey, record) for record in await database.fetch(_LIST)]


async def ensure(pool: asyncpg.Pool, kid: str, secret: bytes) -> list[ServerKey]:
    """Return the ring, with the given key put into it if it was empty; processes starting at once agree."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_LOCK, _ENSURE_LOCK)
        return await ring(connection) or [await add(connection, kid, secret)]


async def retire(database: Database, kid: str) -> bool:
    """Let nothing signed with a key count any more; False when it is unknown or was retired before."""
    return await database.fetchrow(_RETIRE, kid) is not None
