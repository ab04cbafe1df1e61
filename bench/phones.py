"""Load: thousands of phones in one process, each a bare WebSocket on uvloop, as little Python per frame as can be.

They are no full clients: they say hello, answer, and count what they hear, with the time of each.
"""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import uvloop

from bench.sources import next_source

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: plenum.v1\r\n\r\n"
)
_MASK = b"\x00\x00\x00\x00"  # a mask like any other; the server has the same work with it


def frame(text: bytes) -> bytes:
    """A client's text frame."""
    length = len(text)
    if length < 126:
        return b"\x81" + bytes((0x80 | length,)) + _MASK + text
    return b"\x81\xfe" + length.to_bytes(2, "big") + _MASK + text


class Phone(asyncio.Protocol):
    """One connection. `heard` gets every text frame with the connection itself."""

    __slots__ = ("buffer", "closed", "frames", "heard", "number", "octets", "open", "ready", "transport", "upgraded")

    def __init__(self, number: int, heard: "Callable[[Phone, bytes], None] | None") -> None:
        self.number = number
        self.heard = heard
        self.buffer = b""
        self.upgraded = False
        self.closed = False
        self.frames = 0
        self.octets = 0
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ready: asyncio.Future[dict[str, Any]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, _: Exception | None) -> None:
        self.closed = True
        if not self.open.done():
            self.open.set_exception(ConnectionResetError("closed during the handshake"))
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(ConnectionResetError("closed before the welcome"))

    def _upgrade(self, data: bytes) -> bytes:
        """Read the server's answer to the handshake; returns what follows it."""
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            self.buffer = data
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            if not self.open.done():
                self.open.set_exception(ConnectionResetError(head[:80].decode()))
            return b""
        self.upgraded = True
        self.open.set_result(None)
        return rest

    def data_received(self, data: bytes) -> None:  # noqa: C901 - the frame's parts in a row, without a call for each
        if self.buffer:
            data = self.buffer + data
            self.buffer = b""
        if not self.upgraded:
            data = self._upgrade(data)
        start, size = 0, len(data)
        while size - start >= 2:
            length, at = data[start + 1], start + 2
            if length == 126:
                if size - start < 4:
                    break
                length, at = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
            elif length == 127:
                if size - start < 10:
                    break
                length, at = int.from_bytes(data[start + 2 : start + 10], "big"), start + 10
            if size < at + length:
                break
            opcode = data[start] & 0x0F
            if opcode == 1:
                self.frames += 1
                self.octets += length
                if self.heard is not None:
                    self.heard(self, data[at : at + length])
            elif opcode == 9:
                self.transport.write(b"\x8a" + bytes((0x80 | length,)) + _MASK + data[at : at + length])
            start = at + length
        if start < size:
            self.buffer = data[start:]


PhoneT = TypeVar("PhoneT", bound=Phone)


async def open_phones(
    port: int, count: int, *, path: str = "/ws", heard: Callable[[Phone, bytes], None] | None = None, at_once: int = 200,
    first: int = 0, made: "type[PhoneT] | None" = None,
) -> "list[PhoneT]":  # fmt: skip
    """Connect, without saying hello."""
    loop = asyncio.get_running_loop()
    turn = asyncio.Semaphore(at_once)
    request = HANDSHAKE.format(path=path, host=f"127.0.0.1:{port}").encode()

    async def one(number: int) -> Any:
        async with turn:
            make, source = made or Phone, (next_source(), 0)
            _, phone = await loop.create_connection(lambda: make(number, heard), "127.0.0.1", port, local_addr=source)
            phone.transport.write(request)
            await phone.open
            return phone

    return list(await asyncio.gather(*(one(first + number) for number in range(count))))


