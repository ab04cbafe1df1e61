"""The shards: the epoch of each, and the lease that says who flushes it."""

import secrets
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from persistence.errors import ShardCountMismatch
from persistence.pool import Database
from persistence.rows import build_optional, build_row
from persistence.statements import statement

_LOCK = statement("lock_for_transaction")
_COUNT = statement("count_shards")
_CREATE = statement("create_shards")
_LIST = statement("list_shards")
_READ = statement("read_shard")
_RENEW_EPOCH = statement("renew_epoch")
_NOTE_RUN_ID = statement("note_run_id")
_ACQUIRE_LEASE = statement("acquire_lease")
_SEIZE_LEASE = statement("seize_lease")
_LOCK_CONNECTION = statement("lock_for_connection")
_UNLOCK_CONNECTION = statement("unlock_for_connection")
_RENEW_LEASE = statement("renew_lease")
_RELEASE_LEASE = statement("release_lease")

_ENSURE_LOCK = 0x706C656E_73686400  # arbitrary; "plen" "shd"


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A shard as stored; `run_id` names the Redis run that its epoch lives in."""

    shard: int
    epoch: str
    run_id: str
    lease_owner: str | None
    lease_token: int
    lease_expires_at: datetime | None
    updated_at: datetime


async def ensure(pool: asyncpg.Pool, count: int) -> None:
    """Make the shards of a new store; `ShardCountMismatch` when the store has another number of them."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_LOCK, _ENSURE_LOCK)
        stored: int = await connection.fetchval(_COUNT)
        if stored == 0:
            epochs = [secrets.token_hex(8) for _ in range(count)]
            await connection.execute(_CREATE, list(range(count)), epochs)
        elif stored != count:
            raise ShardCountMismatch(
                f"This database was made with {stored} shards, which is fixed for its life, but {count} are "
                f"set: set the number of shards to {stored}."
            )


async def read_all(database: Database) -> list[ShardRow]:
    """Return every shard in order."""
    return [build_row(ShardRow, record) for record in await database.fetch(_LIST)]


async def read(database: Database, shard: int) -> ShardRow | None:
    """Return one shard, or None."""
    return build_optional(ShardRow, await database.fetchrow(_READ, shard))


async def renew_epoch(
    database: Database, shard: int, new_epoch: str, run_id: str, *, expected_epoch: str | None = None
) -> ShardRow | None:
    """Begin a new epoch of a shard; None when it is no longer in the expected one.

    Waits for a flush under way: when this returns, its rows are visible and later ones of the old epoch are
    fenced.
    """
    return build_optional(
        ShardRow, await database.fetchrow(_RENEW_EPOCH, shard, new_epoch, run_id, expected_epoch)
    )


async def note_run_id(database: Database, shard: int, run_id: str, *, epoch: str) -> ShardRow | None:
    """Remember that an epoch goes on under another Redis run; None when the epoch is over."""
    return build_optional(ShardRow, await database.fetchrow(_NOTE_RUN_ID, shard, run_id, epoch))


async def acquire_lease(database: Database, shard: int, owner: str, ttl_seconds: float) -> int | None:
    """Take a free or expired shard and return the fencing token, or None while another holds it.

    An owner that asks again gets a new token, and its old one counts no more.
    """
    token: int | None = await database.fetchval(_ACQUIRE_LEASE, shard, owner, ttl_seconds)
    return token


async def seize_lease(database: Database, shard: int, owner: str, ttl_seconds: float) -> int | None:
    """Take a shard whoever holds it and return the fencing token; for recovery, after it began a new epoch."""
    token: int | None = await database.fetchval(_SEIZE_LEASE, shard, owner, ttl_seconds)
    return token


async def lock(connection: Database, number: int) -> None:
    """Wait for a lock that this connection holds until `unlock`, or until it is closed."""
    await connection.execute(_LOCK_CONNECTION, number)


async def unlock(connection: Database, number: int) -> None:
    """Give back what `lock` took."""
    await connection.execute(_UNLOCK_CONNECTION, number)


async def renew_lease(database: Database, shard: int, token: int, ttl_seconds: float) -> bool:
    """Prolong a lease; False when it was taken over or given back."""
    return await database.fetchval(_RENEW_LEASE, shard, token, ttl_seconds) is not None


async def release_lease(database: Database, shard: int, token: int) -> bool:
    """Give a lease back; False when it was not held any more."""
    return await database.fetchval(_RELEASE_LEASE, shard, token) is not None
