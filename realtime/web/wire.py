"""The server's own WebSocket protocol class: one ready frame for many sockets, and the defences uvicorn lacks.

It replaces uvicorn's ASGI path for `/ws`: no task and no queue per connection, frames go to the
listener as they are parsed, and sending is one write to the transport. Against hostile traffic it has
a byte budget that is checked before parsing, a limit of fragments, no pong behind a full buffer, and
an end for peers that stop reading.
"""

import asyncio
import codecs
import contextlib
import socket
import struct
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request

from realtime.core.errors import CLOSE_MEANINGS, FIRST_FINAL_CODE, CloseCode
from realtime.core.messages import SUBPROTOCOL, Closing, encode

RATE_BYTES_PER_SECOND: Final = 65_536  # more than any honest client sends
BURST_BYTES: Final = 262_144
MAX_FRAGMENTS: Final = 64
CLOSE_SECONDS: Final = 2.0  # after this time a closing connection is aborted
_NOT_UTF8: Final = Close(1007, "text that is not UTF-8")  # RFC 6455 §8.1
_Utf8: Final = codecs.getincrementaldecoder("utf-8")


class Listener(Protocol):
    """What hears the frames of one connection."""

    def received(self, text: bytes) -> None: ...
    def lost(self) -> None: ...


class Door(Protocol):
    """Decides about handshakes and listens to those it lets in."""

    frame_bytes: int
    stall_seconds: float

    def refuse(self, path: str, origin: str | None, host: str | None) -> HTTPStatus | None: ...
    def enter(self, wire: "SocketWire") -> Listener: ...


