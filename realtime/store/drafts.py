"""Drafts: what participants have written and not sent. They are never counted; PostgreSQL gets them a moment later."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from realtime.core.errors import Refusal
from realtime.store import keys, scripts
from realtime.store.codes import REFUSALS
from realtime.store.live import Live
from realtime.store.owning import Draft, read_draft
from realtime.store.servers import Servers


class Drafts:
    """Reads and writes drafts; `most` bounds how many a round of an activity may have, `most_unsaved` how many of a
    shard may wait to be stored."""

    def __init__(self, live: Live, *, most: int, most_unsaved: int) -> None:
        self._live = live
        self._most = most
        self._most_unsaved = most_unsaved

    async def save(
        self, session_id: str, activity_id: str, round: int, participant_id: str, data: str | None, *,
        expected_revision: int | None, auto_submit: bool,
    ) -> tuple[int, int, int]:  # fmt: skip
        """Keep a draft (None throws it away); returns (offset, revision, server time ms).

        Raises Cold, or Refusal as an answer at this moment would, `revision_conflict` with the present revision.
        """
        session = self._live.session(session_id)
        shard = self._live.shards[session.shard]
        code, offset, revision, at_ms = await self._live.call(
            "save_draft", session,
            [session.meta, session.activity(activity_id), session.stamps, session.parts, session.people,
             session.answers(activity_id, round), session.drafts(activity_id, round), session.extra, session.personal,
             shard.drafts],
            [session_id, activity_id, round, shard.pokes, participant_id,
             -1 if expected_revision is None else expected_revision, int(auto_submit), data or "", self._most, self._most_unsaved],
        )  # fmt: skip
        if code < 0:
            after_ms = 2_000 if code == -20 else None
            raise Refusal(REFUSALS[code], details={"revision": revision} if code == -9 else {}, after_ms=after_ms)
        return int(offset), int(revision), int(at_ms)

    async def hold(self, session_id: str, activity_id: str, round: int, *, hold_ms: int) -> int:
        """Save no draft of a round for a moment, or until it is published again; returns how many it has. Raises Cold."""
        session = self._live.session(session_id)
        names = [session.meta, session.activity(activity_id), session.drafts(activity_id, round)]
        return int(await self._live.call("hold_drafts", session, names, [round, hold_ms]))

    async def read(self, session_id: str, activity_id: str, round: int, participant_id: str) -> Draft | None:
        """One participant's draft."""
        state = await self._live.own_state(session_id, participant_id, [(activity_id, round)])
        return state.drafts[0] if state.drafts else None

    async def of_round(self, session_id: str, activity_id: str, round: int) -> AsyncIterator[Draft]:
        """Every draft of a round, in no order; one that changes meanwhile may come twice."""
        session = self._live.session(session_id)
        async for field, text in self._live.scan(session, session.drafts(activity_id, round)):
            yield read_draft(activity_id, round, field, text)


@dataclass(frozen=True, slots=True)
class Unstored:
    """A draft of a session that is not stored yet; one without `data` was thrown away. `head` names its state."""

    session_id: str
    draft: Draft
    field: str
    head: str


class Unsaved:
    """The drafts of each shard that are not stored yet."""

    def __init__(self, servers: Servers, shards: Sequence[keys.Shard], *, timeout_seconds: float) -> None:
        self._servers = servers
        self._shards = shards
        self._timeout_seconds = timeout_seconds

    async def count(self) -> list[int]:
        """How many there are, by shard; none where a server is away."""
        async with asyncio.timeout(self._timeout_seconds):
            counted = await self._servers.execute_everywhere([(shard.number, ("HLEN", shard.drafts)) for shard in self._shards])
        return [0 if isinstance(number, BaseException) else int(number) for number in counted]

    async def read(self, shard: int, *, most: int) -> list[Unstored]:
        """Some of a shard, drawn at random, so that none that has to wait is in the way of others."""
        async with asyncio.timeout(self._timeout_seconds):
            drawn: Any = await self._servers.of(shard).hrandfield(self._shards[shard].drafts, most, withvalues=True)
        found = []
        for field, text in drawn or ():
            session_id, activity_id, round, participant_id = field.split("|")
            draft = read_draft(activity_id, int(round), participant_id, text)
            found.append(Unstored(session_id, draft, field, text.partition("\n")[0]))
        return found

    async def drop(self, shard: int, stored: Sequence[Unstored]) -> None:
        """Forget those that are stored, unless they have changed meanwhile."""
        arguments = [part for one in stored for part in (one.field, one.head)]
        async with asyncio.timeout(self._timeout_seconds):
            await scripts.call(self._servers.of(shard), "drop_drafts", [self._shards[shard].drafts], arguments)
