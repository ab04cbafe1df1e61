"""Texts are told apart up to a limit; a recount of what is stored is what was counted all the same, in any order."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.activities.answers import envelope, judge, recount
from realtime.activities.config import read_config
from realtime.activities.contract import Audience, Json, Live, read_settings, sight_of
from realtime.activities.crowding import Crowd, fold
from realtime.activities.registry import Kind, installed
from realtime.core.tally import RESPONSES, add, total
from tests.activities.answer_strategies import answers
from tests.activities.classroom import HOST, example_with
from tests.activities.test_laws import example_settings, law

TABLE, CLOZE = installed().resolve("table_completion"), installed().resolve("cloze")
SHORT, CLOUD, SURVEY = (installed().resolve(name) for name in ("short_answer", "word_cloud", "survey"))
QUESTIONS = [
    {"id": "q1", "type": "cloze", "settings": CLOZE.example["settings"]},
    {"id": "q2", "type": "poll", "settings": {"question": "?", "options": ["Yes", "No"]}},
]
CROWDED: dict[str, tuple[Kind, Json, Callable[[int], Json], int]] = {
    "table": (TABLE, TABLE.example["settings"], lambda n: {"studentAnswers": {"0-1": f"w{n}", "1-1": "Stroma"}}, 200),
    "cloze": (CLOZE, CLOZE.example["settings"], lambda n: {"blanks": {"b1": f"wrong {n}", "b2": "sugar"}}, 200),
    "short answer": (SHORT, SHORT.example["settings"], lambda n: {"text": f"text {n}"}, 2_000),
    "cloud": (CLOUD, example_with(CLOUD, moderate_submissions=False), lambda n: {"words": [f"w{n}", "fire"]}, 5_000),
    "survey": (SURVEY, {"items": QUESTIONS}, lambda n: {"answers": {"q1": {"blanks": {"b1": f"w{n}"}}}}, 200),
}


def accept(kind: Kind, settings: Any, config: Any, crowd: Crowd, tally: dict[str, int], sent: Json) -> str:
    """Count an answer as a hub does; returns the row."""
    judged = judge(kind, config, settings, sent, elapsed_ms=None, submission_id="s", entry=None)
    others = crowd.others(kind, settings, judged.counters, tally)
    add(tally, fold(kind, settings, judged.counters, others))
    return json.dumps(envelope(kind.name, 1, judged.data, {}, None, others))


@pytest.mark.parametrize("name", CROWDED)
def test_a_crowd_of_texts_is_bounded_and_recounted(name: str) -> None:
    kind, document, sent, most = CROWDED[name]
    settings, config = read_settings(kind, document), read_config(kind, {"settings": document})
    crowd, tally = Crowd(), dict[str, int]()
    number = most + 60
    rows = [accept(kind, settings, config, crowd, tally, sent(each)) for each in range(number)]
    random.Random(4).shuffle(rows)
    assert total(recount(kind, settings, row)[0] for row in rows) == tally
    texts = [counter for counter in tally if (text := kind.text_of(settings, counter)) and counter != text.other]
    assert most <= len(texts) <= most + 1  # where every answer has one text of its own, and one that is everybody's
    assert tally[RESPONSES] == number
    # What is told apart goes on being counted exactly, and changed answers are taken away as they were counted.
    before = dict(tally)
    known = accept(kind, settings, config, crowd, tally, sent(0))
    assert "others" not in json.loads(known)
    for row in [*rows, known]:
        add(tally, recount(kind, settings, row)[0], -1)
    assert tally == {}
    view = json.dumps(kind.view(Live(settings, tally=before, revealed=True), HOST))
    assert '"other": ' in view
    for audience in Audience:
        kind.view(Live(settings, tally=before, revealed=True), sight_of(audience, config.reveal.model_dump(), "closed", True))


def test_another_process_finds_the_texts_that_are_there() -> None:
    kind, document, sent, most = CROWDED["table"]
    settings, config = read_settings(kind, document), read_config(kind, {"settings": document})
    tally = dict[str, int]()
    for each in range(most):
        accept(kind, settings, config, Crowd(), tally, sent(each))
    late = Crowd()
    assert "others" in json.loads(accept(kind, settings, config, late, dict(tally), sent(most)))
    assert "others" not in json.loads(accept(kind, settings, config, late, dict(tally), sent(0)))
    # Room is there again once texts are gone.
    assert "others" not in json.loads(accept(kind, settings, config, Crowd(), {}, sent(most)))


def test_a_big_table_has_a_limit_as_a_whole() -> None:
    cells = [{"rowIndex": row, "colIndex": column, "cellType": "editable", "expectedAnswer": "x"} for row in range(50)
             for column in range(20)]  # fmt: skip
    settings = read_settings(TABLE, {"rows": 50, "columns": 20, "headers": [""] * 20, "cells": cells})
    text = TABLE.text_of(settings, "wrong:49-19:a:b")
    assert text is not None
    assert (text.place, text.other, text.most) == ("49-19", "wrong:49-19:", 40)


@law
@given(data=st.data())
def test_whatever_found_no_room_the_law_holds(kind: Kind, data: st.DataObject) -> None:
    chosen = example_settings(kind)
    config = read_config(kind, {"settings": kind.example["settings"]})
    tally: dict[str, int] = {}
    rows = []
    for answer in data.draw(st.lists(answers(kind, chosen), max_size=6)):
        sent = {"abstain": True} if answer is None else answer.model_dump(mode="json")
        judged = judge(kind, config, chosen, sent, elapsed_ms=7, submission_id="s-1", entry=None)
        parts = sorted({text.part for name in judged.counters if (text := kind.text_of(chosen, name))})
        others = data.draw(st.lists(st.sampled_from(parts), unique=True)) if parts else []
        counted = fold(kind, chosen, judged.counters, others)
        assert sum(counted.values()) == sum(judged.counters.values())
        add(tally, counted)
        rows.append(json.dumps(envelope(kind.name, 1, judged.data, {}, 7, others)))
    assert total(recount(kind, chosen, row)[0] for row in rows) == tally
    json.dumps(kind.view(Live(chosen, tally=tally, revealed=True), HOST))
