"""Drafts: what participants have written and not sent. They live in Redis alone and are never counted."""

from collections.abc import AsyncIterator

from realtime.core.errors import Refusal
from realtime.store.codes import REFUSALS
from realtime.store.live import Draft, Live, read_draft


class Drafts:
    """Reads and writes drafts; `most` bounds how many a round of an activity may have."""

    def __init__(self, live: Live, *, most: int) -> None:
        self._live = live
        self._most = most

    async def save(
        self, session_id: str, activity_id: str, round: int, participant_id: str, data: str | None, *,
        expected_revision: int | None, auto_submit: bool,
    ) -> tuple[int, int, int]:  # fmt: skip
        """Keep a draft (None throws it away); returns (offset, revision, server time ms).

        Raises Cold, or Refusal as an answer at this moment would, `revision_conflict` with the present revision.
        """
        session = self._live.session(session_id)
        code, offset, revision, at_ms = await self._live.call(
            "save_draft", session,
            [session.meta, session.activity(activity_id), session.stamps, session.parts, session.people,
             session.answers(activity_id, round), session.drafts(activity_id, round), session.extra, session.personal],
            [session_id, activity_id, round, self._live.shards[session.shard].pokes, participant_id,
             -1 if expected_revision is None else expected_revision, int(auto_submit), data or "", self._most],
        )  # fmt: skip
        if code < 0:
            raise Refusal(REFUSALS[code], details={"revision": revision} if code == -9 else {})
        return int(offset), int(revision), int(at_ms)

    async def read(self, session_id: str, activity_id: str, round: int, participant_id: str) -> Draft | None:
        """One participant's draft."""
        state = await self._live.own_state(session_id, participant_id, [(activity_id, round)])
        return state.drafts[0] if state.drafts else None

    async def of_round(self, session_id: str, activity_id: str, round: int) -> AsyncIterator[Draft]:
        """Every draft of a round, in no order; one that changes meanwhile may come twice."""
        name = self._live.session(session_id).drafts(activity_id, round)
        async for field, text in self._live.scan(name):
            yield read_draft(activity_id, round, field, text)
