"""What must hold for every activity type, whoever wrote it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.activities.answers import envelope, judge, recount
from realtime.activities.config import read_config
from realtime.activities.contract import (
    Answered,
    Item,
    Json,
    Live,
    Sight,
    count,
    read_answer,
    read_settings,
)
from realtime.activities.registry import Kind
from realtime.core.errors import Refusal
from realtime.core.tally import ABSTAINED, MAX_COUNTER, PEOPLE, RESPONSES, add, total
from tests.activities.answer_strategies import answers, documents, raw_answers, sights

COMMON = {RESPONSES, PEOPLE, ABSTAINED}
HOST = Sight(host=True, counts=True, results=True, key=True, names=True)
EVERY_SIGHT = [
    HOST,
    *(
        Sight(host=False, counts=True, results=results, key=key, names=results and names)
        for results in (False, True)
        for key in (False, True)
        for names in (False, True)
    ),
]

# The fixture only chooses the type; it keeps nothing between examples.
law = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def example_settings(kind: Kind) -> Any:
    return read_settings(kind, kind.example["settings"])


def plain(document: Any) -> Any:
    """As the wire would carry it; fails where JSON cannot."""
    return json.loads(json.dumps(document, allow_nan=False))


def require_final(refusal: Refusal) -> None:
    """What does not fit now will not fit later either, and says why in plain JSON."""
    assert not refusal.retry
    plain(refusal.details)


@st.composite
def classes(draw: st.DrawFn, kind: Kind) -> tuple[list[Answered[Any]], Live[Any]]:
    """Some people who answered the type's example, and the live state this makes."""
    chosen = example_settings(kind)
    given_answers = draw(st.lists(answers(kind, chosen), max_size=8))
    times = draw(st.lists(st.one_of(st.none(), st.integers(0, 10**7)), min_size=8, max_size=8))
    answered = [
        Answered(f"r{number}", f"PERSON-{number}", answer, times[number])
        for number, answer in enumerate(given_answers)
    ]
    tally = total(count(kind, chosen, one.answer, one.elapsed_ms) for one in answered)
    items: dict[str, Item] = {}
    for one in answered:
        data = None if one.answer is None else kind.item(chosen, one.answer)
        if data is not None:
            items[one.response_id] = Item(one.response_id, one.participant_id, plain(data), 1_790_000_000_000)
    live = Live(
        settings=chosen,
        revealed=draw(st.booleans()),
        state=draw(st.sampled_from(["active", "paused", "closed"])),
        tally=tally,
        earlier={1: tally},
        round=2,
        items=items,
        names={one.participant_id: f"NAME-{one.participant_id}" for one in answered},
        joined=len(answered),
    )
    return answered, live


def test_the_example_is_complete(kind: Kind) -> None:
    """Settings and three differing answers are valid as given, and after a round trip through storage."""
    chosen = example_settings(kind)
    assert read_settings(kind, plain(chosen.model_dump(mode="json"))) == chosen
    config = read_config(kind, {"settings": kind.example["settings"]})
    assert read_config(kind, plain(config.model_dump(mode="json"))) == config
    raw = kind.example["answers"]
    assert len(raw) >= 3
    for document in raw:
        answer = read_answer(kind, chosen, plain(document))
        assert answer is not None
        assert read_answer(kind, chosen, plain(answer.model_dump(mode="json"))) == answer


@law
@given(data=st.data())
def test_whatever_is_sent_is_taken_or_refused(kind: Kind, data: st.DataObject) -> None:
    try:
        read_answer(kind, example_settings(kind), data.draw(raw_answers(kind)))
    except Refusal as refusal:
        require_final(refusal)


@law
@given(data=st.data())
def test_whatever_is_configured_is_taken_or_refused(kind: Kind, data: st.DataObject) -> None:
    document = plain(kind.example["settings"])
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(sorted(document) or ["x"]))
        document[name] = data.draw(documents)
    try:
        chosen = read_settings(kind, document)
    except Refusal as refusal:
        plain(refusal.details)
    else:
        assert read_settings(kind, plain(chosen.model_dump(mode="json"))) == chosen


