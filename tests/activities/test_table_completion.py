"""Tables with gaps, and how their cells are marked."""

import time
from typing import Any

import pytest

from realtime.activities.contract import Answered, Json, read_settings
from realtime.activities.table_cells import Cell, Marking, judge, read_number
from realtime.activities.table_completion import TYPE, Answer, Settings, decided_settings
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, HOST, REVEALED, Classroom, example_with

FUZZY = {"rowIndex": 0, "colIndex": 0, "cellType": "editable", "acceptsEquivalentPhrasing": True}


def state(expected: str, written: str, marking: Json = None, **cell: Json) -> str:
    made = Cell.model_validate(FUZZY | {"expectedAnswer": expected} | cell)
    return judge(made, Marking.model_validate(marking or {}), written).state


def filled(**cells: str | None) -> Json:
    answers = {key.removeprefix("c").replace("_", "-"): text for key, text in cells.items()}
    return {"value": {"studentAnswers": answers}, "final": True}


@pytest.mark.parametrize(
    ("expected", "written", "judged"),
    [
        ("photosynthesis", "fotosynthesis", "fuzzy"),  # 85.71
        ("photosynthesis", "photosynthesi", "fuzzy"),  # 92.86
        ("photosynthesis", "photo", "wrong"),  # 35.71
        ("photosynthesis", " Photosynthesis ", "exact"),
        ("symmetric", "asymmetric", "fuzzy"),  # 90.0: why fuzzy matches are shown for review
        ("potassium nitrate", "potassium nitrite", "fuzzy"),  # 94.1
        ("sulphate", "sulphite", "fuzzy"),  # 87.5
        ("10000000", "10000001", "wrong"),  # 87.5, but a number
        ("acid", "acids", "wrong"),  # 80.0, and too short
        ("stroma", "", "blank"),
        ("stroma", "\u200e ", "blank"),
        ("12.50", "12,5", "numeric"),
        ("-3", "−3", "wrong"),
    ],
)
def test_vectors(expected: str, written: str, judged: str) -> None:
    assert state(expected, written) == judged


def test_what_changes_the_judgement() -> None:
    assert state("sulphate", "sulphite", {"fuzzy_policy": "off"}) == "wrong"
    assert state("sulphate", "sulphite", {"similarity_threshold": 88}) == "wrong"
    assert state("sulphate", "sulphite", acceptsEquivalentPhrasing=False) == "wrong"
    assert state("sulphate", "SULPHITE", rejectedAnswers=["sulphite"]) == "wrong"
    assert state("stroma", "matrix", alternativeAnswers=["Matrix"]) == "alternative"
    assert state("ATP", "atp", caseSensitive=True) == "wrong"
    assert state("10000000", "10000001", {"numeric_cells": "text"}) == "fuzzy"
    assert state("", "anything", ungraded=True) == "ungraded"


def test_the_document_of_a_marking() -> None:
    mark = Classroom(TYPE).mark(filled(c0_1="thylakoid", c0_2="ATP", c1_1=""))
    assert mark.correct is False
    assert mark.score == 0.75
    assert mark.detail == {
        "score": 3, "max_score": 4, "percentage": 75.0, "isComplete": False,
        "cells": {
            "0-1": {
                "state": "exact", "isCorrect": True, "marks": 1, "maxMarks": 1,
                "studentAnswer": "thylakoid", "expectedAnswer": "thylakoid",
            },
            "0-2": {
                "state": "exact", "isCorrect": True, "marks": 2, "maxMarks": 2,
                "studentAnswer": "ATP", "expectedAnswer": "ATP",
            },
            "1-1": {
                "state": "blank", "isCorrect": False, "marks": 0, "maxMarks": 1,
                "studentAnswer": "", "expectedAnswer": "stroma",
            },
        },
    }  # fmt: skip


def test_the_server_counts_the_cells() -> None:
    answer = Classroom(TYPE).answer(
        {
            "value": {"studentAnswers": {"1-1": " ", "0-1": " x ", "0-2": None}, "completedCells": 99},
            "final": False,
        }
    )
    assert answer.model_dump(mode="json")["value"] == {
        "studentAnswers": {"0-1": "x", "1-1": ""}, "completedCells": 1, "requiredCells": 3,
    }  # fmt: skip


def lesson() -> Classroom:
    room = Classroom(TYPE)
    room.answer(filled(c0_1="thylakoid", c0_2="ATP", c1_1="stroma"), times=2)
    room.answer(filled(c0_1="Thylakoyd", c0_2="atp", c1_1="matrix"))
    room.answer({"studentAnswers": {"0-1": "stroma"}})
    return room


def test_presenters_see_the_heat_map() -> None:
    view = lesson().view()
    assert (view["submitted"], view["drafts"]) == (3, 1)
    assert view["completion"] == {"mean_cells": 2.5, "required": 3, "complete": 3}
    assert view["scores"] == {"mean": 3.0, "median": 4, "distribution": {"1": 1, "4": 2}}
    assert view["cells"]["0-1"] == {
        "answered": 4, "correct": 3, "fuzzy": 1,
        "top_wrong": [{"text": "stroma", "count": 1}], "to_review": [{"text": "thylakoyd", "count": 1}],
    }  # fmt: skip
    assert view["cells"]["0-2"]["top_wrong"] == [{"text": "atp", "count": 1}]


