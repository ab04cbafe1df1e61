"""A table as people write it: rows of texts with the places that their author knows them by."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from realtime.interchange.drafts import Unreadable

MOST_ROWS: Final = 5_000
MOST_COLUMNS: Final = 200
_LONGEST_CELL: Final = 10_000
_MOST_FAULTS: Final = 50  # after each the rest is read anew
_DELIMITERS: Final = ",;\t|"
_NON_TEXT: Final = frozenset(range(9)) | frozenset(range(14, 27)) | frozenset(range(28, 32))


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `fault` says why it could not be read; then it has no cells."""

    number: int
    cells: Sequence[str]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a sheet. In a workbook places are cells (C7), in a text file lines."""

    rows: Sequence[Row]
    is_workbook: bool = False
    cut: bool = False  # there were more rows

    def place(self, row: Row, column: int | None = None, heading: str = "") -> str:
        if column is None:
            return f"row {row.number}" if self.is_workbook else f"line {row.number}"
        if self.is_workbook:
            return f"cell {column_name(column)}{row.number}"
        return f"line {row.number}, column {heading or column + 1}"


def column_name(index: int) -> str:
    """A column as spreadsheets call it: A … Z, AA …"""
    name = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def decode_text(content: bytes) -> str:
    """Text of a file: UTF-8, UTF-16 where it says so, else the West's old one; `Unreadable` where it is no text."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise Unreadable("not_text") from error
    if any(byte in _NON_TEXT for byte in content[:4_096]):
        raise Unreadable("not_text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")  # what Excel of Western Europe writes as "CSV"


def read_csv(text: str) -> Table:
    """A CSV text with the delimiter that its first line uses; a row that breaks the rules is a row with a fault."""
    rows: list[Row] = []
    for number, cells, fault in _records(text.lstrip("\ufeff"), _delimiter(text)):
        if len(rows) >= MOST_ROWS:
            return Table(rows, cut=True)
        if fault:
            rows.append(Row(number, (), fault))
        elif any(cell.strip() for cell in cells):
            rows.append(Row(number, [cell[:_LONGEST_CELL].strip() for cell in cells[:MOST_COLUMNS]]))
    return Table(rows)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Line, cells and fault of every record; after a fault reading goes on with the next line."""
    lines = list(io.StringIO(text, newline=""))
    start = faults = 0
    while start < len(lines):
        reader = csv.reader(iter(lines[start:]), delimiter=delimiter, strict=True)
        before = 0
        try:
            for cells in reader:
                yield start + before + 1, cells, ""
                before = reader.line_num
            start = len(lines)
        except csv.Error as error:
            yield start + before + 1, [], str(error)
            start += before + 1
            faults += 1
            if faults >= _MOST_FAULTS:
                return


def _delimiter(text: str) -> str:
    """The delimiter that stands most often, outside quotes, in the first line that has any."""
    for line in io.StringIO(text[:20_000]):
        counts, quoted = dict.fromkeys(_DELIMITERS, 0), False
        for character in line:
            if character == '"':
                quoted = not quoted
            elif not quoted and character in counts:
                counts[character] += 1
        best = max(_DELIMITERS, key=lambda one: counts[one])
        if counts[best]:
            return best
    return ","
