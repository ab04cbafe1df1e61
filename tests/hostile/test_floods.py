"""Faults 31 to 34: floods, oversize frames and bombs end the connection that sends them, and the others do not notice."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.hostile.attacks import FLOODS, pour
from tests.hostile.others import Others
from tests.hostile.raw import CLOSE, TEXT, Raw, frame
from tests.journey.servers import Server
from tests.journey.stages import Stage

FLOOD, TOO_LARGE, RFC_ERROR = 4505, 4504, 1002
MOST_BYTES = 1_048_576  # the limit itself, and what lies in the buffers of two ends


@pytest.fixture
async def others(server: Server, stage: Stage) -> AsyncIterator[Others]:
    entered = await Others.enter(server, stage)
    yield entered
    await entered.close()


@pytest.mark.parametrize("name", ["messages", "pings", "tiny pings", "tiny texts", "empty fragments"])
async def test_flood_ends_the_connection(server: Server, stage: Stage, sockets: list[Raw], name: str) -> None:
    scene = await stage.session("Flood")
    raw = await Raw.enter(server.url, (await scene.join()).ticket)
    sockets.append(raw)
    pouring = asyncio.create_task(pour(raw, FLOODS[name], most=4 * MOST_BYTES))
    while (told := await raw.frame())[0] != CLOSE:
        continue
    # Empty texts are messages that cannot be read, and there is a limit to those as well.
    assert int.from_bytes(told[1], "big") == (4503 if name == "tiny texts" else FLOOD)
    assert await pouring < MOST_BYTES


@pytest.mark.parametrize("length", [65_537, 2**32, 2**62, 2**64 - 1])
async def test_oversize_frame(server: Server, stage: Stage, sockets: list[Raw], length: int) -> None:
    """The length alone decides: nothing is waited for."""
    scene = await stage.session("Oversize")
    raw = await Raw.enter(server.url, scene.ticket)
    sockets.append(raw)
    await raw.send(frame(TEXT, declared=length))
    assert (await raw.until_end()).code == TOO_LARGE


async def test_deflate_bomb(server: Server, sockets: list[Raw]) -> None:
    """Compression is not negotiated, so a compressed frame breaks RFC 6455 and is never inflated."""
    raw = await Raw.upgrade(server.url, "sec-websocket-extensions: permessage-deflate; client_max_window_bits")
    sockets.append(raw)
    await raw.send(FLOODS["deflate bomb"])
    assert (await raw.until_end()).code == RFC_ERROR


@pytest.mark.timeout(90)
@pytest.mark.parametrize("attack", ["messages", "pings, tiny pings, tiny texts, empty fragments", "oversize, deflate bomb"])
async def test_others_do_not_notice(others: Others, attack: str) -> None:
    await others.do_not_notice(attack, (await others.scene.join("Flood")).ticket)
