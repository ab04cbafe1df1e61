"""Being here without a socket: presence of those who poll, and whether a name is free."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from realtime.commands.actors import Actor
from realtime.commands.joining import MAX_NICKNAME
from realtime.commands.warmth import do_warm
from realtime.core.errors import invalid
from realtime.core.json_text import clean_text
from realtime.store.live import Live, fold

_PROPOSALS: Final = 50  # numbers tried behind a taken name before none is proposed


@dataclass(frozen=True, slots=True)
class FreeName:
    """Whether a name is free, and what to take instead. Nothing is reserved by asking."""

    available: bool
    suggestion: str | None


class Attendance:
    """`ensure` brings a session to life."""

    def __init__(self, live: Live, ensure: Callable[[str], Awaitable[None]]) -> None:
        self._live = live
        self._ensure = ensure

    async def note(self, actor: Actor) -> None:
        """A participant was seen just now; the presence lapses by itself."""
        actor.need("answer")
        assert actor.participant_id is not None
        participant_id = actor.participant_id
        await do_warm(self._ensure, actor.session_id, lambda: self._live.presence(actor.session_id, [participant_id], []))

    async def free_nickname(self, session_id: str, nickname: str) -> FreeName:
        """Whether nobody in the session has this name."""
        name = clean_text(nickname)
        if not 1 <= len(name) <= MAX_NICKNAME:
            raise invalid("nickname", f"between 1 and {MAX_NICKNAME} characters")
        await do_warm(self._ensure, session_id, lambda: self._live.changes(session_id, 2**53))  # nothing but: is it live?
        proposals = [name, *(f"{name} {number}" for number in range(2, _PROPOSALS))]
        taken = await self._live.taken_names(session_id, [fold(proposal) for proposal in proposals])
        free = [proposal for proposal in proposals if fold(proposal) not in taken]
        return FreeName(name in free[:1], None if name in free[:1] or not free else free[0])
