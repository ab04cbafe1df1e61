import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from persistence import migration, pool, sessions
from persistence.errors import MigrationBusy, SchemaMismatch
from tests.persistence.stage import make_id, set_stage

ROOT = Path(__file__).parents[2]

# Everything that a migration may make, but Alembic's own table.
OBJECTS = """
    SELECT kind || ' ' || name FROM (
        SELECT 'relation' AS kind, relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
        UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger', tgname || ' on ' || tgrelid::regclass FROM pg_trigger
                  WHERE NOT tgisinternal
        UNION ALL SELECT 'constraint', conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                  WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'column',
                  attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod)
                  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                  WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    ) AS objects WHERE name NOT LIKE '%alembic_version%' ORDER BY 1
"""


async def list_objects(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    try:
        return [row[0] for row in await connection.fetch(OBJECTS)]
    finally:
        await connection.close()


async def test_up_down_up_leaves_the_same_schema_and_nothing_between(empty_database_url: str) -> None:
    assert await list_objects(empty_database_url) == []

    await migration.upgrade(empty_database_url)
    first = await list_objects(empty_database_url)
    await migration.downgrade(empty_database_url, "base")
    assert await list_objects(empty_database_url) == []
    await migration.upgrade(empty_database_url)

    assert await list_objects(empty_database_url) == first
    assert "relation user_responses" in first


async def test_a_database_with_rows_can_go_down_and_up(database_url: str, db: asyncpg.Pool) -> None:
    stage = await set_stage(db)
    await stage.save(stage.make_response())
    await db.expire_connections()

    await migration.downgrade(database_url, "base")
    await migration.upgrade(database_url)

    assert await sessions.read(db, stage.session_id) is None


async def test_a_second_upgrade_keeps_the_rows(database_url: str, db: asyncpg.Pool) -> None:
    stage = await set_stage(db)
    await migration.upgrade(database_url)

    assert await sessions.read(db, stage.session_id) is not None


async def test_the_enum_may_exist_already(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(
        "CREATE TYPE activity_status AS ENUM ('draft', 'active', 'completed', 'cancelled')"
    )
    await migration.upgrade(empty_database_url)
    await migration.check(connection)
    await connection.close()


async def test_processes_that_migrate_at_once_do_it_once(empty_database_url: str, tmp_path: Path) -> None:
    # From another folder, as an installed program would be run.
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from persistence import migration
asyncio.run(migration.upgrade(sys.argv[1]))
"""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, empty_database_url, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    results = await asyncio.wait_for(asyncio.gather(*(process.communicate() for process in processes)), 30)

    assert [process.returncode for process in processes] == [0, 0, 0], results
    connection = await asyncpg.connect(empty_database_url)
    await migration.check(connection)
    await connection.close()


async def test_a_migration_that_never_ends_is_not_waited_for(database_url: str) -> None:
    holder = await asyncpg.connect(database_url)
    await holder.execute("SELECT pg_advisory_lock($1)", migration._MIGRATION_LOCK)

    with pytest.raises(MigrationBusy, match="plenum migrate up"):
        await migration.upgrade(database_url, lock_timeout_seconds=0.2)
    await holder.close()


async def test_a_schema_that_does_not_fit_is_named(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    assert await migration.current(connection) is None
    with pytest.raises(SchemaMismatch, match="plenum migrate up"):
        await migration.check(connection)

    await migration.upgrade(empty_database_url)
    assert await migration.current(connection) == migration.HEAD
    await migration.check(connection)

    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="9999"):
        await migration.check(connection)

    await connection.execute("DELETE FROM alembic_version")
    with pytest.raises(SchemaMismatch, match="no Plenum schema"):
        await migration.check(connection)
    await connection.close()


def test_the_program_needs_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("path_separator", "os")

    assert ScriptDirectory.from_config(config).get_heads() == [migration.HEAD]


async def test_a_stage_can_be_set_after_an_upgrade(empty_database_url: str) -> None:
    await migration.upgrade(empty_database_url)
    opened = await pool.open_pool(
        empty_database_url,
        size=2,
        command_timeout_seconds=5,
        connect_timeout_seconds=5,
        application_name="test",
    )
    async with opened:
        stage = await set_stage(opened)
        saved = await stage.save(stage.make_response(id=make_id()))
    assert saved.rows == 1
