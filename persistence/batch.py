"""Saves a batch of joins and responses: all in one transaction, and what is poison set aside."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from persistence import dead_letters
from persistence.errors import Fenced
from persistence.pool import Database
from persistence.statements import statement
from realtime.core.response import Join, Response

_FENCE = statement("fence_shard")
_SAVE_JOINS = statement("save_joins")
_SAVE_RESPONSES = statement("save_responses")

# Classes of SQLSTATE in which the rows are to blame, so that trying the same batch again can never help:
# 21 cardinality, 22 data, 23 integrity, 54 program limits. Everything else is the flusher's to retry.
_POISON_CLASSES = frozenset({"21", "22", "23", "54"})

# No statement carries more JSON than this (or one response): PostgreSQL drops the connection at 1 GB, which
# would look like a fault that passes, and the same batch would be tried for ever.
_PART_CHARACTERS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a batch: `rows` joins and responses are saved, `dead` are dead letters; together all."""

    rows: int
    dead: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one transaction, and the statements that save them."""

    rows: Sequence[Join | Response]
    statements: list[tuple[str, tuple[list[object], ...]]]


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch that is ready to be saved."""

    parts: list[_Part]


@dataclass(frozen=True, slots=True)
class _Fence:
    shard: int
    epoch: str
    lease_token: int

    async def check(self, connection: Database) -> None:
        """Hold the shard's row until the transaction ends; raise `Fenced` when it is no longer ours."""
        found = await connection.fetchrow(_FENCE, self.shard)
        if found is None or found["epoch"] != self.epoch:
            raise Fenced(f"Shard {self.shard} has a new epoch; stop flushing the old one.", epoch_over=True)
        if found["lease_token"] != self.lease_token:
            raise Fenced(f"Shard {self.shard} has another lease holder; stop flushing it.", epoch_over=False)


def pack(joins: Sequence[Join], responses: Sequence[Response]) -> Packed:
    """Make a batch ready, which takes a while and can be done before its turn has come."""
    return Packed([_pack_part(rows) for rows in _split([*joins, *responses])])


async def save(
    pool: asyncpg.Pool,
    packed: Packed,
    *,
    shard: int,
    epoch: str,
    lease_token: int,
    meanwhile: Callable[[], None] = lambda: None,
) -> Saved:
    """Save a batch, so that all of it is committed or in dead_letters when this returns.

    It is one transaction, unless a row is poison or the whole is large. Saving the same batch again changes
    nothing. Of several revisions of one response the highest stays, in whatever order they come. Raises
    `Fenced` when the shard has another epoch or lease token; connection, resource and serialisation errors
    pass unchanged and ask for the same batch again. `meanwhile` is called whenever PostgreSQL is about to have
    work for a while: what it starts as a task begins once that work has been sent.
    """
    fence = _Fence(shard, epoch, lease_token)
    try:
        return await _save_all(pool, fence, packed, meanwhile)
    except asyncpg.ReadOnlySQLTransactionError:
        # The pool still talks to a server that a failover has made a standby.
        await pool.expire_connections()
        raise


async def _save_all(pool: asyncpg.Pool, fence: _Fence, packed: Packed, meanwhile: Callable[[], None]) -> Saved:
    saved, dead = 0, 0
    # Parts are taken from the end, so the earlier half goes first: joins before responses that need them.
    parts = packed.parts[::-1]
    while parts:
        part = parts.pop()
        rows = part.rows
        try:
            await _save_part(pool, fence, part, meanwhile)
            saved += len(rows)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            sqlstate = _find_poison(error)
            if sqlstate is None:
                raise
            if len(rows) > 1:
                middle = len(rows) // 2
                parts += [_pack_part(rows[middle:]), _pack_part(rows[:middle])]
            else:
                await _set_aside(pool, fence, rows[0], sqlstate, str(error))
                dead += 1
    return Saved(saved, dead)


def _split(batch: Sequence[Join | Response]) -> list[Sequence[Join | Response]]:
    """Cut a batch, in order, where its JSON would grow too large for one statement."""
    parts: list[Sequence[Join | Response]] = []
    start, characters = 0, 0
    for index, row in enumerate(batch):
        length = len(row.response_data) if isinstance(row, Response) else 0
        if characters + length > _PART_CHARACTERS and index > start:
            parts.append(batch[start:index])
            start, characters = index, 0
        characters += length
    return [*parts, batch[start:]]


def _pack_part(rows: Sequence[Join | Response]) -> _Part:
    joins = [row for row in rows if isinstance(row, Join)]
    responses = _reduce(row for row in rows if isinstance(row, Response))
    statements = [(_SAVE_JOINS, _columns_of_joins(joins))] if joins else []
    if responses:
        statements.append((_SAVE_RESPONSES, _columns_of_responses(responses)))
    return _Part(rows, statements)


async def _save_part(pool: asyncpg.Pool, fence: _Fence, part: _Part, meanwhile: Callable[[], None]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await fence.check(connection)
        for sql, columns in part.statements:
            meanwhile()
            await connection.execute(sql, *columns)


async def _set_aside(
    pool: asyncpg.Pool, fence: _Fence, row: Join | Response, sqlstate: str, message: str
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await fence.check(connection)
        await dead_letters.add(connection, row, sqlstate=sqlstate, message=message)


def _find_poison(error: Exception) -> str | None:
    """Return the SQLSTATE if the rows are to blame; the driver refuses some before they are sent."""
    if isinstance(error, asyncpg.PostgresError):
        sqlstate: str | None = error.sqlstate
        return sqlstate if sqlstate is not None and sqlstate[:2] in _POISON_CLASSES else None
    return "22000" if isinstance(error, ValueError) else None


def _reduce(responses: Iterable[Response]) -> list[tuple[Response, Response]]:
    """Return the first and the highest revision of each response, as one INSERT may touch a row only once."""
    kept: dict[tuple[str, str, int, str], tuple[Response, Response]] = {}
    for row in responses:
        key = (row.activity_id, row.participant_id, row.round, row.entry)
        known = kept.get(key)
        kept[key] = (row, row) if known is None else (min(known[0], row, key=_rank), max(known[1], row, key=_rank))
    return list(kept.values())


def _rank(response: Response) -> tuple[int, str]:
    return response.revision, response.submission_id


def _columns_of_joins(joins: Sequence[Join]) -> tuple[list[object], ...]:
    return (
        [row.participant_id for row in joins],
        [row.session_id for row in joins],
        [row.nickname for row in joins],
        [row.anonymous for row in joins],
        [row.joined_at_ms for row in joins],
    )


def _columns_of_responses(reduced: Sequence[tuple[Response, Response]]) -> tuple[list[object], ...]:
    last = [row for _, row in reduced]
    return (
        [first.id for first, _ in reduced],
        [row.session_id for row in last],
        [row.activity_id for row in last],
        [row.participant_id for row in last],
        [row.response_data for row in last],
        [row.round for row in last],
        [row.entry for row in last],
        [row.revision for row in last],
        [row.submission_id for row in last],
        [row.offset for row in last],
        [row.epoch for row in last],
        [first.accepted_at_ms for first, _ in reduced],
        [row.accepted_at_ms if row.withdrawn else None for row in last],
    )
