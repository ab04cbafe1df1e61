"""Plenum's own WebSocket class and fan-out with nothing behind them: `python -m bench.servers.wires PORT`.

Handshake, defences and delivery are the product's; the application is one cohort and one ready frame.
"""

import asyncio
import sys
from http import HTTPStatus

import uvicorn

from realtime.activities.contract import Audience
from realtime.delivery.fanout import choose_fan_out
from realtime.delivery.pushing import Delivery
from realtime.rooms import Connection, Room
from realtime.web.handshake import NoAsgiSocket, http_with
from realtime.web.wire import Listener, SocketWire


class Subscriber:
    """Stands in the room's cohort until its connection ends."""

    def __init__(self, room: Room, wire: SocketWire) -> None:
        self._room = room
        self._connection = Connection(room.session_id, "display", Audience.PARTICIPANTS, None, "", wire)
        self._connection.place("epoch", 1)
        room.connections.add(self._connection)
        room.settle(self._connection)

    def received(self, text: bytes) -> None:
        """Subscribers say nothing."""

    def lost(self) -> None:
        self._room.forget(self._connection)


class Publisher:
    """Whatever it says, the ready frame goes to everybody."""

    def __init__(self, application: "Application", wire: SocketWire) -> None:
        self._application = application
        self._ready = wire.frame(b"x" * 200)
        self._task: asyncio.Task[float] | None = None

    def received(self, text: bytes) -> None:
        room = self._application.room
        work = self._application.delivery.spread(room, room.front[Audience.PARTICIPANTS], self._ready)
        self._task = asyncio.get_running_loop().create_task(work)

    def lost(self) -> None:
        """Nothing is kept."""


class Application:
    """The door of this application."""

    frame_bytes = 65_536
    stall_seconds = 10.0

    def __init__(self) -> None:
        self.room = Room("bench")
        self.delivery = Delivery(choose_fan_out(), buffer_bytes=65_536, heartbeat_seconds=15)
        self._path = ""

    def refuse(self, path: str, origin: str | None, host: str | None) -> HTTPStatus | None:
        self._path = path
        return None

    def enter(self, wire: SocketWire) -> Listener:
        return Publisher(self, wire) if self._path == "/pub" else Subscriber(self.room, wire)


async def nothing(scope, receive, send) -> None:
    """The door answers every handshake; there is no application behind it."""


if __name__ == "__main__":
    uvicorn.run(
        nothing, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", log_level="warning", backlog=4_096, lifespan="off",
        ws=NoAsgiSocket, http=http_with(Application()),
    )  # fmt: skip
