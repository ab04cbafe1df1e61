"""Plenum's own fan-out with nothing behind it: `python -m bench.servers.wires PORT [python]`.

Handshake, sockets, rooms, cohorts and delivery are the product's; what is left out is a session: the state is one ready
text of 200 bytes, and each frame on /pub says that it has changed. With `python` the compiled call is left out as well.
"""

import asyncio
import sys
from http import HTTPStatus
from typing import Any

import uvicorn

from realtime.activities.contract import Audience
from realtime.delivery.fanout import IN_PYTHON, choose_writers
from realtime.delivery.pushing import Delivery
from realtime.rooms import Connection, Room
from realtime.web.handshake import NoAsgiSocket, http_with
from realtime.web.http_guard import HttpGuard
from realtime.web.wire import Listener, SocketWire

TEXT = b"x" * 200
GUARD = HttpGuard(sockets=100_000, header_seconds=10.0, body_seconds=10.0, stall_seconds=10.0, always=frozenset())


class Changing:
    """In place of a session's copy: it has always changed since."""

    epoch = "bench"
    offset = 1

    def map_of(self, _: Audience) -> "Changing":
        return self

    def keys_after(self, _: int) -> tuple[str, ...]:
        return ("x",)

    def changes(self, _: int) -> tuple[str, str]:
        return '{"x":1}', "[]"

    def state(self, audience: Audience, since: int | None, reason: str | None = None) -> bytes:
        return TEXT


class Subscriber:
    def __init__(self, application: "Application", wire: SocketWire) -> None:
        self._room = application.room
        self._connection = Connection("hall", "participant", Audience.PARTICIPANTS, None, "", wire)
        # As after the welcome, which the handshake's answer stands for.
        asyncio.get_running_loop().call_soon(self._settle, application.state)

    def _settle(self, state: Changing) -> None:
        self._connection.place(state.epoch, state.offset)
        self._room.connections.add(self._connection)
        self._room.settle(self._connection)

    def received(self, text: bytes) -> None:
        """Subscribers say nothing."""

    def lost(self) -> None:
        self._room.forget(self._connection)


class Publisher:
    def __init__(self, application: "Application") -> None:
        self._application = application
        self._pushing: asyncio.Task[float] | None = None

    def received(self, text: bytes) -> None:
        self._application.state.offset += 1
        push: Any = self._application.delivery.push(self._application.room, self._application.state)  # type: ignore[arg-type]
        self._pushing = asyncio.get_running_loop().create_task(push)

    def lost(self) -> None:
        """Nothing is kept."""


class Application:
    """The door of this application."""

    frame_bytes = 65_536
    stall_seconds = 10.0

    def __init__(self, *, in_python: bool) -> None:
        self.room = Room("hall")
        self.state = Changing()
        writers = IN_PYTHON if in_python else choose_writers()
        self.delivery = Delivery(writers.fan_out, buffer_bytes=65_536, heartbeat_seconds=3_600.0)
        self._path = ""

    def refuse(self, path: str, origin: str | None, host: str | None) -> HTTPStatus | None:
        self._path = path  # the same call lets it in
        return None

    def enter(self, wire: SocketWire) -> Listener:
        return Publisher(self) if self._path == "/pub" else Subscriber(self, wire)


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """The door answers every handshake; there is no application behind it."""


if __name__ == "__main__":
    uvicorn.run(
        nothing, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", log_level="warning", backlog=4_096, lifespan="off",
        ws=NoAsgiSocket, http=http_with(Application(in_python="python" in sys.argv), GUARD),
    )  # fmt: skip
