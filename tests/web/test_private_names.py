"""The names inside uvicorn and httptools that our protocol classes stand on.

They are no public interface: `pyproject.toml` pins the minor of uvicorn, and this test says at once what a new one has changed.
Whoever widens the pin reads the changed function beside ours before changing the expectation here.
"""

import ast
import inspect
from pathlib import Path
from typing import Any

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server, ServerState

from realtime.web.http_wire import HttpWire

WEB = Path(__file__).resolve().parents[2] / "realtime" / "web"

# Methods that ours override or call, with their parameters. What calls them is uvicorn, asyncio or the parser.
SIGNATURES: dict[Any, dict[str, list[str]]] = {
    HttpToolsProtocol: {
        "__init__": ["config", "server_state", "app_state", "_loop"],
        "connection_made": ["transport"],
        "connection_lost": ["exc"],
        "data_received": ["data"],
        "pause_writing": [],
        "resume_writing": [],
        "on_message_begin": [],
        "on_url": ["url"],
        "on_header": ["name", "value"],
        "on_headers_complete": [],
        "on_body": ["body"],
        "on_message_complete": [],
        "on_response_complete": [],
        "timeout_keep_alive_handler": [],
        "handle_websocket_upgrade": [],
        "_should_upgrade": [],
        "_start_asgi_task": ["cycle", "app"],
        "_unset_keepalive_if_required": [],
        "shutdown": [],
    },
    FlowControl: {"resume_reading": [], "pause_reading": []},
    Server: {"capture_signals": [], "serve": ["sockets"]},
}
# What an instance holds after __init__.
ATTRIBUTES: dict[Any, set[str]] = {
    HttpToolsProtocol: {
        "app", "client", "connections", "cycle", "flow", "headers", "loop", "parser", "pipeline", "scheme", "scope",
        "timeout_keep_alive", "timeout_keep_alive_task", "transport", "url",
    },
    RequestResponseCycle: {"disconnected", "keep_alive", "message_event", "response_complete", "response_started"},
    FlowControl: {"read_paused"},
    Server: {"started", "should_exit"},
    ServerState: {"connections"},
}  # fmt: skip
# Of these every connection has its own; all else that uvicorn's __init__ sets is the same for all of a server.
OWN = {"parser", "pipeline"}
PARSER = {"feed_data", "get_http_version", "should_upgrade"}


@pytest.mark.parametrize("kind", SIGNATURES)
def test_methods_have_the_parameters_that_ours_were_written_for(kind: Any) -> None:
    found = {
        name: [one for one in inspect.signature(getattr(kind, name)).parameters if one != "self"] for name in SIGNATURES[kind]
    }
    assert found == SIGNATURES[kind]


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_instances_hold_what_ours_read(kind: Any) -> None:
    assigned = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(kind).lstrip()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    assert ATTRIBUTES[kind] <= assigned


def test_parser_has_what_ours_call_and_leaves_by_the_errors_that_ours_catch() -> None:
    parser = httptools.HttpRequestParser(type("Silent", (), {})())
    assert {name for name in PARSER if callable(getattr(parser, name))} == PARSER
    assert issubclass(httptools.HttpParserCallbackError, httptools.HttpParserError)
    with pytest.raises(httptools.HttpParserUpgrade) as upgraded:
        parser.feed_data(b"GET / HTTP/1.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nrest")
    assert upgraded.value.args == (len(b"GET / HTTP/1.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"),)


def test_every_name_of_uvicorn_that_ours_use_is_listed_here() -> None:
    """What `self.` and `super().` reach in our classes and is not their own comes from uvicorn, so it must be listed."""
    kinds = [
        node
        for file in ("http_wire.py", "handshake.py")
        for node in ast.parse((WEB / file).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name in ("HttpWire", "UpgradingHttp")
    ]
    assert len(kinds) == 2
    own = {node.name for kind in kinds for node in kind.body if isinstance(node, ast.FunctionDef)}
    own |= {"guard", "door", "wire", "_first"}
    used: set[str] = set()
    for node in (node for kind in kinds for node in ast.walk(kind)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            used.add(node.attr)
            if isinstance(node.ctx, ast.Store) and node.attr.startswith("_") and node.attr not in vars(HttpToolsProtocol):
                own.add(node.attr)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super":
            used.add(node.attr)
            own.discard(node.attr)
    listed = set(SIGNATURES[HttpToolsProtocol]) | ATTRIBUTES[HttpToolsProtocol]
    assert used - own <= listed


def test_version_is_the_one_this_was_written_for() -> None:
    assert uvicorn.__version__.split(".")[:2] == ["0", "54"]
    assert httptools_impl.httptools is httptools


async def test_a_later_connection_is_set_up_as_uvicorn_sets_up_the_first() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody asks")

    config = uvicorn.Config(application, ws="none", lifespan="off", interface="asgi3")
    config.load()
    kind = type("OfThisTest", (HttpWire,), {})
    for state in (ServerState(), ServerState()):  # a second server of the class begins anew
        plain = HttpToolsProtocol(config, state, {})
        first, later = kind(config, state, {}), kind(config, state, {})
        assert vars(later).keys() == vars(first).keys()
        for name, value in vars(plain).items():
            if name in OWN:
                assert type(getattr(later, name)) is type(value)
                assert getattr(later, name) is not getattr(first, name)
            else:
                assert getattr(later, name) == value, name
        assert later.connections is state.connections
