"""AsyncAPI 3 of the WebSocket, made from the models that check its frames."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from realtime.core.errors import CLOSE_MEANINGS, FIRST_FINAL_CODE
from realtime.core.messages import COMMANDS, PUSHES, REPLIES, SUBPROTOCOL, Frame

_REF: Final = "#/components/schemas/"


def type_of(model: type[Frame]) -> str:
    """The `type` that a frame carries; of the state, which has two, the first."""
    kinds: tuple[str, ...] = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
    return kinds[0]


def build_asyncapi(version: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document; `examples` has a frame of each type."""
    groups = {"commands": COMMANDS, "replies": REPLIES, "pushes": PUSHES}
    everything = [model for group in groups.values() for model in group]
    _, schema = models_json_schema([(model, "validation") for model in everything], ref_template=_REF + "{model}")
    messages = {
        type_of(model): {
            "name": type_of(model),
            "title": model.__name__,
            "summary": " ".join((model.__doc__ or "").split()),
            "contentType": "application/json",
            "payload": {"$ref": _REF + model.__name__},
            "examples": [{"payload": examples[type_of(model)]}] if type_of(model) in examples else [],
        }
        for model in everything
    }
    operations = {
        name: {
            "action": "receive" if name == "commands" else "send",
            "channel": {"$ref": "#/channels/session"},
            "messages": [{"$ref": f"#/channels/session/messages/{type_of(model)}"} for model in group],
            "summary": {
                "commands": "What a client sends; each has an id that it chose.",
                "replies": "The server's answer, with the id of the command.",
                "pushes": "What the server sends by itself; without id.",
            }[name],
        }
        for name, group in groups.items()
    }
    closes = [
        {"code": int(code), "meaning": meaning, "reconnect": int(code) < FIRST_FINAL_CODE}
        for code, meaning in CLOSE_MEANINGS.items()
    ]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Plenum, the wire",
            "version": version,
            "description": f"JSON text frames, subprotocol `{SUBPROTOCOL}`. The first frame is `hello` with the ticket.",
        },
        "servers": {"here": {"host": "{host}", "protocol": "wss", "variables": {"host": {"default": "localhost"}}}},
        "channels": {
            "session": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "x-close-codes": closes,
            }
        },
        "operations": operations,
        "components": {"messages": messages, "schemas": schema["$defs"]},
    }
