"""The real server with its own engines, in a process of its own, for the tests that need one."""

from collections.abc import Iterator

import pytest

from tests.journey.servers import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("client"), PLENUM_RECONNECT_WINDOW_MS="100")
    try:
        running.start()
        yield running
    finally:
        running.end()
