"""Every answer that was accepted and is saved: the stored rows, and in their places what PostgreSQL refused and was set aside."""

import contextlib
import logging
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import asyncpg

from persistence import dead_letters, responses
from persistence.responses import ResponseRow
from realtime.core.response import Response

log = logging.getLogger("plenum.persistence")


async def of_session(pool: asyncpg.Pool, session_id: str, *, chunk_rows: int) -> AsyncGenerator[list[ResponseRow], None]:
    """Yield a session's responses a chunk at a time, each in its highest revision, withdrawn ones too.

    A row under repair that is saved meanwhile comes once all the same, for it is known by its id.
    """
    letters = await dead_letters.responses_of(pool, session_id)
    if len(letters) >= dead_letters.MOST_OF_SESSION:
        log.error("session %s has more dead letters than are counted; run `plenum dead-letters retry`", session_id)
    set_aside: dict[str, Response] = {}
    for letter in letters:
        known = set_aside.get(letter.id)
        if known is None or _rank(letter) > _rank(known):
            set_aside[letter.id] = letter
    async with contextlib.aclosing(responses.for_rebuild(pool, session_id, chunk_rows=chunk_rows)) as chunks:
        async for chunk in chunks:
            yield [_newer(row, set_aside.pop(row.id, None)) for row in chunk] if set_aside else chunk
    if set_aside:
        yield [_row_of(letter) for letter in set_aside.values()]


def _newer(row: ResponseRow, letter: Response | None) -> ResponseRow:
    return row if letter is None or _rank(letter) <= _rank(row) else _row_of(letter)


def _rank(one: ResponseRow | Response) -> tuple[int, str]:
    return one.revision, one.submission_id


def _row_of(letter: Response) -> ResponseRow:
    accepted_at = datetime.fromtimestamp(letter.accepted_at_ms / 1_000, UTC)
    return ResponseRow(
        id=letter.id, session_id=letter.session_id, activity_id=letter.activity_id, participant_id=letter.participant_id,
        response_data=letter.response_data, round=letter.round, entry=letter.entry, revision=letter.revision,
        submission_id=letter.submission_id, seq=letter.offset, epoch=letter.epoch, created_at=accepted_at,
        updated_at=accepted_at, deleted_at=accepted_at if letter.withdrawn else None,
    )  # fmt: skip
