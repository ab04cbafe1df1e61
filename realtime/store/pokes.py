"""Pokes: "session S changed". They carry nothing else, and a lost one is healed by the next slow tick."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from realtime.loops import end_tasks
from realtime.store import keys
from realtime.store.servers import Servers

log = logging.getLogger("plenum.store")

QUIET_SECONDS: Final = 5.0  # so often the subscription is asked whether it lives


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
            await _hear(pubsub, on_poke, on_move)
        except (RedisError, OSError, TimeoutError) as error:
            log.info("poke subscription lost, trying again in %.1f s: %s", pause_seconds, error)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 2.0)
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]


async def _hear(pubsub: PubSub, on_poke: Callable[[str], None], on_move: Callable[[], None]) -> None:
    """Take in what comes until cancelled; raises TimeoutError where not even a ping is answered.

    The connection is read as it is: the library's way to a message costs a hub several times what it does about it.
    """
    connection: Any = pubsub.connection
    heard = True  # that the subscription was taken
    while heard:
        await pubsub.ping()
        heard = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_SECONDS):
                while True:
                    message = await connection.read_response(disconnect_on_error=False, push_request=True)
                    heard = True
                    if message[0] == "smessage":
                        on_poke(message[2])
                    elif message[0] == "sunsubscribe":
                        on_move()  # by the server, because the slot is at another one now
    raise TimeoutError("no answer to a ping")
