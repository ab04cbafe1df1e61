"""The way to a client that speaks HTTP only: a stream of server-sent events, or one waiting request."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from realtime.core.errors import CloseCode
from realtime.rooms import Connection

_HEAD: Final = re.compile(rb'\{"type":"(?:delta|snapshot)","epoch":"([^"]*)","since":\d+,"offset":(\d+)')
_RETRY_MS: Final = 2_000  # what a browser's EventSource waits before it comes again


class PollWire:
    """Wakes one waiting request; what it would have been sent is asked for afterwards."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def frame(self, payload: bytes) -> bytes:
        return payload

    def send(self, framed: bytes) -> None:
        if _HEAD.match(framed) or framed.startswith(b'{"type":"mine"'):
            self.news.set()

    def buffered(self) -> int:
        return 0

    def close(self, code: CloseCode) -> None:
        self.news.set()


class SseWire:
    """One stream of events. Every event is a `changes` document: the state's, or one that only brings own responses."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._epoch, self._offset = b"", b"0"
        self.news = asyncio.Event()
        self.closed = False

    def frame(self, payload: bytes) -> bytes:
        return payload

    def send(self, framed: bytes) -> None:
        head = _HEAD.match(framed)
        if head is not None:
            self._epoch, self._offset = head.groups()
            self._put(framed[:-1] + b',"position":' + self._position() + b"}")
        elif framed.startswith(b'{"type":"mine","mine":'):
            # Own responses alone: a delta without changes, at the position where the client is.
            self._put(
                b'{"type":"delta","epoch":"%b","since":%b,"offset":%b,"set":{},"removed":[],"reason":null,"position":%b,%b'
                % (self._epoch, self._offset, self._offset, self._position(), framed[len(b'{"type":"mine",') :])
            )
        # Heartbeats, health and farewells are the stream's own affair: comments, and its end.

    def begin(self, state: bytes, own_fields: bytes) -> None:
        """The first document, with what only this participant sees."""
        self.send(state[:-1] + b"," + own_fields + b"}")

    def _position(self) -> bytes:
        return b'{"epoch":"%b","offset":%b}' % (self._epoch, self._offset)

    def _put(self, document: bytes) -> None:
        event = b"id: %b.%b\ndata: %b\n\n" % (self._epoch, self._offset, document)
        self._waiting.append(event)
        self._size += len(event)
        self.news.set()

    def buffered(self) -> int:
        return self._size

    def close(self, code: CloseCode) -> None:
        self.closed = True
        self.news.set()

    def take(self) -> bytes:
        """Everything that waits."""
        everything = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        self.news.clear()
        return everything


class EventStream(Response):
    """The answer that carries a stream until the client, a stall or the server ends it. Pure ASGI, without a task per send."""

    def __init__(
        self, wire: SseWire, connection: Connection, on_end: Callable[[], None], *, heartbeat_seconds: float, stall_seconds: float
    ) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._wire = wire
        self._connection = connection
        self._on_end = on_end
        self._heartbeat_seconds = heartbeat_seconds
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: self._wire.close(CloseCode.GOING_AWAY))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._head()})
            await self._write(send, b"retry: %d\n\n" % _RETRY_MS)
            while not self._wire.closed:
                try:
                    await asyncio.wait_for(self._wire.news.wait(), self._heartbeat_seconds / 2)
                except TimeoutError:
                    await self._write(send, b": beat\n\n")
                text = self._wire.take()
                if text:
                    await self._write(send, text)
            if not gone.done():
                await self._write(send, self._wire.take(), more=False)
        except TimeoutError:
            return  # it takes nothing; what it missed it gets from its position when it comes again
        finally:
            gone.cancel()
            self._on_end()

    def _head(self) -> list[tuple[bytes, bytes]]:
        """The headers, without a length: nobody knows how long a stream will be."""
        return [(name, value) for name, value in self.raw_headers if name != b"content-length"]

    async def _write(self, send: Send, text: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._stall_seconds):
            await send({"type": "http.response.body", "body": text, "more_body": more})
        self._connection.heard_at = time.monotonic()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
