"""One WebSocket from opening to its end, without a task or a queue: text frames in, text frames out.

Built on the sans-I/O half of `websockets`, so that thousands of simulated phones fit into one process.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from realtime.core.messages import SUBPROTOCOL

FRAME_BYTES_LIMIT: Final = 16 * 1_048_576  # a snapshot of the largest session stays far below
_CLOSE_SECONDS: Final = 1.0
_LOST: Final = 1006


class Owner(Protocol):
    """Who listens to a link."""

    def opened(self) -> None: ...
    def heard(self, frame: dict[str, Any]) -> None: ...
    def lost(self, link: "Link") -> None: ...


def socket_uri(url: str) -> WebSocketURI:
    """The socket's address from any address of the server: `http://host`, `wss://host/ws`, …"""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    return parse_uri(parts._replace(scheme=scheme, path=path if path.endswith("/ws") else f"{path}/ws").geturl())


class Link(asyncio.Protocol):
    """A connection attempt, then a connection, then a memory of how it ended.

    `close_code` is 1006 where no close frame came; `status` is that of a refused handshake. `dropped` says
    that this side gave it up.
    """

    def __init__(self, uri: WebSocketURI, owner: Owner) -> None:
        self._uri = uri
        self._owner = owner
        self._socket = ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=FRAME_BYTES_LIMIT)
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._next_id = 0
        self._end: asyncio.TimerHandle | None = None
        self.gone = asyncio.Event()
        self.close_code = _LOST
        self.status: int | None = None
        self.dropped = False

    async def open(self, *, source_address: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        """Connect and ask for the WebSocket; raises OSError. `opened` or `lost` of the owner follows."""
        context = (tls or ssl.create_default_context()) if self._uri.secure else None
        local = None if source_address is None else (source_address, 0)
        await asyncio.get_running_loop().create_connection(
            lambda: self, self._uri.host, self._uri.port, ssl=context, local_addr=local
        )

    @property
    def is_open(self) -> bool:
        return self._socket.state is State.OPEN and not self.gone.is_set() and not self.dropped

    @property
    def is_connected(self) -> bool:
        return self._transport is not None and not self.gone.is_set()

    def next_id(self) -> int:
        """A number for the next command."""
        self._next_id += 1
        return self._next_id

    def send(self, text: bytes) -> None:
        """Write one text frame; nothing where the connection is ending."""
        if self.is_open:
            self._socket.send_text(text)
            self._flush()

    def drop(self) -> None:
        """Give the connection up at once, as a dead network never finishes a closing handshake."""
        self.dropped = True
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Say goodbye; the connection ends soon, whatever the server does."""
        if not self.is_open:
            self.drop()
            return
        self._socket.send_close(1000)
        self._flush()
        self.dropped = True
        self._end_soon()

    # ------------------------------------------------------------------------------------- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.dropped:
            self._transport.abort()
            return
        self._socket.send_request(self._socket.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._socket.receive_data(data)
        for event in self._socket.events_received():
            if isinstance(event, Response):
                self.status = event.status_code
                if self._socket.handshake_exc is None:
                    self._owner.opened()
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()
        if self._socket.close_expected():
            self._end_soon()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio names it
        if self._end is not None:
            self._end.cancel()
        if self._socket.close_rcvd is not None:
            self.close_code = self._socket.close_rcvd.code
        self.gone.set()
        self._owner.lost(self)

    # --------------------------------------------------------------------------------------------- insides

    def _take(self, frame: Frame) -> None:
        if self.dropped or frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        if not frame.fin or self._parts:
            self._parts.append(bytes(frame.data))
            if not frame.fin:
                return
            text, self._parts = b"".join(self._parts), []
        else:
            text = bytes(frame.data)
        document = json.loads(text)
        if isinstance(document, dict):
            self._owner.heard(document)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            self._socket.data_to_send()
            return
        for data in self._socket.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()

    def _end_soon(self) -> None:
        if self._end is None and self._transport is not None:
            self._end = asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)


def encode_command(command: Mapping[str, Any], message_id: int) -> bytes:
    """A command's JSON text with its number; raises TypeError or ValueError for what is no JSON."""
    return json.dumps({"id": message_id, **command}, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
