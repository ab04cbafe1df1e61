"""Pokes: "session S changed". They carry nothing else, and a lost one is healed by the next slow tick."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from realtime.store import keys

log = logging.getLogger("plenum.store")

QUIET_SECONDS: Final = 5.0  # after this much silence the subscription is asked whether it lives


async def listen(
    redis: Redis, shards: Sequence[keys.Shard], on_poke: Callable[[str], None], on_reconnect: Callable[[], None]
) -> None:
    """Call `on_poke` for every poke until cancelled; `on_reconnect` after a gap in which pokes may have been lost."""
    pause_seconds = 0.1
    while True:
        pubsub = redis.pubsub()
        try:
            await pubsub.ssubscribe(*(shard.pokes for shard in shards))
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
        except (RedisError, OSError, TimeoutError) as error:
            log.info("poke subscription lost, trying again in %.1f s: %s", pause_seconds, error)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 2.0)
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
