"""Fault 49: no more sockets, or no more open files. Health is answered, who is in stays in, and it passes."""

import asyncio
import contextlib
import itertools
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.raw import WAIT_SECONDS, Raw, handshake
from tests.journey.servers import REPOSITORY, Server, environment
from tests.journey.stages import new_id, open_stage
from tests.waiting import eventually

CAP, RESERVED = 40, 100
LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
PAGE = b"GET /join HTTP/1.1\r\nhost: x\r\n\r\n"


async def ask(hub: Server, request: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """The answer to one request on a connection of its own; None where there was none."""
    try:
        raw = await Raw.connect(hub.url)
    except ConnectionError:
        return None
    try:
        await raw.send(request)
        return await raw.answer()
    except (ConnectionError, asyncio.IncompleteReadError):
        return None
    finally:
        await raw.close()


def highest_file(hub: Server) -> int:
    return max(int(file.name) for file in Path(f"/proc/{hub.pid}/fd").iterdir())


async def served_again(hub: Server) -> None:
    """Wait until a page is served to a newcomer."""

    async def is_served() -> bool:
        answer = await ask(hub, PAGE)
        return answer is not None and answer[0] == 200

    await eventually(is_served, "a page is served", WAIT_SECONDS)


async def test_cap_of_sockets(make_hub: Callable[..., Server], sockets: list[Raw]) -> None:
    hub = make_hub(PLENUM_SOCKETS=str(CAP), PLENUM_HEADER_SECONDS="30")
    stage = await open_stage(hub.url, hub.database_url)
    scene = await stage.session()
    phone = await Raw.enter(hub.url, scene.ticket)
    sockets.append(phone)
    await stage.close()
    silent = [await Raw.connect(hub.url) for _ in range(CAP)]
    sockets += silent

    for path in (b"live", b"ready"):
        answer = await ask(hub, LIVE.replace(b"live", path))
        assert answer is not None
        assert (answer[0], answer[1]["connection"]) == (200, "close")
    for request in (PAGE, handshake("x"), LIVE.replace(b"live", b"else")):
        answer = await ask(hub, request)
        assert answer is not None
        status, headers, body = answer
        assert (status, headers["connection"], headers["retry-after"]) == (503, "close", "2")
        assert b'"code":"overloaded"' in body

    for _ in range(RESERVED + 10):
        with contextlib.suppress(ConnectionError):  # reset before it was ours
            silent.append(await Raw.connect(hub.url))
            sockets.append(silent[-1])
    assert await ask(hub, LIVE) is None, "beyond the reserve nothing is said"
    await phone.tell({"type": "ping", "id": 5})
    assert (await phone.reply(5))["type"] == "pong", "who is in stays in"
    for raw in silent:
        await raw.close()
    await served_again(hub)


async def test_no_open_files_are_left(make_hub: Callable[..., Server], sockets: list[Raw]) -> None:
    hub = make_hub()
    stage = await open_stage(hub.url, hub.database_url)
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await Raw.enter(hub.url, (await scene.join()).ticket)
    sockets.append(phone)
    before = resource.prlimit(hub.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, (highest_file(hub) + 4, before[1]))
    sockets += [await Raw.connect(hub.url) for _ in range(30)]
    press = {"activity_id": activity_id, "submission_id": new_id(), "data": {"selected": ["a"]}}
    for number in range(5, 10):
        await phone.tell({"type": "submit", "id": number, **press})
        # The hub itself may lack a file for a connection to Redis; that is told as what it is.
        assert (await phone.reply(number))["type"] in ("accepted", "retry"), "who is in stays in"
    resource.prlimit(hub.pid, resource.RLIMIT_NOFILE, before)
    await served_again(hub)
    numbers = itertools.count(10)

    async def is_accepted() -> bool:
        number = next(numbers)
        await phone.tell({"type": "submit", "id": number, **press})
        return (await phone.reply(number))["type"] == "accepted"

    await eventually(is_accepted, "its connections to Redis come back in their own time", WAIT_SECONDS, every_seconds=0.1)
    # The flusher may be pausing after failures of its own.
    rows = await eventually(lambda: scene.settled_rows(activity_id), "the answer is saved", WAIT_SECONDS, every_seconds=0.1)
    assert len(rows) == 1
    await stage.close()


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "room"), [(300, 300, 18_000, 100), (256, 4_096, 1_000, 1_000), (64, 64, 1_000, 50)]
)
def test_cap_follows_the_limit_of_open_files(soft: int, hard: int, wanted: int, room: int) -> None:
    """The soft limit is raised as far as it goes, and 200 files are kept for other things."""
    program = (
        "import resource, realtime.server as server\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        f"print(server.room_for({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(room), str(min(hard, max(soft, wanted + 200)))]
