"""Reads questions from a table, in the columns of the quiz template that Kahoot gives out or in plain ones of one's own.

Needed is a column for the question; answers stand in numbered columns. Further: type, title, correct, time limit, points,
explanation, tolerance. Where no type is given, what the row holds says what it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from realtime.activities.labels import letter_id
from realtime.interchange.drafts import ENGLISH, QUIZ_POINTS, Findings, Unreadable, Words, config_of, decimals_of, quiz_config
from realtime.interchange.rows import Row, Table

# Headings by what they begin with, in the languages of the pages; the longest that fits is meant.
_HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "question": ("question", "prompt", "frage", "pregunta", "vraag", "intitulé"),
    "type": ("type", "question type", "typ", "fragetyp", "tipo", "soort", "vraagtype"),
    "title": ("title", "titel", "titre", "título", "titulo"),
    "correct": (
        "correct", "right", "solution", "richtig", "lösung", "loesung", "correcta", "respuesta correcta", "bonne",
        "réponse correcte", "juist", "goed",
    ),
    "time": ("time", "seconds", "zeit", "sekunden", "tiempo", "segundos", "durée", "temps", "tijd", "seconden"),
    "points": ("points", "punkte", "puntos", "punten"),
    "explanation": ("explanation", "feedback", "erklärung", "begründung", "explicación", "explication", "uitleg", "toelichting"),
    "tolerance": ("tolerance", "toleranz", "tolerancia", "tolérance", "tolerantie"),
}  # fmt: skip
_OPTION: Final = re.compile(
    r"^(?:answer|option|choice|antwort|antwoord|respuesta|réponse|reponse|opción|opcion|keuze|auswahl)\s*[_-]?\s*([0-9]{1,2}|[a-z])\b"
)
_HEADER_WITHIN: Final = 30  # rows; Kahoot's template has its headings in the eighth
_TRUE: Final = frozenset({"true", "t", "wahr", "richtig", "vrai", "verdadero", "waar", "1", "a"})
_FALSE: Final = frozenset({"false", "f", "falsch", "faux", "falso", "onwaar", "2", "b"})
_LONGEST_SECONDS: Final = 86_400
_MOST_POINTS: Final = 100_000


class _Unfit(Exception):
    def __init__(self, column: str, code: str, **values: Any) -> None:
        self.column = column
        self.code = code
        self.values = values
        super().__init__(code)


def read_table(table: Table, words: Words = ENGLISH) -> Findings:
    """The questions of a table; a row that is wrong is a problem with its cell, and the others are read."""
    columns, first = _header(table)
    findings = Findings()
    for row in table.rows[first:]:
        if findings.full:
            findings.report(table.place(row), "too_many", row.number, most=len(findings.drafts))
            return findings
        if row.fault:
            findings.report(table.place(row), "bad_csv", row.number, reason=row.fault)
            continue
        entry = _Entry(row, columns)
        if not entry.get("question") and not entry.get("title") and not entry.options:
            continue  # numbered, and left empty, as most rows of a template are
        try:
            type, config, notes = _read(entry, words)
            for code in notes:
                findings.report(table.place(row), code, row.number)
            findings.keep(table.place(row), type, entry.get("title"), config, row.number)
        except _Unfit as fault:
            column = columns.get(fault.column)
            place = table.place(row, column, fault.column) if column is not None else table.place(row)
            findings.report(place, fault.code, row.number, **fault.values)
    if table.cut:
        findings.report(table.place(table.rows[-1]), "too_many", table.rows[-1].number, most=len(table.rows))
    return findings


def has_header(table: Table) -> bool:
    try:
        _header(table)
    except Unreadable:
        return False
    return True


def _header(table: Table) -> tuple[dict[str, int], int]:
    """Which column is what, and the first row below the headings."""
    for index, row in enumerate(table.rows[:_HEADER_WITHIN]):
        columns: dict[str, int] = {}
        for column, cell in enumerate(row.cells):
            name = _heading(cell)
            if name is not None:
                columns.setdefault(name, column)
        others = columns.keys() - {"question"}
        if "question" in columns and (others or len([cell for cell in row.cells if cell]) == 1):
            return columns, index + 1
    raise Unreadable("no_header")


def _heading(cell: str) -> str | None:
    text = " ".join(cell.lower().replace("_", " ").split())[:80]
    option = _OPTION.match(text)
    if option is not None:
        which = option.group(1)
        return f"option {which if which.isdigit() else ord(which) - 96}"
    fits = [
        (len(start), name)
        for name, starts in _HEADINGS.items()
        for start in starts
        if text == start or re.match(re.escape(start) + r"(?![^\W\d_])", text)
    ]
    return max(fits)[1] if fits else None


class _Entry:
    """One row by the names of its columns."""

    def __init__(self, row: Row, columns: Mapping[str, int]) -> None:
        self._row = row
        self._columns = columns
        numbered = sorted((int(name[7:]), name) for name in columns if name.startswith("option "))
        self.numbers: list[int] = []  # the number that each option has in the table
        self.options: list[str] = []
        for number, name in numbered:
            if text := self.get(name):
                self.numbers.append(number)
                self.options.append(text)

    def get(self, name: str) -> str:
        column = self._columns.get(name)
        return self._row.cells[column] if column is not None and column < len(self._row.cells) else ""

    def whole(self, name: str, most: int, code: str) -> int | None:
        """A whole number of a column, None where it is empty."""
        text = self.get(name)
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
            raise _Unfit(name, code, value=text)
        return int(text)

    def number(self, name: str) -> float:
        text = self.get(name).replace(" ", "").replace("\u00a0", "")
        decimal = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
        try:
            value = float(decimal) if len(decimal) <= 40 else float("nan")
        except ValueError:
            raise _Unfit(name, "not_a_number", value=self.get(name)) from None
        if not -1e15 <= value <= 1e15:
            raise _Unfit(name, "not_a_number", value=self.get(name))
        return value


def _read(entry: _Entry, words: Words) -> tuple[str, dict[str, Any], list[str]]:
    """Type, config and what is to be noted."""
    notes: list[str] = []
    question = entry.get("question")
    if not question:
        raise _Unfit("question", "no_question")
    given = entry.get("type").strip().lower().replace(" ", "_").replace("-", "_").replace("/", "_")
    kind = _TYPES.get(given)
    if given and kind is None:
        raise _Unfit("type", "unknown_type", value=entry.get("type"), allowed=", ".join(sorted(set(_TYPES.values()))))
    kind = kind or _guess(entry)
    seconds = entry.whole("time", _LONGEST_SECONDS, "bad_time")
    points = entry.whole("points", _MOST_POINTS, "not_a_number")
    if kind == "quiz" and not entry.get("correct"):
        notes.append("no_correct")
        kind = "poll"
    settings = _MAKERS[kind](entry, question, words)
    type = "quiz" if kind == "true_false" else kind
    if kind in _SCORED or (kind == "numeric" and "correct" in settings):
        config = quiz_config(settings, seconds=seconds, points=QUIZ_POINTS if points is None else points)
    else:
        config = config_of(settings, seconds=seconds)
    return type, config, notes


def _guess(entry: _Entry) -> str:
    correct = entry.get("correct")
    if entry.options:
        return "quiz" if correct else "poll"
    if not correct:
        return "open_text"
    if correct.strip().lower() in (_TRUE | _FALSE) - {"1", "2", "a", "b", "t", "f"}:
        return "true_false"
    try:
        entry.number("correct")
    except _Unfit:
        return "short_answer"
    return "numeric"


# --------------------------------------------------------------------------------------------- single types


def _labelled(texts: Sequence[str]) -> list[dict[str, str]]:
    return [{"id": letter_id(index), "text": text} for index, text in enumerate(texts)]


def _options(entry: _Entry) -> list[dict[str, str]]:
    if len(entry.options) < 2:
        raise _Unfit("option 1", "too_few_options", n=len(entry.options))
    return _labelled(entry.options)


def _explained(entry: _Entry) -> dict[str, Any]:
    text = entry.get("explanation")[:2_000]
    return {"explanation": text} if text else {}


def _poll(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    return {"question": question, "options": _options(entry)}


def _quiz(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    options = _options(entry)
    correct = _correct(entry)
    several = len(correct) > 1
    settings = {"question": question, "options": options, "correct": correct, "max_choices": len(options) if several else 1}
    return settings | _explained(entry)


def _true_false(entry: _Entry, question: str, words: Words) -> dict[str, Any]:
    correct = entry.get("correct").strip().lower()
    if correct not in _TRUE | _FALSE:
        raise _Unfit("correct", "unknown_correct", value=entry.get("correct"))
    options = entry.options if len(entry.options) == 2 else [words.true, words.false]
    return {"question": question, "options": _labelled(options), "correct": ["a" if correct in _TRUE else "b"]} | _explained(entry)


def _numeric(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    if not entry.get("correct"):
        return {"prompt": question}
    correct = entry.number("correct")
    width = entry.number("tolerance") if entry.get("tolerance") else 0.0
    return {
        "prompt": question, "correct": int(correct) if correct.is_integer() else correct,
        "decimals": max(2, decimals_of(correct, width)),
        "tolerance": {"mode": "absolute", "value": abs(width)} if width else {"mode": "exact", "value": 0},
    }  # fmt: skip


def _short_answer(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    texts = [text.strip() for text in re.split(r"[;|\n]", entry.get("correct")) if text.strip()] or entry.options
    if not texts:
        raise _Unfit("correct", "unknown_correct", value="")
    return {"prompt": question, "answers": [{"text": text, "fraction": 1} for text in texts]}


def _ordering(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    items = _options(entry)
    return {"prompt": question, "items": items, "correct_order": [item["id"] for item in items]}


def _ranking(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    return {"prompt": question, "items": _options(entry)}


def _matching(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    left: list[dict[str, str]] = []
    right: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for number, text in zip(entry.numbers, entry.options, strict=True):
        name, arrow, partner = (part.strip() for part in text.partition("->"))
        if not (arrow and name and partner):
            raise _Unfit(f"option {number}", "bad_pair", value=text)
        left.append({"id": f"l{len(left) + 1}", "text": name})
        pairs[left[-1]["id"]] = right.setdefault(partner, f"r{len(right) + 1}")
    if len(left) < 2:
        raise _Unfit("option 1", "too_few_options", n=len(left))
    shown = [{"id": id, "text": text} for text, id in right.items()]
    return {"prompt": question, "left": left, "right": shown, "pairs": pairs, "right_reusable": len(right) < len(left)}


def _prompt(_: _Entry, question: str, __: Words) -> dict[str, Any]:
    return {"prompt": question}


def _rating(entry: _Entry, question: str, _: Words) -> dict[str, Any]:
    return {"prompt": question, "items": _labelled(entry.options) or [{"id": "value", "text": question}]}


_MAKERS: Final[Mapping[str, Callable[[_Entry, str, Words], dict[str, Any]]]] = {
    "poll": _poll, "quiz": _quiz, "true_false": _true_false, "numeric": _numeric, "short_answer": _short_answer,
    "ordering": _ordering, "ranking": _ranking, "matching": _matching, "open_text": _prompt, "word_cloud": _prompt,
    "rating": _rating,
}  # fmt: skip
_SCORED: Final = frozenset({"quiz", "true_false", "short_answer", "ordering", "matching"})
_TYPES: Final[Mapping[str, str]] = {name: name for name in _MAKERS} | {
    "multiple_choice": "quiz", "multiplechoice": "quiz", "mcq": "quiz", "choice": "poll", "vote": "poll", "truefalse": "true_false",
    "true_or_false": "true_false", "number": "numeric", "slider": "numeric", "type_answer": "short_answer", "short": "short_answer",
    "open": "open_text", "open_ended": "open_text", "essay": "open_text", "text": "open_text", "wordcloud": "word_cloud",
    "puzzle": "ordering", "order": "ordering", "match": "matching", "scale": "rating", "rank": "ranking",
}  # fmt: skip


def _correct(entry: _Entry) -> list[str]:
    """The ids of the right options, which a cell names by number, letter or text."""
    written = entry.get("correct")
    whole = _id_of(entry, written)
    if whole is not None:
        return [whole]
    found: list[str] = []
    for part in _by_text(entry, written) or re.split(r"[,;/|\s]+", written):
        if not part:
            continue
        id = _id_of(entry, part)
        if id is None:
            raise _Unfit("correct", "unknown_correct", value=part)
        if id not in found:
            found.append(id)
    if not found:
        raise _Unfit("correct", "unknown_correct", value=written)
    return found


def _by_text(entry: _Entry, written: str) -> list[str]:
    """The parts of a cell that names options by their texts; empty where they are not all texts."""
    for mark in (";", "|", ","):
        parts = [part.strip() for part in written.split(mark) if part.strip()]
        if parts and all(part.casefold() in {text.casefold() for text in entry.options} for part in parts):
            return parts
    return []


def _id_of(entry: _Entry, part: str) -> str | None:
    part = part.strip()
    for index, text in enumerate(entry.options):
        if text.casefold() == part.casefold() and not part.isdigit():
            return letter_id(index)
    if part.isascii() and part.isdigit() and len(part) < 4:
        number = int(part)
    elif len(part) == 1 and part.isascii() and part.isalpha():
        number = ord(part.lower()) - 96
    else:
        return None
    return letter_id(entry.numbers.index(number)) if number in entry.numbers else None
