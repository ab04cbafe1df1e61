"""Finding a session by its code and joining it."""

import asyncio
import json
import random
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from persistence import sessions
from persistence.documents import door_of
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from persistence.sessions import SessionRow
from realtime.commands.doors import NOTHING, Doors, Shown
from realtime.commands.guarding import Guard
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text
from realtime.identifiers import read_join_code
from realtime.jwts import User
from realtime.paces import Paces
from realtime.store.admissions import Admissions
from realtime.store.live import Cold, Joining
from realtime.tickets import KeyRing, ParticipantTicket, hash_user

MAX_NICKNAME: Final = 40
_NAMESPACE: Final = uuid.UUID("6f1d3c1e-6c1b-4f5e-9d52-706c656e756d")
_NO_DOOR: Final = door_of({})
_CACHED_CODES: Final = 10_000
_CACHE_SECONDS: Final = 5.0
_CODE_KEPT_SECONDS: Final = 600.0  # after this time unused it is not even good for while PostgreSQL is away
# Why a code that exists lets nobody in, and what a session may ask for once the code was right.
_CLOSED: Final = frozenset({"session_full", "session_locked", "session_ended", "unknown_session"})
ASKED: Final = frozenset({"passcode_required", "wrong_passcode", "second_factor_required", "wrong_second_factor"})


