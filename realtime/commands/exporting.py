"""Results as files. What is exported is one point in time, and as much as was accepted when it was asked for.

A file is written to disk first and sent from there: so a slow client never holds a connection to PostgreSQL, a failure is
an answer instead of half a file, and memory holds one chunk of rows whatever the size of the session.
"""

import asyncio
import contextlib
import io
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Final, Literal

from persistence import activities, dead_letters, decisions, responses, results
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from persistence.results import ResultRow, Snapshot
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.reading import Reading
from realtime.commands.standings import MOST_ACTIVITIES
from realtime.commands.tabulating import LONG_COLUMNS, WHAT, WHO, Rules, long_rows, read_rules, wide_rows
from realtime.core.errors import Refusal
from realtime.core.response import Response
from realtime.interchange.sheets import Format, Sheets, columns_of, open_sheets

Table = Literal["responses", "activities", "participants"]
_CHUNK_ROWS: Final = 250
_MOST_COLUMNS: Final = 2_000
_BUFFER_BYTES: Final = 1_048_576
_FILES_PER_TURN: Final = 8  # files that may be on their way to slow clients for each that is written at a time
_WAIT_SECONDS: Final = 20.0  # for a turn; more exports at once would only slow each other down
_ACTIVITY_COLUMNS: Final = (
    "activity", "activity_id", "title", "question", "type", "state", "round", "responses", "participants", "withdrawn",
)  # fmt: skip
_PEOPLE_COLUMNS: Final = ("participant", "name", "team", "points", "removed")


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished file, at its start; whoever takes it closes it. `complete`: nothing accepted was missing."""

    file: IO[bytes]
    size_bytes: int
    name: str
    format: Format
    saved: int
    complete: bool


class Exporting:
    def __init__(
        self, pool: Pool, reading: Reading, registry: Registry, *, at_a_time: int, most_bytes: int
    ) -> None:  # fmt: skip
        self._pool = pool
        self._reading = reading
        self._registry = registry
        self._most_bytes = most_bytes
        self._turns = asyncio.Semaphore(at_a_time)
        self._most_files = at_a_time * _FILES_PER_TURN
        self._files = 0  # on the disk, written or being sent

    async def session(self, actor: Actor, format: Format, *, table: Table = "responses", bom: bool = False) -> Exported:
        """Everything of a session: in a CSV one table, in the other formats all of them."""

        async def write(sheets: Sheets, snapshot: Snapshot, rules: Sequence[Rules]) -> None:
            if format != "csv" or table == "activities":
                await self._write_activities(sheets, snapshot, actor.session_id, rules)
            if format != "csv" or table == "participants":
                await self._write_people(sheets, snapshot, actor.session_id)
            if format == "xlsx":
                for one in rules:
                    await self._write_wide(sheets, snapshot, one)
            elif format != "csv" or table == "responses":
                await self._write_long(sheets, snapshot, rules)

        return await self._export(actor, format, write, suffix="" if table == "responses" else f"-{table}", bom=bom)

    async def activity(self, actor: Actor, activity_id: str, format: Format, *, bom: bool = False) -> Exported:
        """One activity's answers with the columns that its type has."""
        await self._reading.activity(actor, activity_id)

        async def write(sheets: Sheets, snapshot: Snapshot, rules: Sequence[Rules]) -> None:
            for one in rules:
                if one.row.id == activity_id:
                    await self._write_wide(sheets, snapshot, one)

        return await self._export(actor, format, write, suffix=f"-{activity_id[-8:]}", bom=bom)

    # ---------------------------------------------------------------------------------------------- the frame

    async def _export(
        self, actor: Actor, format: Format, write: Callable[[Sheets, Snapshot, Sequence[Rules]], Any], *, suffix: str, bom: bool
    ) -> Exported:
        actor.need("inspect")
        if self._files >= self._most_files:
            raise Refusal("overloaded", "Other exports are still being sent. Try again in a moment.", after_ms=5_000)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            raise Refusal("overloaded", "Other exports are being written. Try again in a moment.", after_ms=5_000) from error
        try:
            return await self._write(actor, format, write, suffix, bom)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        finally:
            self._turns.release()

    async def _write(self, actor: Actor, format: Format, write: Any, suffix: str, bom: bool) -> Exported:
        session_id = actor.session_id
        complete = await self._reading.settle(session_id)
        saved = (await self._reading.replica(session_id)).saved
        hidden = await self._reading.hidden_rounds(session_id)
        session = await self._reading.session(session_id)
        head = {
            "session_id": session_id, "title": session.title, "exported_at": datetime.now(UTC).isoformat(), "saved": saved,
            "complete": complete,
        }  # fmt: skip
        async with contextlib.AsyncExitStack() as stack:
            # Of a workbook's sheets while it is made; whatever happens, they are gone afterwards.
            folder = tempfile.TemporaryDirectory(prefix="plenum-")
            stack.callback(folder.cleanup)
            limited = _Limited(self._most_bytes, self._forget)
            self._files += 1
            file: IO[bytes] = stack.enter_context(io.BufferedRandom(limited, _BUFFER_BYTES))
            sheets = await asyncio.to_thread(
                open_sheets, format, file, head, bom=bom, folder=folder.name, most_bytes=self._most_bytes
            )
            async with results.snapshot(self._pool) as snapshot:
                rows = await activities.of_session(snapshot, session_id, limit=MOST_ACTIVITIES)
                known = await decisions.of_session(snapshot, session_id)
                await write(sheets, snapshot, read_rules(rows, known, hidden, self._registry))
            await asyncio.to_thread(sheets.close)
            size = file.tell()
            file.seek(0)
            stack.pop_all()
            await asyncio.to_thread(folder.cleanup)
        return Exported(file, size, f"{_file_name(session.title)}{suffix}.{format}", format, saved, complete)

    def _forget(self) -> None:
        self._files -= 1

    # ------------------------------------------------------------------------------------------------- tables

    async def _write_long(self, sheets: Sheets, snapshot: Snapshot, rules: Sequence[Rules]) -> None:
        sheets.begin("responses", LONG_COLUMNS)
        for one in rules:
            async for chunk in self._chunks(snapshot, one):
                await asyncio.to_thread(_put_long, sheets, one, chunk)

    async def _write_wide(self, sheets: Sheets, snapshot: Snapshot, rules: Rules) -> None:
        """Which columns there are is known only after all rows were seen, so they are read twice."""
        columns: dict[str, None] = dict.fromkeys((*WHO, *WHAT))
        async for chunk in self._chunks(snapshot, rules):
            await asyncio.to_thread(_find_columns, rules, chunk, columns)
        sheets.begin(f"{rules.number} {rules.title}", list(columns))
        async for chunk in self._chunks(snapshot, rules):
            await asyncio.to_thread(_put_wide, sheets, rules, chunk)

    async def _chunks(self, snapshot: Snapshot, rules: Rules) -> AsyncIterator[list[ResultRow]]:
        """An activity's responses: the stored ones, then those that PostgreSQL refused and the dead letters keep."""
        stream: AsyncGenerator[list[ResultRow], None] = results.of_activity(
            snapshot, rules.row.id, order=rules.order, chunk_rows=_CHUNK_ROWS
        )
        async with contextlib.aclosing(stream) as chunks:
            async for chunk in chunks:
                yield chunk
        letters = await dead_letters.responses_of(snapshot, rules.row.session_id)
        ours = [letter for letter in letters if letter.activity_id == rules.row.id and not letter.withdrawn]
        kept = [_from_letter(letter, rules.unnamed) for letter in ours]
        if kept:
            yield kept

    async def _write_activities(
        self, sheets: Sheets, snapshot: Snapshot, session_id: str, rules: Sequence[Rules]
    ) -> None:  # fmt: skip
        counts = {(one.activity_id, one.round): one for one in await responses.recount(snapshot, session_id)}
        sheets.begin("activities", _ACTIVITY_COLUMNS)
        for one in rules:
            for round in range(1, one.row.round + 1):
                found = counts.get((one.row.id, round))
                row: Mapping[str, Any] = {
                    "activity": one.number, "activity_id": one.row.id, "title": one.row.title, "question": one.question,
                    "type": one.row.type, "state": one.row.state, "round": round,
                    "responses": found.responses if found else 0, "participants": found.participants if found else 0,
                    "withdrawn": found.withdrawn if found else 0,
                }  # fmt: skip
                sheets.write(row)

    async def _write_people(self, sheets: Sheets, snapshot: Snapshot, session_id: str) -> None:
        sheets.begin("participants", _PEOPLE_COLUMNS)
        after = None
        while page := await results.people(snapshot, session_id, after_id=after, limit=_CHUNK_ROWS):
            earned = await results.points(snapshot, session_id, [person.id for person in page])
            sums: dict[str, int] = {}
            for (participant_id, _), points in earned.items():
                sums[participant_id] = sums.get(participant_id, 0) + points
            for person in page:
                name = None if person.anonymous else person.nickname
                who = {"participant": person.id, "name": name, "team": person.team}
                sheets.write(who | {"points": sums.get(person.id), "removed": not person.is_active})
            after = page[-1].id


