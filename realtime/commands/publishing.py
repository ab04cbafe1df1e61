"""Bringing what PostgreSQL has to the live store, now, or later when it cannot be done now.

A change notes in its own transaction what it owes the live store (of an activity that is there its row says so),
and the clock of any process pays what is left of a process that died, or could not reach Redis.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from persistence import activities, decisions, sessions, tickets, timing, unpublished
from persistence.documents import activity_document, activity_rules, session_document, session_meta
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from persistence.unpublished import Owed
from realtime.activities.registry import Registry
from realtime.commands.warmth import do_warm
from realtime.core.errors import Refusal
from realtime.core.session import VISIBLE
from realtime.store.live import Live

log = logging.getLogger("plenum.commands")

_MOST_WAITING: Final = 10_000  # changes that this process will publish later
_RETRY_SECONDS: Final = 0.25
DELETED: Final = 2**31 - 1  # above every version of a document that was there


class Publisher:
    """Publishes what is stored. `ensure` brings a session to life; `publish_board` is set by whoever keeps the points.

    `fault` is a test hook called at named points.
    """

    def __init__(
        self, pool: Pool, live: Live, registry: Registry, ensure: Callable[[str], Awaitable[None]],
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._live = live
        self._registry = registry
        self._ensure = ensure
        self._fault = fault
        self._waiting: dict[Owed, None] = {}
        self._any = asyncio.Event()
        self.publish_board: Callable[[str], Awaitable[None]] | None = None

    async def publish(self, session_id: str, activity_id: str | None) -> None:
        """Bring a session (or one of its activities) to the live store, as `pay` does."""
        await self.pay(Owed(session_id, "session") if activity_id is None else Owed(session_id, "activity", activity_id))

    async def pay_soon(self, owed: Owed) -> None:
        """As `pay`, for a change that must not be made again because the live store hears of it later."""
        try:
            await self.pay(owed)
        except Refusal as refusal:
            if not refusal.retry:
                raise
            log.info("%s %s of session %s is published later: %s", owed.kind, owed.subject, owed.session_id, refusal)

    async def pay(self, owed: Owed) -> None:
        """Publish what a change owes, as it is now. If that fails now it is done later, and the caller is told to retry."""
        self._fault("before_publish")
        try:
            await self._pay(owed)
        except Refusal:
            self.pay_later([owed])
            raise
        if owed.id:
            try:
                await unpublished.forget(self._pool, owed)
            except STORAGE_ERRORS as error:
                log.debug("%s of session %s will be published twice, which is harmless: %s", owed.kind, owed.session_id, error)

    def pay_later(self, owed: Iterable[Owed]) -> None:
        """As `pay`, without waiting for it."""
        for one in owed:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting[one] = None
                self._any.set()

    async def _pay(self, owed: Owed) -> None:
        session_id, subject = owed.session_id, owed.subject
        try:
            if owed.kind == "session" and await sessions.read(self._pool, session_id) is None:
                # Every process that reads it from here on finds it cold, and PostgreSQL knows nothing of it.
                await self._live.drop(session_id)
            elif owed.kind == "session":
                await self.warm(session_id, lambda: self._publish_session(session_id))
            elif owed.kind == "activity":
                await self.warm(session_id, lambda: self._publish_activity(session_id, subject))
            elif owed.kind == "participant":
                await self.warm(session_id, lambda: self._publish_participant(session_id, subject))
            elif owed.kind == "ticket":
                await self.warm(session_id, lambda: self._publish_ticket(session_id, subject))
            elif self.publish_board is not None:
                await self.publish_board(session_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error

    # Of two presenters at the same time the later one in PostgreSQL is the later one in the live store: the row is locked.

    async def _publish_participant(self, session_id: str, participant_id: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            row = await timing.lock_participant(connection, participant_id)
            if row is None:
                return
            if not row.is_active:
                await self._live.remove(session_id, participant_id)
            await self._live.give_time(session_id, participant_id, row.extra_time_percent)

    async def _publish_ticket(self, session_id: str, sha256: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            row = await tickets.lock(connection, sha256)
            role = None if row is None or row.revoked_at is not None else row.role
            if role is None or await self._live.role_in(session_id, sha256) not in (None, role):
                # Whoever is connected would go on in the role he had when he came.
                await self._live.revoke_ticket(session_id, sha256)
            if role is not None:
                await self._live.add_ticket(session_id, sha256, role)

    async def warm(self, session_id: str, act: Callable[[], Awaitable[None]]) -> None:
        """Do something with a live session, after bringing it to life where it is not."""
        await do_warm(self._ensure, session_id, act)

    async def _publish_session(self, session_id: str) -> None:
        session = await sessions.read(self._pool, session_id)
        if session is None:
            raise Refusal("unknown_session")
        await self._live.write_value(
            session_id, "session", session.version, session_document(session), meta=session_meta(session)
        )

    async def _publish_activity(self, session_id: str, activity_id: str) -> None:
        row = await activities.read(self._pool, activity_id)
        if row is None:
            await self._live.write_activity(
                session_id, activity_id, DELETED, None, hides=True, state="cancelled", round=0,
                settings_version=0, changes=False, until_ms=0,
            )  # fmt: skip
            return
        if row.decisions_version:
            # Before the activity itself: a new round must not be seen with what was decided about another one.
            decided = await decisions.of_round(self._pool, activity_id, row.round)
            await self._live.write_value(
                session_id, f"decisions:{activity_id}:{row.round}", row.decisions_version, decided, hides=True
            )
        hides = row.state not in VISIBLE or not row.revealed
        fences = self._registry.resolve(row.type).fences_on_reveal
        _, _, closed_offset = await self._live.write_activity(
            session_id, activity_id, row.version, activity_document(row), hides=hides, **activity_rules(row, fences)
        )
        if closed_offset and row.closed_offset != closed_offset:
            await activities.note_closed_offset(self._pool, activity_id, closed_offset)
        await timing.note_published(self._pool, row)

    async def run(self) -> None:
        """Publish what could not be published when it was written, until cancelled."""
        while True:
            await self._any.wait()
            self._any.clear()
            for owed in list(self._waiting):
                self._waiting.pop(owed, None)
                try:
                    await self.pay(owed)
                except Refusal as error:
                    if not error.retry:
                        self._waiting.pop(owed, None)
                        log.warning("%s %s of session %s is gone and was not published", owed.kind, owed.subject, owed.session_id)
            await asyncio.sleep(_RETRY_SECONDS)
