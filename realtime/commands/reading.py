"""What can be asked: status from the live copy, responses from PostgreSQL once it has caught up."""

import asyncio
import base64
import binascii
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from persistence import activities, events, participants, responses, sessions
from persistence.activities import ActivityRow
from persistence.errors import STORAGE_ERRORS
from persistence.events import EventRow
from persistence.participants import ParticipantRow
from persistence.pool import Pool
from persistence.responses import ResponseRow, ResponseSummary
from persistence.sessions import SessionRow
from realtime.activities.contract import Audience
from realtime.activities.registry import Registry
from realtime.commands.actors import ALLOWED, Actor
from realtime.commands.warmth import do_warm
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.core.session import MOVES, VISIBLE, legacy_state, legacy_status
from realtime.store.live import Live
from realtime.store.owning import OwnState
from realtime.store.replicas import Replica, Replicas


class Reading:
    """Reads for one actor; what his role may not see raises `forbidden` or is absent."""

    def __init__(
        self,
        pool: Pool,
        live: Live,
        replicas: Replicas,
        ensure: Callable[[str], Awaitable[None]],
        hurry: Callable[[], None],
        *,
        registry: Registry,
        settle_seconds: float,
        page_limit: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._live = live
        self._replicas = replicas
        self._ensure = ensure
        self._hurry = hurry
        self._registry = registry
        self._changed: WeakKeyDictionary[Replica, dict[str, tuple[str, str]]] = WeakKeyDictionary()
        self._rooms: WeakKeyDictionary[Replica, tuple[str, int, str]] = WeakKeyDictionary()
        self._settle_seconds = settle_seconds
        self.page_limit = page_limit
        self._clock = clock

    async def replica(self, session_id: str) -> Replica:
        """An up-to-date copy of a session."""
        return await do_warm(self._ensure, session_id, lambda: self._replicas.fresh(session_id))

    async def session(self, session_id: str) -> SessionRow:
        with _storage():
            row = await sessions.read(self._pool, session_id)
        if row is None:
            raise Refusal("unknown_session")
        return row

    async def session_of_legacy_id(self, legacy_id: int) -> SessionRow:
        """The imported session that had this number in the founding system."""
        with _storage():
            row = await sessions.by_legacy_id(self._pool, legacy_id)
        if row is None:
            raise Refusal("unknown_session")
        return row

    async def activity(self, actor: Actor, activity_id: str) -> ActivityRow:
        """An activity of the actor's session; drafts exist only for those who may see them."""
        with _storage():
            row = await activities.read(self._pool, activity_id)
        hidden = row is not None and row.state not in VISIBLE and actor.audience.value == "participants"
        if row is None or row.session_id != actor.session_id or hidden:
            raise Refusal("unknown_activity")
        return row

    async def shown_activity(self, actor: Actor, activity_id: str) -> tuple[ActivityRow, dict[str, Any] | None]:
        """An activity, and what an audience that may not see all of it sees (None: all)."""
        row = await self.activity(actor, activity_id)
        if actor.role in ALLOWED["inspect"]:
            return row, None
        replica = await self.replica(actor.session_id)
        shown = replica.map_of(actor.audience).values_under(f"activity:{activity_id}")
        if not shown:
            raise Refusal("unknown_activity")
        return row, shown[0]

    async def shown_activities(self, actor: Actor) -> list[tuple[ActivityRow, dict[str, Any] | None]]:
        """The session's activities in their order, as `shown_activity` has them."""
        with _storage():
            rows = await activities.of_session(self._pool, actor.session_id)
        if actor.role in ALLOWED["inspect"]:
            return [(row, None) for row in rows]
        replica = await self.replica(actor.session_id)
        seen = {document["id"]: document for document in replica.map_of(actor.audience).values_under("activity:")}
        return [(row, seen[row.id]) for row in rows if row.id in seen]

    async def sizes(self, session_id: str) -> dict[str, int]:
        """How many participants and activities a session has."""
        replica = await self.replica(session_id)
        return {"participants": replica.people["joined"], "activities": len(replica.activities)}

    async def room(self, session_id: str) -> str:
        """What a newcomer is told, as JSON text: the activity to look at, and how many are here."""
        replica = await self.replica(session_id)
        known = self._rooms.get(replica)
        if known is None or known[:2] != (replica.epoch, replica.offset):
            known = self._rooms[replica] = replica.epoch, replica.offset, encode(self._room_document(replica))
        return known[2]

    def _room_document(self, replica: Replica) -> dict[str, Any]:
        open_ids = _open_ids(replica)
        focus = replica.session.get("focus")
        current = focus if focus in open_ids else (open_ids[0] if open_ids else None)
        shown = {one["id"]: one for one in replica.map_of(Audience.PARTICIPANTS).values_under("activity:")}
        document = shown.get(current) if current else None
        return {
            "current_activity": document and {name: document[name] for name in ("id", "type", "title", "config")},
            "active_activity_ids": open_ids,
            "participant_count": replica.people["joined"],
        }

    async def session_status(self, actor: Actor) -> dict[str, Any]:
        """The cheap answer for those who poll: from the live copy, without PostgreSQL.

        `last_updated` is when this process first saw the session as it is.
        """
        replica = await self.replica(actor.session_id)
        open_ids = _open_ids(replica)
        focus = replica.session.get("focus")
        shown = {
            "session_id": actor.session_id,
            "status": replica.session.get("state"),
            "current_activity_id": focus if focus in open_ids else (open_ids[0] if open_ids else None),
            "active_activity_ids": open_ids,
            "participant_count": replica.people["joined"],
            "online_count": replica.people["online"],
        }
        activities_seen = replica.map_of(actor.audience).keys_under("activity:")
        versions = [copy.document["version"] for copy in replica.activities.values() if copy.document]
        changed = self._when(
            replica, f"session:{actor.audience}", [shown, replica.session.get("version"), activities_seen, versions]
        )
        position = {"epoch": replica.epoch, "offset": replica.offset}
        return {**shown, "saved": replica.saved, "position": position, "last_updated": changed}

    async def activity_status(self, actor: Actor, activity_id: str) -> dict[str, Any]:
        replica = await self.replica(actor.session_id)
        document, counts = self._seen(replica, actor, activity_id)
        status: dict[str, Any] = {
            "activity_id": activity_id,
            "status": legacy_status(document["state"]),
            "state": document["state"],
            "round": document["round"],
            "revealed": document["revealed"],
            "version": document["version"],
        }
        if counts is not None:
            status["response_count"] = counts["responses"]
            answered = self._when(replica, f"answers:{actor.audience}:{activity_id}", counts)
            status["last_response_at"] = answered if counts["responses"] else None
        return status | {"last_updated": self._when(replica, f"activity:{actor.audience}:{activity_id}", status)}

    async def framework_status(self, actor: Actor, activity_id: str) -> dict[str, Any]:
        """The founding framework's status: its words for states, the legal moves, and the results."""
        status = await self.activity_status(actor, activity_id)
        replica = await self.replica(actor.session_id)
        document, _ = self._seen(replica, actor, activity_id)
        state, deadline_ms = document["state"], document.get("deadline_ms")
        return status | {
            "state": legacy_state(state),
            "paused": state == "paused",
            "expires_at": datetime.fromtimestamp(deadline_ms / 1_000, UTC).isoformat() if deadline_ms else None,
            "activity_metadata": {"duration_seconds": document["config"]["constraints"].get("time_limit")},
            "valid_transitions": sorted(MOVES[state]),
            "results": (await self.results(actor, activity_id))["results"],
        }

    async def results(self, actor: Actor, activity_id: str) -> dict[str, Any]:
        """The results as the activity's type has them, for the actor's audience; what is hidden is absent."""
        replica = await self.replica(actor.session_id)
        document, _ = self._seen(replica, actor, activity_id)
        prefix = f"view:{activity_id}"
        stamped = replica.map_of(actor.audience)
        shown = [(key, text) for key, text in stamped.present() if key == prefix or key.startswith(f"{prefix}:")]
        parts = {key[len(prefix) + 1 :]: json.loads(text) for key, text in shown}
        results = self._registry.resolve(document["type"]).assemble(parts) if parts else {}
        return {
            "activity_id": activity_id,
            "type": document["type"],
            "round": document["round"],
            "revealed": document["revealed"],
            "final": document["final"],
            "results": results,
            "last_updated": self._when(replica, f"results:{actor.audience}:{activity_id}", [document, results]),
        }

    def _seen(self, replica: Replica, actor: Actor, activity_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The activity and its counts as the actor's audience sees them; counts are None where hidden."""
        stamped = replica.map_of(actor.audience)
        shown = stamped.values_under(f"activity:{activity_id}")
        if not shown:
            raise Refusal("unknown_activity")
        counts = stamped.values_under(f"counts:{activity_id}")
        return shown[0], counts[0] if counts else None

    def _when(self, replica: Replica, subject: str, content: Any) -> str:
        """When this process first saw a subject as it is now: it moves if and only if the content does."""
        known = self._changed.setdefault(replica, {})
        text = sha256(encode([replica.epoch, content]).encode()).hexdigest()
        seen = known.get(subject)
        if seen is None or seen[0] != text:
            seen = known[subject] = (text, self._now())
        return seen[1]

    async def own_state(self, actor: Actor, rounds: list[tuple[str, int]]) -> OwnState | None:
        """What only a participant sees, of the given (activity, round) pairs; None for everybody else."""
        return None if actor.participant_id is None else await self._live.own_state(actor.session_id, actor.participant_id, rounds)

    # -------------------------------------------------------------------------------------- people and events

    async def participants(self, actor: Actor, *, offset: int, limit: int) -> tuple[list[ParticipantRow], int, set[str]]:
        """A page of those who were not removed, how many there are, and who of them is online.

        Waits, bounded, until everybody who was admitted is stored.
        """
        actor.need("inspect")
        joined = (await self.replica(actor.session_id)).people["joined"]
        deadline = time.monotonic() + self._settle_seconds
        with _storage():
            while (total := await participants.count(self._pool, actor.session_id, active_only=True)) < joined:
                if time.monotonic() >= deadline:
                    break
                self._hurry()
                await asyncio.sleep(0.02)
            rows = await participants.of_session(
                self._pool, actor.session_id, offset=offset, limit=self._limit(limit), active_only=True
            )
        return rows, total, await self._live.online(actor.session_id)

    async def participant(self, actor: Actor, participant_id: str) -> None:
        """Refuse `unknown_participant` unless somebody of the actor's session has this id."""
        with _storage():
            row = await participants.read(self._pool, participant_id)
        if row is not None and row.session_id == actor.session_id:
            return
        if row is not None or await self._live.nickname_of(actor.session_id, participant_id) is None:
            raise Refusal("unknown_participant")

    async def events(self, actor: Actor, *, after: int, limit: int) -> list[EventRow]:
        """The session's audit after an id, oldest first."""
        actor.need("inspect")
        with _storage():
            return await events.of_session(self._pool, actor.session_id, limit=limit, after_id=after)

    # --------------------------------------------------------------------------------------------- responses

    async def response(self, actor: Actor, response_id: str) -> ResponseRow:
        """One of the actor's own responses that stands; anybody else's does not exist for him."""
        await self.settle(actor.session_id)
        with _storage():
            row = await responses.read(self._pool, response_id)
        if row is None or row.session_id != actor.session_id or row.participant_id != actor.participant_id or row.deleted_at:
            raise Refusal("unknown_response")
        return row

    async def unnamed_activities(self, session_id: str) -> frozenset[str]:
        """The activities of which nothing may tell who answered."""
        copies = (await self.replica(session_id)).activities.values()
        return frozenset(copy.id for copy in copies if copy.document is not None and copy.rules(self._registry)[1].unnamed)

    async def hidden_rounds(self, session_id: str) -> dict[str, int]:
        """Per activity whose single answers nobody may know yet, presenters included, the first such round."""
        replica = await self.replica(session_id)
        hidden: dict[str, int] = {}
        for copy in replica.activities.values():
            document = copy.document
            if document is not None and self._registry.resolve(document["type"]).fences_on_reveal:
                hidden[copy.id] = document["round"] + (1 if document["revealed"] else 0)
        return hidden

    async def response_page(
        self, actor: Actor, activity_id: str, *, offset: int, limit: int
    ) -> tuple[list[ResponseRow], ResponseSummary]:
        """Newest first with the summary of the whole activity, after waiting for what is accepted to be saved."""
        actor.need("inspect")
        await self.activity(actor, activity_id)
        await self.settle(actor.session_id)
        with _storage():
            rows = await responses.newest_page(self._pool, activity_id, offset=offset, limit=self._limit(limit))
            return rows, await responses.summary(self._pool, activity_id)

    async def responses_of(self, actor: Actor, participant_id: str, activity_id: str | None = None) -> list[ResponseRow]:
        """A participant's stored responses that stand, in the order accepted."""
        await self.participant(actor, participant_id)
        await self.settle(actor.session_id)
        with _storage():
            return await responses.of_participant(self._pool, participant_id, activity_id=activity_id)

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
        with _storage():
            if since is not None and activity_id is not None:
                rows = await responses.since_timestamp(
                    self._pool, actor.session_id, activity_id, since, limit=limit + 1, after_seq=after
                )
            else:
                rows = await responses.since_seq(self._pool, actor.session_id, after, limit=limit + 1, activity_id=activity_id)
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


@contextlib.contextmanager
def _storage() -> Iterator[None]:
    """What PostgreSQL cannot answer now may be asked again."""
    try:
        yield
    except STORAGE_ERRORS as error:
        raise Refusal("storage_unavailable", after_ms=1_000) from error


def _open_ids(replica: Replica) -> list[str]:
    return [copy.id for copy in replica.activities.values() if copy.document is not None and copy.document["state"] == "active"]


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
