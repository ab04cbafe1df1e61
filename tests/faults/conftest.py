"""Engines and two hubs for all tests; each test begins with everything whole and with its own history."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from realtime.engines import Engines, start_engines
from tests.faults.cluster import Cluster
from tests.journey.servers import run_plenum


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines as an operator would bring them."""
    started = start_engines(tmp_path_factory.mktemp("engines"), tcp=True)
    migrated = run_plenum("migrate", "up", REDIS_URL=started.redis_url, DATABASE_URL=started.database_url)
    assert migrated.returncode == 0, migrated.stderr
    yield started
    started.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_cluster(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    made = Cluster(engines, tmp_path_factory.mktemp("hubs"))
    try:
        await made.open(2)
        yield made
    finally:
        await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(shared_cluster: Cluster, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Two hubs, ready."""
    await shared_cluster.begin(tmp_path)
    yield shared_cluster
    await shared_cluster.end()
