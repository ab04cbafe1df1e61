"""Participants who have joined and whom the flusher has not stored yet."""

import logging

from persistence import participants
from persistence.errors import STORAGE_ERRORS, ParentMissing, ParticipantExists
from persistence.pool import Pool
from realtime.core.errors import Refusal
from realtime.store.live import Live

log = logging.getLogger("plenum.commands")


async def require_participant(pool: Pool, live: Live, session_id: str, participant_id: str) -> None:
    """See that a participant of this session has a row, the flusher's or one made now; Refusal `unknown_participant` without."""
    try:
        row = await participants.read(pool, participant_id)
        if row is None:
            await _store(pool, live, session_id, participant_id)
        elif row.session_id != session_id:
            raise Refusal("unknown_participant")
    except ParentMissing as error:
        raise Refusal("unknown_session") from error
    except STORAGE_ERRORS as error:
        raise Refusal("storage_unavailable", after_ms=1_000) from error


async def _store(pool: Pool, live: Live, session_id: str, participant_id: str) -> None:
    nickname = await live.nickname_of(session_id, participant_id)
    if nickname is None:
        raise Refusal("unknown_participant")
    anonymous = participant_id not in await live.named(session_id, {participant_id: nickname})
    try:
        await participants.create(pool, id=participant_id, session_id=session_id, nickname=nickname, anonymous=anonymous)
    except ParticipantExists:
        log.debug("participant %s was flushed in this moment", participant_id)
