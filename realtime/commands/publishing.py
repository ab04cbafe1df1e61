"""Bringing what PostgreSQL has to the live store, now, or later when it cannot be done now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from persistence import activities, decisions, sessions, timing
from persistence.documents import activity_document, activity_rules, session_document, session_meta
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
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
    """Publishes sessions and activities as they are stored. `ensure` brings a session to life."""

    def __init__(self, pool: Pool, live: Live, registry: Registry, ensure: Callable[[str], Awaitable[None]]) -> None:
        self._pool = pool
        self._live = live
        self._registry = registry
        self._ensure = ensure
        self._waiting: dict[tuple[str, str | None], None] = {}
        self._any = asyncio.Event()

    async def publish(self, session_id: str, activity_id: str | None, *, deleted_version: int | None = None) -> None:
        """Bring a session (or one of its activities) to the live store.

        If that fails now it is done later, and the caller is told to retry.
        """
        try:
            await self.warm(session_id, lambda: self._publish(session_id, activity_id, deleted_version))
        except Refusal:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting[(session_id, activity_id)] = None
                self._any.set()
            raise

    async def warm(self, session_id: str, act: Callable[[], Awaitable[None]]) -> None:
        """Do something with a live session, after bringing it to life where it is not."""
        await do_warm(self._ensure, session_id, act)

    async def _publish(self, session_id: str, activity_id: str | None, deleted_version: int | None) -> None:
        try:
            if activity_id is None:
                await self._publish_session(session_id)
            else:
                await self._publish_activity(session_id, activity_id, deleted_version)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error

    async def _publish_session(self, session_id: str) -> None:
        session = await sessions.read(self._pool, session_id)
        if session is None:
            raise Refusal("unknown_session")
        await self._live.write_value(
            session_id, "session", session.version, session_document(session), meta=session_meta(session)
        )

    async def _publish_activity(self, session_id: str, activity_id: str, deleted_version: int | None) -> None:
        row = None if deleted_version else await activities.read(self._pool, activity_id)
        if row is None:
            await self._live.write_activity(
                session_id, activity_id, deleted_version or DELETED, None, hides=True, state="cancelled", round=0,
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
            for session_id, activity_id in list(self._waiting):
                self._waiting.pop((session_id, activity_id), None)
                try:
                    await self.publish(session_id, activity_id)
                except Refusal as error:
                    if not error.retry:
                        self._waiting.pop((session_id, activity_id), None)
                        log.warning("%s of session %s is gone and was not published", activity_id, session_id)
            await asyncio.sleep(_RETRY_SECONDS)
