"""What presenters and moderators decided about contributions, by activity, round and key."""

import json
from collections.abc import Mapping
from typing import Any

from persistence.activities import ActivityRow
from persistence.pool import Database
from persistence.rows import build_optional, build_row
from persistence.statements import statement

_LOCK = statement("lock_activity")
_LIST_OF_ROUND = statement("list_decisions_of_round")
_LIST_OF_SESSION = statement("list_decisions_of_session")
_PUT = statement("put_decisions")
_DELETE = statement("delete_decisions")
_NOTE = statement("note_decided")


async def lock_activity(database: Database, activity_id: str) -> ActivityRow | None:
    """Return an activity about which nobody else decides before the transaction ends."""
    return build_optional(ActivityRow, await database.fetchrow(_LOCK, activity_id))


async def of_round(database: Database, activity_id: str, round: int) -> dict[str, Any]:
    """Return what was decided about one round, by key."""
    return {record["key"]: json.loads(record["value"]) for record in await database.fetch(_LIST_OF_ROUND, activity_id, round)}


async def of_session(database: Database, session_id: str) -> dict[tuple[str, int], dict[str, Any]]:
    """Return everything decided in a session, by activity and round."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for record in await database.fetch(_LIST_OF_SESSION, session_id):
        found.setdefault((record["activity_id"], record["round"]), {})[record["key"]] = json.loads(record["value"])
    return found


async def decide(
    database: Database, activity_id: str, round: int, changes: Mapping[str, Any], *, actor: str
) -> ActivityRow:
    """Set what has a value and take back what has none; returns the activity with its new decisions version.

    Must run in the transaction that holds the activity by `lock_activity`.
    """
    put = {key: json.dumps(value, ensure_ascii=False) for key, value in changes.items() if value is not None}
    gone = [key for key, value in changes.items() if value is None]
    if put:
        await database.execute(_PUT, activity_id, round, list(put), list(put.values()), actor)
    if gone:
        await database.execute(_DELETE, activity_id, round, gone)
    record = await database.fetchrow(_NOTE, activity_id)
    assert record is not None  # the caller holds the row
    return build_row(ActivityRow, record)
