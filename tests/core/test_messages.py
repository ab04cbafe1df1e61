"""Every frame of the wire: an example goes there and back, and what does not fit is refused by name."""

import json
import types
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from realtime.core.errors import Refusal
from realtime.core.messages import COMMANDS, PUSHES, REPLIES, Frame, Push, Reply, Submit, encode, read_command

ID = "0198f0a2-6b1e-7c3a-9d55-3f2f0c8c7a11"
STATE = {"type": "delta", "epoch": "e", "since": 1, "offset": 2, "set": {"saved": 1}, "removed": ["x"], "reason": None}
OWN = {
    "response_id": ID, "entry": "", "round": 1, "revision": 1, "submission_id": ID, "offset": 3, "data": {"selected": ["b"]},
    "withdrawn": False,
}  # fmt: skip
# A value for every field name; what differs from message to message stands behind the dot.
VALUES: dict[str, Any] = {
    "id": 7, "ticket": "pt.x.y", "protocol": 1, "position": {"epoch": "e", "offset": 3}, "client": {"name": "web", "version": "1"},
    "activity_id": ID, "submission_id": ID, "data": {"selected": ["b"]}, "round": 1, "revision": 2, "expected_revision": 0,
    "entry": "q:1", "receipt": "k.e.1.2.s", "to": "active", "metadata": {"device_type": "mobile"}, "expected_version": 1,
    "new_round": True, "revealed": False, "activity_type": "poll", "title": "T", "config": {"settings": {}}, "order_index": 3,
    "locked": True, "focus": ID, "participant_id": ID, "session_id": ID,
    "you": {"role": "owner", "participant_id": None, "nickname": None},
    "durability": "fsync", "server_time_ms": 1, "heartbeat_ms": 1, "reconnect_window_ms": 1, "limits": {"frame_bytes": 1},
    "mine": {ID: [OWN]}, "state": STATE, "response_id": ID, "epoch": "e", "offset": 9, "duplicate": True, "code": "limited",
    "message": "Wait.", "details": {"field": "x"}, "after_ms": 5, "result": {"version": 2}, "delay_ms": 10, "close_code": 4000,
    "reconnect": True, "live": True, "saving": False, "waiting": 3, "lag_ms": 4, "type.State": "delta", "set": {"saved": 1},
    "since": 1, "removed": ["x"], "reason": "epoch",
}  # fmt: skip
UNIONS: dict[str, TypeAdapter[Any]] = {"reply": TypeAdapter(Reply), "push": TypeAdapter(Push)}


def example(model: type[Frame]) -> dict[str, Any]:
    """A complete frame with every field set; a field without a value here gets one made from its type."""
    made: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name == "type":
            made[name] = VALUES.get(f"type.{model.__name__}") or field.default
        elif name in VALUES:
            made[name] = VALUES[name]
        else:
            made[name] = invent(field.annotation)
    return made


def invent(kind: Any) -> Any:
    """Some value of a simple type, so that a new field needs no change here."""
    arguments = [one for one in typing.get_args(kind) if one is not type(None)]
    if typing.get_origin(kind) is typing.Literal:
        return arguments[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType, typing.Annotated):
        return invent(arguments[0])
    origin = typing.get_origin(kind) or kind
    if isinstance(origin, type) and issubclass(origin, Frame):
        return example(origin)
    return {bool: True, int: 1, float: 1.0, str: "x", dict: {}, list: []}.get(origin)


@pytest.mark.parametrize("model", COMMANDS, ids=lambda model: model.__name__)
def test_a_command_is_read_as_it_was_sent(model: type[Frame]) -> None:
    sent = example(model)
    command = read_command(json.dumps(sent))
    assert type(command) is model
    assert command == model.model_validate(sent)
    dumped = command.model_dump(mode="json")
    assert [name for name, value in sent.items() if dumped[name] != value and not isinstance(value, dict)] == []
    assert read_command(encode(command)) == command


@pytest.mark.parametrize("model", COMMANDS, ids=lambda model: model.__name__)
def test_a_command_needs_no_more_than_its_mandatory_fields(model: type[Frame]) -> None:
    sent = {name: value for name, value in example(model).items() if model.model_fields[name].is_required() or name == "type"}
    assert type(read_command(json.dumps(sent))) is model
    for name in sent:
        if name != "type":
            with pytest.raises(Refusal) as caught:
                read_command(json.dumps({key: value for key, value in sent.items() if key != name}))
            assert (caught.value.code, caught.value.details["field"]) == ("invalid", name)


@pytest.mark.parametrize("model", COMMANDS, ids=lambda model: model.__name__)
def test_an_unknown_field_is_refused_by_name_and_the_reply_can_be_matched(model: type[Frame]) -> None:
    with pytest.raises(Refusal) as caught:
        read_command(json.dumps(example(model) | {"surprise": 1}))
    assert caught.value.code == "invalid"
    assert (caught.value.details["field"], caught.value.details["id"]) == ("surprise", 7)


