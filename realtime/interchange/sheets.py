"""Writes tables as files: CSV, NDJSON, JSON and Excel workbooks, row by row, never a whole table in memory.

Texts that came from people can begin with what a spreadsheet takes for a formula; in CSV those get an apostrophe before
them, in a workbook every text is written as a text.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, Final, Literal, Protocol

import xlsxwriter

from realtime.core.errors import Refusal
from realtime.core.json_text import encode

Format = Literal["csv", "xlsx", "json", "ndjson"]
MEDIA: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_XLSX_ROWS: Final = 1_048_575  # below the heading
_XLSX_TEXT: Final = 32_767
_XLSX_NAME: Final = 31
_NOT_IN_A_NAME: Final = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_WIDTHS: Final = {"name": 20, "answer": 44, "question": 44, "title": 28, "text": 44}
# XML 1.0 has no way to write these; everything else a text of ours can hold is fine.
_NOT_IN_XML: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)))


class Sheets(Protocol):
    """One file of tables. A table is begun, gets its rows, and ends where the next begins."""

    def begin(self, name: str, columns: Sequence[str], /) -> None: ...

    def write(self, row: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


def open_sheets(
    format: Format, file: IO[bytes], head: Mapping[str, Any], *, bom: bool = False, folder: str = "", most_bytes: int = 2**40
) -> Sheets:  # fmt: skip
    """A writer into a file. `head` is what the file says of itself, where the format has a place for it.

    A workbook keeps its sheets in `folder` while it is made, and refuses more than `most_bytes` of text.
    """
    if format == "csv":
        return _Csv(file, bom=bom)
    if format == "xlsx":
        return _Workbook(file, head, folder, most_bytes)
    return _JsonLines(file, head) if format == "ndjson" else _Json(file, head)


def safe_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def flat(value: Any) -> str | int | float | bool | None:
    """A value as it fits into one cell: lists of plain things joined, the rest as JSON."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list) and all(isinstance(entry, str | int | float) for entry in value):
        return "; ".join(str(entry) for entry in value)
    return encode(value)


class _Csv:
    """RFC 4180. Several tables follow each other after an empty line, each with its own headings."""

    def __init__(self, file: IO[bytes], *, bom: bool) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig" if bom else "utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._columns: Sequence[str] = ()
        self._begun = False

    def begin(self, _name: str, columns: Sequence[str]) -> None:
        if self._begun:
            self._text.write("\r\n")
        self._begun = True
        self._columns = columns
        self._writer.writerow([safe_text(column) for column in columns])

    def write(self, row: Mapping[str, Any]) -> None:
        self._writer.writerow([_csv_cell(row.get(column)) for column in self._columns])

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


def _csv_cell(value: Any) -> Any:
    cell = flat(value)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return safe_text(cell) if isinstance(cell, str) else cell


class _JsonLines:
    """One object per line; the first says what the file is."""

    def __init__(self, file: IO[bytes], head: Mapping[str, Any]) -> None:
        self._file = file
        self._name = ""
        self._put({"record": "export", **head})

    def begin(self, name: str, _columns: Sequence[str]) -> None:
        self._name = name

    def write(self, row: Mapping[str, Any]) -> None:
        self._put({"record": self._name, **row})

    def close(self) -> None:
        self._file.flush()

    def _put(self, document: Mapping[str, Any]) -> None:
        self._file.write(encode(document).encode() + b"\n")


class _Json:
    """One object: the head, and the tables as lists of objects under `tables`."""

    def __init__(self, file: IO[bytes], head: Mapping[str, Any]) -> None:
        self._file = file
        self._tables = 0
        self._rows = 0
        file.write(encode(dict(head)).removesuffix("}").encode() + b',"tables":[')

    def begin(self, name: str, columns: Sequence[str]) -> None:
        end = b"]}," if self._tables else b""
        start = encode({"name": name, "columns": list(columns)}).removesuffix("}")
        self._file.write(end + b"\n" + start.encode() + b',"rows":[')
        self._tables += 1
        self._rows = 0

    def write(self, row: Mapping[str, Any]) -> None:
        self._file.write((b"," if self._rows else b"") + b"\n" + encode(dict(row)).encode())
        self._rows += 1

    def close(self) -> None:
        self._file.write((b"]}" if self._tables else b"") + b"]}\n")
        self._file.flush()


class _Workbook:
    """A sheet per table; one that is full goes on in the next. Only texts, numbers and yes or no: never a formula."""

    def __init__(self, file: IO[bytes], head: Mapping[str, Any], folder: str, most_bytes: int) -> None:
        self._left = most_bytes
        options = {
            "constant_memory": True, "tmpdir": folder or None, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "nan_inf_to_errors": True,
        }  # fmt: skip
        self._book = xlsxwriter.Workbook(file, options)
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._names: set[str] = set()
        self._sheet: Any = None
        self._columns: Sequence[str] = ()
        self._name = ""
        self._row = 0
        self._about(head)

    def begin(self, name: str, columns: Sequence[str]) -> None:
        self._name = name
        self._columns = columns
        self._sheet = self._book.add_worksheet(self._free(name))
        self._sheet.freeze_panes(1, 0)
        self._row = 0
        for index, column in enumerate(columns):
            self._sheet.set_column(index, index, _WIDTHS.get(column, 14))
            self._cell(0, index, column, self._bold)

    def write(self, row: Mapping[str, Any]) -> None:
        if self._row >= _XLSX_ROWS:
            self.begin(self._name, self._columns)
        self._row += 1
        for index, column in enumerate(self._columns):
            self._cell(self._row, index, flat(row.get(column)))

    def close(self) -> None:
        self._book.close()

    def _about(self, head: Mapping[str, Any]) -> None:
        sheet = self._book.add_worksheet(self._free("About"))
        sheet.set_column(0, 0, 20)
        sheet.set_column(1, 1, 60)
        self._sheet = sheet
        for number, (name, value) in enumerate(head.items()):
            self._cell(number, 0, name, self._bold)
            self._cell(number, 1, flat(value))

    def _cell(self, row: int, column: int, value: Any, style: Any = None) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(row, column, value, style)
        elif isinstance(value, int | float) and abs(value) < 1e15:
            self._sheet.write_number(row, column, value, style)
        else:
            text = str(value).translate(_NOT_IN_XML)[:_XLSX_TEXT]
            self._left -= len(text)
            if self._left < 0:
                raise Refusal("too_large", "The export is larger than this server writes.")
            self._sheet.write_string(row, column, text, style)

    def _free(self, name: str) -> str:
        """A name that Excel takes for a sheet, and that no other sheet has."""
        clean = " ".join(name.translate(_NOT_IN_A_NAME).translate(_NOT_IN_XML).split()) or "Sheet"
        number, candidate = 1, clean[:_XLSX_NAME].strip()
        while candidate.casefold() in self._names or candidate.casefold() == "history":  # Excel keeps that name to itself
            number += 1
            tail = f" ({number})"
            candidate = clean[: _XLSX_NAME - len(tail)].strip() + tail
        self._names.add(candidate.casefold())
        return candidate


def columns_of(rows: Iterable[Mapping[str, Any]], known: dict[str, None], most: int) -> None:
    """Add the columns that some rows have, in the order met, up to a limit."""
    for row in rows:
        for name in row:
            if len(known) < most:
                known.setdefault(name)
