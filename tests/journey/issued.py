"""Every secret that the servers under test gave out, so that the end of a run can look for them in the logs."""

import re
from pathlib import Path
from typing import Any, Final

import httpx

_NAMES: Final = frozenset({"ticket", "presenter_ticket", "screen_ticket", "receipt"})
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{20,}")

issued: set[str] = set()  # the secret part of each: what follows the last dot
logs: list[Path] = []  # of every server process that was started


def note(document: Any) -> None:
    """Remember what a document gives out."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name in _NAMES and isinstance(value, str):
                issued.add(value.rpartition(".")[2])
            else:
                note(value)


async def note_answer(answer: httpx.Response) -> None:
    """The hook of an HTTP client."""
    if answer.request.method == "POST" and answer.headers.get("content-type") == "application/json":
        await answer.aread()
        note(answer.json())


def found_in_logs() -> set[str]:
    """The secrets that stand in a log."""
    words: set[str] = set()
    for path in logs:
        if path.exists():
            words.update(_WORD.findall(path.read_text(errors="replace")))
    return words & issued