@law
@given(data=st.data())
def test_checking_twice_changes_nothing(kind: Kind, data: st.DataObject) -> None:
    chosen = example_settings(kind)
    answer = data.draw(answers(kind, chosen))
    if answer is not None:
        assert kind.check(chosen, answer) == answer
        assert read_answer(kind, chosen, plain(answer.model_dump(mode="json"))) == answer


@law
@given(data=st.data(), elapsed_ms=st.one_of(st.none(), st.integers(0, 10**9)))
def test_what_is_stored_says_what_was_sent_and_counts_the_same(
    kind: Kind, data: st.DataObject, elapsed_ms: int | None
) -> None:
    """No default is filled in, no field is invented, and a recount of the row is what was counted."""
    chosen = example_settings(kind)
    sent = data.draw(raw_answers(kind))
    try:
        read = read_answer(kind, chosen, sent)
    except Refusal:
        return
    config = read_config(kind, {"settings": kind.example["settings"]})
    judged = judge(kind, config, chosen, sent, elapsed_ms=elapsed_ms, submission_id="s-1", entry=None)
    stored = plain(dict(judged.data))
    assert read_answer(kind, chosen, stored) == read
    assert judge(kind, config, chosen, stored, elapsed_ms=elapsed_ms, submission_id="s-1", entry=None).data == stored
    text = json.dumps(envelope(kind.name, kind.version, stored, {}, elapsed_ms))
    assert recount(kind, chosen, text) == (judged.counters, judged.item)
    present = sent if read is None else kind.migrate_answer(chosen, sent)
    assert stored.keys() <= present.keys()


@law
@given(data=st.data(), elapsed_ms=st.one_of(st.none(), st.integers(0, 10**9)))
def test_counters_are_integers_with_legal_names(
    kind: Kind, data: st.DataObject, elapsed_ms: int | None
) -> None:
    chosen = example_settings(kind)
    answer = data.draw(answers(kind, chosen))
    counted = count(kind, chosen, answer, elapsed_ms)
    assert counted == count(kind, chosen, answer, elapsed_ms)
    assert len(counted) <= 2_000
    for name, amount in counted.items():
        assert type(amount) is int
        assert amount
        assert abs(amount) * 10**6 < MAX_COUNTER, "a million people must fit"
        assert name
        assert name in COMMON or not name.startswith("#")
        assert "\x00" not in name
        assert len(name) <= 200


@law
@given(data=st.data())
def test_entries_and_items_are_plain(kind: Kind, data: st.DataObject) -> None:
    chosen = example_settings(kind)
    answer = data.draw(answers(kind, chosen))
    if answer is None:
        return
    entry = kind.entry(chosen, answer, "0198f0a2-6b1e-7c3a-9d55-3f2f0c8c7a11")
    assert len(entry) <= 80
    assert entry == kind.entry(chosen, answer, "0198f0a2-6b1e-7c3a-9d55-3f2f0c8c7a11")
    assert kind.entry_limit(chosen, entry.partition(":")[0]) >= 0
    plain(kind.item(chosen, answer))


@law
@given(data=st.data(), order=st.randoms(use_true_random=False))
def test_a_tally_is_a_recount_in_any_order(kind: Kind, data: st.DataObject, order: Any) -> None:
    answered, live = data.draw(classes(kind))
    shuffled = list(answered)
    order.shuffle(shuffled)
    tally: dict[str, int] = {}
    for one in shuffled:
        add(tally, count(kind, live.settings, one.answer, one.elapsed_ms))
    assert tally == live.tally


@law
@given(data=st.data())
def test_undo_and_redo_restore_the_tally(kind: Kind, data: st.DataObject) -> None:
    answered, live = data.draw(classes(kind))
    changed = data.draw(answers(kind, live.settings))
    tally = dict(live.tally)
    for one in answered:
        old = count(kind, live.settings, one.answer, one.elapsed_ms)
        new = count(kind, live.settings, changed, 5)
        add(tally, old, -1)
        add(tally, new)
        add(tally, new, -1)
        add(tally, old)
    assert tally == live.tally
    for one in answered:
        add(tally, count(kind, live.settings, one.answer, one.elapsed_ms), -1)
    assert tally == {}


