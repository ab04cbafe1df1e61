"""Questions in tables: the quiz template of Kahoot, columns of one's own, as workbook and as CSV."""

import contextlib
import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.activities.registry import installed
from realtime.interchange.drafts import Findings, Unreadable
from realtime.interchange.question_table import read_table
from realtime.interchange.reading import read_file
from realtime.interchange.rows import Row, Table, read_csv
from realtime.interchange.workbook import read_workbook
from tests.interchange.workbooks import KAHOOT, replaced, workbook

SHEET = "xl/worksheets/sheet1.xml"


def read(content: bytes | str, format: Any = None) -> Findings:
    return read_file(content.encode() if isinstance(content, str) else content, format, installed())[1]


def told(findings: Findings) -> list[tuple[str, str]]:
    return [(problem.place, problem.code) for problem in findings.problems]


def test_kahoot_template_with_a_bad_row_among_good_ones() -> None:
    findings = read(workbook(KAHOOT))
    assert [(draft.place, draft.type) for draft in findings.drafts] == [("row 9", "quiz"), ("row 10", "quiz")]
    first, second = (draft.config for draft in findings.drafts)
    assert first["settings"]["correct"] == ["a"]
    assert first["constraints"] == {"time_limit": 20}
    assert [option["text"] for option in second["settings"]["options"]] == ["2", "3", "4"]
    assert (second["settings"]["correct"], second["settings"]["max_choices"]) == (["a", "b"], 3)
    assert told(findings) == [("cell C11", "too_few_options"), ("cell G12", "bad_time"), ("cell H13", "unknown_correct")]


def test_first_sheet_with_headings_is_the_one() -> None:
    assert len(read(workbook([["About this file"]], KAHOOT)).drafts) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_every_type(delimiter: str) -> None:
    rows = [
        ["Type", "Question", "Option A", "Option B", "Option C", "Correct", "Time limit", "Points", "Explanation", "Tolerance"],
        ["quiz", "Blue?", "Sky", "Grass", "Sun", "A", "30", "500", "Rayleigh", ""],
        ["quiz", "By text?", "Sky", "Grass", "Sun", "Sun", "", "", "", ""],
        ["poll", "Which next?", "This", "That", "", "", "", "", "", ""],
        ["true/false", "The earth is flat.", "", "", "", "false", "", "", "", ""],
        ["numeric", "Pi?", "", "", "", "3.14", "", "", "", "0.01"],
        ["short answer", "Capital?", "", "", "", "Paris | paris", "", "", "", ""],
        ["ordering", "First to last", "one", "two", "three", "", "", "", "", ""],
        ["matching", "Match", "cat -> meow", "dog -> bark", "", "", "", "", "", ""],
        ["word cloud", "One word", "", "", "", "", "", "", "", ""],
        ["rating", "How was it?", "", "", "", "", "", "", "", ""],
        ["", "Say more", "", "", "", "", "", "", "", ""],
    ]
    findings = read("\n".join(delimiter.join(row) for row in rows))
    assert not findings.problems
    assert [draft.type for draft in findings.drafts] == [
        "quiz", "quiz", "poll", "quiz", "numeric", "short_answer", "ordering", "matching", "word_cloud", "rating", "open_text",
    ]  # fmt: skip
    first = findings.drafts[0].config
    assert (first["settings"]["correct"], first["constraints"], first["scoring"]["points"]) == (["a"], {"time_limit": 30}, 500)
    assert first["settings"]["explanation"] == "Rayleigh"
    assert findings.drafts[1].config["settings"]["correct"] == ["c"]
    assert findings.drafts[4].config["settings"]["tolerance"] == {"mode": "absolute", "value": 0.01}
    assert [answer["text"] for answer in findings.drafts[5].config["settings"]["answers"]] == ["Paris", "paris"]


def test_german_headings_semicolons_and_decimal_commas() -> None:
    findings = read("Frage;Antwort 1;Antwort 2;Richtig;Zeit\nPi?;;;3,14;\nBlau?;Himmel;Gras;1;20\n")
    assert [draft.type for draft in findings.drafts] == ["numeric", "quiz"]
    assert findings.drafts[0].config["settings"]["correct"] == 3.14


def test_older_encodings_are_read() -> None:
    text = "Question,Answer 1,Answer 2,Correct\nWer träumt?,Ärzte,Öfen,1\n"
    for content in (text.encode("cp1252"), text.encode("utf-16"), text.encode("utf-8-sig")):
        assert read(content).drafts[0].config["settings"]["options"][0]["text"] == "Ärzte"


