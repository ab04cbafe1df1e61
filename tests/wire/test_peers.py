"""The servers that benches compare with start, and deliver: a bench that is broken shall not be found on the day of a release."""

import asyncio

import pytest

from bench.fanout import Hall
from bench.peers import python_server

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize(("module", "more"), [("wires", ()), ("wires", ("python",)), ("broadcast", ())])
async def test_everybody_hears_what_is_published(module: str, more: tuple[str, ...]) -> None:
    with python_server(module, module, *more) as peer:
        hall = Hall(peer, 7)
        async with asyncio.timeout(20):
            await hall.gather()
            await hall.once()
        assert len(hall.taps) == 7
        hall.leave()
