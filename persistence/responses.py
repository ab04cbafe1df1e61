"""Reading the stored responses; they are written by `batch` only."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from persistence.pool import Database, iterate_chunks
from persistence.rows import build_optional, build_row
from persistence.statements import statement

_READ = statement("read_response")
_LIST_NEWEST = statement("list_newest_responses")
_SUMMARIZE = statement("summarize_responses")
_LIST_OF_PARTICIPANT = statement("list_responses_of_participant")
_LIST_SINCE_SEQ = statement("list_responses_since_seq")
_LIST_ACTIVITY_SINCE_SEQ = statement("list_activity_responses_since_seq")
_LIST_SINCE_TIME = statement("list_responses_since_time")
_LIST_CONTAINING = statement("list_responses_containing")
_STREAM = statement("stream_responses")
_READ_MAX_SEQ = statement("read_max_seq")
_COUNT_BY_ACTIVITY = statement("count_responses_by_activity")
_COUNT_DUPLICATES = statement("count_duplicate_responses")


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """A response as stored; `response_data` is JSON text, `deleted_at` is set where it was withdrawn.

    `created_at` is when it was first accepted, `updated_at` when it was last saved. `seq` is the offset at
    which the stored revision was accepted, so a change moves it.
    """

    id: str
    session_id: str
    activity_id: str
    participant_id: str
    response_data: str
    round: int
    entry: str
    revision: int
    submission_id: str
    seq: int
    epoch: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class ResponseSummary:
    """The whole activity at a glance, without withdrawn responses; no time where there is no response."""

    total_responses: int
    unique_participants: int
    last_updated: datetime | None


@dataclass(frozen=True, slots=True)
class ActivityCount:
    """What is stored of one round of an activity; `participants` have at least one response not withdrawn."""

    activity_id: str
    round: int
    responses: int
    withdrawn: int
    participants: int


def _build_rows(records: Sequence[asyncpg.Record]) -> list[ResponseRow]:
    return [build_row(ResponseRow, record) for record in records]


async def read(database: Database, response_id: str) -> ResponseRow | None:
    """Return one response, also a withdrawn one, or None."""
    return build_optional(ResponseRow, await database.fetchrow(_READ, response_id))


async def newest_page(database: Database, activity_id: str, *, offset: int, limit: int) -> list[ResponseRow]:
    """Return a page of an activity's responses, newest first, without the withdrawn ones."""
    return _build_rows(await database.fetch(_LIST_NEWEST, activity_id, limit, offset))


async def summary(database: Database, activity_id: str) -> ResponseSummary:
    """Return the summary of the whole activity."""
    record = await database.fetchrow(_SUMMARIZE, activity_id)
    assert record is not None  # an aggregate without GROUP BY always yields a row
    return build_row(ResponseSummary, record)


async def of_participant(
    database: Database, participant_id: str, *, activity_id: str | None = None, limit: int = 1000
) -> list[ResponseRow]:
    """Return a participant's responses in the order accepted, without the withdrawn ones."""
    return _build_rows(await database.fetch(_LIST_OF_PARTICIPANT, participant_id, activity_id, limit))


async def since_seq(
    database: Database, session_id: str, seq: int, *, limit: int, activity_id: str | None = None
) -> list[ResponseRow]:
    """Return what was new, changed or withdrawn after `seq`, in that order.

    The last row's `seq` is the cursor of the next page; a response that changed twice appears once.
    """
    if activity_id is None:
        return _build_rows(await database.fetch(_LIST_SINCE_SEQ, session_id, seq, limit))
    return _build_rows(await database.fetch(_LIST_ACTIVITY_SINCE_SEQ, session_id, activity_id, seq, limit))


async def since_timestamp(
    database: Database, session_id: str, activity_id: str, since: datetime, *, limit: int, after_seq: int = 0
) -> list[ResponseRow]:
    """Return what was saved, changed or withdrawn at or after a time, in the order of `seq`.

    The last row's `seq`, as `after_seq` of the next call, is the cursor that misses nothing.
    """
    return _build_rows(
        await database.fetch(_LIST_SINCE_TIME, session_id, activity_id, since, after_seq, limit)
    )


async def containing(
    database: Database, session_id: str, activity_id: str, document: str, *, limit: int
) -> list[ResponseRow]:
    """Return an activity's responses whose stored JSON contains a document (JSON text)."""
    return _build_rows(await database.fetch(_LIST_CONTAINING, session_id, activity_id, document, limit))


async def for_rebuild(
    pool: asyncpg.Pool, session_id: str, *, chunk_rows: int = 1000
) -> AsyncGenerator[list[ResponseRow], None]:
    """Yield every response of a session, withdrawn ones too, in the order of `seq`, a chunk at a time.

    All chunks show one point in time. The connection stays taken until the iteration ends or is closed.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        async for records in iterate_chunks(connection, _STREAM, session_id, chunk_rows=chunk_rows):
            yield _build_rows(records)


async def max_seq(database: Database, session_id: str) -> int:
    """Return the highest seq that a session ever saved or set aside, 0 where there is none; deleted rows count too."""
    highest: int = await database.fetchval(_READ_MAX_SEQ, session_id)
    return highest


async def recount(database: Database, session_id: str) -> list[ActivityCount]:
    """Count the stored responses of each activity and round."""
    return [
        build_row(ActivityCount, record) for record in await database.fetch(_COUNT_BY_ACTIVITY, session_id)
    ]


async def count_duplicates(database: Database, session_id: str) -> int:
    """Return how many responses are stored more than once; anything but 0 is a broken guarantee."""
    duplicates: int = await database.fetchval(_COUNT_DUPLICATES, session_id)
    return duplicates