def test_quoted_lines_keep_their_line_numbers() -> None:
    findings = read('Question,Answer 1,Answer 2,Correct\n"Two\nlines?",a,b,1\nNo option?,a,,1\n')
    assert findings.drafts[0].config["settings"]["question"] == "Two\nlines?"
    assert told(findings) == [("line 4, column option 1", "too_few_options")]


def test_row_that_breaks_the_rules_spares_the_others() -> None:
    findings = read('Question,Answer 1,Answer 2,Correct\nGood?,a,b,1\nBad?,"a"x,b,1\nFine?,a,b,2\n')
    assert told(findings) == [("line 3", "bad_csv")]
    assert [draft.place for draft in findings.drafts] == ["line 2", "line 4"]


def test_quotes_that_never_close_do_not_take_for_ever() -> None:
    text = "Question,Answer 1,Answer 2,Correct\n" + '"open,a,b,1\n' * 4_001
    findings = read(text)
    assert not findings.drafts
    assert len(findings.problems) <= 50


def test_type_that_does_not_exist_is_named_with_those_that_do() -> None:
    findings = read("Question,Type\nWhat?,crossword\n")
    assert told(findings) == [("line 2, column type", "unknown_type")]
    assert "crossword" in findings.problems[0].message
    assert "word_cloud" in findings.problems[0].message


def test_what_a_type_refuses_is_a_problem_of_its_row() -> None:
    findings = read(f"Question,Answer 1,Answer 2\n{'x' * 600},a,b\nFine?,a,b\n")
    assert told(findings) == [("line 2", "unfit")]
    assert len(findings.drafts) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"), (b"  \n", "empty"), (b"a,b\n1,2\n", "unknown_format"), (b"\x89PNG\r\n\x1a\n\x00\x00", "not_text"),
        (b"PK\x03\x04 broken", "not_a_workbook"), (b'{"activities": 3}', "not_a_bundle"), (b'{"activities": [}', "malformed_json"),
        (b'{"format": "plenum.activities", "version": 9, "activities": []}', "newer_version"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_read_says_why(content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_file(content, None, installed())
    assert caught.value.code == code


def test_sheet_that_would_unfold_to_gigabytes_is_refused_unread() -> None:
    bomb = replaced(workbook(KAHOOT), SHEET, b"<worksheet>" + b" " * 40_000_000 + b"</worksheet>")
    assert len(bomb) < 100_000
    with pytest.raises(Unreadable, match="unfolds"):
        read_workbook(bomb)


def test_sheet_that_lies_about_its_size_is_stopped_on_the_way() -> None:
    honest = replaced(workbook(KAHOOT), SHEET, b"<worksheet>" + b" " * 40_000_000 + b"</worksheet>")
    lying = honest.replace((40_000_023).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(Unreadable):
        read_workbook(lying)


def test_entities_are_refused() -> None:
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    with pytest.raises(Unreadable, match="Excel"):
        read_workbook(replaced(workbook(KAHOOT), SHEET, evil))


def test_workbook_of_too_many_parts_is_refused() -> None:
    content = workbook(KAHOOT)
    with zipfile.ZipFile(file := io.BytesIO(content), "a") as archive:
        for number in range(2_001):
            archive.writestr(f"xl/media/{number}.png", b"")
    with pytest.raises(Unreadable, match="unfolds"):
        read_workbook(file.getvalue())


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(content: bytes) -> None:
    for start in (b"", b"PK\x03\x04"):
        with contextlib.suppress(Unreadable):
            read_file(start + content, None, installed())


@given(st.data())
def test_no_damage_to_a_workbook_makes_it_fail(data: st.DataObject) -> None:
    content = bytearray(BOOK)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Unreadable):
        read_file(bytes(content), "xlsx", installed())


BOOK = workbook(KAHOOT)
CELL = st.one_of(
    st.sampled_from(["", "1", "A", "1,2", "quiz", "numeric", "matching", "true", "->", "a -> b", "3.5", "x" * 300]),
    st.text(max_size=12),
)


@given(st.lists(st.lists(CELL, max_size=8), max_size=12))
def test_no_table_makes_it_fail(rows: list[list[str]]) -> None:
    heading = Row(1, ["Question", "Type", "Answer 1", "Answer 2", "Correct", "Time limit", "Points", "Tolerance"])
    findings = read_table(Table([heading, *(Row(number, cells) for number, cells in enumerate(rows, start=2))]))
    assert all(problem.message and problem.place for problem in findings.problems)


@given(st.text(max_size=300))
def test_no_text_makes_the_rows_fail(text: str) -> None:
    table = read_csv("Question,Type\n" + text)
    assert all(row.number >= 1 for row in table.rows)
