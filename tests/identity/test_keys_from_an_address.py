"""A host's keys from a real HTTP server: read, renewed, and every way in which an address may fail."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from realtime.jwks import KeysAway, KeySet, from_url

KEYS = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("old", "new")}


def key_set(*kids: str) -> bytes:
    return json.dumps({"keys": [ECAlgorithm.to_jwk(KEYS[kid].public_key(), as_dict=True) | {"kid": kid} for kid in kids]}).encode()


@dataclass
class Host:
    """A host's server on this machine; what it answers is changed between requests."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    slowly: bool = False
    requests: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests += 1
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(self.body)))
        handler.end_headers()
        if self.slowly:
            self.released.wait(30)
        try:
            handler.wfile.write(self.body)
        except OSError:
            self.body = b""  # the reader has had enough


@pytest.fixture
def host() -> Iterator[Host]:
    told = Host(body=key_set("old"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.serve(self)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}/keys"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    told.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_keys_are_read_and_renewed(host: Host) -> None:
    clock = Clock()
    keys = KeySet(from_url(host.url), clock)
    assert (await keys.find("old") or ("",))[0] == "ES256"
    host.body = key_set("new")
    assert await keys.find("new") is None, "read a moment ago"
    clock.now += 31
    assert (await keys.find("new") or ("",))[0] == "ES256"
    assert await keys.find("old") is None
    assert host.requests == 2
    keys.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500}, {"status": 404}, {"body": b"<html>"}, {"body": b'{"keys": []}'}, {"body": b" " * 300_000},
        {"status": 302, "headers": {"location": "/elsewhere"}},
    ],
    ids=["500", "404", "no JSON", "no keys", "too large", "redirect"],
)  # fmt: skip
async def test_a_failing_address_takes_no_known_key_away(host: Host, fault: dict[str, Any]) -> None:
    good = host.body
    clock = Clock()
    keys = KeySet(from_url(host.url), clock)
    await keys.find("old")
    for name, value in fault.items():
        setattr(host, name, value)
    clock.now += 400
    assert await keys.find("unknown") is None
    assert await keys.find("old") is not None
    assert host.requests == 2, "a redirect is not followed"
    fresh = KeySet(from_url(host.url), clock)
    with pytest.raises(KeysAway):
        await fresh.find("old")
    clock.now += 3_601
    with pytest.raises(KeysAway):
        await keys.find("old")
    host.status, host.body = 200, good
    clock.now += 31
    assert await keys.find("old") is not None, "and it comes back by itself"
    keys.close()
    fresh.close()


async def test_nobody_at_the_address_is_told_at_once(host: Host) -> None:
    keys = KeySet(from_url("http://127.0.0.1:9/keys"), Clock())  # the port of `discard`, where nobody listens
    with pytest.raises(KeysAway):
        await keys.find("old")
    keys.close()


async def test_a_slow_address_holds_nobody_with_a_known_key(host: Host) -> None:
    clock = Clock()
    keys = KeySet(from_url(host.url), clock)
    await keys.find("old")
    host.slowly = True
    clock.now += 400
    waiting = asyncio.create_task(keys.find("unknown"))
    begun = time.monotonic()
    assert await keys.find("old") is not None
    assert not waiting.done()
    assert await waiting is None
    assert time.monotonic() - begun < 20, "its patience ends"
    keys.close()
