"""Faults 23, 24 and 39 beside honest clients: who reads slowly, reads nothing or never finishes his header harms himself alone."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.hostile.others import MEMORY_SLACK_BYTES, Others
from tests.hostile.raw import Raw
from tests.journey.servers import Server
from tests.journey.stages import Scene, bearer, open_stage

STALL_SECONDS = 1.0
PATIENCE_SECONDS = 15.0


@pytest.fixture(scope="module")
def hub(start_hub: Callable[..., Server]) -> Iterator[Server]:
    """A hub that gives up on stuck connections within a test's time."""
    made = start_hub(PLENUM_STALL_SECONDS=str(STALL_SECONDS))
    try:
        yield made
        made.stop()
        assert "Traceback" not in made.log.read_text()
    finally:
        made.end()


@pytest.fixture
async def others(hub: Server) -> AsyncIterator[Others]:
    stage = await open_stage(hub.url, hub.database_url)
    entered = await Others.enter(hub, stage)
    yield entered
    await entered.close()
    await stage.close()


@contextlib.asynccontextmanager
async def much_is_said(others: Others) -> AsyncIterator[Scene]:
    """A session that keeps telling its presenters large things: a draft that is being written."""
    scene = await others.scene.stage.session("Much is said")
    activity_id = await scene.add("any", {"text": ""}, state="draft")

    async def write() -> None:
        for letter in itertools.cycle("abc"):
            body = {"config": {"settings": {"text": letter * 30_000}}}
            headers = bearer(scene.ticket)
            answer = await scene.stage.http.put(f"{scene.path}/activities/{activity_id}", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(write())
    try:
        yield scene
        assert not writing.done(), writing.exception()
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def stuck(scene: Scene, hub: Server, *, bytes_per_second: int) -> float:
    """For how many seconds a connection is held that reads this slowly while much is said."""
    raw = await Raw.enter(hub.url, scene.ticket, receive_bytes=4_096)
    started = time.monotonic()
    raw.stop_reading()
    try:
        while raw.is_held():
            assert time.monotonic() - started < PATIENCE_SECONDS, "held for ever"
            if bytes_per_second:
                raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
                with contextlib.suppress(TimeoutError):  # nothing is there yet
                    await asyncio.wait_for(raw.reader.read(bytes_per_second // 5), 0.05)
                raw.stop_reading()
            await asyncio.sleep(0.2)
    except ConnectionError:
        pass
    finally:
        await raw.close()
    return time.monotonic() - started


@pytest.mark.timeout(90)
@pytest.mark.parametrize("bytes_per_second", [1_000, 0], ids=["slow client", "client that reads nothing"])
async def test_slow_client(others: Others, hub: Server, bytes_per_second: int) -> None:
    before = others.memory()
    async with much_is_said(others) as scene:
        held = await asyncio.gather(*(stuck(scene, hub, bytes_per_second=bytes_per_second) for _ in range(10)))
        grown = others.memory() - before
    assert min(held) >= STALL_SECONDS
    assert grown < MEMORY_SLACK_BYTES, f"{grown / 1e6:.1f} MB for ten connections"
    await others.memory_comes_back(before)


@pytest.mark.timeout(90)
async def test_others_do_not_notice(others: Others) -> None:
    async with much_is_said(others) as scene:
        await others.do_not_notice("slow readers, no readers, slow headers", scene.ticket)
