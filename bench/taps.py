"""Subscribers that only count octets: the cheapest receivers there are, for benches of fan-out."""

import asyncio
import time

from bench.phones import HANDSHAKE, Phone, frame, open_phones
from bench.sources import next_source


class Gauge:
    """What all taps of one server have received; tells when it is as much as was waited for."""

    __slots__ = ("_full", "_wanted", "octets")

    def __init__(self) -> None:
        self.octets = 0
        self._wanted = -1
        self._full: asyncio.Future[float] | None = None

    def add(self, octets: int) -> None:
        self.octets += octets
        if self.octets >= self._wanted >= 0 and self._full is not None and not self._full.done():
            self._full.set_result(time.perf_counter())

    async def fill(self, octets: int, seconds: float = 30.0) -> float:
        """Wait until so many octets have come since the last time; returns when the last of them did."""
        self._full = asyncio.get_running_loop().create_future()
        self._wanted = octets
        self.add(0)
        async with asyncio.timeout(seconds):
            at = await self._full
        self.octets -= octets
        self._wanted = -1
        return at


_buffer = bytearray(262_144)  # one for all: a tap looks at how much came, not at what


class Tap(asyncio.BufferedProtocol):
    """One subscriber."""

    __slots__ = ("_gauge", "_head", "open", "transport")

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._head: bytes | None = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def get_buffer(self, _: int) -> bytearray:
        return _buffer

    def buffer_updated(self, size: int) -> None:
        if self._head is None:
            self._gauge.add(size)
            return
        self._head += bytes(_buffer[:size])
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 101"):
            self.open.set_exception(ConnectionResetError(head[:80].decode()))
            return
        self._head = None
        self.open.set_result(None)
        if rest:
            self._gauge.add(len(rest))

    def connection_lost(self, _: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(ConnectionResetError("closed during the handshake"))


async def open_taps(port: int, count: int, gauge: Gauge, *, path: str, at_once: int = 200) -> list[Tap]:
    """Connect so many subscribers."""
    loop = asyncio.get_running_loop()
    turn = asyncio.Semaphore(at_once)
    request = HANDSHAKE.format(path=path, host=f"127.0.0.1:{port}").encode()

    async def one() -> Tap:
        async with turn:
            source = next_source(), 0
            _, tap = await loop.create_connection(lambda: Tap(gauge), "127.0.0.1", port, local_addr=source)
            tap.transport.write(request)
            await tap.open
            return tap

    return list(await asyncio.gather(*(one() for _ in range(count))))


class Trigger:
    """A connection of its own on which each frame makes the server publish once."""

    def __init__(self, text: str) -> None:
        self._frame = frame(text.encode())
        self._phone: Phone | None = None

    async def open(self, port: int, path: str) -> "Trigger":
        self._phone = (await open_phones(port, 1, path=path))[0]
        return self

    def once(self) -> None:
        assert self._phone is not None
        self._phone.transport.write(self._frame)

    def close(self) -> None:
        assert self._phone is not None
        self._phone.transport.abort()
