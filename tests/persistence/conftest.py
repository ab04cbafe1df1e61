"""A real PostgreSQL for the session, and a fresh database cloned from a migrated template for each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import pytest

from persistence import migration, pool
from realtime.engines import start_engines
from tests.persistence.stage import Stage, name_database, set_stage

TEMPLATE = "plenum_template"


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    engines = start_engines(tmp_path_factory.mktemp("engines") / "data", valkey=False)
    try:
        yield engines.database_url
    finally:
        engines.stop()


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    async def make() -> None:
        connection = await asyncpg.connect(server_url)
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        await connection.close()
        await migration.upgrade(name_database(server_url, TEMPLATE))

    asyncio.run(make())
    return TEMPLATE


async def make_database(server_url: str, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield name_database(server_url, name)
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    async for url in make_database(server_url, template):
        yield url


@pytest.fixture
async def empty_database_url(server_url: str) -> AsyncIterator[str]:
    async for url in make_database(server_url, "template0"):
        yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    opened = await pool.open_pool(
        database_url,
        size=4,
        command_timeout_seconds=30,
        connect_timeout_seconds=10,
        application_name="plenum-test",
    )
    try:
        yield opened
    finally:
        await asyncio.wait_for(opened.close(), 10)


@pytest.fixture
async def stage(db: asyncpg.Pool) -> Stage:
    return await set_stage(db)
