"""The points ledger: rows are only ever added, a balance is their sum."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from persistence.pool import Database
from persistence.rows import build_row, count_affected
from persistence.statements import statement

_APPEND = statement("append_ledger")
_LIST_SUMS = statement("list_ledger_sums")
_LIST_OF_PARTICIPANT = statement("list_ledger_of_participant")
_READ_BALANCE = statement("read_balance")
_LIST_STANDINGS = statement("list_standings")
_LIST_TEAMS = statement("list_team_standings")
_NEXT_BOARD_VERSION = statement("next_board_version")
_SET_TEAM = statement("set_team")

_TURN_ROWS: Final = 250
ANSWER: Final = "answer"  # the reason of points that were earned by answering


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to add; `correction` counts the rows before it of the same participant, activity, round and reason."""

    participant_id: str
    activity_id: str
    round: int
    correction: int
    delta: int
    meta: Mapping[str, Any]
    reason: str = ANSWER


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A stored row; `meta` is JSON text."""

    id: int
    session_id: str
    participant_id: str
    activity_id: str
    round: int
    reason: str
    correction: int
    delta: int
    meta: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """What the ledger says of one participant's answer: points of `entries` rows, and the last one's meta."""

    points: int
    entries: int
    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """A participant's place; equal points share a rank. `total` counts everybody who has a place."""

    participant_id: str
    nickname: str
    team: str | None
    points: int
    rank: int
    previous_rank: int | None
    total: int


@dataclass(frozen=True, slots=True)
class TeamStanding:
    """A team's place by the mean of its members' points."""

    team: str
    members: int
    points: float
    rank: int


async def append(database: Database, session_id: str, entries: Sequence[Entry]) -> int:
    """Add rows, those that are there already excepted; returns how many were added."""
    if not entries:
        return 0
    metas = []
    for number, entry in enumerate(entries):
        if number % _TURN_ROWS == 0:
            await asyncio.sleep(0)
        metas.append(json.dumps(entry.meta, ensure_ascii=False, allow_nan=False))
    tag = await database.execute(
        _APPEND,
        session_id,
        [entry.participant_id for entry in entries],
        [entry.activity_id for entry in entries],
        [entry.round for entry in entries],
        [entry.reason for entry in entries],
        [entry.correction for entry in entries],
        [entry.delta for entry in entries],
        metas,
    )
    return count_affected(tag)


async def sums(
    database: Database, session_id: str, participant_ids: Sequence[str], activity_ids: Sequence[str]
) -> dict[str, dict[tuple[str, int], Sum]]:
    """Return, by participant, what the ledger says per activity and round."""
    found: dict[str, dict[tuple[str, int], Sum]] = {}
    records = await database.fetch(_LIST_SUMS, session_id, list(participant_ids), list(activity_ids), ANSWER)
    for number, record in enumerate(records):
        if number % _TURN_ROWS == 0:
            await asyncio.sleep(0)  # reading the JSON of many rows must not hold the loop
        of_participant = found.setdefault(record["participant_id"], {})
        of_participant[record["activity_id"], record["round"]] = Sum(
            record["points"], record["entries"], json.loads(record["meta"])
        )
    return found


async def of_participant(database: Database, participant_id: str, *, limit: int, after_id: int = 0) -> list[LedgerRow]:
    """Return a participant's rows after an id, oldest first."""
    records = await database.fetch(_LIST_OF_PARTICIPANT, participant_id, after_id, limit)
    return [build_row(LedgerRow, record) for record in records]


async def balance(database: Database, participant_id: str) -> int:
    """Return a participant's points."""
    points: int = await database.fetchval(_READ_BALANCE, participant_id)
    return points


async def standings(
    database: Database, session_id: str, activity_ids: Sequence[str], *, last: tuple[str, int] | None, limit: int, offset: int = 0
) -> list[Standing]:
    """Return a page of the leaderboard over some activities; `last` is the round without which the rank before is told."""
    activity_id, round = last or (None, None)
    records = await database.fetch(_LIST_STANDINGS, session_id, list(activity_ids), activity_id, round, limit, offset)
    return [build_row(Standing, record) for record in records]


async def teams(database: Database, session_id: str, activity_ids: Sequence[str], *, limit: int) -> list[TeamStanding]:
    """Return the teams in their order."""
    return [build_row(TeamStanding, record) for record in await database.fetch(_LIST_TEAMS, session_id, list(activity_ids), limit)]


async def next_board_version(database: Database) -> int:
    """Return a number above all that were returned before."""
    version: int = await database.fetchval(_NEXT_BOARD_VERSION)
    return version


async def set_team(database: Database, session_id: str, participant_id: str, team: str | None) -> bool:
    """Put a participant into a team; False when they are not stored (yet)."""
    return await database.fetchval(_SET_TEAM, participant_id, session_id, team) is not None
