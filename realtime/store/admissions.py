"""Joins on their way into Redis: those of one session that arrive together go in one script call."""

import asyncio
from typing import Final

from realtime.core.errors import Refusal
from realtime.store.live import Cold, Joining, Live

_BATCH: Final = 200


class Admissions:
    """Collects joins per session; never more than one call per session under way."""

    def __init__(self, live: Live, *, most_waiting: int) -> None:
        self._live = live
        self._most_waiting = most_waiting
        self._waiting: dict[str, list[tuple[Joining, asyncio.Future[str]]]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def join(self, session_id: str, joining: Joining) -> str:
        """Admit somebody; returns the name given. Raises Refusal, or Cold when the session must be loaded."""
        waiting = self._waiting.setdefault(session_id, [])
        if len(waiting) >= self._most_waiting:
            raise Refusal("overloaded", after_ms=1_000)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting.append((joining, future))
        if session_id not in self._tasks:
            self._tasks[session_id] = asyncio.get_running_loop().create_task(self._send_all(session_id))
        return await future

    async def _send_all(self, session_id: str) -> None:
        try:
            while waiting := self._waiting.get(session_id):
                taken, self._waiting[session_id] = waiting[:_BATCH], waiting[_BATCH:]
                await self._send(session_id, taken)
        finally:
            self._waiting.pop(session_id, None)
            self._tasks.pop(session_id, None)

    async def _send(self, session_id: str, taken: list[tuple[Joining, asyncio.Future[str]]]) -> None:
        try:
            results: list[str | Refusal | Cold] = list(await self._live.join(session_id, [joining for joining, _ in taken]))
        except (Refusal, Cold) as error:
            results = [error] * len(taken)
        for (_, future), result in zip(taken, results, strict=True):
            if future.done():
                continue  # the one who asked is gone; his place is kept by his join id
            if isinstance(result, str):
                future.set_result(result)
            else:
                future.set_exception(result)
