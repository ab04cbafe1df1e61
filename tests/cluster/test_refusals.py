"""What is told of an address that cannot be a Redis Cluster's."""

import re

from realtime.engines import Engines
from tests.journey.servers import free_port, run_plenum


def test_several_servers_that_are_no_cluster_are_refused(engines: Engines) -> None:
    place = re.sub(r"^redis://|/0$", "", engines.redis_url)
    ended = run_plenum(
        "serve", "--port", str(free_port()), REDIS_URL=f"redis://{place},{place}", DATABASE_URL=engines.database_url
    )
    assert ended.returncode == 2
    assert "they are no Redis Cluster" in ended.stderr
    ended = run_plenum(
        "serve", "--port", str(free_port()), REDIS_URL=f"redis://{place}?cluster=true", DATABASE_URL=engines.database_url
    )
    assert ended.returncode == 2
    assert "is no Redis Cluster" in ended.stderr
