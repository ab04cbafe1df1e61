"""The proxy makes the faults that it says it makes, and no others."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import FaultProxy
from tests.waiting import eventually


class Echo:
    """A server that repeats what it hears, with its own name before it."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.heard = b""
        self.port = 0

    async def start(self) -> "Echo":
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.heard += data
                writer.write(self.name + data)
                await writer.drain()
        except ConnectionError:
            pass  # the proxy reset it: what this test is about
        finally:
            writer.close()

    def close(self) -> None:
        self._server.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    server = await Echo(b"1:").start()
    yield server
    server.close()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    started = await FaultProxy(("127.0.0.1", echo.port)).start()
    yield started
    await started.close()


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def call(cls, proxy: FaultProxy) -> "Caller":
        return cls(*await asyncio.open_connection("127.0.0.1", proxy.port))

    async def ask(self, data: bytes) -> bytes:
        self.writer.write(data)
        return await self.reader.read(65_536)

    async def lost(self) -> bool:
        """True when the connection ends within a second; raises TimeoutError when it does not."""
        try:
            async with asyncio.timeout(1):
                while await self.reader.read(100):
                    pass
        except ConnectionResetError:
            pass  # as it should
        return True

    def close(self) -> None:
        self.writer.transport.abort()


async def test_without_faults_bytes_pass_unchanged(proxy: FaultProxy) -> None:
    caller = await Caller.call(proxy)
    assert await caller.ask(b"hello") == b"1:hello"
    assert await caller.ask(b"again") == b"1:again"
    caller.close()


async def test_latency_and_rate(proxy: FaultProxy) -> None:
    caller = await Caller.call(proxy)
    proxy.latency_seconds = 0.05
    started = time.monotonic()
    await caller.ask(b"x")
    assert time.monotonic() - started >= 0.1, "both ways"
    proxy.heal()
    proxy.bytes_per_second = 1_000
    started = time.monotonic()
    await caller.ask(b"x" * 50)
    assert time.monotonic() - started >= 0.1
    caller.close()


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_blackhole_holds_back_one_way_until_healed(proxy: FaultProxy, echo: Echo, direction: str) -> None:
    caller = await Caller.call(proxy)
    await caller.ask(b"a")
    proxy.blackhole(direction)  # type: ignore[arg-type]
    asking = asyncio.create_task(caller.ask(b"b"))
    done, _ = await asyncio.wait({asking}, timeout=0.2)
    assert not done
    assert (echo.heard == b"ab") is (direction == "down")
    proxy.heal()
    assert await asking == b"1:b"
    caller.close()


async def test_refusing_and_reset(proxy: FaultProxy) -> None:
    caller = await Caller.call(proxy)
    await caller.ask(b"a")
    proxy.reset()
    assert await caller.lost()
    proxy.refusing = True
    refused = await Caller.call(proxy)
    assert await refused.lost()
    proxy.heal()
    again = await Caller.call(proxy)
    assert await again.ask(b"b") == b"1:b"
    again.close()


async def test_cut_after_bytes(proxy: FaultProxy, echo: Echo) -> None:
    caller = await Caller.call(proxy)
    await caller.ask(b"a")
    proxy.cut_after(3, "up")
    caller.writer.write(b"12345")
    assert await caller.lost()
    await eventually(lambda: echo.heard == b"a123", "what came before the cut is heard")


async def test_switch_moves_new_connections(proxy: FaultProxy) -> None:
    other = await Echo(b"2:").start()
    caller = await Caller.call(proxy)
    await caller.ask(b"a")
    proxy.switch(("127.0.0.1", other.port))
    assert await caller.lost()
    moved = await Caller.call(proxy)
    assert await moved.ask(b"b") == b"2:b"
    moved.close()
    other.close()


async def test_a_reply_is_lost_after_a_pattern_that_arrived(proxy: FaultProxy, echo: Echo) -> None:
    proxy.drop_reply_after(b"COMMIT")
    caller = await Caller.call(proxy)
    assert await caller.ask(b"BEGIN") == b"1:BEGIN"
    caller.writer.write(b"COM")
    assert await caller.reader.read(100) == b"1:COM"
    caller.writer.write(b"MIT")
    assert await caller.lost()
    assert echo.heard == b"BEGINCOMMIT"
    assert proxy.dropped_replies == 1
    second = await Caller.call(proxy)
    assert await second.ask(b"COMMIT") == b"1:COMMIT", "once only"
    second.close()


async def test_a_target_that_is_away_is_passed_over(proxy: FaultProxy, echo: Echo) -> None:
    gone = await Echo(b"gone").start()
    gone.close()
    proxy.targets = [("127.0.0.1", gone.port), ("127.0.0.1", echo.port)]
    for _ in range(4):
        caller = await Caller.call(proxy)
        assert await caller.ask(b"a") == b"1:a"
        caller.close()
