"""A TCP proxy on this machine that makes a network's faults: late, slow, silent, cut, refused, moved."""

import asyncio
import contextlib
import random
import socket
import struct
from typing import Final, Literal, Self

Direction = Literal["up", "down"]

_CHUNK_BYTES: Final = 65_536
_CONNECT_SECONDS: Final = 2.0
_MOST_LINKS: Final = 20_000


class FaultProxy:
    """Carries bytes between clients and one of its targets (in turn; a target that refuses is passed over).

    Faults are attributes, changed at any time: `latency_seconds`, `jitter_seconds`, `bytes_per_second` (0: any)
    and `refusing`. What is held back by `blackhole` is delivered by `heal`, as TCP would.
    """

    def __init__(self, *targets: tuple[str, int], seed: int = 0) -> None:
        self.targets = list(targets)
        self.latency_seconds = 0.0
        self.jitter_seconds = 0.0
        self.bytes_per_second = 0
        self.refusing = False
        self.accepted = 0
        self.dropped_replies = 0
        self._random = random.Random(seed)
        self._turn = 0
        self._links: set[_Link] = set()
        self._passing = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._drop_after = b""
        self._drops_left = 0
        self._cut_after_bytes: dict[str, int] = {}
        self._server: asyncio.Server | None = None
        self.port = 0
        self.heal()

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=4_096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        tasks = [link.task for link in self._links]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    @property
    def connections(self) -> int:
        return len(self._links)

    def blackhole(self, *directions: Direction) -> None:
        """Let nothing through, one way or (by default) both, without ending anything."""
        for direction in directions or ("up", "down"):
            self._passing[direction].clear()

    def holds(self, pattern: bytes) -> bool:
        """True while something with these bytes waits in a blackhole."""
        return any(pattern in link.held for link in self._links)

    def heal(self) -> None:
        """End every fault; connections that were cut stay cut."""
        for passing in self._passing.values():
            passing.set()
        self.latency_seconds = self.jitter_seconds = 0.0
        self.bytes_per_second = 0
        self.refusing = False
        self._drops_left = 0
        self._cut_after_bytes.clear()

    def reset(self) -> None:
        """End every connection with a TCP reset."""
        for link in list(self._links):
            link.reset()

    def switch(self, *targets: tuple[str, int]) -> None:
        """New connections go to other targets, the present ones are reset."""
        self.targets = list(targets)
        self.reset()

    def cut_after(self, size_bytes: int, direction: Direction) -> None:
        """Reset the connection that carries this many more bytes in a direction."""
        self._cut_after_bytes[direction] = size_bytes

    def drop_reply_after(self, pattern: bytes, times: int = 1) -> None:
        """When a client has sent these bytes they reach the target, but the reply is lost with its connection."""
        self._drop_after, self._drops_left = pattern, times

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = _Link(writer)
        if self.refusing or len(self._links) >= _MOST_LINKS:
            link.reset()
            return
        self._links.add(link)
        try:
            await self._carry(link, reader, writer)
        except OSError:
            link.reset()  # the peer has reset; the other side shall see the same
        except asyncio.CancelledError:
            link.reset()  # the proxy closes; asyncio asks how this task ended, and takes no cancellation for an answer
        finally:
            self._links.discard(link)
            link.end()

    async def _carry(self, link: "_Link", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = await self._open()
        if opened is None:
            link.reset()
            return
        far_reader, far_writer = opened
        link.writers.append(far_writer)
        pumps = [
            asyncio.create_task(self._pump(link, reader, far_writer, "up")),
            asyncio.create_task(self._pump(link, far_reader, writer, "down")),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            results = await asyncio.gather(*pumps, return_exceptions=True)
            if any(isinstance(result, OSError) for result in results):
                link.reset()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in range(len(self.targets)):
            self._turn += 1
            host, port = self.targets[self._turn % len(self.targets)]
            with contextlib.suppress(OSError, TimeoutError):  # the next target's turn
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(host, port)
        return None

    async def _pump(
        self, link: "_Link", reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        tail = b""
        while data := await reader.read(_CHUNK_BYTES):
            if direction == "down" and link.mute:
                self.dropped_replies += 1
                link.reset()
                return
            wait_seconds = self.latency_seconds + self._random.random() * self.jitter_seconds
            if self.bytes_per_second:
                wait_seconds += len(data) / self.bytes_per_second
            if wait_seconds:
                await asyncio.sleep(wait_seconds)
            if not self._passing[direction].is_set():
                link.held = data
                await self._passing[direction].wait()
                link.held = b""
            if direction == "up" and self._drops_left and self._drop_after in tail + data:
                self._drops_left -= 1
                link.mute = True
            tail = data[-64:]
            left = self._cut_after_bytes.get(direction)
            if left is not None:
                writer.write(data[:left])
                self._cut_after_bytes[direction] = left - len(data)
                if left <= len(data):
                    del self._cut_after_bytes[direction]
                    await writer.drain()
                    link.reset()
                    return
            else:
                writer.write(data)
            await writer.drain()


class _Link:
    """One client's connection and the one to the target that belongs to it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writers = [writer]
        self.mute = False
        self.held = b""
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    def reset(self) -> None:
        for writer in self.writers:
            own: socket.socket | None = writer.get_extra_info("socket")
            if own is not None and own.fileno() >= 0:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def end(self) -> None:
        for writer in self.writers:
            writer.close()
