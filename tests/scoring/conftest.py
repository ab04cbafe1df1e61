"""Real engines for the session; a session with scoring that happens when the test says so."""

from collections.abc import AsyncIterator

import pytest

from realtime.engines import Engines
from tests.commands.conftest import engines  # noqa: F401 - a fixture, of which each folder has its own
from tests.scoring.stage import Stage, open_stage


@pytest.fixture
async def stage(engines: Engines) -> AsyncIterator[Stage]:  # noqa: F811
    async with open_stage(engines) as opened:
        yield opened
