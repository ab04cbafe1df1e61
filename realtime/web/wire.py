"""One open WebSocket: frames in without a task or a queue, ready frames out in one write.

Small whole text frames, which is all that honest clients send, are read here; everything else a peer may
do (fragments, large lengths, close handshakes, nonsense) goes to the parser of `websockets`, and so does all
that follows it. Against hostile traffic there is a byte budget that is checked before parsing, a limit of
fragments, no pong behind a full buffer, and an end for peers that stop reading.
"""

import asyncio
import codecs
import contextlib
import socket
import struct
from http import HTTPStatus
from typing import Any, Final, Protocol

from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from realtime.core.errors import CLOSE_MEANINGS, FIRST_FINAL_CODE, CloseCode
from realtime.core.messages import Closing, encode

try:
    from realtime.core.speedups import read_text
except ImportError:  # installed where there was no compiler

    def read_text(_data: bytes, _limit: int, /) -> bytes | None:
        """Nothing: the loop below reads all frames."""
        return None


try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which there is no compiled wheel
    from websockets.utils import apply_mask

RATE_BYTES_PER_SECOND: Final = 65_536  # more than any honest client sends
BURST_BYTES: Final = 262_144
FRAME_COST_BYTES: Final = 64  # what a frame costs of these beyond its own size: tiny ones are not cheap to read
FRAMES_PER_TURN: Final = 32  # of one connection; then the others have theirs
SLOW_BYTES_PER_TURN: Final = 2_048  # likewise for what the other parser reads
MAX_FRAGMENTS: Final = 64
CLOSE_SECONDS: Final = 2.0  # after this time a closing connection is aborted
_SIMPLE: Final = (0x89, 0x8A)  # whole pings and pongs
PONG_BUFFER_BYTES: Final = 65_536  # a pong nobody reads would only pile up
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


def frame_control(opcode: Opcode, payload: bytes) -> bytes:
    """A control frame of at most 125 bytes (RFC 6455 §5.5)."""
    return bytes((0x80 | opcode, len(payload))) + payload


def closing_frame(code: CloseCode) -> Closing:
    """What is said before a connection is closed with this code."""
    return Closing(close_code=code, code=code.name.lower(), message=CLOSE_MEANINGS[code], reconnect=code < FIRST_FINAL_CODE)


