"""An echo server on our own protocol classes, for suites that ask for one: `python -m tests.hostile.echo PORT`."""

import asyncio
import sys
from http import HTTPStatus

import uvicorn
from starlette.responses import PlainTextResponse
from websockets.frames import Opcode

from realtime.server import listen
from realtime.web.handshake import NoAsgiSocket, UpgradingHttp, http_with
from realtime.web.http_guard import HttpGuard
from realtime.web.wire import SocketWire, frame_text


class EchoWire(SocketWire):
    """Echoes what the product refuses, so that its reading is tested too: binary messages."""

    __slots__ = ()

    def receive_binary(self, data: bytes) -> None:
        framed = frame_text(data)
        self.send(bytes((0x80 | Opcode.BINARY,)) + framed[1:])


class Echo:
    """Listens to one connection."""

    def __init__(self, wire: SocketWire) -> None:
        self._wire = wire

    def received(self, text: bytes) -> None:
        self._wire.send(frame_text(text))

    def lost(self) -> None:
        pass


class EchoDoor:
    """Lets everybody in."""

    frame_bytes = 65_536
    stall_seconds = 10.0

    def refuse(self, path: str, origin: str | None, host: str | None) -> HTTPStatus | None:
        return None

    def enter(self, wire: SocketWire) -> Echo:
        return Echo(wire)


async def main(port: int) -> None:
    guard = HttpGuard(sockets=100, header_seconds=5, body_seconds=5, stall_seconds=10, always=frozenset())
    http: type[UpgradingHttp] = http_with(EchoDoor(), guard)
    http.wire = EchoWire
    nothing = PlainTextResponse("This server only echoes.", 404)
    config = uvicorn.Config(nothing, ws=NoAsgiSocket, http=http, lifespan="off", log_config=None)
    await uvicorn.Server(config).serve(sockets=[listen("127.0.0.1", port, 10.0)])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
