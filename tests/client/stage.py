"""A server that a test plays by hand, frame by frame, to make a client meet what a real one does rarely."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from realtime.client import Patience
from realtime.core.messages import SUBPROTOCOL, Accepted, Frame, State, Welcome, You, encode

QUICK = Patience(base_seconds=0.02, cap_seconds=0.1, open_seconds=5, command_seconds=10)
ACTIVITY = "01890000-0000-7000-8000-00000000000a"


class Peer:
    """One connection, as the server sees it; every reading ends by the test's own time-out."""

    def __init__(self, socket: ServerConnection, hello: dict[str, Any]) -> None:
        self.socket = socket
        self.hello = hello

    async def send(self, frame: Frame | dict[str, Any]) -> None:
        await self.socket.send((encode(frame) if isinstance(frame, Frame) else json.dumps(frame).encode()).decode())

    async def read(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind; others are passed over."""
        while True:
            frame = json.loads(await self.socket.recv())
            if frame["type"] == kind:
                return frame

    async def welcome(self, *, epoch: str = "red", offset: int = 1, heartbeat_ms: int = 60_000, **state: Any) -> Self:
        """Greet with a snapshot; `frame_bytes` of the limits is small."""
        await self.send(
            Welcome(
                id=self.hello["id"],
                session_id="session",
                you=You(role="participant", participant_id="ann", nickname="Ann"),
                durability="fsync",
                server_time_ms=0,
                heartbeat_ms=heartbeat_ms,
                reconnect_window_ms=0,
                limits={"frame_bytes": 2_048},
                mine={},
                state=snapshot(epoch, offset, **state),
            )
        )
        return self

    async def accept(self, submit: dict[str, Any], *, epoch: str = "red", offset: int = 2) -> None:
        await self.send(
            Accepted(
                id=submit["id"],
                activity_id=submit["activity_id"],
                submission_id=submit["submission_id"],
                response_id="response",
                entry="",
                round=submit.get("round") or 1,
                revision=submit.get("revision") or 1,
                epoch=epoch,
                offset=offset,
                receipt=f"{epoch}.{offset}",
                durability="fsync",
            )
        )


def snapshot(epoch: str, offset: int, **values: Any) -> State:
    return State(type="snapshot", epoch=epoch, since=0, offset=offset, set=values)


def delta(epoch: str, since: int, offset: int, **values: Any) -> State:
    return State(type="delta", epoch=epoch, since=since, offset=offset, set=values)


class Stage:
    """The server: connections in the order of their hellos."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._arrived: asyncio.Queue[Peer] = asyncio.Queue()

    async def greet(self, socket: ServerConnection) -> None:
        self._arrived.put_nowait(Peer(socket, json.loads(await socket.recv())))
        await socket.wait_closed()

    async def peer(self) -> Peer:
        """The next connection that said hello."""
        return await self._arrived.get()


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """A stage on a free port of this machine."""
    stage = Stage("")
    async with serve(stage.greet, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        stage.url = f"http://127.0.0.1:{port}"
        yield stage
