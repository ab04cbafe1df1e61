"""Engines for the module, a cluster for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from realtime.engines import Engines, start_engines
from tests.faults.cluster import Cluster
from tests.journey.servers import run_plenum

MakeCluster = Callable[..., Awaitable[Cluster]]


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines as an operator would bring them; every test leaves them running and without a fault."""
    started = start_engines(tmp_path_factory.mktemp("engines"), tcp=True)
    migrated = run_plenum("migrate", "up", REDIS_URL=started.redis_url, DATABASE_URL=started.database_url)
    assert migrated.returncode == 0, migrated.stderr
    yield started
    started.stop()


@pytest.fixture
async def make_cluster(engines: Engines, tmp_path: Path) -> AsyncIterator[MakeCluster]:
    """Make a cluster with so many hubs and such settings; whatever the test does, it ends."""
    made: list[Cluster] = []

    async def make(hubs: int = 2, on: Engines = engines, seed: int = 1, **variables: str) -> Cluster:
        made.append(Cluster(on, tmp_path, seed))
        await made[-1].open(hubs, **variables)
        return made[-1]

    yield make
    for cluster in made:
        await cluster.close()
