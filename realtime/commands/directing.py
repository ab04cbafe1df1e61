"""What presenters do: sessions and activities, written to PostgreSQL first, then published."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from persistence import activities, decisions, events, participants, scorings, sessions, tickets, timing
from persistence.activities import ActivityRow
from persistence.documents import activity_document, session_document
from persistence.errors import STORAGE_ERRORS, JoinCodeTaken, ParentMissing
from persistence.pool import Connection, Pool
from persistence.sessions import SessionRow
from persistence.unpublished import Owed
from realtime.activities.config import Config, read_config
from realtime.activities.contract import read_settings
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor, server_actor
from realtime.commands.audits import Audit, audited
from realtime.commands.doors import changed_settings
from realtime.commands.newcomers import require_participant
from realtime.commands.publishing import Publisher
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import Limits, check, clean_text, encode
from realtime.core.session import check_move, check_session_move
from realtime.identifiers import new_join_code, new_uuid
from realtime.jwts import User
from realtime.store import keys
from realtime.store.live import Live
from realtime.tickets import hash_ticket, hash_user, new_presenter_ticket

_TRIES: Final = 5  # when others move an activity at the same time


class Directing:
    """The presenters' commands. `hand_in` submits the drafts of a round that is about to end."""

    def __init__(
        self, pool: Pool, live: Live, registry: Registry, publisher: Publisher,
        hand_in: Callable[[ActivityRow], Awaitable[None]], *, strict_types: bool, max_participants: int, max_activities: int,
        config_bytes: int, join_code_length: int,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._live = live
        self._registry = registry
        self._publisher = publisher
        self._hand_in = hand_in
        self._strict_types = strict_types
        self._max_participants = max_participants
        self._max_activities = max_activities
        self._config_bytes = config_bytes
        self._join_code_length = join_code_length

    # ---------------------------------------------------------------------------------------------- sessions

    async def create_session(
        self, title: str, *, description: str | None = None, max_participants: int | None = None, state: str = "active",
        passcode: str | None = None, user: User | None = None,
    ) -> tuple[SessionRow, str, str]:  # fmt: skip
        """A new session, its owner's ticket and one for the big screen; both are shown only now.

        A host's user owns it by his token as well, from any device.
        """
        title = clean_text(title)
        if not 1 <= len(title) <= 255:
            raise invalid("title", "between 1 and 255 characters")
        cap = self._cap(max_participants)
        session_id = new_uuid()
        ticket, screen_ticket = new_presenter_ticket(session_id), new_presenter_ticket(session_id)
        try:
            settings = encode(await changed_settings({}, passcode=passcode))
            async with self._pool.acquire() as connection, connection.transaction():
                row = await self._insert_session(connection, session_id, title, description, cap, state, settings)
                if user is not None:
                    digest = hash_user(session_id, user.issuer, user.subject)
                    await tickets.create(connection, sha256=digest, session_id=session_id, role="owner", label=user.name or "")
                await tickets.create(connection, sha256=hash_ticket(ticket), session_id=session_id, role="owner")
                await tickets.create(connection, sha256=hash_ticket(screen_ticket), session_id=session_id, role="display")
                await events.record(connection, session_id=session_id, actor="owner", action="session_created")
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        return row, ticket, screen_ticket

    def _cap(self, wanted: int | None) -> int:
        cap = self._max_participants if wanted is None else wanted
        if not 1 <= cap <= self._max_participants:
            raise invalid("max_participants", f"between 1 and {self._max_participants}")
        return cap

    async def _insert_session(
        self, connection: Connection, session_id: str, title: str, description: str | None, cap: int, state: str, settings: str
    ) -> SessionRow:  # fmt: skip
        for attempt in range(12):
            code = new_join_code(self._join_code_length + attempt // 4)  # longer when the short ones run out
            with suppress(JoinCodeTaken):
                async with connection.transaction():  # of its own, as one that fails can do nothing more
                    return await sessions.create(
                        connection, id=session_id, title=title, description=description, join_code=code, max_participants=cap,
                        state=state, settings=settings, shard=keys.shard_of(session_id, len(self._live.shards)),
                    )  # fmt: skip
        raise Refusal("overloaded", "No join code is free at the moment.", after_ms=1_000)

    async def move_session(
        self, actor: Actor, *, to: str | None = None, locked: bool | None = None, focus: str | None = None,
        title: str | None = None, passcode: str | None = None, second_factor: bool | None = None,
        description: str | None = None, max_participants: int | None = None, expected_version: int | None = None,
    ) -> SessionRow:  # fmt: skip
        """Start or end a session, lock it, ask newcomers for more, choose the focus (empty string: none), rename it."""
        actor.need("direct")
        row = await self._session(actor.session_id)
        self._expect(expected_version, row.version, session_document(row))
        if focus:
            await self._activity(actor, focus)
        # What may be refused comes before anything is written.
        self._cap(max_participants)
        leads_on = to is not None and check_session_move(row.state, to)
        settings = json.loads(row.settings)
        wanted = await changed_settings(settings, passcode=passcode, second_factor=second_factor)
        if locked is not None:
            wanted["locked"] = locked
        if focus is not None:
            wanted["focus"] = focus or None
        changes = wanted != settings or title is not None or description is not None or max_participants is not None
        owed = Owed(row.id, "session")
        if changes or leads_on:
            async with audited(self._pool, actor) as audit:
                if to is not None and leads_on:
                    moved = await sessions.set_state(audit.connection, row.id, to, expected_version=row.version)
                    row = await self._unless_lost(audit, moved)
                    await audit.record(f"session_{to}")
                if changes:
                    changed = await sessions.update(
                        audit.connection, row.id, title=title, description=description, settings=encode(wanted),
                        max_participants=max_participants, expected_version=row.version,
                    )  # fmt: skip
                    row = await self._unless_lost(audit, changed)
                    await audit.record("session_changed", locked=wanted.get("locked"), focus=wanted.get("focus"))
                owed = await audit.owe("session")
        try:
            if to == "completed":  # asked once more as well, which closes what a failure left open
                await self._close_all(actor)
        finally:  # that it is over is told, whatever becomes of its activities
            await self._publisher.pay(owed)
        return row

    async def _close_all(self, actor: Actor) -> None:
        """A session that is over takes no answers."""
        try:
            rows = await activities.of_session(self._pool, actor.session_id, limit=self._max_activities)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        for activity in rows:
            if activity.state in ("active", "paused"):
                await self._close(actor, activity.id)

    async def _close(self, actor: Actor, activity_id: str) -> None:
        """Close an activity that others may be moving at the same time, the clock for one."""
        for _ in range(_TRIES):
            try:
                await self._move(actor, activity_id, "closed", expected_version=None)
            except Refusal as refusal:
                if refusal.code in ("unknown_activity", "illegal_move"):
                    return  # deleted or cancelled meanwhile: open it is not
                if refusal.code != "version_conflict":
                    raise
            else:
                return
        raise Refusal("under_way", after_ms=200)

    async def delete_session(self, actor: Actor) -> None:
        """Delete a session with everything in it; its live state is dropped."""
        actor.need("own")
        async with audited(self._pool, actor) as audit:
            if await sessions.delete(audit.connection, actor.session_id):
                await audit.record("session_deleted")
            owed = await audit.owe("session")
        await self._publisher.pay(owed)

    # -------------------------------------------------------------------------------------------- activities

    async def create_activity(
        self, actor: Actor, type_name: str, *, title: str | None, config: Any, order_index: int | None = None, state: str = "draft"
    ) -> ActivityRow:  # fmt: skip
        """Add an activity, in a state that a draft can be brought into; aliases of types are stored under the type's own name."""
        actor.need("direct")
        await self.may_move(actor, "draft", state)
        name, text = self._read_config(type_name, config)
        try:
            async with audited(self._pool, actor) as audit:
                _, present = await activities.list_page(audit.connection, actor.session_id, offset=0, limit=1)
                if present >= self._max_activities:
                    raise Refusal("limited", f"A session holds at most {self._max_activities} activities.", after_ms=60_000)
                row = await activities.create(
                    audit.connection, id=new_uuid(), session_id=actor.session_id, type=name, title=clean_text(title or ""),
                    config=text, order_index=order_index,
                )  # fmt: skip
                await audit.record("activity_created", row.id)
                if state != "draft":
                    row = await self._advance(audit, row, state)
        except ParentMissing as error:
            raise Refusal("unknown_session") from error
        await self._publisher.pay_soon(Owed(actor.session_id, "activity", row.id))
        return row

    async def update_activity(
        self, actor: Actor, activity_id: str, *, title: str | None = None, config: Any = None, order_index: int | None = None,
        expected_version: int | None = None,
    ) -> ActivityRow:  # fmt: skip
        """Change title, config or place. The config is fixed once answers may refer to it."""
        actor.need("direct")
        row = await self._activity(actor, activity_id)
        self._expect(expected_version, row.version, activity_document(row))
        text = None
        if config is not None:
            _, text = self._read_config(row.type, config)
            if row.opened_at is not None and json.loads(text)["settings"] != json.loads(row.config)["settings"]:
                raise Refusal("in_use", details={"field": "config.settings", "reason": "answers refer to it; open a new activity"})
        async with audited(self._pool, actor) as audit:
            changed = await activities.update_config(
                audit.connection, activity_id, title=None if title is None else clean_text(title), config=text,
                order_index=order_index, expected_version=row.version,
            )  # fmt: skip
            row = await self._unless_activity_lost(audit, changed, activity_id)
            await audit.record("activity_changed", activity_id)
        await self._publisher.publish(actor.session_id, activity_id)
        return row

    async def move(
        self, actor: Actor, activity_id: str, to: str, *, expected_version: int | None = None, new_round: bool = False,
        force: bool = False, reason: str | None = None,
    ) -> ActivityRow:  # fmt: skip
        """Bring an activity into another state. Asking for the present one publishes it again, which heals.

        `new_round` with the version the caller has seen also leads from an open round to the next one.
        """
        actor.need("direct")
        await self.may_move(actor, None, to)
        return await self._move(
            actor, activity_id, to, expected_version=expected_version, new_round=new_round, force=force, reason=reason
        )

    async def may_move(self, actor: Actor, present: str | None, to: str) -> None:
        """Refuse what `move` would refuse, before more than that is written; `present` is the activity's state if it is known."""
        if present is not None:
            check_move(present, to)
        if to == "active" and (await self._session(actor.session_id)).state == "completed":
            raise Refusal("session_ended")

    async def move_by_clock(self, session_id: str, activity_id: str, to: str, *, version: int) -> ActivityRow:
        """The server's own move; Refusal `version_conflict` where another process, or a presenter, was first."""
        return await self._move(server_actor(session_id), activity_id, to, expected_version=version)

    async def _move(
        self, actor: Actor, activity_id: str, to: str, *, expected_version: int | None, new_round: bool = False,
        force: bool = False, reason: str | None = None,
    ) -> ActivityRow:  # fmt: skip
        row = await self._activity(actor, activity_id)
        self._expect(expected_version, row.version, activity_document(row))
        again = new_round and to == row.state == "active" and expected_version is not None
        if check_move(row.state, to, force=force) or again:
            if row.state in ("active", "paused") and (to == "closed" or (to == "active" and new_round)):
                await self._hand_in(row)
            async with audited(self._pool, actor) as audit:
                row = await self._advance(audit, row, to, new_round=new_round, force=force, reason=reason)
        await self._publisher.publish(actor.session_id, activity_id)
        return row

    async def _advance(
        self, audit: Audit, row: ActivityRow, to: str, *, new_round: bool = False, force: bool = False, reason: str | None = None
    ) -> ActivityRow:  # fmt: skip
        moved = await self._unless_activity_lost(audit, await self._step(audit.connection, row, to, new_round), row.id)
        meta = {"from": row.state, "round": moved.round, "force": force, "reason": reason}
        await audit.record(f"activity_{to}", row.id, **meta)
        return moved

    async def _step(self, connection: Connection, row: ActivityRow, to: str, new_round: bool) -> ActivityRow | None:
        """Move a row on from the version it has; None where that is no longer the present one."""
        if row.state == "active" and to == "paused":
            return await timing.pause(connection, row.id, expected_version=row.version)
        if row.paused_at is not None and row.state == "paused" and to == "active" and not new_round:
            return await timing.resume(connection, row.id, expected_version=row.version)
        if to != "active":
            return await activities.move(
                connection, row.id, expected_version=row.version, state=to, round=row.round, revealed=row.revealed,
                deadline_at=row.deadline_at,
            )  # fmt: skip
        kind = self._registry.resolve(row.type)
        config = Config.model_validate_json(row.config)
        settings = read_settings(kind, config.settings)
        fresh = new_round and row.opened_at is not None
        # Who answers again in the same round has read the question.
        reading_ms = kind.reading_ms(settings) if fresh or row.opened_at is None else 0
        limit_ms = (config.constraints.time_limit or 0) * 1_000 or kind.answering_ms(settings)
        return await timing.begin(
            connection, row.id, expected_version=row.version, round=row.round + fresh, revealed=row.revealed and not fresh,
            reading_ms=reading_ms, limit_ms=limit_ms or None,
        )  # fmt: skip

    async def reveal(
        self, actor: Actor, activity_id: str, revealed: bool, *, expected_version: int | None = None
    ) -> ActivityRow:  # fmt: skip
        """Show or hide results."""
        actor.need("direct")
        return await self._reveal(actor, activity_id, revealed, expected_version)

    async def reveal_by_clock(self, session_id: str, activity_id: str, *, version: int) -> ActivityRow:
        """As `move_by_clock`, for an activity that shows its results once everybody has answered."""
        return await self._reveal(server_actor(session_id), activity_id, True, version)

    async def _reveal(self, actor: Actor, activity_id: str, revealed: bool, expected_version: int | None) -> ActivityRow:
        row = await self._activity(actor, activity_id)
        self._expect(expected_version, row.version, activity_document(row))
        if row.revealed != revealed:
            if revealed and row.state == "active" and self._registry.resolve(row.type).fences_on_reveal:
                await self._hand_in(row)
            async with audited(self._pool, actor) as audit:
                moved = await activities.move(
                    audit.connection, activity_id, expected_version=row.version, state=row.state, round=row.round,
                    revealed=revealed, deadline_at=row.deadline_at,
                )  # fmt: skip
                row = await self._unless_activity_lost(audit, moved, activity_id)
                await audit.record("activity_revealed" if revealed else "activity_hidden", activity_id)
        await self._publisher.publish(actor.session_id, activity_id)
        return row

    async def delete_activity(self, actor: Actor, activity_id: str, *, expected_version: int | None = None) -> None:
        """Remove an activity with its responses."""
        actor.need("direct")
        async with audited(self._pool, actor) as audit:
            row = await decisions.lock_activity(audit.connection, activity_id)
            if row is None or row.session_id != actor.session_id:
                raise Refusal("unknown_activity")
            self._expect(expected_version, row.version, activity_document(row))
            await activities.delete(audit.connection, activity_id)
            await audit.record("activity_deleted", activity_id)
            owed = await audit.owe("activity", activity_id)
        await self._publisher.pay(owed)

    async def remove(self, actor: Actor, participant_id: str) -> None:
        """Remove a participant for good."""
        actor.need("moderate")
        await require_participant(self._pool, self._live, actor.session_id, participant_id)
        async with audited(self._pool, actor) as audit:
            if await participants.set_inactive(audit.connection, participant_id) is None:
                raise Refusal("unknown_participant")
            await audit.record("participant_removed", participant_id=participant_id)
            owed = [await audit.owe("participant", participant_id)]
            if await scorings.sessions_with_rounds(audit.connection, [actor.session_id]):
                owed.append(await audit.owe("board"))  # who is removed goes from there as well
        await self._publisher.pay(owed[0])
        self._publisher.pay_later(owed[1:])

    # ----------------------------------------------------------------------------------------------- shared

    async def _session(self, session_id: str) -> SessionRow:
        try:
            row = await sessions.read(self._pool, session_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None:
            raise Refusal("unknown_session")
        return row

    async def _activity(self, actor: Actor, activity_id: str) -> ActivityRow:
        try:
            row = await activities.read(self._pool, activity_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None or row.session_id != actor.session_id:
            raise Refusal("unknown_activity")
        return row

    def _read_config(self, type_name: str, config: Any) -> tuple[str, str]:
        kind = self._registry.resolve(type_name, strict=self._strict_types)
        check(config, Limits(max_bytes=self._config_bytes, max_keys=20_000, max_list_entries=20_000))
        text = encode(read_config(kind, config).model_dump(mode="json"))
        if len(text.encode()) > self._config_bytes:
            raise Refusal("too_large", details={"field": "config", "max_bytes": self._config_bytes})
        return self._registry.canonical(type_name), text

    def _expect(self, expected: int | None, present: int, document: dict[str, Any]) -> None:
        if expected is not None and expected != present:
            raise Refusal("version_conflict", details={"version": present, "present": document})

    async def _unless_lost(self, audit: Audit, row: SessionRow | None) -> SessionRow:
        if row is None:
            present = await sessions.read(audit.connection, audit.actor.session_id)
            if present is None:
                raise Refusal("unknown_session")
            raise Refusal("version_conflict", details={"version": present.version, "present": session_document(present)})
        return row

    async def _unless_activity_lost(self, audit: Audit, row: ActivityRow | None, activity_id: str) -> ActivityRow:
        if row is None:
            present = await activities.read(audit.connection, activity_id)
            if present is None:
                raise Refusal("unknown_activity")
            raise Refusal("version_conflict", details={"version": present.version, "present": activity_document(present)})
        return row