@pytest.mark.parametrize("model", COMMANDS, ids=lambda model: model.__name__)
def test_no_value_is_taken_for_another(model: type[Frame]) -> None:
    """A number is no text, a text no number, 1 is not true."""
    sent = example(model)
    for name, value in sent.items():
        if name in ("type", "data"):
            continue
        wrong = {bool: 1, int: str(value), str: 5}.get(type(value), "x")
        with pytest.raises(Refusal) as caught:
            read_command(json.dumps(sent | {name: wrong}))
        assert caught.value.code == "invalid"
        assert str(caught.value.details["field"]).startswith(name)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"activity_id": ID.upper()}, "activity_id"), ({"activity_id": ID + "\n"}, "activity_id"),
        ({"activity_id": ID[:-1]}, "activity_id"),
        ({"submission_id": "' OR 1=1"}, "submission_id"), ({"round": 0}, "round"), ({"round": 32_001}, "round"),
        ({"revision": 0}, "revision"),
        ({"revision": 1_000_001}, "revision"), ({"expected_revision": -1}, "expected_revision"), ({"entry": "x" * 81}, "entry"),
        ({"receipt": "x" * 513}, "receipt"), ({"id": -1}, "id"), ({"id": 1.5}, "id"), ({"id": True}, "id"),
        ({"metadata": {"device_type": "x" * 33}}, "metadata.device_type"), ({"metadata": {"x": 1}}, "metadata.x"),
    ],
)  # fmt: skip
def test_bounds_of_a_submit(sent: dict[str, Any], field: str) -> None:
    frame = {"type": "submit", "id": 1, "activity_id": ID, "submission_id": ID, "data": {}}
    with pytest.raises(Refusal) as caught:
        read_command(json.dumps(frame | sent))
    assert (caught.value.code, caught.value.details["field"]) == ("invalid", field)
    message_id = caught.value.details.get("id")
    # Whatever id comes back must fit into the reply.
    assert message_id is None or (type(message_id) is int and 0 <= message_id <= 2**53)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{}", "unknown_message"), ("[]", "unknown_message"), ("1", "unknown_message"), ('"hello"', "unknown_message"),
        ("null", "unknown_message"),
        ('{"type":"nonsense","id":3}', "unknown_message"), ('{"type":null,"id":3}', "unknown_message"),
        ('{"type":["submit"]}', "unknown_message"),
        ('{"type":"welcome","id":3}', "unknown_message"), ("", "malformed"), ("{", "malformed"),
        ('{"type":"ping","id":NaN}', "number_out_of_range"),
        ('{"type":"ping","id":1,"id":2}', "duplicate_key"),
    ],
)  # fmt: skip
def test_what_is_no_command(text: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_command(text)
    assert caught.value.code == code
    if '"id":3' in text:
        assert caught.value.details["id"] == 3


def test_a_fault_with_a_long_name_is_not_echoed_in_full() -> None:
    with pytest.raises(Refusal) as caught:
        read_command(json.dumps({"type": "ping", "id": 1, "x" * 50_000: 1}))
    assert len(json.dumps(caught.value.details)) < 1_000


names = st.sampled_from(["type", "id", "data", "activity_id", "submission_id", "ticket", "position"])
words = st.sampled_from(["submit", "hello", "ping", ID])
leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)


@given(st.recursive(leaves, lambda inner: st.dictionaries(names, inner | words)))
def test_nothing_but_commands_and_refusals_comes_out(document: Any) -> None:
    try:
        command = read_command(json.dumps(document))
    except Refusal as refusal:
        json.dumps(refusal.details)
    else:
        assert isinstance(command, COMMANDS)


@pytest.mark.parametrize(
    ("union", "model"),
    [*(("reply", model) for model in REPLIES), *(("push", model) for model in PUSHES)],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_what_the_server_sends_can_be_read_again(union: str, model: type[Frame]) -> None:
    frame = model.model_validate(example(model))
    text = encode(frame)
    assert b"\n" not in text
    assert UNIONS[union].validate_json(text) == frame
    with pytest.raises(ValidationError):
        model.model_validate(example(model) | {"surprise": 1})


def test_types_are_unique_and_a_reply_has_an_id_and_a_push_none() -> None:
    names = [model.model_fields["type"].default for model in (*COMMANDS, *REPLIES) if model.model_fields["type"].default]
    assert len(names) == len(set(names))
    assert all("id" in model.model_fields for model in (*COMMANDS, *REPLIES))
    assert not [model for model in PUSHES if "id" in model.model_fields]


def test_an_answer_may_be_anything_its_type_asks_for() -> None:
    for data in (None, 1, "x", [1], {"abstain": True}, {"deep": [{"a": None}]}):
        command = read_command(json.dumps({"type": "submit", "id": 1, "activity_id": ID, "submission_id": ID, "data": data}))
        assert isinstance(command, Submit)
        assert command.data == data
