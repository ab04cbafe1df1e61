"""Drafts as they are stored: what somebody has written and not sent, for the time after a loss of the live store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from persistence.pool import Database
from persistence.rows import build_row, count_affected
from persistence.statements import statement

_SAVE = statement("save_drafts")
_DELETE = statement("delete_drafts")
_DELETE_ANSWERED = statement("delete_answered_drafts")
_LIST_UNSTORED_AUTHORS = statement("list_unstored_authors")
_LIST = statement("list_drafts")

_LOWEST = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class DraftRow:
    """One draft; `base` is the revision of the answer it changes, `data` JSON text, empty where it was thrown away."""

    session_id: str
    activity_id: str
    participant_id: str
    round: int
    revision: int
    base: int
    auto_submit: bool
    saved_at_ms: int
    data: str


async def save(database: Database, rows: Sequence[DraftRow]) -> Collection[str]:
    """Save drafts, of which one that is older than the stored one changes nothing.

    Returns the authors who are not stored yet: theirs have to be saved again.
    """
    kept = [row for row in rows if row.data]
    thrown = [row for row in rows if not row.data]
    if thrown:
        await database.execute(
            _DELETE, [row.activity_id for row in thrown], [row.participant_id for row in thrown],
            [row.round for row in thrown], [row.saved_at_ms for row in thrown],
        )  # fmt: skip
    if not kept:
        return ()
    # Asked first: an author who is stored from now on has a draft that is saved twice, and not one that nobody saves.
    records = await database.fetch(
        _LIST_UNSTORED_AUTHORS, [row.activity_id for row in kept], [row.participant_id for row in kept]
    )
    await database.execute(
        _SAVE, [row.session_id for row in kept], [row.activity_id for row in kept], [row.participant_id for row in kept],
        [row.round for row in kept], [row.revision for row in kept], [row.base for row in kept],
        [row.auto_submit for row in kept], [row.saved_at_ms for row in kept], [row.data for row in kept],
    )  # fmt: skip
    return {record["participant_id"] for record in records}


async def forget_answered(database: Database) -> int:
    """Forget drafts that an answer has taken the place of; returns how many."""
    return count_affected(await database.execute(_DELETE_ANSWERED))


async def page(database: Database, session_id: str, after: DraftRow | None, *, limit: int) -> list[DraftRow]:
    """The drafts of a session that no answer has taken the place of, after the last of the page before."""
    start = (_LOWEST, _LOWEST, 0) if after is None else (after.activity_id, after.participant_id, after.round)
    return [build_row(DraftRow, record) for record in await database.fetch(_LIST, session_id, *start, limit)]