def test_an_empty_tally_can_be_seen(kind: Kind) -> None:
    for sight in EVERY_SIGHT:
        for revealed in (False, True):
            parts = kind.view(Live(example_settings(kind), revealed=revealed), sight)
            assert plain(kind.assemble(plain(parts))) is not None


@law
@given(data=st.data(), sight=sights)
def test_views_are_documents(kind: Kind, data: st.DataObject, sight: Sight) -> None:
    _, live = data.draw(classes(kind))
    parts = kind.view(live, sight)
    assert "" in parts
    assert all(name == "" or name.startswith("item:") for name in parts)
    assert plain(parts) == plain(kind.view(live, sight))
    plain(kind.assemble(plain(parts)))


@law
@given(data=st.data())
def test_who_answered_is_hidden_from_those_who_may_not_see_names(kind: Kind, data: st.DataObject) -> None:
    _, live = data.draw(classes(kind))
    for sight in EVERY_SIGHT:
        if not sight.names:
            seen = json.dumps(kind.view(live, sight))
            assert "PERSON-" not in seen
            assert "NAME-" not in seen


@law
@given(data=st.data())
def test_marks_lie_between_nothing_and_all(kind: Kind, data: st.DataObject) -> None:
    chosen = example_settings(kind)
    answer = data.draw(answers(kind, chosen))
    mark = None if answer is None else kind.mark(chosen, answer)
    if mark is not None:
        assert 0 <= mark.score <= 1
        assert not mark.correct or mark.score > 0
        plain(mark.detail)


@law
@given(data=st.data())
def test_decisions_are_taken_or_refused(kind: Kind, data: st.DataObject) -> None:
    """Whatever is decided, a view can be drawn from it afterwards."""
    _, live = data.draw(classes(kind))
    words = [
        "approve",
        "reject",
        "hide",
        "delete",
        "pin",
        "answer",
        "merge",
        "group",
        "phase",
        "accept",
        "reset",
        "wrong",
    ]
    names = st.sampled_from(["r0", "r1", "r2", "a", "5", "0-1", "vote", "q2", "stroma"])
    decision = data.draw(
        st.fixed_dictionaries(
            {"action": st.sampled_from([*words, "final_estimate", "approve_all", "right", "part"])},
            optional={
                name: st.one_of(names, documents)
                for name in (
                    "item_id",
                    "into",
                    "text",
                    "estimate",
                    "cell",
                    "phase",
                    "group",
                    "question",
                    "column",
                )
            },
        )
    )
    try:
        decided = kind.decide(live, decision)
    except Refusal as refusal:
        require_final(refusal)
        return
    kept = {name: value for name, value in plain(dict(decided)).items() if value is not None}
    for sight in EVERY_SIGHT:
        after = Live(
            live.settings, tally=live.tally, items=live.items, decisions=kept, revealed=live.revealed
        )
        plain(kind.view(after, sight))


@law
@given(data=st.data())
def test_exports_have_a_row_for_every_response(kind: Kind, data: st.DataObject) -> None:
    answered, live = data.draw(classes(kind))
    rows = kind.rows(live.settings, answered)
    assert len(rows) >= len(answered)
    plain(rows)


def test_schemas_can_be_published(kind: Kind) -> None:
    for model in (kind.settings_model, kind.answer_model):
        plain(model.model_json_schema())


def test_names_and_aliases_are_storable(kind: Kind) -> None:
    for name in (kind.name, *kind.aliases):
        assert 0 < len(name) <= 50
        assert name == name.lower()


@pytest.mark.parametrize("data", [None, [], "text", 1, True])
def test_an_answer_is_an_object(kind: Kind, data: Json) -> None:
    with pytest.raises(Refusal):
        read_answer(kind, example_settings(kind), data)
