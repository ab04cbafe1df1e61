"""Where nothing waits, one question per server is all that saving costs."""

import pytest

from realtime.store.outbox import Outbox
from tests.store.stage import Hall


async def test_busy_is_what_holds_something(hall: Hall) -> None:
    shards = list(range(len(hall.live.shards)))
    before = await hall.outbox.busy(shards)
    (ada,) = await hall.admit()
    await hall.answer(ada)
    assert hall.names.shard in await hall.outbox.busy(shards)
    assert await hall.outbox.busy([]) == set()
    await hall.outbox.confirm(await hall.outbox.read(hall.names.shard, 1_000))
    assert await hall.outbox.busy(shards) == before - {hall.names.shard}


async def test_who_cannot_be_asked_counts_as_busy(hall: Hall) -> None:
    impatient = Outbox(hall.live.servers, hall.live.shards, timeout_seconds=0.05)
    await hall.redis.client_pause(300)
    assert await impatient.busy([0, 1]) == {0, 1}
    await hall.redis.client_unpause()


@pytest.mark.parametrize("shard", [0, 3])
async def test_an_empty_outbox_is_not_busy(hall: Hall, shard: int) -> None:
    await hall.redis.delete(hall.live.shards[shard].outbox)
    assert await hall.outbox.busy([shard]) == set()
