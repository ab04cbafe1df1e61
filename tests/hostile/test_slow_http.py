"""Fault 39: slowloris, silent connections, huge headers, bodies that never come, readers that do not read."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from tests.hostile.raw import Raw, handshake
from tests.journey.servers import Server
from tests.journey.stages import open_stage
from tests.waiting import eventually

DEADLINE_SECONDS = 1.0
SLACK_SECONDS = 4.0  # of a busy machine
LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(scope="module")
def hasty(start_hub: Callable[..., Server]) -> Iterator[Server]:
    """A hub with deadlines that a test can wait for."""
    names = ("HEADER_SECONDS", "BODY_SECONDS", "KEEP_ALIVE_SECONDS", "STALL_SECONDS")
    hub = start_hub(**{f"PLENUM_{name}": str(DEADLINE_SECONDS) for name in names})
    try:
        yield hub
        hub.stop()
        assert "Traceback" not in hub.log.read_text()
    finally:
        hub.end()


async def drip(raw: Raw, data: bytes, size: int = 1) -> None:
    """Send a little at a time, for ever or until the server has enough."""
    for at in range(0, len(data), size):
        await raw.send(data[at : at + size])
        await asyncio.sleep(0.05)


async def ends_in_time(raw: Raw) -> bytes:
    """What the server says until it ends the connection, which must be neither before the deadline nor long after it."""
    started = time.monotonic()
    said = await raw.rest(DEADLINE_SECONDS + SLACK_SECONDS)
    assert time.monotonic() - started > DEADLINE_SECONDS * 0.5
    return said


async def test_silent_connect(hasty: Server, sockets: list[Raw]) -> None:
    sockets += [await Raw.connect(hasty.url) for _ in range(20)]
    assert await asyncio.gather(*map(ends_in_time, sockets)) == [b""] * 20


@pytest.mark.parametrize("what", ["request", "handshake"])
async def test_slowloris(hasty: Server, sockets: list[Raw], what: str) -> None:
    head = LIVE if what == "request" else handshake("x")
    head = head[:-2] + b"x-pad: a\r\n" * 100
    sockets += [await Raw.connect(hasty.url) for _ in range(20)]
    dripping = [asyncio.create_task(drip(raw, head)) for raw in sockets]
    said = await asyncio.gather(*map(ends_in_time, sockets))
    for task in dripping:
        task.cancel()
    # One that was writing at that moment may have been reset before it read why.
    assert [text for text in said if text and not text.startswith(b"HTTP/1.1 408 ")] == []
    assert [text for text in said if text]


async def test_slowloris_between_requests(hasty: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(hasty.url)
    sockets.append(raw)
    await raw.send(LIVE)
    assert (await raw.answer())[0] == 200
    await raw.send(LIVE[:10])
    assert (await ends_in_time(raw)).startswith(b"HTTP/1.1 408 ")


async def test_connection_between_requests_is_kept_for_a_while(hasty: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(hasty.url)
    sockets.append(raw)
    for _ in range(3):
        await raw.send(LIVE)
        assert (await raw.answer())[0] == 200
    assert await ends_in_time(raw) == b""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (LIVE[:-2] + b"x-pad: %b\r\n\r\n" % (b"a" * 16_384), 431),
        (LIVE[:-2] + b"x-pad: %b" % (b"a" * 16_384), 431),
        (LIVE[:-2] + b"x-pad: %b\r\n" % (b"a" * 1_000) * 20 + b"\r\n", 431),
        (LIVE[:-2] + b"a: b\r\n" * 101 + b"\r\n", 431),
        (LIVE[:-2] + b"a: b\r\n" * 5_000, 431),
        (b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n" % (b"a" * 8_192), 414),
        (b"GET /?%b HTTP/1.1\r\nhost: x\r\n\r\n" % (b"a" * 200_000), 414),
        (handshake("x", "/ws", "x-pad: " + "a" * 16_384), 431),
        (LIVE[:-2] + b"x-pad: %b" % (b"a" * 4_000_000), 431),
        (LIVE[:-2] + b"x-pad: %b\r\n\r\n" % (b"a" * 15_000), 200),
        (LIVE[:-2] + b"a: b\r\n" * 90 + b"\r\n", 200),
    ],
)
async def test_huge_headers(server: Server, sockets: list[Raw], head: bytes, status: int) -> None:
    for cut in (None, [3_000] * 6):
        raw = await Raw.connect(server.url)
        sockets.append(raw)
        sending = asyncio.create_task(raw.send(head, cut=cut))
        assert (await raw.head())[0] == status
        await raw.close()
        await sending


@pytest.mark.parametrize("coding", ["content-length: 5000", "transfer-encoding: chunked"])
async def test_body_that_never_comes(hasty: Server, sockets: list[Raw], coding: str) -> None:
    head = f"POST /api/v1/join HTTP/1.1\r\nhost: x\r\n{coding}\r\n\r\n".encode()
    silent, slow = await Raw.connect(hasty.url), await Raw.connect(hasty.url)
    sockets += [silent, slow]
    await silent.send(head)
    await slow.send(head)
    dripping = asyncio.create_task(drip(slow, b" " * 5_000 if "length" in coding else b"1\r\n \r\n" * 1_000, 6))
    said = await asyncio.gather(ends_in_time(silent), ends_in_time(slow))
    dripping.cancel()
    assert said[0].startswith(b"HTTP/1.1 408 ")
    assert not said[1] or said[1].startswith(b"HTTP/1.1 408 ")


async def test_slow_body_of_an_honest_phone_is_waited_for(hasty: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(hasty.url)
    sockets.append(raw)
    body = b'{"code":"ZZZZZZ","nickname":"Ann"}'.rjust(8_000)
    await raw.send(b"POST /api/v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 8000\r\n\r\n")
    started = time.monotonic()
    await drip(raw, body, 250)
    assert (await raw.answer())[0] == 404
    assert time.monotonic() - started > DEADLINE_SECONDS


async def test_client_that_leaves_in_the_middle_is_no_fault(hasty: Server, sockets: list[Raw]) -> None:
    for sent in (LIVE[:20], b"POST /api/v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 8000\r\n\r\n{"):
        raw = await Raw.connect(hasty.url)
        await raw.send(sent)
        await raw.close()
    still = await Raw.connect(hasty.url)
    sockets.append(still)
    await still.send(LIVE)
    assert (await still.answer())[0] == 200
    assert "Traceback" not in hasty.log.read_text()


async def test_reader_that_does_not_read_its_response(hasty: Server, sockets: list[Raw]) -> None:
    """A pile of responses, and a stream of events, that nobody takes: the server cuts them."""
    stage = await open_stage(hasty.url, hasty.database_url)
    scene = await stage.session("Nobody reads")
    await scene.add("any", {"text": "x" * 300_000})
    await stage.close()
    head = f"host: x\r\nauthorization: Bearer {scene.ticket}\r\n"
    for request in (
        f"GET {scene.path}/activities HTTP/1.1\r\n{head}\r\n" * 10,
        f"GET {scene.path}/changes HTTP/1.1\r\naccept: text/event-stream\r\n{head}\r\n",
    ):
        raw = await Raw.connect(hasty.url, receive_bytes=4_096)
        sockets.append(raw)
        raw.stop_reading()
        await raw.send(request.encode())
        started = time.monotonic()
        await eventually(lambda: not raw.is_held(), "a reader that takes nothing is let go", 4 * DEADLINE_SECONDS + SLACK_SECONDS)  # noqa: B023
        assert time.monotonic() - started > DEADLINE_SECONDS * 0.5
