"""The connection pool, and the check that PostgreSQL keeps what it confirms."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from persistence.errors import UnfitDatabase
from persistence.rows import build_row
from persistence.statements import statement

_READ_SERVER_SETTINGS = statement("read_server_settings")

_OLDEST_VERSION_NUM = 140000


# What a statement needs to run: a pool, or one connection with its transaction.
Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
Database: TypeAlias = Pool | Connection


async def open_pool(
    database_url: str,
    *,
    size: int,
    command_timeout_seconds: float,
    connect_timeout_seconds: float,
    application_name: str,
    idle_in_transaction_timeout_seconds: float = 60.0,
) -> asyncpg.Pool:
    """Open a pool of at most `size` connections, one of them at once; JSON travels as text.

    The command timeout bounds the client's wait and, a second later, the server's work, so that a statement
    whose client has given up does not run on. Raises `UnfitDatabase` for what is no address.
    """
    with _readable():
        pool: asyncpg.Pool = await asyncpg.create_pool(
            database_url,
            min_size=1,
            max_size=size,
            command_timeout=command_timeout_seconds,
            timeout=connect_timeout_seconds,
            server_settings={
                "application_name": application_name,
                "statement_timeout": str(int((command_timeout_seconds + 1) * 1000)),
                "idle_in_transaction_session_timeout": str(int(idle_in_transaction_timeout_seconds * 1000)),
            },
        )
    return pool


async def connect(database_url: str, *, timeout_seconds: float) -> asyncpg.Connection:
    """Open one connection without any time-out for statements; raises `UnfitDatabase` for what is no address."""
    with _readable():
        return await asyncpg.connect(database_url, timeout=timeout_seconds)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """What the driver says of an address that it cannot read may hold a part of the password: it is not repeated."""
    try:
        yield
    except ValueError as error:
        raise UnfitDatabase(
            "DATABASE_URL is no address of PostgreSQL: it must look like postgresql://user:password@host:5432/name, "
            "with every special character in the password written as %XX."
        ) from error


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What decides whether PostgreSQL keeps what it confirmed, as this role and database see it."""

    server_version: str
    server_version_num: int
    fsync: str
    synchronous_commit: str
    full_page_writes: str


async def check_server(database: Database) -> None:
    """Refuse a server on which "saved" would be a lie; `UnfitDatabase` says what to change."""
    record = await database.fetchrow(_READ_SERVER_SETTINGS)
    assert record is not None  # a SELECT of settings always yields a row
    judge_settings(build_row(ServerSettings, record))


def judge_settings(settings: ServerSettings) -> None:
    """Raise `UnfitDatabase` for the first setting that is not fit."""
    if settings.server_version_num < _OLDEST_VERSION_NUM:
        raise UnfitDatabase(
            f"PostgreSQL {settings.server_version} is too old: upgrade the server to version 14 or newer."
        )
    if settings.fsync == "off":
        raise UnfitDatabase(
            "PostgreSQL runs with fsync = off and may lose what it confirmed: set it to on and reload."
        )
    if settings.full_page_writes == "off":
        raise UnfitDatabase(
            "PostgreSQL runs with full_page_writes = off and may tear pages at a power cut: set it to on and "
            "reload the server."
        )
    if settings.synchronous_commit in ("off", "local"):
        raise UnfitDatabase(
            f"PostgreSQL runs with synchronous_commit = {settings.synchronous_commit} for this role and "
            "database and can lose answers: set it to on (ALTER DATABASE … SET synchronous_commit = on)."
        )


async def iterate_chunks(
    connection: Connection, query: str, *args: object, chunk_rows: int
) -> AsyncIterator[list[asyncpg.Record]]:
    """Read a statement through a server-side cursor, inside the caller's transaction."""
    cursor = await connection.cursor(query, *args)
    while rows := await cursor.fetch(chunk_rows):
        yield rows
