"""Bringing the schema to a revision and checking that it is there."""

import asyncio
from collections.abc import Callable
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import asyncpg

from persistence.errors import MigrationBusy, SchemaMismatch
from persistence.pool import Database
from persistence.pool import connect as open_connection
from persistence.statements import statement

if TYPE_CHECKING:
    from alembic.config import Config

# The revision this program is written for. Known without loading Alembic, which a server at work never needs.
HEAD = "0005"

_HAS_REVISION_TABLE = statement("has_revision_table")
_READ_REVISION = statement("read_revision")
_TRY_LOCK = statement("try_migration_lock")
_RELEASE_LOCK = statement("release_migration_lock")

_MIGRATION_LOCK = 0x706C656E_6D696700  # arbitrary; "plen" "mig"
_LOCK_POLL_SECONDS = 0.1
_CONNECT_SECONDS = 10.0


async def upgrade(database_url: str, revision: str = "head", *, lock_timeout_seconds: float = 60.0) -> None:
    """Bring the schema up to a revision; of several processes one works and the others find it done.

    Raises `MigrationBusy` when another process migrates for longer than the time-out.
    """
    from alembic import command  # noqa: PLC0415 - half a second to load, and only migrations need it

    await _migrate(database_url, lambda config: command.upgrade(config, revision), lock_timeout_seconds)


async def downgrade(database_url: str, revision: str, *, lock_timeout_seconds: float = 60.0) -> None:
    """Take the schema back to a revision, `base` for an empty database; what it drops is lost."""
    from alembic import command  # noqa: PLC0415 - half a second to load, and only migrations need it

    await _migrate(database_url, lambda config: command.downgrade(config, revision), lock_timeout_seconds)


async def current(database: Database) -> str | None:
    """Return the revision that the schema is at, None where nothing was ever migrated."""
    if not await database.fetchval(_HAS_REVISION_TABLE):
        return None
    revision: str | None = await database.fetchval(_READ_REVISION)
    return revision


async def check(database: Database) -> None:
    """Raise `SchemaMismatch` unless the schema is the one this program is written for."""
    found = await current(database)
    if found is None:
        raise SchemaMismatch("The database has no Plenum schema yet: run `plenum migrate up`.")
    if found != HEAD:
        raise SchemaMismatch(
            f"The database schema is at revision {found}, but this program needs {HEAD}: "
            "run `plenum migrate up` with the newest installed version of Plenum."
        )


async def _migrate(database_url: str, run: Callable[["Config"], None], lock_timeout_seconds: float) -> None:
    from alembic.config import Config  # noqa: PLC0415 - see above
    from sqlalchemy import Connection  # noqa: PLC0415 - see above
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - see above
    from sqlalchemy.pool import NullPool  # noqa: PLC0415 - see above

    async def connect() -> asyncpg.Connection:
        # The same reading of the URL as the pool's, which knows sockets and sslmode.
        return await open_connection(database_url, timeout_seconds=_CONNECT_SECONDS)

    lock_connection = await connect()
    try:
        await _lock(lock_connection, lock_timeout_seconds)
        engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
        try:
            with as_file(files("migrations")) as folder:

                def work(connection: Connection) -> None:
                    config = Config()
                    config.set_main_option("script_location", str(folder).replace("%", "%%"))
                    config.set_main_option("path_separator", "os")
                    config.attributes["connection"] = connection
                    run(config)

                async with engine.connect() as connection:
                    await connection.run_sync(work)
                    await connection.commit()
        finally:
            await engine.dispose()
        await lock_connection.execute(_RELEASE_LOCK, _MIGRATION_LOCK)
    finally:
        await lock_connection.close()


async def _lock(connection: asyncpg.Connection, timeout_seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout_seconds
    while not await connection.fetchval(_TRY_LOCK, _MIGRATION_LOCK):
        if clock() > deadline:
            raise MigrationBusy(
                f"Another process has been migrating this database for {timeout_seconds:.0f} s: "
                "wait for it, or end it, and run `plenum migrate up` again."
            )
        await asyncio.sleep(_LOCK_POLL_SECONDS)
