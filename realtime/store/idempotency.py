"""The answers of creations by idempotency key: a bounded table with a lifetime, shared by all processes."""

import asyncio
import logging
from typing import Any, Final

from redis.exceptions import RedisError

from realtime.core.errors import Refusal
from realtime.store import keys, scripts
from realtime.store.connection import as_refusal
from realtime.store.servers import Servers

log = logging.getLogger("plenum.store")

_CLAIM_MS: Final = 60_000  # longer than any request takes; after it a lost claim no longer stands in the way


class Idempotency:
    """Claims a key before the work and keeps the answer after it."""

    def __init__(self, servers: Servers, *, timeout_seconds: float, lifetime_seconds: float, most: int) -> None:
        self._servers = servers
        self._timeout_seconds = timeout_seconds
        self._lifetime_ms = int(lifetime_seconds * 1_000)
        self._most = most

    async def claim(self, digest: str, fingerprint: str) -> tuple[str, str] | None:
        """None when the key is now the caller's, else the fingerprint and the answer (empty: under way) of the first."""
        record = str(await self._call("claim", digest, fingerprint, _CLAIM_MS, self._most))
        if not record:
            return None
        known, _, answer = record.partition("\n")
        return known, answer

    async def finish(self, digest: str, fingerprint: str, answer: str) -> None:
        """Keep an answer. What was done is done: if it cannot be kept, that is logged."""
        try:
            await self._call("finish", digest, fingerprint, self._lifetime_ms, answer)
        except Refusal as refusal:
            log.warning("the answer to a repeated request cannot be kept: %s", refusal.code)

    async def release(self, digest: str, fingerprint: str) -> None:
        """Give a claim back after nothing was done; else it lapses by itself."""
        try:
            await self._call("release", digest, fingerprint)
        except Refusal as refusal:
            log.debug("a claim was not given back: %s", refusal.code)

    async def _call(self, *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                names = [keys.IDEMPOTENCY_RECORDS, keys.IDEMPOTENCY_INDEX]
                return await scripts.call(self._servers.of(keys.IDEMPOTENCY_SHARD), "idempotency", names, list(arguments))
        except (RedisError, TimeoutError, OSError) as error:
            raise as_refusal(error) from error
