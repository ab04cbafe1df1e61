"""Participants who have joined and whom the flusher has not stored yet."""

import logging

from persistence import participants
from persistence.errors import ParticipantExists
from persistence.pool import Pool
from realtime.core.errors import Refusal
from realtime.store.live import Live

log = logging.getLogger("plenum.commands")


async def store_newcomer(pool: Pool, live: Live, session_id: str, participant_id: str) -> None:
    """Make the row that the flusher has not made yet; Refusal `unknown_participant` for one who never joined."""
    nickname = await live.nickname_of(session_id, participant_id)
    if nickname is None:
        raise Refusal("unknown_participant")
    anonymous = participant_id not in await live.named(session_id, {participant_id: nickname})
    try:
        await participants.create(pool, id=participant_id, session_id=session_id, nickname=nickname, anonymous=anonymous)
    except ParticipantExists:
        log.debug("participant %s was flushed in this moment", participant_id)
