"""Joins on their way into Redis: those of one session that arrive together go in one script call."""

from typing import Final

from realtime.store.batches import Batches
from realtime.store.live import Joining, Live

_BATCH: Final = 200


class Admissions:
    """Collects joins per session; never more than one call per session under way."""

    def __init__(self, live: Live, *, most_waiting: int) -> None:
        self._batches: Batches[str, Joining, str] = Batches(
            live.join, most_at_once=_BATCH, most_waiting=most_waiting, errands=live.servers.errands
        )

    async def join(self, session_id: str, joining: Joining) -> str:
        """Admit somebody; returns the name given. Raises Refusal, or Cold when the session must be loaded.

        Who is gone before the answer has his place all the same: it is kept by his join id.
        """
        return await self._batches.ask(session_id, joining)
