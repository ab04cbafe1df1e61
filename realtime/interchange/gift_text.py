"""The surface of GIFT: questions apart from each other, escapes, comments, categories, titles. No meaning yet."""

import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SPECIAL: Final = "~=#{}:"
# Noncharacters of Unicode stand for escaped specials while a question is taken apart; no text may hold any itself.
_FIRST: Final = 0xFDD0
_HIDE: Final = {"\\" + special: chr(_FIRST + index) for index, special in enumerate(_SPECIAL)}
_SHOW: Final = {ord(stand_in): special for special, stand_in in zip(_SPECIAL, _HIDE.values(), strict=True)}
_BACKSLASH: Final = chr(_FIRST + len(_SPECIAL))
_STRAY: Final = dict.fromkeys(range(_FIRST, 0xFDF0))
_SHOW_ALL: Final = _SHOW | {ord(_BACKSLASH): "\\"}
_ESCAPE: Final = re.compile(r"\\([~=#{}:\\n])")
_FORMAT: Final = re.compile(r"^\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
_BREAK: Final = re.compile(r"<\s*(br|/p|/div|/li)\s*/?>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,2000}>")


@dataclass(frozen=True, slots=True)
class Block:
    """One question as it was written, with the line it begins on; escapes are hidden."""

    line: int
    text: str


def blocks(text: str) -> Iterator[Block]:
    """The questions of a file: empty lines part them, comments and categories belong to none."""
    start, gathered = 0, list[str]()
    for number, raw in enumerate(io.StringIO(text.translate(_STRAY), newline=None), start=1):
        line = raw.strip()
        if line.startswith(("//", "$CATEGORY:")):
            continue
        if line:
            start = start or number
            gathered.append(hide(raw.rstrip()))
        elif gathered:
            yield Block(start, "\n".join(gathered))
            start, gathered = 0, []
    if gathered:
        yield Block(start, "\n".join(gathered))


def hide(text: str) -> str:
    """Put stand-ins for escaped characters, so that a search finds only those with a meaning."""

    def stand_in(found: re.Match[str]) -> str:
        what = found.group(1)
        return "\n" if what == "n" else _BACKSLASH if what == "\\" else _HIDE["\\" + what]

    return _ESCAPE.sub(stand_in, text)


def show(text: str) -> str:
    """The text as people read it."""
    return text.translate(_SHOW_ALL).strip()


def plain(text: str, *, markup: bool) -> str:
    """Readable text from what a question says of itself: markup becomes text."""
    shown = show(text)
    if not markup:
        return shown
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", shown))).strip()


def split_format(text: str) -> tuple[str, bool]:
    """The text without its format mark, and whether it is markup."""
    stripped = text.lstrip()
    found = _FORMAT.match(stripped)
    if found is None:
        return text, False
    return stripped[found.end() :], found.group(1).lower() == "html"
