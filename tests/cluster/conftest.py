"""Two hubs on a cluster of six servers and one PostgreSQL, for all tests of the folder."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio.cluster import RedisCluster

from realtime.engines import Engines
from realtime.store import keys
from realtime.store.topology import slot_of
from tests.cluster.six import Six, open_six
from tests.faults.cluster import SHARDS, Cluster, Room

# PostgreSQL; the Valkey beside it is only used by nobody's proxies. Each folder has engines of its own.
from tests.faults.conftest import engines  # noqa: F401


class Town(Cluster):
    """The harness of the fault tests, with a Redis Cluster where one Redis was."""

    six: Six

    @contextlib.asynccontextmanager
    async def redis(self) -> AsyncIterator[Any]:
        host, _, port = (await self.six.masters())[0].place.rpartition(":")
        client = RedisCluster(host=host, port=int(port), decode_responses=True)
        try:
            yield client
        finally:
            await client.aclose()

    def slot(self, room: Room) -> int:
        """The slot that a session lives in."""
        return slot_of(keys.shard_of(room.id, SHARDS))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_six(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Six]:
    async with open_six(tmp_path_factory.mktemp("six")) as six:
        yield six


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_town(
    shared_six: Six, engines: Engines, tmp_path_factory: pytest.TempPathFactory  # noqa: F811
) -> AsyncIterator[Town]:
    town = Town(engines, tmp_path_factory.mktemp("hubs"))
    town.six = shared_six
    try:
        await town.open(2, REDIS_URL=shared_six.url)
        yield town
    finally:
        await town.close()


@pytest_asyncio.fixture(loop_scope="session")
async def town(shared_town: Town, tmp_path: Path) -> AsyncIterator[Town]:
    """A whole cluster and two hubs, ready."""
    await shared_town.six.whole()
    await shared_town.begin(tmp_path)
    yield shared_town
    await shared_town.end()
