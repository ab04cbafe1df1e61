"""A client that may say anything: bytes over TCP, and WebSocket frames as wrong as the caller wants them."""

import asyncio
import base64
import contextlib
import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

WAIT_SECONDS = 10.0
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, declared: int | None = None
) -> bytes:
    """One frame as a client sends it; `declared` is the length it claims to have."""
    length = len(payload) if declared is None else declared
    head = bytes(((0x80 if fin else 0) | rsv << 4 | opcode,))
    bit = 0x80 if masked else 0
    if length < 126:
        head += bytes((bit | length,))
    elif length < 65_536:
        head += bytes((bit | 126,)) + length.to_bytes(2, "big")
    else:
        head += bytes((bit | 127,)) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    key = b"\x37\xfa\x21\x3d"
    mask = (key * (len(payload) // 4 + 1))[: len(payload)]
    return head + key + (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(payload), "big")


def handshake(host: str, path: str = "/ws", *lines: str) -> bytes:
    """The opening of a WebSocket; further header lines replace those of the same name."""
    headers = {
        "host": host, "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13",
        "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(), "sec-websocket-protocol": "plenum.v1",
    }  # fmt: skip
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"GET {path} HTTP/1.1\r\n{text}\r\n".encode()


@dataclass
class Ending:
    """All that came until the server ended the connection, and how it did."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    reset: bool = False

    @property
    def code(self) -> int | None:
        """The close code; None where no close frame came, 1005 where it was empty."""
        closes = [payload for opcode, payload in self.frames if opcode == CLOSE]
        assert len(closes) <= 1, closes
        return None if not closes else int.from_bytes(closes[0][:2], "big") or 1005

    @property
    def pongs(self) -> list[bytes]:
        return [payload for opcode, payload in self.frames if opcode == PONG]

    @property
    def texts(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for opcode, payload in self.frames if opcode == TEXT]

    def replies(self) -> list[int]:
        """The ids that were answered, in order."""
        return [text["id"] for text in self.texts if text.get("id") is not None]


class Raw:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._ends = (writer.get_extra_info("sockname"), writer.get_extra_info("peername"))

    @classmethod
    async def connect(cls, url: str, *, source: str = "127.0.0.1", receive_bytes: int | None = None) -> Self:
        """Connect from an address of this machine; `receive_bytes` is a small window for those who read slowly."""
        parts = urlsplit(url)
        sock = socket.socket()
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)  # what is sent is soon what the server let in
            if receive_bytes is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            sock.bind((source, 0))
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.get_running_loop().sock_connect(sock, (parts.hostname, parts.port))
                limit = receive_bytes or 2**20
                return cls(*await asyncio.open_connection(sock=sock, limit=limit))
        except BaseException:
            sock.close()
            raise

    @classmethod
    async def upgrade(cls, url: str, *lines: str, **options: Any) -> Self:
        """An open WebSocket that has not said hello."""
        raw = await cls.connect(url, **options)
        try:
            await raw.send(handshake(urlsplit(url).netloc, "/ws", *lines))
            status, _, _ = await raw.head()
            assert status == 101, status
        except BaseException:
            await raw.close()
            raise
        return raw

    @classmethod
    async def enter(cls, url: str, ticket: str, **options: Any) -> Self:
        """A WebSocket that is welcome."""
        raw = await cls.upgrade(url, **options)
        await raw.tell({"type": "hello", "id": 1, "ticket": ticket})
        assert (await raw.reply(1))["type"] == "welcome"
        return raw

    async def send(self, data: bytes, *, cut: Iterable[int] | None = None) -> None:
        """Send bytes, at once or in pieces of these sizes; what a server that has ended no longer takes is nobody's loss."""
        with contextlib.suppress(ConnectionError):
            if cut is None:
                self.writer.write(data)
                await self.writer.drain()
                return
            at = 0
            for size in cut:
                self.writer.write(data[at : at + size])
                await self.writer.drain()
                await asyncio.sleep(0)
                at += size
                if at >= len(data):
                    return
            self.writer.write(data[at:])
            await self.writer.drain()

    def is_held(self) -> bool:
        """Whether the server's end still stands; one who does not read cannot tell from his own."""
        ends = (f"{socket.ntohl(int.from_bytes(socket.inet_aton(host), 'big')):08X}:{port:04X}" for host, port in self._ends)
        here, there = ends
        return any(line.split()[1:3] == [there, here] for line in Path("/proc/net/tcp").read_text().splitlines())

    def stop_reading(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def tell(self, document: dict[str, Any]) -> None:
        await self.send(frame(TEXT, json.dumps(document).encode()))

    async def head(self) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers and the text of an HTTP answer's head."""
        async with asyncio.timeout(WAIT_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        return int(first.split(" ")[1]), headers, head

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """An HTTP answer with a length, or without a body."""
        status, headers, _ = await self.head()
        async with asyncio.timeout(WAIT_SECONDS):
            return status, headers, await self.reader.readexactly(int(headers.get("content-length", "0")))

    async def frame(self, seconds: float = WAIT_SECONDS) -> tuple[int, bytes]:
        """The next frame; raises IncompleteReadError or ConnectionResetError at the end."""
        async with asyncio.timeout(seconds):
            first, second = await self.reader.readexactly(2)
            assert not second & 0x80, "a server's frame is masked"
            length = second & 0x7F
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(length)

    async def reply(self, number: int, seen: list[tuple[int, bytes]] | None = None) -> dict[str, Any]:
        """The reply with an id; what comes before it is put into `seen`."""
        while True:
            opcode, payload = await self.frame()
            if seen is not None:
                seen.append((opcode, payload))
            if opcode == TEXT:
                document: dict[str, Any] = json.loads(payload)
                if document.get("id") == number:
                    return document
            assert opcode != CLOSE, payload

    async def until_end(self, seconds: float = WAIT_SECONDS) -> Ending:
        """Everything until the server ends the connection."""
        ending = Ending()
        async with asyncio.timeout(seconds):
            try:
                while True:
                    ending.frames.append(await self.frame(seconds))
                    opcode, payload = ending.frames[-1]
                    if opcode == CLOSE:
                        await self.send(frame(CLOSE, payload))  # as every peer does; one that has closed already is not heard
            except asyncio.IncompleteReadError:
                return ending
            except ConnectionError:
                ending.reset = True
                return ending

    async def rest(self, seconds: float = WAIT_SECONDS) -> bytes:
        """All bytes until the server ends the connection; empty where it was reset."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.read(-1)
            except ConnectionError:
                return b""

    async def close(self) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
