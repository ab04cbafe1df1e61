"""Whatever a connection made is gone with it, without the garbage collector: it looks rarely, and requests would pile up."""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from realtime.server import listen
from realtime.web.handshake import NoAsgiSocket, http_with
from realtime.web.http_guard import HttpGuard
from realtime.web.http_wire import WHOLE, HttpWire
from realtime.web.wire import SocketWire
from tests.hostile.echo import EchoDoor
from tests.hostile.raw import Raw, handshake
from tests.waiting import eventually

PLAIN = b"GET /plain HTTP/1.1\r\nhost: x\r\n\r\n"
WHOLE_PIECE = b"GET /whole HTTP/1.1\r\nhost: x\r\n\r\n"
ENDLESS = b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n"
HANDSHAKE = handshake("x")
LOOPS = [asyncio.new_event_loop]
with contextlib.suppress(ImportError):  # where there is none, the server runs on the other as well
    import uvloop

    LOOPS.append(uvloop.new_event_loop)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """By ASGI, in one piece past it, or never."""
    if scope["path"] == "/whole":
        scope[WHOLE](200, [(b"content-length", b"2")], b"ok")
        return
    length = b"1000" if scope["path"] == "/endless" else b"2"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": b"ok", "more_body": scope["path"] == "/endless"})
    while scope["path"] == "/endless" and (await receive())["type"] != "http.disconnect":
        pass


async def serve() -> tuple[str, asyncio.Server]:
    """A server of our protocol classes in this process."""
    guard = HttpGuard(sockets=100, header_seconds=5, body_seconds=5, stall_seconds=10, always=frozenset())
    config = uvicorn.Config(answer, ws=NoAsgiSocket, lifespan="off", log_config=None)
    config.load()
    made = partial(http_with(EchoDoor(), guard), config=config, server_state=ServerState(), app_state={})
    listener = listen("127.0.0.1", 0, 10.0)
    server = await asyncio.get_running_loop().create_server(made, sock=listener)
    return f"http://127.0.0.1:{listener.getsockname()[1]}", server


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Without the garbage collector, and with nothing of what others left."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def left() -> list[str]:
    kinds = (HttpWire, SocketWire, RequestResponseCycle)
    return [type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, kinds)]


@pytest.mark.parametrize(
    "said",
    [
        [b""],
        [PLAIN],
        [WHOLE_PIECE],
        [PLAIN, WHOLE_PIECE, PLAIN],
        [PLAIN + WHOLE_PIECE + PLAIN],
        [ENDLESS],
        [ENDLESS + PLAIN + PLAIN],
        [PLAIN.replace(b"host", b"connection: close\r\nhost")],
        [b"GET / HTTP/1.1\r\n\r\n"],
        [b"GET /pla"],
        [HANDSHAKE],
        [PLAIN, HANDSHAKE],
        [HANDSHAKE.replace(b"13", b"12")],
    ],
    ids=["nothing", "ASGI", "one piece", "one after the other", "pipelined", "left before the end", "left with others waiting",
         "closed by the server", "refused", "half a head", "upgraded", "upgraded later", "not upgraded"],
)  # fmt: skip
@pytest.mark.parametrize("factory", LOOPS)
def test_a_connection_leaves_nothing_behind(
    factory: Callable[[], asyncio.AbstractEventLoop], uncollected: None, said: list[bytes]
) -> None:
    async def come_and_go() -> None:
        url, server = await serve()
        async with server:
            for _ in range(3):
                raw = await Raw.connect(url)
                for octets in said:
                    await raw.send(octets)
                    if octets.endswith(b"\r\n\r\n"):
                        await raw.head()
                await raw.close()
            await eventually(lambda: not left(), "everything is let go")

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(come_and_go())
