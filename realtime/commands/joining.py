"""Finding a session by its code and joining it."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from persistence import sessions
from persistence.documents import session_document
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from persistence.sessions import SessionRow
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text
from realtime.identifiers import read_join_code
from realtime.store.admissions import Admissions
from realtime.store.live import Cold, Joining
from realtime.tickets import KeyRing, ParticipantTicket

MAX_NICKNAME: Final = 40
_NAMESPACE: Final = uuid.UUID("6f1d3c1e-6c1b-4f5e-9d52-706c656e756d")
_CACHED_CODES: Final = 10_000
_CACHE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Joined:
    """A participant's place in a session; the ticket is shown only here."""

    session: dict[str, Any]
    participant_id: str
    nickname: str
    anonymous: bool
    ticket: str


class Entrance:
    """Looks up codes and admits participants."""

    def __init__(
        self, pool: Pool, admissions: Admissions, ring: KeyRing, ensure: Callable[[str], Awaitable[None]], *,
        ticket_days: float, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._admissions = admissions
        self._ring = ring
        self._ensure = ensure
        self._ticket_seconds = ticket_days * 86_400
        self._clock = clock
        self._codes: OrderedDict[str, tuple[float, SessionRow]] = OrderedDict()

    async def find(self, code: str) -> SessionRow:
        """The session a code names; Refusal `unknown_code`. A hall that joins asks PostgreSQL every few seconds."""
        wanted = read_join_code(code)
        if not 4 <= len(wanted) <= 12:
            raise Refusal("unknown_code")
        known = self._codes.get(wanted)
        if known is not None and known[0] > self._clock():
            return known[1]
        try:
            row = await sessions.by_code(self._pool, wanted)
        except STORAGE_ERRORS as error:
            if known is not None:
                return known[1]  # the code's session does not change; better a known one than none
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None:
            raise Refusal("unknown_code")
        self._codes[wanted] = (self._clock() + _CACHE_SECONDS, row)
        while len(self._codes) > _CACHED_CODES:
            self._codes.popitem(last=False)
        return row

    async def join(self, session: SessionRow, nickname: str | None, join_id: str) -> Joined:
        """Admit a participant. The same `join_id` is the same participant, however often it is sent.

        Raises Refusal `session_full`, `session_locked`, `session_ended`, `invalid`, or a retry.
        """
        anonymous = nickname is None
        name = clean_text(nickname) if nickname is not None else "Anonymous"
        if not anonymous and not 1 <= len(name) <= MAX_NICKNAME:
            raise invalid("nickname", f"between 1 and {MAX_NICKNAME} characters")
        participant_id = str(uuid.uuid5(_NAMESPACE, f"{session.id}/{join_id}"))
        joining = Joining(participant_id, name, anonymous)
        given = await self._admit(session.id, joining)
        expires_at_s = int(self._clock() + self._ticket_seconds)
        ticket = self._ring.participant_ticket(
            ParticipantTicket(session.id, participant_id, given, anonymous, expires_at_s)
        )
        return Joined(session_document(session), participant_id, given, anonymous, ticket)

    async def _admit(self, session_id: str, joining: Joining) -> str:
        try:
            return await self._admissions.join(session_id, joining)
        except Cold:
            await self._ensure(session_id)
        try:
            return await self._admissions.join(session_id, joining)
        except Cold as error:
            raise Refusal("recovering", after_ms=200) from error
