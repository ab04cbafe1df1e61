"""What operators carry out and in: a session's results as a file, and activities from one. Returns the exit status."""

import asyncio
import io
import json
import shutil
import sys
import uuid
from pathlib import Path
from typing import IO, Any, Literal

from realtime.app import App
from realtime.commands.actors import Actor
from realtime.commands.exporting import Table
from realtime.core.errors import Refusal
from realtime.interchange import reading, sheets
from realtime.interchange.drafts import Findings

_MOST_BYTES = 16 * 1_048_576  # of a file of questions


async def export(
    app: App, session_id: str, *, format: sheets.Format, table: Table | Literal["bundle"], activity_id: str | None,
    output: str | None, bom: bool,
) -> int:  # fmt: skip
    """Write a session's results, or its activities, to a file or to standard output."""
    try:
        actor = _operator(session_id)
        async with app.flushing():
            if table == "bundle":
                text = json.dumps(await app.importing.bundle(actor), ensure_ascii=False, indent=2) + "\n"
                await asyncio.to_thread(_copy, io.BytesIO(text.encode()), output)
                return 0
            exported = await (
                app.exporting.activity(actor, _read_activity_id(activity_id), format, bom=bom)
                if activity_id
                else app.exporting.session(actor, format, table=table, bom=bom)
            )
            with exported.file as file:
                await asyncio.to_thread(_copy, file, output)
    except Refusal as refusal:
        return _refused(refusal)
    except _Unwritten as error:
        _tell(f"{output} cannot be written: {error}.")
        return 2
    if not exported.complete:
        _tell(f"The file is complete up to offset {exported.saved}; later answers were not saved yet. Run it again in a moment.")
        return 3
    if output:
        _tell(f"{exported.size_bytes:,} bytes in {output}, complete up to offset {exported.saved}.")
    return 0


async def bring(app: App, session_id: str, path: str, *, format: reading.Format | None, dry_run: bool) -> int:
    """Create the activities of a file in a session; 1 when some of it could not be read."""
    try:
        content = await asyncio.to_thread(_read, path)
    except OSError as error:
        _tell(f"{path} cannot be read: {error.strerror}.")
        return 2
    try:
        actor = _operator(session_id)
        await app.reading.session(session_id)
        found, findings = await app.importing.read(content, format)
        created = {} if dry_run else await app.importing.create(actor, findings)
    except Refusal as refusal:
        return _refused(refusal)
    for problem in findings.problems:
        _tell(f"{problem.place}: {problem.message}")
    number = len(findings.drafts) if dry_run else len(created)
    noun = "activity" if number == 1 else "activities"
    print(f"{'Would create' if dry_run else 'Created'} {number} {noun} from {found.upper()}.")
    return 1 if _spoiled(findings) else 0


def _spoiled(findings: Findings) -> bool:
    return any(not problem.note for problem in findings.problems)


def _operator(session_id: str) -> Actor:
    """Whoever can start this command on the store may do what the owner may."""
    try:
        return Actor(str(uuid.UUID(session_id)), "owner", "operator")
    except ValueError as error:
        raise Refusal("unknown_session") from error


def _read_activity_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise Refusal("unknown_activity") from error


def _read(path: str) -> bytes:
    with sys.stdin.buffer if path == "-" else Path(path).open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(27, f"it is larger than {_MOST_BYTES:,} bytes")
    return content


class _Unwritten(Exception):
    """The file that was asked for cannot be written."""


def _copy(file: IO[bytes], output: str | None) -> None:
    if output is None:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with Path(output).open("wb") as target:
            shutil.copyfileobj(file, target)
    except OSError as error:
        raise _Unwritten(error.strerror or str(error)) from error


def _refused(refusal: Refusal) -> int:
    details: dict[str, Any] = refusal.details
    _tell(str(details.get("reason") or refusal.message))
    return 2


def _tell(sentence: str) -> None:
    print(f"plenum: {sentence}", file=sys.stderr)