class SocketWire(asyncio.Protocol):
    """One WebSocket after its handshake. `touched` says that its transport was written to, and may still hold something."""

    __slots__ = (
        "_budget", "_budget_at", "_connections", "_deaf", "_door", "_ended", "_fragments", "_kind", "_listener", "_loop",
        "_needed", "_partial", "_postponed", "_slow", "_stall", "_timer", "_utf8", "descriptor", "disconnected", "touched",
        "transport",
    )  # fmt: skip

    def __init__(self, transport: asyncio.Transport, door: Door, connections: set[Any]) -> None:
        self.transport = transport
        self.descriptor: int = transport.get_extra_info("socket").fileno()
        self.touched = True
        self.disconnected = False
        self._door = door
        self._connections = connections  # uvicorn's, which it ends at shutdown
        self._loop = asyncio.get_running_loop()
        self._budget = float(BURST_BYTES)
        self._budget_at = self._loop.time()
        self._partial: bytearray | None = None  # a frame that is not whole yet
        self._needed = 0
        self._postponed = False
        self._slow: ServerProtocol | None = None
        self._fragments: list[bytes] = []
        self._kind = Opcode.TEXT  # of the message in fragments
        self._utf8: codecs.IncrementalDecoder | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._deaf = False
        transport.set_write_buffer_limits(high=65_536)
        connections.add(self)
        self._listener: Listener | None = door.enter(self)

    # ----------------------------------------------------------------------------------- as the hub sees it

    def frame(self, payload: bytes) -> bytes:
        return frame_text(payload)

    def send(self, framed: bytes) -> None:
        """Write ready frames; a connection that is ending takes nothing more."""
        if not (self._ended or self.transport.is_closing()):
            self.touched = True
            self.transport.write(framed)

    def buffered(self) -> int:
        return self.transport.get_write_buffer_size()

    def clear(self) -> bool:
        """Whether frames may be written to the socket past the transport just now.

        The transport closes it only after `connection_lost`, so it is this connection's for as long as the hub knows it.
        """
        if self._ended or self.transport.is_closing() or self.transport.get_write_buffer_size():
            return False
        self.touched = False
        return True

    def close(self, code: CloseCode) -> None:
        """Tell why, send the close code, then end the connection, whether the peer reads or not."""
        if self._ended:
            return
        self.send(frame_text(encode(closing_frame(code))))
        self._say_goodbye(int(code).to_bytes(2, "big"))

    def _say_goodbye(self, payload: bytes) -> None:
        """The close frame, after which nothing more is said."""
        if not (self._ended or self.transport.is_closing()):
            self.transport.write(frame_control(Opcode.CLOSE, payload))
        self.touched = self._ended = True
        if self._timer is None:
            self._timer = self._loop.call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        """End the connection at once, without leaving the kernel to send what nobody reads."""
        self.touched = self._ended = True
        if self.disconnected:
            return
        peer = self.transport.get_extra_info("socket")
        if peer is not None:
            with contextlib.suppress(OSError, ValueError):  # the descriptor may be gone already, which is what is wanted
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def shutdown(self) -> None:
        """uvicorn ends: whoever is still here is sent away."""
        self.close(CloseCode.GOING_AWAY)

    # ------------------------------------------------------------------------------------- asyncio's calls

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        now = self._loop.time()
        self._budget = min(BURST_BYTES, self._budget + (now - self._budget_at) * RATE_BYTES_PER_SECOND) - len(data)
        self._budget_at = now
        if self._budget < 0:
            self._flood()
        elif self._partial is None:
            text = None if self._slow is not None else read_text(data, self._door.frame_bytes)
            if text is None:
                self._read(data)
            else:
                self._hear(text)
        else:
            self._partial += data
            if len(self._partial) >= self._needed:
                whole, self._partial = bytes(self._partial), None
                self._read(whole)

    def _read(self, data: bytes) -> None:
        """Whole text frames and pings, one after the other; what is not whole waits, anything else is for the other parser."""
        if self._slow is not None:
            return self._read_slowly(self._slow, data)
        start, size, left = 0, len(data), FRAMES_PER_TURN
        while start < size:
            if not left:
                return self._postpone(data[start:])
            left -= 1
            head, length = self._head(data, start)
            if head < 0:
                self._slow = ServerProtocol(state=OPEN, max_size=self._door.frame_bytes)
                return self._read_slowly(self._slow, data[start:])
            end = start + head + length
            if end > size or not head:
                return self._wait(data, start, head + length)
            payload = apply_mask(data[start + head : end], data[start + head - 4 : start + head])
            opcode, start = data[start], end
            self._budget -= FRAME_COST_BYTES
            if self._budget < 0:
                return self._flood()
            if opcode == 0x89:
                self._pong(payload)
            elif opcode == 0x81:
                if not (payload.isascii() or _is_utf8(payload)):
                    return self._fail(_NOT_UTF8)
                if not self._ended and self._listener is not None:
                    self._listener.received(payload)
        return None

    def _hear(self, text: bytes) -> None:
        """One text frame that came by itself, as nearly all do."""
        self._budget -= FRAME_COST_BYTES
        if self._budget < 0:
            self._flood()
        elif not self._ended and self._listener is not None:
            self._listener.received(text)

    def _head(self, data: bytes, start: int) -> tuple[int, int]:
        """Octets of a frame's head and of its payload; (0, n) while it takes n octets to tell, (-1, 0) for the other parser."""
        left = len(data) - start
        if left < 2:
            return 0, 2
        opcode, length = data[start], data[start + 1] ^ 0x80  # of an unmasked frame the length is now above all limits
        if length < 126:
            return (6, length) if opcode == 0x81 or opcode in _SIMPLE else (-1, 0)
        if length > 126 or opcode != 0x81:
            return -1, 0
        if left < 4:
            return 0, 4
        length = data[start + 2] << 8 | data[start + 3]
        return (8, length) if length <= self._door.frame_bytes else (-1, 0)

    def _wait(self, data: bytes, start: int, needed: int) -> None:
        self._partial, self._needed = bytearray(data[start:]), needed

    def _postpone(self, data: bytes) -> None:
        """Leave the rest for the next turn of the loop, and read nothing new before."""
        self._partial, self._needed = bytearray(data), 0
        if not self._postponed:
            self._postponed = True
            self.transport.pause_reading()
        self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._deaf or self.disconnected or self.transport.is_closing():
            return
        self._postponed = False
        data, self._partial = bytes(self._partial or b""), None
        self._read(data)
        self._resume_reading()

    def _resume_reading(self) -> None:
        if not (self._postponed or self._deaf or self.transport.is_closing()):
            self.transport.resume_reading()

    def _pong(self, payload: bytes) -> None:
        if self.transport.get_write_buffer_size() <= PONG_BUFFER_BYTES:
            self.send(frame_control(Opcode.PONG, payload))

    def _read_slowly(self, parser: ServerProtocol, data: bytes) -> None:
        parser.receive_data(data[:SLOW_BYTES_PER_TURN])
        parser.data_to_send()  # its pongs and close frames are left out: they come here when it is their turn
        for event in parser.events_received():
            if self._deaf:
                return
            if isinstance(event, Frame):
                self._take(event)
        if self._deaf:
            return
        if parser.parser_exc is not None:
            self._break(parser, parser.parser_exc)
        elif len(data) > SLOW_BYTES_PER_TURN:
            self._postpone(data[SLOW_BYTES_PER_TURN:])

    def _take(self, frame: Frame) -> None:
        self._budget -= FRAME_COST_BYTES
        if self._budget < 0:
            self._flood()
            return
        match frame.opcode:
            case Opcode.PING:
                self._pong(bytes(frame.data))
            case Opcode.CLOSE:
                if self._ended:
                    self.transport.close()
                else:
                    self._say_goodbye(bytes(frame.data))
                    self._stop_reading()
            case Opcode.TEXT | Opcode.BINARY:
                self._kind = frame.opcode
                self._utf8 = None if frame.fin else _Utf8()
                self._collect(frame)
            case Opcode.CONT:
                self._collect(frame)

    def _collect(self, frame: Frame) -> None:
        """One more part of a message; the last one hands it over."""
        if len(self._fragments) >= MAX_FRAGMENTS:
            self._flood()
            return
        data = bytes(frame.data)
        try:
            if self._kind is Opcode.TEXT:
                (self._utf8 or _Utf8()).decode(data, frame.fin)
        except UnicodeDecodeError:
            # The connection fails with the first octet that cannot be text.
            self._fail(_NOT_UTF8)
            return
        self._fragments.append(data)
        if frame.fin:
            whole, self._fragments = b"".join(self._fragments), []
            if self._kind is not Opcode.TEXT:
                self.receive_binary(whole)
            elif not self._ended and self._listener is not None:
                self._listener.received(whole)

    def receive_binary(self, _data: bytes) -> None:
        """A binary message; the protocol is text only."""
        self.close(CloseCode.PROTOCOL)

    def _flood(self) -> None:
        self.close(CloseCode.FLOOD)
        self._deaf = True
        self.transport.pause_reading()

    def _break(self, parser: ServerProtocol, error: Exception) -> None:
        """The peer sent what is no WebSocket, or too much at once."""
        if isinstance(error, PayloadTooBig):
            self.close(CloseCode.TOO_LARGE)
            self._stop_reading()
            return
        # Who breaks RFC 6455 is told so by its own codes, 1002 or 1007. Who closes in the middle of a message just closes.
        close = parser.close_rcvd or parser.close_sent
        assert close is not None
        self._fail(close)

    def _fail(self, close: Close) -> None:
        """Fail the connection as RFC 6455 §7.1.7 has it: say the code, then end."""
        self._say_goodbye(close.serialize()[:125])
        self._stop_reading()

    def _stop_reading(self) -> None:
        """Read no more, after the close frame.

        What still arrives is dropped, not left unread: a socket closed over unread bytes would be reset, and
        the reason lost with it.
        """
        self._deaf = True
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def pause_writing(self) -> None:
        if self._stall is None:
            self._stall = self._loop.call_later(self._door.stall_seconds, self.close, CloseCode.SLOW)

    def resume_writing(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def connection_lost(self, _: Exception | None) -> None:
        self.disconnected = self.touched = self._ended = True
        self._connections.discard(self)
        for timer in (self._stall, self._timer):
            if timer is not None:
                timer.cancel()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost()


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
