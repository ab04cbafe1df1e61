"""What has to be marked, what is marked already, and which live counters still follow an older answer key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from persistence.activities import ActivityRow
from persistence.pool import Database
from persistence.rows import build_optional, build_row
from persistence.statements import statement

_LIST_TO_SCORE = statement("list_activities_to_score")
_NOTE_SCORED = statement("note_scored")
_REQUEST_REMARK = statement("request_remark")
_REQUEST_REMARK_OF_LATE = statement("request_remark_of_late")
_LIST_ROUNDS = statement("list_scored_rounds")
_NOTE_ROUND = statement("note_scored_round")
_FORGET_ROUNDS = statement("forget_scored_rounds")
_READ_MAX_SEQ = statement("read_max_seq_of_activity")
_LIST_PARTICIPANT_IDS = statement("list_participant_ids")
_LIST_NICKNAMES = statement("list_nicknames")
_LIST_TO_MARK = statement("list_responses_to_mark")
_LIST_TO_REVIEW = statement("list_responses_to_review")
_HAS_ROUNDS = statement("has_scored_rounds")
_CORRECT_KEY = statement("correct_answer_key")
_LIST_PENDING_KEYS = statement("list_pending_keys")
_NOTE_KEY_FOLLOWED = statement("note_key_followed")
_READ_KEY_STATE = statement("read_key_state")

_LOWEST_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Due:
    """An activity to mark; `scored_version` is what was found, to be compared when it is done."""

    activity_id: str
    session_id: str
    scored_version: int | None


@dataclass(frozen=True, slots=True)
class ScoredRound:
    """A round whose points are in the ledger; equal `inputs` lead to equal points."""

    activity_id: str
    round: int
    closed_at: datetime
    inputs: str


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A response to mark; `response_data` is JSON text."""

    participant_id: str
    round: int
    seq: int
    response_data: str


@dataclass(frozen=True, slots=True)
class Reviewed(Unmarked):
    """One to look at, with the id that pages go by."""

    id: str


@dataclass(frozen=True, slots=True)
class PendingKey:
    """An activity whose answer key was corrected."""

    activity_id: str
    session_id: str


async def due(database: Database, session_id: str | None = None, *, limit: int) -> list[Due]:
    """Return what has to be marked, in one session or in all, in no order."""
    return [build_row(Due, record) for record in await database.fetch(_LIST_TO_SCORE, session_id, limit)]


async def note_scored(database: Database, found: Due, row: ActivityRow, seq: int) -> bool:
    """The ledger holds the points of this row; False when it changed or was sent back meanwhile."""
    noted = await database.fetchval(_NOTE_SCORED, row.id, row.version, found.scored_version, seq, row.decisions_version)
    return noted is not None


async def request_remark(database: Database, session_id: str, activity_id: str) -> bool:
    """Send an activity back to be marked again; False when the session has none of that id."""
    return await database.fetchval(_REQUEST_REMARK, activity_id, session_id) is not None


async def request_remark_of_late(database: Database, session_id: str, after_seq: int) -> int:
    """Send back what got responses after `after_seq` that were not marked; returns how many activities."""
    return len(await database.fetch(_REQUEST_REMARK_OF_LATE, session_id, after_seq))


async def rounds(database: Database, session_id: str) -> list[ScoredRound]:
    """Return a session's scored rounds."""
    return [build_row(ScoredRound, record) for record in await database.fetch(_LIST_ROUNDS, session_id)]


async def note_round(database: Database, session_id: str, scored: ScoredRound) -> None:
    """Remember a scored round, or what it was scored from anew."""
    await database.execute(_NOTE_ROUND, scored.activity_id, scored.round, session_id, scored.closed_at, scored.inputs)


async def forget_rounds(database: Database, activity_id: str) -> None:
    """An activity no longer scores."""
    await database.execute(_FORGET_ROUNDS, activity_id)


async def sessions_with_rounds(database: Database, session_ids: Sequence[str]) -> set[str]:
    """Return which of some sessions have points to show."""
    return {record["session_id"] for record in await database.fetch(_HAS_ROUNDS, list(session_ids))}


async def max_seq(database: Database, activity_id: str) -> int:
    """Return the highest seq among an activity's responses, 0 without any."""
    highest: int = await database.fetchval(_READ_MAX_SEQ, activity_id)
    return highest


async def participant_ids(database: Database, session_id: str, *, after_id: str | None, limit: int) -> list[str]:
    """Return a page of participants in the order of their ids."""
    records = await database.fetch(_LIST_PARTICIPANT_IDS, session_id, after_id or _LOWEST_ID, limit)
    return [record["id"] for record in records]


async def nicknames(database: Database, participant_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of some participants by id."""
    return {record["id"]: record["nickname"] for record in await database.fetch(_LIST_NICKNAMES, list(participant_ids))}


async def unmarked(database: Database, activity_id: str, participant_ids: Sequence[str]) -> list[Unmarked]:
    """Return what some participants answered, in the order accepted."""
    records = await database.fetch(_LIST_TO_MARK, activity_id, list(participant_ids))
    return [build_row(Unmarked, record) for record in records]


async def to_review(database: Database, activity_id: str, round: int, *, after_id: str | None, limit: int) -> list[Reviewed]:
    """Return a page of a round's responses by id."""
    records = await database.fetch(_LIST_TO_REVIEW, activity_id, round, after_id or _LOWEST_ID, limit)
    return [build_row(Reviewed, record) for record in records]


async def correct_key(database: Database, activity_id: str, *, expected_version: int, config: str) -> ActivityRow | None:
    """Replace the config of an activity that has answers, to be followed by the live counters; None without that version."""
    return build_optional(ActivityRow, await database.fetchrow(_CORRECT_KEY, activity_id, expected_version, config))


async def pending_keys(database: Database, session_id: str | None = None, *, limit: int) -> list[PendingKey]:
    """Return the activities whose live counters still follow an older key."""
    return [build_row(PendingKey, record) for record in await database.fetch(_LIST_PENDING_KEYS, session_id, limit)]


async def note_key_followed(database: Database, activity_id: str, version: int) -> bool:
    """The live counters follow the key of this version; False when there is a newer one."""
    return await database.fetchval(_NOTE_KEY_FOLLOWED, activity_id, version) is not None


async def key_state(database: Database, session_id: str) -> tuple[int, int]:
    """Return how many corrected keys are pending, and a number that every correction changes."""
    record = await database.fetchrow(_READ_KEY_STATE, session_id)
    assert record is not None  # an aggregate always yields a row
    return record["pending"], record["versions"]
