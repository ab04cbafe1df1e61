"""The examples of the wire: one per message, checked by the models, shown in docs/protocol.md."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from realtime.core.messages import COMMANDS, PUSHES, REPLIES, Frame, encode, read_command
from realtime.core.sync import Mirror

EXAMPLES = Path(__file__).with_name("examples")
MODELS: dict[str, type[Frame]] = {}
for model in (*COMMANDS, *REPLIES, *PUSHES):
    kind = model.model_json_schema()["properties"]["type"]
    MODELS |= dict.fromkeys(kind.get("enum", [kind.get("const")]), model)


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def test_every_message_has_an_example_and_every_example_a_message() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_example_is_what_the_model_says(name: str) -> None:
    text = (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
    frame = TypeAdapter(MODELS[name]).validate_json(text)
    assert json.loads(text)["type"] == name
    again = json.loads(encode(frame))
    shown = json.loads(text)
    assert {key: again[key] for key in shown} == shown
    if name not in {one.model_json_schema()["properties"]["type"].get("const") for one in COMMANDS}:
        assert again.keys() == shown.keys(), "the server sends every field, so the example shows every field"


@pytest.mark.parametrize("model", COMMANDS, ids=lambda model: model.__name__)
def test_command_is_read_from_its_example(model: type[Frame]) -> None:
    name = model.model_json_schema()["properties"]["type"]["const"]
    assert type(read_command(json.dumps(example(name)))) is model


def test_examples_tell_one_story() -> None:
    mirror = Mirror()
    assert mirror.apply(example("welcome")["state"])
    assert mirror.apply(example("delta"))
    accepted = example("accepted")
    assert accepted["submission_id"] == example("submit")["submission_id"]
    assert (mirror.epoch, mirror.map["saved"]) == (accepted["epoch"], accepted["offset"])
    assert example("beat")["offset"] == mirror.offset
