"""Reading what was answered for results and exports: whole activities as a stream, people by the page."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from persistence.pool import Database, Pool, iterate_chunks
from persistence.rows import build_row
from persistence.statements import statement

_STREAM = statement("stream_results")
_STREAM_SHUFFLED = statement("stream_results_shuffled")
_STREAM_MIXED = statement("stream_results_mixed")
_LIST_SPANS = statement("list_answer_spans")
_COUNT_OVER_TIME = statement("count_answers_over_time")
_LIST_PEOPLE = statement("list_people")
_LIST_OF_PEOPLE = statement("list_responses_of_people")
_LIST_POINTS = statement("list_points_of_people")

Snapshot: TypeAlias = asyncpg.Connection | PoolConnectionProxy  # with a transaction, so that cursors live
Order: TypeAlias = Literal["by_person", "mixed", "unnamed"]
_LOWEST_ID: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A response that stands. Where an activity is anonymous nothing says who gave it, or when."""

    id: str | None
    participant_id: str | None
    round: int
    entry: str
    revision: int
    response_data: str
    created_at: datetime | None
    nickname: str | None
    anonymous: bool
    team: str | None
    is_active: bool
    points: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """When a round was answered."""

    round: int
    first_at: datetime
    last_at: datetime
    responses: int


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    nickname: str
    anonymous: bool
    team: str | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class Given:
    """One participant's answer to one activity; `response_data` is JSON text."""

    participant_id: str
    activity_id: str
    round: int
    response_data: str


@contextlib.asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Snapshot]:
    """A connection on which everything read shows one point in time."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


async def of_activity(
    connection: Snapshot, activity_id: str, *, order: Order, chunk_rows: int
) -> AsyncGenerator[list[ResultRow], None]:
    """Yield an activity's responses that stand, a chunk at a time.

    `by_person` keeps what one person gave together, `mixed` does not; `unnamed` comes without a trace of who.
    """
    query = {"by_person": _STREAM, "mixed": _STREAM_MIXED, "unnamed": _STREAM_SHUFFLED}[order]
    async for records in iterate_chunks(connection, query, activity_id, chunk_rows=chunk_rows):
        yield [build_row(ResultRow, record) for record in records]


async def spans(database: Database, activity_id: str) -> list[Span]:
    """Return when each round of an activity was answered."""
    return [build_row(Span, record) for record in await database.fetch(_LIST_SPANS, activity_id)]


async def over_time(database: Database, activity_id: str, span: Span, seconds: float) -> dict[int, int]:
    """Return how many responses came in each stretch of so many seconds after the round's first."""
    records = await database.fetch(_COUNT_OVER_TIME, activity_id, span.round, span.first_at, seconds)
    return {record["stretch"]: record["responses"] for record in records}


async def people(database: Database, session_id: str, *, after_id: str | None, limit: int) -> list[Person]:
    """Return a page of a session's participants, removed ones too, in the order of their ids."""
    records = await database.fetch(_LIST_PEOPLE, session_id, after_id or _LOWEST_ID, limit)
    return [build_row(Person, record) for record in records]


async def given(
    database: Database, session_id: str, participant_ids: Sequence[str], activity_ids: Sequence[str], *, limit: int
) -> list[Given]:
    """Return what some participants answered in some activities, each one's in the order accepted."""
    records = await database.fetch(_LIST_OF_PEOPLE, session_id, list(participant_ids), list(activity_ids), limit)
    return [build_row(Given, record) for record in records]


async def points(database: Database, session_id: str, participant_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return what some participants earned, by participant and activity."""
    records = await database.fetch(_LIST_POINTS, session_id, list(participant_ids))
    return {(record["participant_id"], record["activity_id"]): record["points"] for record in records}
