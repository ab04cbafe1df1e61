"""Workbooks as spreadsheets and as attackers make them."""

import io
import zipfile
from collections.abc import Sequence

import xlsxwriter

KAHOOT = [
    [],
    [None, "Quiz template"],
    [None, "Add questions, at least two answer alternatives, time limit and choose correct answers."],
    [], [], [], [],
    [None, "Question - max 120 characters", "Answer 1 - max 75 characters",
     "Answer 2 - max 75 characters", "Answer 3 - max 75 characters",
     "Answer 4 - max 75 characters", "Time limit (sec) – 5, 10, 20, 30, 60, 90, 120, or 240 secs",
     "Correct answer(s) - choose at least one"],
    [1, "Which is a mammal?", "Whale", "Shark", "Trout", "Tuna", 20, 1],
    [2, "Which are primes?", 2, 3, 4, None, 30, "1,2"],
    [3, "Which never ends?", "Only one", None, None, None, 20, 1],
    [4, "Which is blue?", "Sky", "Grass", None, None, "soon", 1],
    [5, "Which is green?", "Sky", "Grass", None, None, 10, 3],
    [6], [7],
]  # fmt: skip


def workbook(*sheets: Sequence[Sequence[object]]) -> bytes:
    """A workbook with these sheets, as a spreadsheet program writes it."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_numbers": False})
    for rows in sheets:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(number, column, value)
    book.close()
    return file.getvalue()


def replaced(content: bytes, part: str, text: bytes, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The workbook with one of its parts in other words."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, text if name == part else old.read(name))
    return file.getvalue()
