"""Drafts: kept for their author on the server, never counted, and handed in before the fence where the author chose so.

Redis has them first, and a crash of any hub loses none. PostgreSQL has them a moment later (`keeping`), so that a loss of
Redis takes what was written in that moment at most. Clients keep their own copy until the answer is saved.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from persistence.activities import ActivityRow
from realtime.activities.contract import ActivityType
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.answering import Answering
from realtime.core.errors import Refusal
from realtime.core.json_text import Limits, check, encode
from realtime.core.messages import Accepted, Retry, SaveDraft, Submit
from realtime.store.drafts import Drafts
from realtime.store.live import Cold, Live
from realtime.store.owning import Draft
from realtime.store.replicas import Replicas

log = logging.getLogger("plenum.commands")

_MOST_MERGES: Final = 4  # a partial draft is merged again when another device was first, but not for ever
_AT_ONCE: Final = 500  # drafts on their way into the accept script together
_HOLD_MS: Final = 5_000  # for so long no draft is saved while those that are there are handed in
_NAMESPACE: Final = uuid.UUID("0f7f6f0e-2d52-4c36-8b8e-647261667473")


class Drafting:
    """Saves drafts and, when time is up, hands them in."""

    def __init__(
        self, live: Live, drafts: Drafts, replicas: Replicas, registry: Registry, answering: Answering,
        ensure: Callable[[str], Awaitable[None]], *, draft_bytes: int,
    ) -> None:  # fmt: skip
        self._live = live
        self._drafts = drafts
        self._replicas = replicas
        self._registry = registry
        self._answering = answering
        self._ensure = ensure
        self._draft_bytes = draft_bytes
        self._limits = Limits(max_bytes=draft_bytes)

    async def save(self, actor: Actor, command: SaveDraft) -> dict[str, Any]:
        """Keep a draft; returns its revision, the offset and the server's time.

        A draft need not be a whole answer. Raises Refusal `revision_conflict` with the present revision, and
        what an answer at this moment would be refused with.
        """
        actor.need("answer")
        assert actor.participant_id is not None
        for attempt in range(_MOST_MERGES):
            try:
                return await self._save_once(actor, actor.participant_id, command)
            except Cold:
                await self._ensure(actor.session_id)
            except Refusal as refusal:
                mine = command.expected_revision is not None
                if refusal.code != "revision_conflict" or mine or attempt == _MOST_MERGES - 1:
                    raise
        raise Refusal("recovering", after_ms=200)

    async def _save_once(self, actor: Actor, participant_id: str, command: SaveDraft) -> dict[str, Any]:
        replica = self._replicas.peek(actor.session_id)
        copy = replica.activities.get(command.activity_id) if replica else None
        if copy is None or copy.document is None or (command.round or copy.document["round"]) != copy.document["round"]:
            replica, _ = await self._replicas.refresh(actor.session_id)
            copy = replica.activities.get(command.activity_id)
        if copy is None or copy.document is None:
            raise Refusal("unknown_activity")
        kind, _, settings = copy.rules(self._registry)
        round = command.round or copy.document["round"]
        data, expected = command.data, command.expected_revision
        if data is not None:
            if not isinstance(data, dict):
                raise Refusal("invalid", details={"field": "data", "reason": "must be an object"})
            check(data, self._limits)
            if type(kind).merge_draft is not ActivityType.merge_draft:
                before = await self._drafts.read(actor.session_id, command.activity_id, round, participant_id)
                data = kind.merge_draft(settings, json.loads(before.data) if before else {}, data)
                if expected is None:
                    expected = before.revision if before else 0  # what it was merged with must still be there
        text = None if data is None else encode(data)
        if text is not None and len(text.encode()) > self._draft_bytes:
            raise Refusal("too_large", details={"field": "data", "max_bytes": self._draft_bytes})
        offset, revision, at_ms = await self._drafts.save(
            actor.session_id, command.activity_id, round, participant_id, text, expected_revision=expected,
            auto_submit=command.auto_submit,
        )  # fmt: skip
        return {"activity_id": command.activity_id, "round": round, "revision": revision, "offset": offset, "saved_at_ms": at_ms}

    async def hand_in(self, row: ActivityRow) -> None:
        """Hand in the drafts of an open round whose authors wanted that: it is about to be closed, by whomever.

        Until the round is published as closed no draft of it is saved. Raises a Refusal that says to try again, and
        then it must not be closed yet.
        """
        for _ in range(_MOST_MERGES):
            try:
                present = await self._drafts.hold(row.session_id, row.id, row.round, hold_ms=_HOLD_MS)
                if present == 0 or await self._submit_due(row):
                    return
            except Cold:
                await self._ensure(row.session_id)
        raise Refusal("recovering", after_ms=500)

    async def _submit_due(self, row: ActivityRow) -> bool:
        """Hand in what is to be handed in; False where some must be tried again.

        May run in several processes and after a crash: a draft's submission id follows from the draft, so
        that it is one response. A draft of an answer that was changed after it stays a draft.
        """
        waiting: list[Draft] = []
        whole = True
        try:
            people = None
            async for draft in self._drafts.of_round(row.session_id, row.id, row.round):
                if not draft.auto_submit:
                    continue
                if people is None:
                    people = await self._live.people(row.session_id)
                if draft.participant_id in people:
                    waiting.append(draft)
                if len(waiting) >= _AT_ONCE:
                    whole &= await self._submit_all(row, waiting, people)
                    waiting = []
            if people is not None and waiting:
                whole &= await self._submit_all(row, waiting, people)
        except Refusal as refusal:
            log.info("drafts of activity %s wait: %s", row.id, refusal)
            return False
        return whole

    async def _submit_all(self, row: ActivityRow, drafts: list[Draft], people: dict[str, str]) -> bool:
        nicknames = {draft.participant_id: people[draft.participant_id] for draft in drafts}
        named = await self._live.named(row.session_id, nicknames)
        frames = await asyncio.gather(
            *(self._submit(row, one, people[one.participant_id], one.participant_id not in named) for one in drafts)
        )
        accepted = sum(isinstance(frame, Accepted) for frame in frames)
        log.info("activity %s: %d of %d drafts handed in before it closes", row.id, accepted, len(drafts))
        return not any(isinstance(frame, Retry) for frame in frames)

    async def _submit(self, row: ActivityRow, draft: Draft, nickname: str, anonymous: bool) -> Any:
        actor = Actor(row.session_id, "participant", draft.participant_id, draft.participant_id, nickname, anonymous)
        name = f"{row.id}/{draft.round}/{draft.participant_id}/{draft.revision}/{draft.at_ms}"
        command = Submit(
            id=0, activity_id=row.id, submission_id=str(uuid.uuid5(_NAMESPACE, name)), data=json.loads(draft.data),
            round=draft.round, expected_revision=draft.base,
        )  # fmt: skip
        return await self._answering.submit_draft(actor, command, at_ms=draft.at_ms)
