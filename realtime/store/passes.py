"""What is known of tickets beyond whether they are good: passes that work once, and who directs."""

import asyncio
import json
from typing import Any

from redis.exceptions import RedisError

from realtime.store import keys
from realtime.store.connection import as_refusal
from realtime.store.live import Cold, Live


class Passes:
    """Passes are tickets for one socket: kept for seconds, taken by whoever shows them first."""

    def __init__(self, live: Live, *, timeout_seconds: float, lifetime_seconds: float) -> None:
        self._live = live
        self._timeout_seconds = timeout_seconds
        self.lifetime_ms = int(lifetime_seconds * 1_000)

    async def keep(self, sha256: str, holder: list[Any]) -> None:
        """Keep whom a pass is for."""
        shard = self._shard_of(sha256)
        await self._ask(shard, "SET", keys.single_pass(shard, sha256), json.dumps(holder), "PX", self.lifetime_ms)

    async def take(self, sha256: str) -> list[Any] | None:
        """Whom a pass is for; None when it is unknown, lapsed or was used. Nobody gets it twice."""
        shard = self._shard_of(sha256)
        text = await self._ask(shard, "GETDEL", keys.single_pass(shard, sha256))
        holder: list[Any] | None = None if text is None else json.loads(text)
        return holder

    async def lease(self, session_id: str) -> int:
        """The token of whoever directs the session; 0 when everybody may. Raises Cold."""
        session = self._live.session(session_id)
        epoch, loading, token = await self._ask(session.shard, "HMGET", session.meta, "epoch", "loading", "lease")
        if loading is not None or not self._live.is_current(session_id, epoch or ""):
            raise Cold(session_id)
        return int(token or 0)

    def _shard_of(self, sha256: str) -> int:
        """Passes go with a shard, so that their server is known; with any, as they belong to no session."""
        return keys.shard_of(sha256, len(self._live.shards))

    async def _ask(self, shard: int, *command: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._live.servers.of(shard).execute_command(*command)  # type: ignore[no-untyped-call]
        except (RedisError, TimeoutError, OSError) as error:
            raise as_refusal(error) from error
