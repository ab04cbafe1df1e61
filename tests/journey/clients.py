"""A raw client of the wire: sends frames, keeps every frame that comes, and mirrors the session's map."""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Annotated, Any, Final, Self

from pydantic import Field, TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime.core.messages import SUBPROTOCOL, Push, Reply
from realtime.core.sync import Mirror
from tests.journey.issued import note

WAIT_SECONDS = 8.0
_FROM_SERVER: Final[TypeAdapter[Any]] = TypeAdapter(Annotated[Reply | Push, Field(discriminator="type")])


class Client:
    """One WebSocket. `frames` is all that came, `map` the session's map as a follower of the rules holds it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.replies: dict[int, dict[str, Any]] = {}
        self.mirror = Mirror()
        self.mine: dict[str, list[dict[str, Any]]] = {}
        self.gaps = 0
        self.closed = False
        self._ids = itertools.count(1)
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, **options: Any) -> Self:
        """A connection that has not said hello."""
        address = url.replace("http", "ws", 1) + "/ws"
        return cls(await connect(address, subprotocols=[SUBPROTOCOL], compression=None, ping_interval=None, **options))  # type: ignore[list-item]

    @classmethod
    async def enter(
        cls, url: str, ticket: str, position: dict[str, Any] | None = None, *, after: "Client | None" = None
    ) -> Self:
        """A connection that is welcome; `after` is the one it continues, with all that one held."""
        client = await cls.open(url)
        if after is not None:
            client.mirror = Mirror(after.mirror.epoch, after.mirror.offset, dict(after.map))
            position = after.position
        welcome = await client.ask("hello", ticket=ticket, **({"position": position} if position else {}))
        assert welcome["type"] == "welcome", welcome
        return client

    @property
    def map(self) -> dict[str, Any]:
        return self.mirror.map

    @property
    def position(self) -> dict[str, Any]:
        return {"epoch": self.mirror.epoch, "offset": self.mirror.offset}

    @property
    def welcome(self) -> dict[str, Any]:
        return next(frame for frame in self.frames if frame["type"] == "welcome")

    @property
    def farewell(self) -> dict[str, Any] | None:
        """The `closing` frame, if one came."""
        return next((frame for frame in self.frames if frame["type"] == "closing"), None)

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                assert isinstance(text, str)
                _FROM_SERVER.validate_json(text)  # whatever the server says is what the models, and so the docs, say
                self._hear(json.loads(text))
        except ConnectionClosed:
            pass  # seen by `until_closed` through the socket's own close code
        finally:
            self.closed = True
            self._news.set()

    def _hear(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        note(frame)
        if isinstance(frame.get("id"), int):
            self.replies[frame["id"]] = frame
        if "mine" in frame:
            self.mine |= frame["mine"]
        state = frame if frame["type"] in ("delta", "snapshot") else frame.get("state")
        if state is not None and not self.mirror.apply(state):
            self.gaps += 1
        self._news.set()

    async def send(self, text: str | bytes, *, as_text: bool = True) -> None:
        """One frame, whatever is in it."""
        await self.socket.send(text, text=as_text if isinstance(text, bytes) else None)

    async def tell(self, kind: str, **fields: Any) -> int:
        """Send a command and return its id without waiting for the reply."""
        number = next(self._ids)
        await self.socket.send(json.dumps({"id": number, "type": kind, **fields}, separators=(",", ":")))  # as our clients do
        return number

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command and wait for its reply."""
        number = await self.tell(kind, **fields)
        return await self.reply(number)

    async def reply(self, number: int) -> dict[str, Any]:
        await self.until(lambda: number in self.replies, f"reply {number}")
        return self.replies[number]

    async def until(self, condition: Callable[[], Any], what: str = "", seconds: float = WAIT_SECONDS) -> Any:
        """Wait until a condition of what has come holds; returns its value."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not (value := condition()):
            self._news.clear()
            assert not self.closed, f"closed before: {what}; last frames {self.frames[-3:]}"
            left = deadline - loop.time()
            assert left > 0, f"not in {seconds} s: {what}; last frames {self.frames[-3:]}"
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue  # the loop's assertion tells what was waited for
        return value

    async def until_closed(self, seconds: float = WAIT_SECONDS) -> int:
        """Wait until the server has ended the connection; returns the close code."""
        await asyncio.wait_for(asyncio.shield(self._reader), seconds)
        assert self.socket.close_code is not None
        return self.socket.close_code

    async def until_saved(self, accepted: dict[str, Any]) -> None:
        """Wait until the watermark says that an accepted answer is in PostgreSQL."""
        await self.until(lambda: self.map.get("saved", 0) >= accepted["offset"] and self.mirror.epoch == accepted["epoch"], "saved")

    async def close(self) -> None:
        await self.socket.close()
        await self._reader