class Post(asyncio.Protocol):
    """One keep-alive HTTP connection that sends a request after the other."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
        if len(body) >= length and self._answer is not None and not self._answer.done():
            self._buffer = body[length:]
            self._answer.set_result((int(head.split()[1]), body[:length]))

    def hang_up(self) -> None:
        self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        content = json.dumps(body).encode()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        status, answer = await self._answer
        return status, json.loads(answer)


async def join_all(port: int, code: str, count: int, *, at_once: int = 50, named: bool = True) -> list[dict[str, Any]]:
    """Tickets for so many participants, by the API that a phone uses; asks again where it is told to."""
    loop = asyncio.get_running_loop()
    numbers = iter(range(count))
    found: list[dict[str, Any]] = []

    async def worker() -> None:
        _, connection = await loop.create_connection(Post, "127.0.0.1", port)
        for number in numbers:
            body: dict[str, Any] = {"code": code, "join_id": uuid.uuid4().hex}
            if named:
                body["nickname"] = f"P{number}"
            while True:
                try:
                    status, answer = await connection.post("/api/v1/join", body)
                except ConnectionResetError:
                    _, connection = await loop.create_connection(Post, "127.0.0.1", port)
                    continue
                if status < 300:
                    found.append(answer)
                    break
                if status not in (429, 503):
                    raise RuntimeError(f"join: {status} {answer}")
                await asyncio.sleep(0.1)

    await asyncio.gather(*(worker() for _ in range(min(at_once, count))))
    return found


def hello(ticket: str, position: dict[str, Any] | None = None, number: int = 1) -> bytes:
    message: dict[str, Any] = {"type": "hello", "id": number, "ticket": ticket, "protocol": 1}
    if position:
        message["position"] = position
    return frame(json.dumps(message, separators=(",", ":")).encode())


_last_ms = 0


def uuid7() -> str:
    """Time-ordered, so that a later press is a later id."""
    now = time.time_ns() // 1_000_000
    raw = now.to_bytes(6, "big") + os.urandom(10)
    number = int.from_bytes(raw, "big") & ~(0xF << 76) | (7 << 76)
    number = number & ~(0b11 << 62) | (0b10 << 62)
    return str(uuid.UUID(int=number))


def submit(activity_id: str, number: int, choice: str) -> bytes:
    message = {"id": number, "type": "submit", "activity_id": activity_id, "submission_id": uuid7(), "data": {"selected": [choice]}}
    return frame(json.dumps(message, separators=(",", ":")).encode())


async def seat(
    phones: Sequence[Phone], tickets: Sequence[str], *, seconds: float = 120.0, positions: Sequence[Any] | None = None
) -> list[dict[str, Any]]:
    """Say hello on every phone and wait for every welcome."""
    loop = asyncio.get_running_loop()
    waiting = []
    for index, (phone, ticket) in enumerate(zip(phones, tickets, strict=True)):
        phone.ready = loop.create_future()
        before = phone.heard
        phone.heard = _await_welcome(before)
        phone.transport.write(hello(ticket, positions[index] if positions else None))
        waiting.append(phone.ready)
    async with asyncio.timeout(seconds):
        return list(await asyncio.gather(*waiting))


async def enter(
    port: int, tickets: Sequence[str], heard: Callable[[Phone, bytes], None] | None = None, first: int = 0
) -> list[Phone]:
    """Connect and say hello, some hundreds at a time: the server does not wait long for a hello."""
    phones: list[Phone] = []
    for start in range(0, len(tickets), 400):
        part = tickets[start : start + 400]
        fresh = await open_phones(port, len(part), heard=heard, first=first + start)
        await seat(fresh, part)
        phones += fresh
    return phones


def _await_welcome(after: Callable[[Phone, bytes], None] | None) -> Callable[[Phone, bytes], None]:
    def heard(phone: Phone, text: bytes) -> None:
        if text.startswith(b'{"type":"welcome"'):
            phone.heard = after
            if phone.ready is not None and not phone.ready.done():
                phone.ready.set_result({"at": time.perf_counter(), "text": text})
            if after is not None:
                after(phone, text)  # here and not later: what follows the welcome must not come before it
        elif (
            text.startswith((b'{"type":"refused"', b'{"type":"retry"', b'{"type":"closing"'))
            and phone.ready is not None
            and not phone.ready.done()
        ):
            phone.ready.set_exception(RuntimeError(text.decode()))

    return heard


def run(work: Any) -> Any:
    """Run a bench's main coroutine on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
