"""The same suite against both kinds of engines: embedded, and an operator's own over TCP."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from realtime.engines import Engines, start_engines
from tests.journey.issued import found_in_logs
from tests.journey.servers import Server, run_plenum
from tests.journey.stages import Stage, open_stage


@pytest.fixture(scope="session", autouse=True)
def discreet_logs() -> Iterator[None]:
    """After the last test no log of any server holds a ticket, a pass or a receipt that was given out."""
    yield
    assert found_in_logs() == set()


@pytest.fixture(scope="session")
def external_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines as an operator would bring them: separate processes that listen on TCP."""
    engines = start_engines(tmp_path_factory.mktemp("operator"), tcp=True)
    migrated = run_plenum("migrate", "up", REDIS_URL=engines.redis_url, DATABASE_URL=engines.database_url)
    assert migrated.returncode == 0, migrated.stderr
    yield engines
    engines.stop()


@pytest.fixture(scope="session", params=["embedded", "external"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server under test, as an operator starts it; Ctrl-C must end it cleanly."""
    variables: dict[str, str] = {}
    if request.param == "external":
        engines: Engines = request.getfixturevalue("external_engines")
        variables = {"REDIS_URL": engines.redis_url, "DATABASE_URL": engines.database_url}
    running = Server(tmp_path_factory.mktemp(request.param), **variables)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        running.end()


@pytest.fixture(scope="session")
def impatient_server(external_engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A second hub on the operator's engines, with deadlines that a test can wait for."""
    running = Server(
        tmp_path_factory.mktemp("impatient"), REDIS_URL=external_engines.redis_url, DATABASE_URL=external_engines.database_url,
        PLENUM_HELLO_SECONDS="0.4", PLENUM_HEARTBEAT_MS="500", PLENUM_CONNECTIONS_PER_TICKET="2",
    )  # fmt: skip
    try:
        running.start()
        yield running
        running.stop()
    finally:
        running.end()


@pytest.fixture
async def stage(server: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(server.url, server.database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def impatient_stage(impatient_server: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(impatient_server.url, impatient_server.database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def enter_stage() -> AsyncIterator[Callable[[Server], Awaitable[Stage]]]:
    """Opens stages on servers of the test's own; closed at the end, whatever the test does."""
    opened: list[Stage] = []

    async def enter(running: Server) -> Stage:
        opened.append(await open_stage(running.url, running.database_url))
        return opened[-1]

    yield enter
    for one in opened:
        await one.close()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers of one test on its own folder; whatever the test does, they end."""
    made: list[Server] = []

    def make(name: str = "own", **variables: str) -> Server:
        made.append(Server(tmp_path / name, **variables))
        return made[-1]

    yield make
    for running in made:
        running.end()


_databases = itertools.count(1)


@pytest.fixture
async def empty_database(external_engines: Engines) -> str:
    """The URL of a new database without any schema, on the operator's PostgreSQL."""
    name = f"empty_{next(_databases)}"
    connection = await asyncpg.connect(external_engines.database_url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return external_engines.database_url.rpartition("/")[0] + f"/{name}"
