"""The clock of stored activities: reading, answering, pauses, deadlines. PostgreSQL's time is the one that counts."""

from persistence.activities import ActivityRow
from persistence.participants import ParticipantRow
from persistence.pool import Database
from persistence.rows import build_optional, build_row
from persistence.statements import statement

_OPEN = statement("open_activity")
_PAUSE = statement("pause_activity")
_RESUME = statement("resume_activity")
_LIST_DUE = statement("list_due_activities")
_LIST_UNPUBLISHED = statement("list_unpublished_activities")
_NOTE_PUBLISHED = statement("note_activity_published")
_LIST_LEFT_OPEN = statement("list_activities_left_open")
_SET_EXTRA_TIME = statement("set_extra_time")
_LOCK_PARTICIPANT = statement("lock_participant")


async def begin(
    database: Database, activity_id: str, *, expected_version: int | None, round: int, revealed: bool, reading_ms: int,
    limit_ms: int | None,
) -> ActivityRow | None:
    """Open an activity; a limit of None means no deadline. None when there is no such version."""
    record = await database.fetchrow(_OPEN, activity_id, expected_version, round, revealed, reading_ms, limit_ms)
    return build_optional(ActivityRow, record)


async def pause(database: Database, activity_id: str, *, expected_version: int | None) -> ActivityRow | None:
    """Stop the clock; None when the activity is not open in that version."""
    return build_optional(ActivityRow, await database.fetchrow(_PAUSE, activity_id, expected_version))


async def resume(database: Database, activity_id: str, *, expected_version: int | None) -> ActivityRow | None:
    """Let the clock run on with what was left; None when the activity is not paused in that version."""
    return build_optional(ActivityRow, await database.fetchrow(_RESUME, activity_id, expected_version))


async def due(database: Database, *, limit: int) -> list[ActivityRow]:
    """Return open activities whose time is over for everybody, the latest deadline last."""
    return [build_row(ActivityRow, record) for record in await database.fetch(_LIST_DUE, limit)]


async def left_open(database: Database, *, limit: int, older_than_seconds: float) -> list[ActivityRow]:
    """Return open activities of sessions that were ended so long ago."""
    return [build_row(ActivityRow, record) for record in await database.fetch(_LIST_LEFT_OPEN, limit, older_than_seconds)]


async def unpublished(database: Database, *, limit: int, older_than_seconds: float) -> list[tuple[str, str]]:
    """Return (session id, activity id) of changes that should have reached the live store by now."""
    records = await database.fetch(_LIST_UNPUBLISHED, limit, older_than_seconds)
    return [(record["session_id"], record["id"]) for record in records]


async def note_published(database: Database, row: ActivityRow) -> None:
    """The live store has an activity as this row says; nothing happens when it has changed again."""
    await database.execute(_NOTE_PUBLISHED, row.id, row.version, row.decisions_version)


async def set_extra_time(database: Database, participant_id: str, percent: int) -> ParticipantRow | None:
    """Give a participant extra time; None when they are not stored (yet)."""
    return build_optional(ParticipantRow, await database.fetchrow(_SET_EXTRA_TIME, participant_id, percent))


async def lock_participant(database: Database, participant_id: str) -> ParticipantRow | None:
    """Return a participant whom nobody else changes before the transaction ends."""
    return build_optional(ParticipantRow, await database.fetchrow(_LOCK_PARTICIPANT, participant_id))
