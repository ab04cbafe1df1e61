"""Hubs die, leave, freeze: nobody's answer may notice."""

import asyncio

import pytest

from tests.faults.conftest import MakeCluster

POINTS = ["before_accept", "after_accept", "before_save", "after_commit", "after_confirm"]


@pytest.mark.parametrize("point", POINTS)
async def test_row_01_hub_dies_at(point: str, make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(1)
    room = await cluster.room(20)
    await room.press(seconds=1)
    hub = cluster.hubs[0]
    await hub.kill9()
    # It serves until the first answer or flush reaches the point.
    await hub.start(crash_at=point, ready=False)
    await room.press(seconds=2)
    assert await hub.ended() == -9, "it died where it should"
    await hub.start()
    await room.press(seconds=1)
    await cluster.rest()
