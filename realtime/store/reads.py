"""Commands on their way to Redis: all that are asked in one turn of the loop, or while a call is under way, go together.

A client library's call costs several times what Redis needs for the command; when a hall comes in, there are thousands.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeAlias

from realtime.core.errors import Refusal
from realtime.store.connection import STORE_ERRORS, as_refusal
from realtime.store.servers import Servers

Command: TypeAlias = Sequence[object]


class Reads:
    """Collects commands per server; never more than one round trip under way to each.

    With a pause who asks alone waits for nothing, and who asks within the pause after a call goes with the next.
    """

    def __init__(
        self, servers: Servers, *, most_waiting: int, most_at_once: int, timeout_seconds: float, pause_seconds: float = 0.0
    ) -> None:
        self._servers = servers
        self._most_waiting = most_waiting
        self._most_at_once = most_at_once
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._waiting: dict[str, list[tuple[bytes, int, asyncio.Future[list[Any]]]]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, shard: int, commands: Sequence[Command]) -> list[Any]:
        """The replies to some commands for keys of one shard. Raises Refusal when Redis cannot be asked, or says no."""
        replies = await self.replies(shard, commands)
        for reply in replies:
            if isinstance(reply, Exception):
                raise as_refusal(reply) from reply
        return replies

    async def replies(self, shard: int, commands: Sequence[Command]) -> list[Any]:
        """As `ask`, but what Redis says no to has its error in the place of its reply."""
        place = self._servers.incarnation.places[shard]
        waiting = self._waiting.setdefault(place, [])
        if len(waiting) >= self._most_waiting:
            raise Refusal("overloaded", after_ms=1_000)
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        waiting.append((b"".join(map(pack_command, commands)), len(commands), future))
        if place not in self._tasks:
            self._tasks[place] = self._servers.errands.start(self._send_all(place))
        return await future

    async def _send_all(self, place: str) -> None:
        try:
            while waiting := self._waiting.get(place):
                taken, self._waiting[place] = waiting[: self._most_at_once], waiting[self._most_at_once :]
                await self._send(place, taken)
                if self._pause_seconds and len(self._waiting[place]) < self._most_at_once:
                    await asyncio.sleep(self._pause_seconds)
        finally:
            self._waiting.pop(place, None)
            self._tasks.pop(place, None)

    async def _send(self, place: str, taken: list[tuple[bytes, int, asyncio.Future[list[Any]]]]) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                packed = b"".join(text for text, _, _ in taken)
                replies = await self._servers.send(place, packed, sum(count for _, count, _ in taken))
        except STORE_ERRORS as error:
            for _, _, future in taken:
                if not future.done():
                    future.set_exception(as_refusal(error))
            return
        start = 0
        for _, count, future in taken:
            if not future.done():  # the one who asked may be gone
                future.set_result(replies[start : start + count])
            start += count


def pack_command(command: Command) -> bytes:
    """A command as it goes over the connection (RESP array of bulk strings)."""
    return b"*%d\r\n%b" % (len(command), b"".join(map(bulk, command)))


def bulk(value: object) -> bytes:
    """A value as Redis reads it (RESP bulk string)."""
    raw = value if isinstance(value, bytes) else str(value).encode()
    return b"$%d\r\n%b\r\n" % (len(raw), raw)