def test_participants_see_progress_only() -> None:
    assert lesson().view(COUNTS_ONLY).keys() == {"submitted", "drafts", "completion"}
    assert lesson().view(REVEALED).keys() == {"submitted", "drafts", "completion", "scores"}


def test_one_verdict_counts_for_all_who_wrote_the_same() -> None:
    room = lesson()
    room.decide({"action": "reject", "cell": "0-1", "text": "thylakoyd"})
    room.decide({"action": "accept", "cell": "0-2", "text": "atp"})
    cells = room.view()["cells"]
    assert (cells["0-1"]["correct"], cells["0-1"]["to_review"]) == (2, [])
    assert (cells["0-2"]["correct"], cells["0-2"]["top_wrong"]) == (3, [])
    again = decided_settings(room.settings, room.decisions)
    written = room.answered[2].answer
    assert (TYPE.mark(room.settings, written).detail["score"], TYPE.mark(again, written).detail["score"]) == (
        1,
        2,
    )
    room.decide({"action": "clear", "cell": "0-1", "text": "thylakoyd"})
    assert room.view()["cells"]["0-1"]["correct"] == 3
    for wrong in ({"cell": "0-0", "text": "x"}, {"cell": "0-1", "text": "never"}, {"cell": "0-1", "text": 1}):
        with pytest.raises(Refusal):
            room.decide({"action": "accept"} | wrong)


def test_participants_never_get_the_key() -> None:
    settings = read_settings(TYPE, example_with(TYPE, hide_marks=True))
    assert isinstance(settings, Settings)
    public = TYPE.public_settings(settings, COUNTS_ONLY)
    assert "thylakoid" not in str(public)
    assert public["cells"][0]["lockedValue"] == "Light reactions"
    assert (
        not {"marks", "expectedAnswer", "alternativeAnswers", "rejectedAnswers"} & public["cells"][1].keys()
    )
    assert TYPE.public_settings(settings, HOST)["cells"][1]["expectedAnswer"] == "thylakoid"
    assert "marks" not in TYPE.public_settings(settings, REVEALED)["cells"][1]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"c0_0": "x"}, "locked_cell"),
        ({"c2_0": "x"}, "unknown_option"),
        ({"c0_3": "x"}, "unknown_option"),
        ({"c00_1": "x"}, "unknown_option"),
        ({"c0_1": "x" * 501}, "invalid"),
        ({"c0_1": 5}, "invalid"),
    ],
)
def test_refuses(cells: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        Classroom(TYPE).answer(filled(**cells))
    assert caught.value.code == code


LOCKED = {"rowIndex": 0, "colIndex": 0, "cellType": "locked", "lockedValue": "x"}


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": ["one"]},
        {"rows": 1},
        {"rows": 51},
        {"cells": [LOCKED]},
        {"cells": [FUZZY | {"expectedAnswer": "a"}, LOCKED]},
        {"cells": [FUZZY | {"expectedAnswer": " "}]},
        {"cells": [FUZZY | {"expectedAnswer": "a", "marks": 0}]},
        {"cells": [FUZZY | {"expectedAnswer": "a", "marks": 0.001}]},
        {"cells": [FUZZY | {"expectedAnswer": "a", "rowIndex": 2}]},
        {"cells": [FUZZY | {"expectedAnswer": "a"}, {"rowIndex": 1, "colIndex": 1, "cellType": "locked"}]},
    ],
)
def test_settings_must_fit(changes: dict[str, Json]) -> None:
    with pytest.raises(Refusal):
        Classroom(TYPE, example_with(TYPE, **changes))


def test_exports_have_a_column_for_each_cell() -> None:
    room = lesson()
    assert TYPE.rows(room.settings, [*room.answered[:1], Answered("r9", "p9", None)]) == [
        {
            "participant": "p1", "round": 1, "0-1": "thylakoid", "0-2": "ATP", "1-1": "stroma",
            "score": 4, "max_score": 4, "final": True,
        },
        {"participant": "p9", "round": 1, "abstained": True},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"), [("1e5", None), ("+-1", None), ("1.2.3", None), ("²", None), ("", None)]
)
def test_what_is_no_number(text: str, number: None) -> None:
    assert read_number(text) is number


def test_the_largest_table_is_marked_quickly() -> None:
    """1,000 cells with as many texts to compare as the settings take: measured 30 ms on a busy machine."""
    cells = [
        {
            "rowIndex": row, "colIndex": column, "cellType": "editable", "acceptsEquivalentPhrasing": True,
            "expectedAnswer": "expected1x", "alternativeAnswers": ["expected2x"],
        }
        for row in range(50)
        for column in range(20)
    ]  # fmt: skip
    settings = {"rows": 50, "columns": 20, "headers": ["h"] * 20, "cells": cells}
    room = Classroom(TYPE, settings)
    value = {"studentAnswers": {f"{row}-{column}": "unexpected" for row in range(50) for column in range(20)}}
    answer = room.answer({"value": value, "final": True})
    assert isinstance(answer, Answer)
    assert len(TYPE.counters(room.settings, answer, None)) <= 2_000
    best_seconds = min(_seconds(room.settings, answer) for _ in range(3))
    assert best_seconds < 0.3


def _seconds(settings: Settings, answer: Answer) -> float:
    begin = time.perf_counter()
    TYPE.counters(settings, answer, None)
    return time.perf_counter() - begin
