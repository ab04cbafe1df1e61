"""What can be asked: status from the live copy, responses from PostgreSQL once it has caught up."""

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from persistence import activities, responses, sessions
from persistence.activities import ActivityRow
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from persistence.responses import ResponseRow, ResponseSummary
from persistence.sessions import SessionRow
from realtime.commands.actors import Actor
from realtime.core.errors import Refusal
from realtime.core.session import VISIBLE, legacy_status
from realtime.core.tally import RESPONSES
from realtime.store.live import Cold, Live
from realtime.store.replicas import Replica, Replicas


class Reading:
    """Reads for one actor; what his role may not see raises `forbidden` or is absent."""

    def __init__(
        self, pool: Pool, live: Live, replicas: Replicas, ensure: Callable[[str], Awaitable[None]], hurry: Callable[[], None], *,
        settle_seconds: float, page_limit: int, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._live = live
        self._replicas = replicas
        self._ensure = ensure
        self._hurry = hurry
        self._settle_seconds = settle_seconds
        self.page_limit = page_limit
        self._clock = clock

    async def replica(self, session_id: str) -> Replica:
        """An up-to-date copy of a session."""
        try:
            replica, _ = await self._replicas.refresh(session_id)
        except Cold:
            await self._ensure(session_id)
            try:
                replica, _ = await self._replicas.refresh(session_id)
            except Cold as error:
                raise Refusal("recovering", after_ms=200) from error
        return replica

    async def session(self, session_id: str) -> SessionRow:
        try:
            row = await sessions.read(self._pool, session_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None:
            raise Refusal("unknown_session")
        return row

    async def activity(self, actor: Actor, activity_id: str) -> ActivityRow:
        """An activity of the actor's session; drafts exist only for those who may see them."""
        try:
            row = await activities.read(self._pool, activity_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        hidden = row is not None and row.state not in VISIBLE and actor.audience.value == "participants"
        if row is None or row.session_id != actor.session_id or hidden:
            raise Refusal("unknown_activity")
        return row

    async def session_status(self, actor: Actor) -> dict[str, Any]:
        """The cheap answer for those who poll: from the live copy, without PostgreSQL."""
        replica = await self.replica(actor.session_id)
        open_ids = [
            copy.id for copy in replica.activities.values() if copy.document is not None and copy.document["state"] == "active"
        ]
        focus = replica.session.get("focus")
        return {
            "session_id": actor.session_id,
            "status": replica.session.get("state"),
            "current_activity_id": focus if focus in open_ids else (open_ids[0] if open_ids else None),
            "active_activity_ids": open_ids,
            "participant_count": replica.people["joined"],
            "online_count": replica.people["online"],
            "saved": replica.saved,
            "position": {"epoch": replica.epoch, "offset": replica.offset},
            "last_updated": self._now(),
        }

    async def activity_status(self, actor: Actor, activity_id: str) -> dict[str, Any]:
        replica = await self.replica(actor.session_id)
        shown = replica.maps[actor.audience].keys_under(f"activity:{activity_id}")
        copy = replica.activities.get(activity_id)
        if not shown or copy is None or copy.document is None:
            raise Refusal("unknown_activity")
        document = copy.document
        counts = replica.maps[actor.audience].keys_under(f"counts:{activity_id}")
        status: dict[str, Any] = {
            "activity_id": activity_id,
            "status": legacy_status(document["state"]),
            "state": document["state"],
            "round": document["round"],
            "revealed": document["revealed"],
            "version": document["version"],
            "last_updated": self._now(),
        }
        if counts:
            status["response_count"] = copy.tallies.get(document["round"], {}).get(RESPONSES, 0)
        return status

    async def response_page(self, actor: Actor, activity_id: str, *, offset: int, limit: int) -> tuple[list[ResponseRow], ResponseSummary]:
        """Newest first with the summary of the whole activity, after waiting for what is accepted to be saved."""
        actor.need("inspect")
        await self.activity(actor, activity_id)
        await self.settle(actor.session_id)
        try:
            rows = await responses.newest_page(self._pool, activity_id, offset=offset, limit=self._limit(limit))
            return rows, await responses.summary(self._pool, activity_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error

    async def own_responses(self, actor: Actor, activity_id: str | None = None) -> list[ResponseRow]:
        """A participant's own stored responses."""
        assert actor.participant_id is not None
        await self.settle(actor.session_id)
        try:
            return await responses.of_participant(self._pool, actor.participant_id, activity_id=activity_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error

    async def responses_since(
        self, actor: Actor, *, activity_id: str | None, cursor: str | None, since: datetime | None, limit: int
    ) -> dict[str, Any]:  # fmt: skip
        """Everything stored, changed or withdrawn after a cursor or a time; the cursor misses nothing.

        `next_cursor` is always given: asking again with it continues where this page ended.
        """
        actor.need("inspect")
        if activity_id is not None:
            await self.activity(actor, activity_id)
        await self.settle(actor.session_id)
        after = read_cursor(cursor) if cursor else 0
        limit = self._limit(limit)
        try:
            if since is not None and activity_id is not None:
                rows = await responses.since_timestamp(
                    self._pool, actor.session_id, activity_id, since, limit=limit + 1, after_seq=after
                )
            else:
                rows = await responses.since_seq(self._pool, actor.session_id, after, limit=limit + 1, activity_id=activity_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        page = rows[:limit]
        return {
            "rows": page,
            "next_cursor": write_cursor(page[-1].seq if page else after),
            "has_more": len(rows) > limit,
        }

    async def settle(self, session_id: str) -> bool:
        """Wait until everything accepted so far is saved, so that a list shows the caller's own writes.

        Bounded: with PostgreSQL or Redis away the list shows what is saved (False).
        """
        deadline = time.monotonic() + self._settle_seconds
        wanted: int | None = None
        while True:
            try:
                meta = await self._live.meta(session_id)
            except Refusal:
                return False
            if wanted is None:
                wanted = int(meta.get("accepted_to", 0))
            if int(meta.get("flushed_to", 0)) >= wanted:
                return True
            if time.monotonic() >= deadline:
                return False
            self._hurry()
            await asyncio.sleep(0.01)

    def _limit(self, limit: int) -> int:
        return max(1, min(limit, self.page_limit))

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat().replace("+00:00", "Z")


def write_cursor(seq: int) -> str:
    """A cursor is opaque to clients, so that its meaning may change."""
    return base64.urlsafe_b64encode(f"1:{seq}".encode()).rstrip(b"=").decode()


def read_cursor(text: str) -> int:
    """The offset in a cursor; Refusal `invalid`."""
    try:
        version, _, seq = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
        if version == "1" and 0 <= int(seq) < 2**62:
            return int(seq)
    except (ValueError, binascii.Error):
        pass  # not one of ours: refused below
    raise Refusal("invalid", details={"field": "cursor", "reason": "not a cursor of this server"})