@dataclass(frozen=True, slots=True)
class Joined:
    """A participant's place in a session, and the session's state; the ticket is shown only here."""

    state: str
    participant_id: str
    nickname: str
    anonymous: bool
    ticket: str


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who wants in: by what name, from where, and showing what. The same `join_id` is the same participant."""

    nickname: str | None
    join_id: str
    address: str = ""
    shown: Shown = NOTHING
    user: User | None = None  # of a host; he is the same participant whatever his `join_id`


class Entrance:
    """Looks up codes and admits participants. The guards slow down who guesses, `paces` who comes too fast."""

    def __init__(
        self, pool: Pool, admissions: Admissions, ring: KeyRing, ensure: Callable[[str], Awaitable[None]], *,
        doors: Doors, codes: Guard, passcodes: Guard, numbers: Guard, paces: Paces,
        ticket_days: float, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._admissions = admissions
        self._ring = ring
        self._ensure = ensure
        self._doors = doors
        self._guard = codes
        self._passcodes = passcodes
        self._numbers = numbers
        self._paces = paces
        self._ticket_seconds = ticket_days * 86_400
        self._clock = clock
        self._codes: OrderedDict[str, tuple[float, SessionRow]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[SessionRow | None]] = {}

    async def find(self, code: str, address: str = "") -> SessionRow:
        """The session that a code leads into; Refusal `unknown_code` where it leads nowhere, for whatever reason."""
        async with self._guard.attempt(address, read_join_code(code)):
            row = await self._row(code)
            # A full session cannot be told from a missing one either, once somebody tries to join it.
            if row.state == "completed" or json.loads(row.settings).get("locked"):
                raise Refusal("unknown_code")
            return row

    async def join_by_code(self, code: str, newcomer: Newcomer) -> tuple[SessionRow, Joined]:
        """Admit somebody who has the code. A code of nothing, of a session that is over, full or locked: all `unknown_code`."""
        async with self._guard.attempt(newcomer.address, read_join_code(code)):
            row = await self._row(code)
            try:
                joined = await self.join(row, newcomer)
            except Refusal as refusal:
                if refusal.code in _CLOSED:
                    raise Refusal("unknown_code") from refusal
                if refusal.code not in ASKED:
                    raise
                # The code is right, so it counts as found; what else is asked for is guarded by itself.
                asked: Refusal | None = refusal
            else:
                return row, joined
        assert asked is not None
        raise asked

    async def _row(self, code: str) -> SessionRow:
        """The session a code names; Refusal `unknown_code`. A hall that joins asks PostgreSQL every few seconds."""
        wanted = read_join_code(code)
        if not 4 <= len(wanted) <= 12:
            raise Refusal("unknown_code")
        known = self._codes.get(wanted)
        if known is not None and known[0] > self._clock():
            return known[1]
        try:
            row = await self._ask(wanted)
        except STORAGE_ERRORS as error:
            if known is not None:
                return known[1]  # the code's session does not change; better a known one than none
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None:
            self._codes.pop(wanted, None)
            raise Refusal("unknown_code")
        now = self._clock()
        self._codes[wanted] = (now + _CACHE_SECONDS, row)
        self._codes.move_to_end(wanted)
        while len(self._codes) > _CACHED_CODES or next(iter(self._codes.values()))[0] < now - _CODE_KEPT_SECONDS:
            self._codes.popitem(last=False)
        return row

    async def _ask(self, wanted: str) -> SessionRow | None:
        """Ask PostgreSQL for a code: once for all who bring it at the same moment, as a hall does."""
        task = self._asked.get(wanted)
        if task is None:
            task = self._asked[wanted] = asyncio.create_task(sessions.by_code(self._pool, wanted))
            task.add_done_callback(lambda _: self._asked.pop(wanted, None))
        return await asyncio.shield(task)

    async def join(self, session: SessionRow, newcomer: Newcomer) -> Joined:
        """Admit a participant.

        Raises Refusal `session_full`, `session_locked`, `session_ended`, `invalid`, what the door asks for, or a retry.
        """
        nickname = newcomer.nickname
        anonymous = nickname is None
        name = clean_text(nickname) if nickname is not None else "Anonymous"
        if not anonymous and not 1 <= len(name) <= MAX_NICKNAME:
            raise invalid("nickname", f"between 1 and {MAX_NICKNAME} characters")
        if self._paces.take(session.id):
            # Told apart at random, or all who came together would come back together.
            raise Refusal("limited", after_ms=random.randint(500, 3_000))
        user = newcomer.user
        join_id = newcomer.join_id if user is None else hash_user(session.id, user.issuer, user.subject)
        participant_id = participant_of(session.id, join_id)
        try:
            door = await self._pass_door(session, newcomer)
        except Refusal as refusal:
            if refusal.code not in ASKED:
                raise
            # What is asked for may have changed since this process read it.
            fresh = await self._fresh(session)
            if door_of(json.loads(fresh.settings)) == door_of(json.loads(session.settings)):
                raise
            session, door = fresh, await self._pass_door(fresh, newcomer)
        try:
            given = await self._admit(session.id, Joining(participant_id, name, anonymous, door=door))
        except Refusal as refusal:
            if refusal.code != "door_changed":
                raise
            session = await self._fresh(session)
            door = await self._pass_door(session, newcomer)
            given = await self._admit(session.id, Joining(participant_id, name, anonymous, door=door))
        expires_at_s = int(self._clock() + self._ticket_seconds)
        ticket = self._ring.participant_ticket(
            ParticipantTicket(session.id, participant_id, given, anonymous, expires_at_s)
        )
        return Joined(session.state, participant_id, given, anonymous, ticket)

    async def _pass_door(self, session: SessionRow, newcomer: Newcomer) -> str:
        """What the session asks for beyond its code; most ask for nothing, and then nothing is counted either."""
        if session.settings == "{}":
            return _NO_DOOR
        settings = json.loads(session.settings)
        shown, place = newcomer.shown, f"{newcomer.address}/{session.id}"
        if "passcode" in settings:
            if not shown.passcode:
                raise Refusal("passcode_required")
            async with self._passcodes.attempt(place, shown.passcode):
                await self._doors.check_passcode(shown.passcode, settings["passcode"])
        if "factor" in settings:
            if not shown.second_factor:
                raise Refusal("second_factor_required")
            async with self._numbers.attempt(place, shown.second_factor):
                self._doors.check_number(shown.second_factor, settings["factor"], self._clock())
        return door_of(settings)

    async def _fresh(self, session: SessionRow) -> SessionRow:
        """The session as it is stored now, in place of a copy that is seconds old."""
        try:
            row = await sessions.read(self._pool, session.id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None:
            raise Refusal("unknown_session")
        self._codes.pop(row.join_code, None)
        return row

    async def _admit(self, session_id: str, joining: Joining) -> str:
        try:
            return await self._admissions.join(session_id, joining)
        except Cold:
            await self._ensure(session_id)
        try:
            return await self._admissions.join(session_id, joining)
        except Cold as error:
            raise Refusal("recovering", after_ms=200) from error


def participant_of(session_id: str, join_id: str) -> str:
    """The participant that a join makes; the same join is the same participant."""
    digest = sha1(_NAMESPACE.bytes + f"{session_id}/{join_id}".encode(), usedforsecurity=False).digest()
    number = int.from_bytes(digest[:16]) & ~(0xF << 76 | 0xC << 60) | 5 << 76 | 8 << 60  # uuid.uuid5, in a third of its time
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
