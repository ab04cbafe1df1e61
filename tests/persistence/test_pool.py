from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from persistence import pool
from persistence.errors import UnfitDatabase
from persistence.pool import ServerSettings, check_server, judge_settings, open_pool
from realtime.engines import start_engines

FIT = ServerSettings("14.0", 140000, "on", "on", "on")


async def test_the_pool_bounds_what_the_server_does_for_it(database_url: str) -> None:
    opened = await open_pool(
        database_url,
        size=2,
        command_timeout_seconds=2.5,
        connect_timeout_seconds=5,
        application_name="flusher",
        idle_in_transaction_timeout_seconds=7,
    )
    async with opened:
        assert opened.get_max_size() == 2
        assert await opened.fetchval("SHOW statement_timeout") == "3500ms"
        assert await opened.fetchval("SHOW idle_in_transaction_session_timeout") == "7s"
        assert await opened.fetchval("SHOW application_name") == "flusher"


async def test_json_travels_as_text(db: asyncpg.Pool) -> None:
    assert await db.fetchval("SELECT $1::jsonb", '{"a":1}') == '{"a": 1}'


async def test_the_embedded_server_is_fit(db: asyncpg.Pool) -> None:
    await check_server(db)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        (replace(FIT, server_version="13.9", server_version_num=130009), "13.9 is too old: upgrade"),
        (replace(FIT, fsync="off"), "fsync = off"),
        (replace(FIT, full_page_writes="off"), "full_page_writes = off"),
        (replace(FIT, synchronous_commit="off"), "synchronous_commit = off"),
        (replace(FIT, synchronous_commit="local"), "synchronous_commit = local"),
    ],
)
def test_a_forgetful_server_is_refused(settings: ServerSettings, advice: str) -> None:
    judge_settings(FIT)
    with pytest.raises(UnfitDatabase, match=advice):
        judge_settings(settings)


async def test_synchronous_commit_counts_as_the_database_sets_it(database_url: str, db: asyncpg.Pool) -> None:
    await db.execute(f"ALTER DATABASE {urlsplit(database_url).path[1:]} SET synchronous_commit = off")
    await db.expire_connections()

    with pytest.raises(UnfitDatabase, match="ALTER DATABASE"):
        await check_server(db)


async def test_a_server_without_fsync_is_refused(tmp_path: Path) -> None:
    engines = start_engines(tmp_path / "data", valkey=False, postgres_options={"fsync": "off"})
    try:
        connection = await asyncpg.connect(engines.database_url)
        with pytest.raises(UnfitDatabase, match="fsync = off"):
            await check_server(connection)
        await connection.close()
    finally:
        engines.stop()


async def test_a_cursor_reads_in_chunks(db: asyncpg.Pool) -> None:
    async with db.acquire() as connection, connection.transaction():
        query = "SELECT number FROM generate_series(1, 5) AS number"
        chunks = [len(chunk) async for chunk in pool.iterate_chunks(connection, query, chunk_rows=2)]

    assert chunks == [2, 2, 1]
