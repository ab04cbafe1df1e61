"""The number that newcomers must show, on its way to those who show it to the room: it is in no state that others read."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from persistence import sessions
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from realtime.commands.actors import ALLOWED
from realtime.commands.doors import PERIOD_SECONDS, number_of
from realtime.core.errors import Refusal
from realtime.core.messages import SecondFactor, encode
from realtime.rooms import Connection, Room
from realtime.store.replicas import Replicas

log = logging.getLogger("plenum.numbers")

_STEP_SECONDS: Final = 0.25


@dataclass(slots=True)
class _Shown:
    """What this process shows of one session, and to whom it has been shown."""

    version: int = 0
    secret: str | None = None
    number: str | None = None
    connections: set[Connection] = field(default_factory=set)


class Numbers:
    """Reads secrets from PostgreSQL, once per version of a session, and pushes the number of each turn."""

    def __init__(
        self, pool: Pool, replicas: Replicas, rooms: Callable[[], Mapping[str, Room]], clock: Callable[[], float] = time.time
    ) -> None:
        self._pool = pool
        self._replicas = replicas
        self._rooms = rooms
        self._clock = clock
        self._shown: dict[str, _Shown] = {}

    async def present(self, session_id: str) -> SecondFactor:
        """The number of this moment; none where the session asks for none."""
        return self._frame(await self._secret(session_id))

    async def run(self) -> None:
        """Tell every room what to show, until cancelled."""
        while True:
            await asyncio.sleep(_STEP_SECONDS)
            rooms = dict(self._rooms())
            self._shown = {one: shown for one, shown in self._shown.items() if one in rooms}
            for room in rooms.values():
                try:
                    await self.tell(room)
                except Refusal as error:
                    log.debug("the number of session %s could not be read: %s", room.session_id, error)

    async def tell(self, room: Room) -> None:
        """Send the present number to those of a room who show it and have not had it."""
        replica = self._replicas.peek(room.session_id)
        if replica is None:
            return
        wanted = bool(replica.session.get("second_factor"))
        if not wanted and room.session_id not in self._shown:
            return
        shown = self._shown.setdefault(room.session_id, _Shown())
        version = int(replica.session.get("version", 0))
        if shown.version != version:
            shown.secret = await self._secret(room.session_id) if wanted else None
            shown.version = version
        frame = self._frame(shown.secret)
        if frame.number != shown.number:
            shown.number = frame.number
            shown.connections.clear()
        shown.connections &= room.connections
        for connection in room.connections - shown.connections:
            if connection.role in ALLOWED["show"] and connection.epoch:
                connection.push(encode(frame))
                shown.connections.add(connection)
        if frame.number is None:
            del self._shown[room.session_id]

    def _frame(self, secret: str | None) -> SecondFactor:
        now_s = self._clock()
        turn = int(now_s) // PERIOD_SECONDS
        number = None if secret is None else number_of(secret, turn)
        return SecondFactor(number=number, until_ms=(turn + 1) * PERIOD_SECONDS * 1_000)

    async def _secret(self, session_id: str) -> str | None:
        try:
            row = await sessions.read(self._pool, session_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None:
            raise Refusal("unknown_session")
        secret: str | None = json.loads(row.settings).get("factor")
        return secret
