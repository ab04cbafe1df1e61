"""Pokes: "session S changed". They carry nothing else, and a lost one is healed by the next slow tick."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from realtime.loops import end_tasks
from realtime.store import keys
from realtime.store.servers import Servers

log = logging.getLogger("plenum.store")

QUIET_SECONDS: Final = 5.0  # after this much silence the subscription is asked whether it lives


async def listen(
    servers: Servers, shards: Sequence[keys.Shard], on_poke: Callable[[str], None], on_reconnect: Callable[[], None]
) -> None:
    """Call `on_poke` for every poke until cancelled; `on_reconnect` after a gap in which pokes may have been lost."""
    incarnation = servers.incarnation
    while True:
        arranged = incarnation.arranged
        groups: dict[str, list[keys.Shard]] = {}
        for shard in shards:
            groups.setdefault(incarnation.places[shard.number], []).append(shard)
        listening = [
            asyncio.create_task(_listen_at(servers.at(place), here, on_poke, on_reconnect, incarnation.redirected.set))
            for place, here in groups.items()
        ]
        try:
            await arranged.wait()
        finally:
            await end_tasks(listening)
        await servers.close_unused()


async def _listen_at(
    redis: Redis, shards: Sequence[keys.Shard], on_poke: Callable[[str], None], on_reconnect: Callable[[], None],
    on_move: Callable[[], None],
) -> None:  # fmt: skip
    """Listen to the shards of one server until cancelled."""
    pause_seconds = 0.1
    while True:
        pubsub = redis.pubsub()
        try:
            for shard in shards:
                await pubsub.ssubscribe(shard.pokes)  # one by one: in a cluster each is in a slot of its own
            on_reconnect()
            pause_seconds = 0.1
            silent = False
            while True:
                message = await pubsub.get_message(timeout=QUIET_SECONDS)
                if message is None:
                    if silent:
                        raise TimeoutError("no answer to a ping")
                    await pubsub.ping()
                    silent = True
                    continue
                silent = False
                if message["type"] == "smessage":
                    on_poke(message["data"])
                elif message["type"] == "sunsubscribe":
                    on_move()  # by the server, because the slot is at another one now
        except (RedisError, OSError, TimeoutError) as error:
            log.info("poke subscription lost, trying again in %.1f s: %s", pause_seconds, error)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 2.0)
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
