"""Plenum's own WebSocket class with nothing behind it: `python -m bench.servers.wires PORT`.

Handshake, defences and writing are the product's; the application is a set of subscribers and one ready frame.
"""

import sys
from http import HTTPStatus

import uvicorn

from realtime.web.wire import Listener, SocketWire, protocol_with

subscribers: set[SocketWire] = set()


class Subscriber:
    def __init__(self, wire: SocketWire) -> None:
        self.wire = wire
        subscribers.add(wire)

    def received(self, text: bytes) -> None:
        """Subscribers say nothing."""

    def lost(self) -> None:
        subscribers.discard(self.wire)


class Publisher:
    def __init__(self, wire: SocketWire) -> None:
        self.ready = wire.frame(b"x" * 200)

    def received(self, text: bytes) -> None:
        for wire in subscribers:
            if wire.buffered() > 65_536:
                continue
            wire.send(self.ready)

    def lost(self) -> None:
        """Nothing is kept."""


class Application:
    """The door of this application."""

    frame_bytes = 65_536
    stall_seconds = 10.0

    def refuse(self, path: str, origin: str | None, host: str | None) -> HTTPStatus | None:
        return None

    def enter(self, wire: SocketWire) -> Listener:
        return Publisher(wire) if wire.request.path == "/pub" else Subscriber(wire)


async def nothing(scope, receive, send) -> None:
    """The door answers every handshake; there is no application behind it."""


if __name__ == "__main__":
    uvicorn.run(
        nothing, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", log_level="warning", backlog=4_096, lifespan="off",
        ws=protocol_with(Application()), ws_per_message_deflate=False, ws_ping_interval=None,
    )  # fmt: skip