class _Limited(io.FileIO):
    """A temporary file without a name, which the disk forgets when it is closed; it refuses to grow beyond a limit."""

    def __init__(self, most_bytes: int, on_close: Callable[[], None]) -> None:
        self._on_close = on_close
        with tempfile.TemporaryFile(buffering=0) as made:
            super().__init__(os.dup(made.fileno()), "r+b")
        self._most_bytes = most_bytes

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._on_close()

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._most_bytes:
            raise Refusal("too_large", "The export is larger than this server writes.", details={"max_bytes": self._most_bytes})
        return super().write(data)


def _put_long(sheets: Sheets, rules: Rules, rows: Sequence[ResultRow]) -> None:
    for row in long_rows(rules, rows):
        sheets.write(row)


def _put_wide(sheets: Sheets, rules: Rules, rows: Sequence[ResultRow]) -> None:
    for row in wide_rows(rules, rows):
        sheets.write(row)


def _find_columns(rules: Rules, rows: Sequence[ResultRow], columns: dict[str, None]) -> None:
    columns_of(wide_rows(rules, rows), columns, _MOST_COLUMNS)


def _from_letter(letter: Response, unnamed: bool) -> ResultRow:
    at = datetime.fromtimestamp(letter.accepted_at_ms / 1_000, UTC)
    who = None if unnamed else letter.participant_id
    moment = None if unnamed else at
    data = letter.response_data
    return ResultRow(None, who, letter.round, letter.entry, letter.revision, data, moment, None, True, None, True, None)


def _file_name(title: str) -> str:
    """A title as part of a file's name, on every system."""
    kept = "".join(character if character.isalnum() else "-" for character in title.lower())
    return "-".join(part for part in kept.split("-") if part)[:60] or "session"
