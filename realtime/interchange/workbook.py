"""Reads the cells of an Excel workbook's first sheets, within bounds that hold before anything is unfolded.

A workbook is a ZIP of XML. What it says of its sizes is checked before inflating, and what really comes out is counted while
it does. XML with a document type (the way in of entity bombs) is refused. Formulas are never computed: their last
value is read.
"""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Final
from xml.parsers import expat

from realtime.interchange.drafts import Unreadable
from realtime.interchange.rows import MOST_COLUMNS, MOST_ROWS, Row, Table

_MOST_INFLATED_BYTES: Final = 16 * 1_048_576  # of all parts that are read, together
_MOST_PARTS: Final = 2_000
_MOST_STRINGS: Final = 50_000
_MOST_SHEETS: Final = 20
_LONGEST_CELL: Final = 10_000
_CHUNK_BYTES: Final = 65_536
_MARK: Final = b"PK\x03\x04"
_DEEPEST: Final = 100
_PACKED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # all that spreadsheets use
# What the readers raise where a file is damaged or (RuntimeError) encrypted.
_DAMAGED: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, expat.ExpatError, zlib.error, KeyError, ValueError, EOFError, OSError, OverflowError,
    RuntimeError,
)  # fmt: skip


def is_workbook(content: bytes) -> bool:
    return content.startswith(_MARK)


def read_workbook(content: bytes) -> list[Table]:
    """The sheets that hold anything, in their order. Raises `Unreadable`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _Reader(archive).tables()
    except _DAMAGED as error:
        raise Unreadable("not_a_workbook") from error


class _Reader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = _MOST_INFLATED_BYTES
        self._strings: list[str] = []
        parts = archive.infolist()
        if len(parts) > _MOST_PARTS:
            raise Unreadable("workbook_too_large")
        if any(part.compress_type not in _PACKED for part in parts):
            raise Unreadable("not_a_workbook")
        self._names = {part.filename for part in parts}

    def tables(self) -> list[Table]:
        sheets = self._sheets()
        if not sheets:
            raise Unreadable("not_a_workbook")
        if "xl/sharedStrings.xml" in self._names:
            self._strings = _strings(self)
        tables = [_sheet(self, name, self._strings) for name in sheets[:_MOST_SHEETS] if name in self._names]
        return [table for table in tables if table.rows]

    def _sheets(self) -> list[str]:
        """The parts of the sheets, in the order of the tabs."""
        targets: dict[str, str] = {}

        def relation(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship":
                target = attributes.get("Target", "")
                path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))
                targets[attributes.get("Id", "")] = path

        order: list[str] = []

        def sheet(name: str, attributes: dict[str, str]) -> None:
            if name == "sheet" and attributes.get("state", "visible") == "visible":
                order.append(next((value for key, value in attributes.items() if key.endswith(":id") or key == "id"), ""))

        self.parse("xl/_rels/workbook.xml.rels", relation)
        self.parse("xl/workbook.xml", sheet)
        return [targets[id] for id in order if id in targets]

    def parse(
        self,
        name: str,
        start: Callable[[str, dict[str, str]], Any],
        end: Callable[[str], Any] | None = None,
        text: Callable[[str], Any] | None = None,
    ) -> None:
        """Feed one part to a parser, in pieces, as long as the bounds hold. Names come without their prefix."""
        part = self._archive.getinfo(name)
        if part.file_size > self._left:
            raise Unreadable("workbook_too_large")
        parser = expat.ParserCreate()
        depth = 0

        def opened(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > _DEEPEST:
                raise Unreadable("not_a_workbook")
            start(tag.rpartition(":")[2], attributes)

        def closed(tag: str) -> None:
            nonlocal depth
            depth -= 1
            if end is not None:
                end(tag.rpartition(":")[2])

        def doctype(*_: Any) -> None:
            raise Unreadable("not_a_workbook")

        parser.StartElementHandler, parser.EndElementHandler = opened, closed
        parser.StartDoctypeDeclHandler = doctype
        parser.buffer_text = True
        if text is not None:
            parser.CharacterDataHandler = text
        with self._archive.open(part) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                self._left -= len(chunk)
                if self._left < 0:
                    raise Unreadable("workbook_too_large")
                parser.Parse(chunk, False)
        parser.Parse(b"", True)


def _strings(reader: _Reader) -> list[str]:
    """The texts that cells refer to by number; the pieces of a formatted text make one, readings aloud are left out."""
    strings: list[str] = []
    pieces: list[str] = []
    inside: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        inside.append(name)
        if name == "si":
            pieces.clear()

    def end(name: str) -> None:
        inside.pop()
        if name == "si":
            if len(strings) >= _MOST_STRINGS:
                raise Unreadable("workbook_too_large")
            strings.append("".join(pieces)[:_LONGEST_CELL])

    def text(piece: str) -> None:
        if inside and inside[-1] == "t" and "rPh" not in inside:
            pieces.append(piece)

    reader.parse("xl/sharedStrings.xml", start, end, text)
    return strings


class _Sheet:
    """Gathers the rows of one sheet while its part is parsed."""

    def __init__(self, strings: list[str]) -> None:
        self.rows: list[Row] = []
        self.cut = False
        self._strings = strings
        self._cells: dict[int, str] = {}
        self._pieces: list[str] = []
        self._row = 0
        self._column = -1
        self._kind = ""
        self._reads = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            given = attributes.get("r", "")
            self._row = int(given) if given.isascii() and given.isdigit() and len(given) <= 9 else self._row + 1
            self._column = -1
            self._cells.clear()
        elif tag == "c":
            self._column = _column(attributes.get("r", ""), self._column + 1)
            self._kind = attributes.get("t", "n")
            self._pieces.clear()
        elif tag in ("v", "t"):
            self._reads = True

    def end(self, tag: str) -> None:
        if tag in ("v", "t"):
            self._reads = False
        elif tag == "c" and 0 <= self._column < MOST_COLUMNS:
            self._cells[self._column] = _value("".join(self._pieces), self._kind, self._strings)
        elif tag == "row" and any(self._cells.values()):
            if len(self.rows) >= MOST_ROWS:
                self.cut = True
            else:
                self.rows.append(Row(self._row, [self._cells.get(index, "") for index in range(max(self._cells) + 1)]))

    def text(self, piece: str) -> None:
        if self._reads:
            self._pieces.append(piece)


def _sheet(reader: _Reader, name: str, strings: list[str]) -> Table:
    sheet = _Sheet(strings)
    reader.parse(name, sheet.start, sheet.end, sheet.text)
    return Table(sheet.rows, is_workbook=True, cut=sheet.cut)


def _column(reference: str, otherwise: int) -> int:
    letters = reference.rstrip("0123456789")
    if not letters or len(letters) > 3 or not letters.isascii() or not letters.isalpha():
        return otherwise
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def _value(text: str, kind: str, strings: list[str]) -> str:
    """A cell as text: numbers as people write them, yes and no as TRUE and FALSE, errors as nothing."""
    if kind == "s":
        index = int(text) if text.strip().isdigit() and len(text) < 12 else -1
        return strings[index].strip() if 0 <= index < len(strings) else ""
    if kind == "b":
        return "TRUE" if text.strip() == "1" else "FALSE"
    if kind == "e":
        return ""
    shown = text[:_LONGEST_CELL].strip()
    if kind == "n" and shown:
        try:
            number = float(shown)
        except ValueError:
            return shown
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(round(number, 10))
    return shown