def frame_text(payload: bytes) -> bytes:
    """A final, unmasked text frame (RFC 6455 §5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x81" + bytes((length,)) + payload
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


def closing_frame(code: CloseCode) -> Closing:
    """What is said before a connection is closed with this code."""
    return Closing(close_code=code, code=code.name.lower(), message=CLOSE_MEANINGS[code], reconnect=code < FIRST_FINAL_CODE)


class SocketWire(WebSocketsSansIOProtocol):
    """One WebSocket. Subclassed per application with its `door`."""

    door: Door

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listener: Listener | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._budget = float(BURST_BYTES)
        self._budget_at = self.loop.time()
        self._ended = False
        self._deaf = False
        self._utf8: codecs.IncrementalDecoder | None = None  # of a text message in fragments

    # ----------------------------------------------------------------------------------- as the hub sees it

    def frame(self, payload: bytes) -> bytes:
        return frame_text(payload)

    def send(self, framed: bytes) -> None:  # type: ignore[override]
        """Write ready frames; a connection that is ending takes nothing more."""
        if not (self._ended or self.transport.is_closing()):
            self.transport.write(framed)

    def buffered(self) -> int:
        return self.transport.get_write_buffer_size()

    def close(self, code: CloseCode) -> None:
        """Tell why, send the close code, then end the connection, whether the peer reads or not."""
        if self._ended or self.close_sent:
            return
        if self.handshake_complete:
            self.send(frame_text(encode(closing_frame(code))))
        self._ended = True
        self.stop_keepalive()
        if self.handshake_complete and not self.transport.is_closing():
            self.conn.send_close(int(code))
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        """End the connection at once, without leaving the kernel to send what nobody reads."""
        self._ended = True
        if self.disconnected:
            return
        peer = self.transport.get_extra_info("socket")
        if peer is not None:
            with contextlib.suppress(OSError, ValueError):  # the descriptor may be gone already, which is what is wanted
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    # ------------------------------------------------------------------------------------- uvicorn's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast(asyncio.Transport, transport).set_write_buffer_limits(high=65_536)

    def data_received(self, data: bytes) -> None:
        if self._deaf or (self._ended and self._listener is None):
            return
        if self._listener is not None:
            now = self.loop.time()
            self._budget = min(BURST_BYTES, self._budget + (now - self._budget_at) * RATE_BYTES_PER_SECOND) - len(data)
            self._budget_at = now
            if self._budget < 0:
                self._policy(CloseCode.FLOOD)
                return
        super().data_received(data)
        if self._listener is None and self.conn.handshake_exc is not None and not self.close_sent:
            # The parser refused the request line or a header; uvicorn would leave the socket hanging.
            self._answer(HTTPStatus.BAD_REQUEST)

    def handle_connect(self, event: Request) -> None:
        self.request = event
        self.handshake_initiated = True
        path = event.path.partition("?")[0]
        headers = event.headers
        origins, hosts = headers.get_all("Origin"), headers.get_all("Host")
        refusal = self.door.refuse(path, origins[0] if origins else None, hosts[0] if hosts else None)
        if refusal is not None:
            self._answer(refusal)
            return
        self.response = self.conn.accept(event)
        if self.response.status_code == 101:
            offered = [name.strip() for header in headers.get_all("Sec-WebSocket-Protocol") for name in header.split(",")]
            if SUBPROTOCOL in offered:
                self.response.headers["Sec-WebSocket-Protocol"] = SUBPROTOCOL
            del self.response.headers["Date"]
        self.conn.send_response(self.response)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.handshake_complete = True
        if self.response.status_code != 101:
            self.close_sent = True
            self.transport.close()
            return
        self.start_keepalive()
        self._listener = self.door.enter(self)

    def _answer(self, status: HTTPStatus) -> None:
        body = f"{status.value} {status.phrase}\n".encode()
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-type: text/plain\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        self.handshake_complete = self.close_sent = True
        self._ended = True
        self.transport.close()

    def send_receive_event_to_app(self) -> None:
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent or self._ended or self._listener is None:
            return
        if self.curr_msg_data_type != "text":
            self.close(CloseCode.PROTOCOL)
            return
        self._listener.received(data)

    def handle_text(self, event: Frame) -> None:
        self._utf8 = None if event.fin else _Utf8()
        if self._is_utf8(event):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        self._utf8 = None
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._policy(CloseCode.FLOOD)
            return
        if self.curr_msg_data_type == "bytes" or self._is_utf8(event):
            super().handle_cont(event)

    def _is_utf8(self, event: Frame) -> bool:
        """Whether a frame continues valid text; the connection fails with the first octet that does not."""
        data = bytes(event.data)
        if self._utf8 is None and data.isascii():
            return True
        try:
            (self._utf8 or _Utf8()).decode(data, event.fin)
        except UnicodeDecodeError:
            self._fail(_NOT_UTF8)
            return False
        return True

    def handle_events(self) -> None:
        """Handle what was parsed, in its order.

        The parser writes its pongs and its close frame for a whole chunk at once, before the messages in it are answered;
        so they are left out, and written here when their turn comes.
        """
        events = self.conn.events_received()
        self.conn.data_to_send()
        for event in events:
            if not isinstance(event, Frame):
                self.handle_connect(cast(Request, event))
                continue
            match event.opcode:
                case Opcode.TEXT:
                    self.handle_text(event)
                case Opcode.CONT:
                    self.handle_cont(event)
                case Opcode.BINARY:
                    self.handle_bytes(event)
                case Opcode.PING:
                    self._answer_ping(bytes(event.data))
                case Opcode.PONG:
                    self.handle_pong(event)
                case Opcode.CLOSE:
                    self.handle_close(event)

    def _answer_ping(self, payload: bytes) -> None:
        # A pong that nobody reads would only pile up.
        if not self._ended and self.transport.get_write_buffer_size() <= 65_536:
            self.transport.write(b"\x8a" + bytes((len(payload),)) + payload)

    def handle_close(self, event: Frame) -> None:
        if self.close_sent:
            super().handle_close(event)
            return
        payload = bytes(event.data)
        self.transport.write(b"\x88" + bytes((len(payload),)) + payload)
        self._end()

    def _policy(self, code: CloseCode) -> None:
        self.close(code)
        self.transport.pause_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(self.door.stall_seconds, self.close, CloseCode.SLOW)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(CLOSE_SECONDS, self.abort)

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(CLOSE_SECONDS, self.abort)

    def handle_parser_exception(self) -> None:
        """The peer sent what is no WebSocket, or too much at once."""
        if self._listener is None:
            super().handle_parser_exception()
            self.loop.call_later(CLOSE_SECONDS, self.abort)
            return
        self.handle_events()  # what was said before the fault is answered first
        if isinstance(self.conn.parser_exc, PayloadTooBig):
            if not self._ended:
                self.send(frame_text(encode(closing_frame(CloseCode.TOO_LARGE))))
            self._fail(Close(int(CloseCode.TOO_LARGE), ""))
        else:
            # Who breaks RFC 6455 is told so by its own codes, 1002 or 1007. Who closes in the middle of a message just closes.
            close = self.conn.close_rcvd or self.conn.close_sent
            assert close is not None
            self._fail(close)

    def _fail(self, close: Close) -> None:
        """Fail the connection as RFC 6455 §7.1.7 has it: say the code, then end."""
        if not self._ended:
            payload = close.serialize()[:125]
            self.transport.write(b"\x88" + bytes((len(payload),)) + payload)
        self._end()

    def _end(self) -> None:
        """End our side after the close frame, and read no more.

        What still arrives is dropped, not left unread: a socket closed over unread bytes would be reset, and
        the reason lost with it.
        """
        self._ended = self._deaf = self.close_sent = True
        self.stop_keepalive()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().connection_lost(exc)
        listener, self._listener = self._listener, None
        self._ended = True
        if listener is not None:
            listener.lost()


def protocol_with(door: Door) -> type[SocketWire]:
    """The protocol class of one application."""
    return type("ApplicationWire", (SocketWire,), {"door": door})
