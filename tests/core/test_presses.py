"""What is read at a glance is what the strict parser reads; whatever it would refuse is not read at a glance."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.client.outbox import Entry
from realtime.core import presses
from realtime.core.errors import Refusal
from realtime.core.json_text import decode
from realtime.core.messages import Accepted, Ping, Pong, Submit, encode, read_command
from realtime.core.presses import Press, accepted_text, fields_in_python, pong_text, read_ping, read_press

ID = "0198f0a2-6b1e-7c3a-9d55-3f2f0c8c7a11"
OTHER = "0198f0a2-6b1e-7c3a-9d55-3f2f0c8c7a12"
METADATA = {"client_timestamp": "2026-08-22T10:15:03.120Z", "displayed_at": "2026-08-22T10:14:58.900Z", "device_type": "phone"}


def written(**changes: Any) -> bytes:
    """A frame as our clients write it."""
    frame = {"id": 7, "type": "submit", "activity_id": ID, "submission_id": OTHER} | changes
    frame.setdefault("data", {"selected": ["b"]})
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()


def read(text: bytes) -> Press | None:
    """Read by what is used here, and the same in Python."""
    press = read_press(text)
    assert press == fields_in_python(text)
    return press


def agree(text: bytes) -> Press:
    press = read(text)
    assert press is not None
    command = read_command(text)
    assert isinstance(command, Submit)
    for name in ("id", "activity_id", "submission_id", "round", "revision"):
        assert getattr(press, name) == getattr(command, name)
    assert decode(press.data) == command.data
    stored = command.metadata.model_dump(exclude_none=True) if command.metadata else {}
    assert press.metadata == json.dumps(stored, separators=(",", ":"))
    assert (command.expected_revision, command.entry, command.receipt) == (None, None, None)
    return press


@pytest.mark.parametrize(
    "changes", [{}, {"round": 1}, {"revision": 3}, {"round": 12, "revision": 999_999}, {"metadata": METADATA},
                {"round": 2, "revision": 1, "metadata": {"device_type": "tablet"}}, {"id": 0}],
)  # fmt: skip
def test_a_press_is_read_as_the_parser_reads_it(changes: dict[str, Any]) -> None:
    agree(written(**changes))


texts = st.text(st.characters(exclude_characters="\x00", codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner),
    max_leaves=12,
)


@given(data=json_values, number=st.integers(0, 10**15 - 1), round=st.none() | st.integers(1, 9_999))
def test_whatever_the_answer(data: Any, number: int, round: int | None) -> None:
    agree(written(**({"round": round} if round else {}), id=number, data=data))


@pytest.mark.parametrize(
    "text",
    [
        written(type="withdraw"),
        written(id=True),
        written(id=-1),
        written(id=10**15),
        written(activity_id=ID.upper()),
        written(submission_id="x"),
        written(round=0),
        written(round=99_999),
        written(receipt="k.e.1.1.x"),
        written(entry="n:1"),
        written(expected_revision=1),
        written(metadata={"device_type": 'x"y'}),
        written(metadata={"user_agent": "x"}),
        written().replace(b",", b", "),
        written() + b" ",
        b"",
        b"{}",
        b"[1]",
    ],
)
def test_what_is_written_otherwise_is_left_to_the_parser(text: bytes) -> None:
    assert read(text) is None


@given(
    st.sampled_from(
        [written(), written(round=12, revision=345), written(metadata=METADATA), written(metadata={"device_type": "phone"})]
    ),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 2), st.binary(max_size=3)), max_size=4),
)
def test_compiled_and_python_read_the_same_of_anything(text: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    for place, gone, new in edits:
        text = text[:place] + new + text[place + gone :]
    assert presses._fields_of(text) == fields_in_python(text)


@pytest.mark.parametrize("size", range(330))
def test_compiled_and_python_read_the_same_of_what_is_cut_off(size: int) -> None:
    text = written(round=12, revision=345, metadata=METADATA)
    for part in (text[:size], text[:size] + b"}", text[:size] + text[size + 1 :]):
        assert presses._fields_of(part) == fields_in_python(part)


@pytest.mark.parametrize("text", [written()[:-1] + b',"receipt":"x"}', written()[:-1] + b',"metadata":{}}', written()[:-1]])
def test_what_stands_behind_the_answer_is_no_part_of_an_answer_that_was_judged(text: bytes) -> None:
    """The text looked up is then no JSON value, and only such texts are kept."""
    press = read_press(text)
    assert press is not None
    with pytest.raises(Refusal):
        decode(press.data)


def test_the_ready_reply_is_the_models() -> None:
    values: dict[str, Any] = {
        "id": 7, "activity_id": ID, "submission_id": OTHER, "response_id": ID, "entry": "n:1", "round": 2, "revision": 3,
        "epoch": "ab-12", "offset": 99, "receipt": "k.ab-12.99.3.5.x_-", "durability": "fsync", "duplicate": False,
    }  # fmt: skip
    for duplicate in (False, True):
        told = values | {"duplicate": duplicate}
        assert accepted_text(**told) == encode(Accepted(**told))


def test_a_ping_at_a_glance() -> None:
    assert read_ping(b'{"id":12,"type":"ping"}') == 12
    assert read_command(b'{"id":12,"type":"ping"}') == Ping(id=12)
    for other in ('{"type":"ping","id":1}', '{"id":1,"type":"ping","x":1}', '{"id":-1,"type":"ping"}', '{"id":01,"type":"ping"}'):
        assert read_ping(other.encode()) is None
    assert pong_text(12, 1_790_000_000_123) == encode(Pong(id=12, server_time_ms=1_790_000_000_123))


def test_our_clients_write_what_is_read_at_a_glance() -> None:
    entry = Entry(submission_id=OTHER, activity_id=ID, data={"selected": ["b"]}, round=2, revision=1, metadata=METADATA)
    agree(json.dumps({"id": 3, **entry.command()}, separators=(",", ":")).encode())
