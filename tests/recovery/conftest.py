"""Both engines for the session; each test gets an empty Valkey and a fresh database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg
import pytest

from persistence import migration
from realtime.engines import Engines, start_engines
from tests.persistence.stage import name_database
from tests.recovery.stage import Process, Town, open_process

TEMPLATE = "plenum_recovery"


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    started = start_engines(tmp_path_factory.mktemp("engines") / "data")
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def template(engines: Engines) -> str:
    async def make() -> None:
        connection = await asyncpg.connect(engines.database_url)
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        await connection.close()
        await migration.upgrade(name_database(engines.database_url, TEMPLATE))

    asyncio.run(make())
    return TEMPLATE


@pytest.fixture
async def town(engines: Engines, template: str) -> AsyncIterator[Town]:
    """The engines, and a way to start processes on them."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(engines.database_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        async with AsyncExitStack() as stack:
            made = Town(engines, name_database(engines.database_url, name), stack)
            await made.empty_valkey()
            yield made
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.fixture
async def process(town: Town) -> Process:
    return await open_process(town)
