"""`plenum serve --workers`: several processes on one port are one Plenum, and end as one."""

import asyncio
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from realtime.engines import Engines
from realtime.settings import Settings
from realtime.workers import Worker, Workers
from tests.journey.clients import Client
from tests.journey.servers import (
    PLENUM,
    REPOSITORY,
    START_SECONDS,
    STOP_SECONDS,
    Server,
    environment,
    free_port,
    processes_of,
    run_plenum,
)  # fmt: skip
from tests.journey.stages import Scene, Seat, Stage, new_id
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

WORKERS = 2
PHONES = 24
EnterStage = Callable[[Server], Awaitable[Stage]]
MakeServer = Callable[..., Server]


def read_metrics(port: int) -> dict[tuple[str, str], float]:
    """Metric and worker -> value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        found = re.findall(r'^(\w+)(?:\{worker="(\d+)"\})? (\S+)$', answer.read().decode(), re.MULTILINE)
    return {(name, worker): float(value) for name, worker, value in found}


def workers_of(server: Server) -> list[int]:
    """The pids of the workers, in no order."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"realtime.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture
def crew(make_server: MakeServer) -> tuple[Server, int]:
    """A server of several workers on engines of its own, and the port of its metrics."""
    port = free_port()
    server = make_server("crew", PLENUM_WORKERS=str(WORKERS), PLENUM_METRICS_PORT=str(port), PLENUM_LEASE_SECONDS="1")
    server.start()
    wait_until(lambda: read_metrics(port)["plenum_workers", ""] == WORKERS, "every worker is ready", START_SECONDS)
    return server, port


def interrupt_until_gone(server: Server) -> int:
    """Ctrl-C again and again, as an impatient person does; returns the exit code."""
    deadline = time.monotonic() + 20
    while True:
        server.interrupt()
        try:
            return server.wait(0.3)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < deadline, "the second signal ends it"


async def enter_all(scene: Scene, count: int = PHONES) -> tuple[list[Seat], list[Client]]:
    seats = [await scene.join(f"P{number}") for number in range(count)]
    return seats, [await scene.enter(seat) for seat in seats]


async def press(phone: Client, activity_id: str, number: int) -> dict[str, object]:
    submission_id = new_id()
    data, entry = {"n": number}, f"n:{number}"
    return await phone.ask("submit", activity_id=activity_id, submission_id=submission_id, data=data, entry=entry)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads the workers from /proc")
async def test_workers_are_one_plenum_also_when_one_is_killed(
    crew: tuple[Server, int], enter_stage: EnterStage, tmp_path: Path
) -> None:
    server, metrics_port = crew
    stage = await enter_stage(server)
    scene = await stage.session()
    activity_id = await scene.add("generic", {}, constraints={"max_responses": 1_000})
    presenter = await scene.present()
    seats, phones = await enter_all(scene)

    # The port is theirs: a second server does not share it, even though they do.
    second = await asyncio.to_thread(
        run_plenum, "serve", "--workers", "2", "--host", "127.0.0.1", "--port", str(server.port),
        "--data-folder", str(tmp_path / "other"),
    )  # fmt: skip
    assert second.returncode == 2
    assert f"Port {server.port} cannot be used" in second.stderr

    # Connections are spread, leases are shared, and every worker tells its own numbers.
    def spread() -> bool:
        found = read_metrics(metrics_port)
        connected = [found.get(("plenum_connections", str(number + 1)), 0) for number in range(WORKERS)]
        owned = [found.get(("plenum_shards_owned", str(number + 1)), 0) for number in range(WORKERS)]
        return sum(connected) == PHONES + 1 and min(connected) > 0 and sum(owned) == 16 and min(owned) > 0

    await asyncio.to_thread(wait_until, spread, "connections and shards are spread over the workers", 20)
    assert server.log.read_text().count("Presenters") == 1, "one of them tells the address"

    accepted = await asyncio.gather(*(press(phone, activity_id, number) for phone in phones for number in range(5)))
    assert {reply["type"] for reply in accepted} == {"accepted"}
    await presenter.until(lambda: presenter.map[f"counts:{activity_id}"]["responses"] == 5 * PHONES, "counted across workers")

    # One is killed under load: the others go on, it comes back, and nothing is lost or counted twice.
    victim = workers_of(server)[0]
    os.kill(victim, signal.SIGKILL)
    await asyncio.to_thread(wait_until, lambda: len(workers_of(server)) == WORKERS and victim not in workers_of(server), "restart")
    alive = [(seat, phone) for seat, phone in zip(seats, phones, strict=True) if not phone.closed]
    assert alive, "the other worker kept its connections"
    more = await asyncio.gather(*(press(phone, activity_id, 10) for _, phone in alive))
    assert {reply["type"] for reply in more} == {"accepted"}

    def restarted() -> bool:
        found = read_metrics(metrics_port)
        return found["plenum_workers", ""] == WORKERS and found["plenum_worker_restarts_total", ""] == 1

    await asyncio.to_thread(wait_until, restarted, "the parent counts one restart", 20)
    back = [await scene.enter(seat, after=phone) for seat, phone in zip(seats, phones, strict=True) if phone.closed]
    again = await asyncio.gather(*(press(phone, activity_id, 10) for phone in back))
    assert {reply["type"] for reply in again} == {"accepted"}
    rows = await scene.settled_rows(activity_id)
    assert len(rows) == 6 * PHONES
    witness = await scene.present()
    await witness.until(lambda: witness.map[f"counts:{activity_id}"]["responses"] == 6 * PHONES, "counts equal rows")

    # Ctrl-C: everybody is told, everything is saved, nothing is left running.
    everybody = [phone for phone in (*phones, *back, witness) if not phone.closed]
    started = time.monotonic()
    server.interrupt()
    code = await asyncio.to_thread(server.wait, 15)
    seconds = time.monotonic() - started
    goodbyes = {await phone.until_closed() for phone in everybody}
    await stage.close()
    assert code == 0, server.log.read_text()[-3_000:]
    assert goodbyes == {4000}
    assert processes_of(server.data) == []
    assert "Traceback" not in server.log.read_text()
    # A third of a second where the machine is free; five processes that end share two cores with the other tests.
    assert seconds < 2 * STOP_SECONDS, f"{seconds:.2f} s"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads the workers from /proc")
def test_a_killed_parent_takes_all_along_and_a_second_signal_ends_at_once(crew: tuple[Server, int]) -> None:
    server, _ = crew
    workers = workers_of(server)
    os.kill(server.pid, signal.SIGKILL)
    server.wait(10)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers ended with their parent", 20)
    wait_until(lambda: processes_of(server.data) == [], "and so did the engines", 20)

    server.start()
    workers = workers_of(server)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)  # they cannot be polite
    assert interrupt_until_gone(server) == 130
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers are gone at once", 5)


def test_what_the_first_worker_cannot_use_is_said_once(external_engines: Engines, tmp_path: Path) -> None:
    ended = run_plenum(
        "serve", "--workers", "3", "--port", str(free_port()), REDIS_URL=f"unix://{tmp_path}/none.sock",
        DATABASE_URL=external_engines.database_url,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.count("Redis does not answer at REDIS_URL") == 1
    assert "Presenters" not in ended.stdout
    assert "Traceback" not in ended.stderr


def test_the_platform_says_how_many(external_engines: Engines) -> None:
    listed = run_plenum("settings", WEB_CONCURRENCY="3").stdout
    assert re.search(r"^PLENUM_WORKERS +3$", listed, re.MULTILINE)
    listed = run_plenum("settings", WEB_CONCURRENCY="3", PLENUM_WORKERS="5").stdout
    assert re.search(r"^PLENUM_WORKERS +5$", listed, re.MULTILINE)
    refused = run_plenum("settings", WEB_CONCURRENCY="many")
    assert refused.returncode == 2
    assert "WEB_CONCURRENCY is 'many'" in refused.stderr


def test_a_demo_of_several_workers_plays_and_ends(tmp_path: Path) -> None:
    output = tmp_path / "demo.log"
    where = ["--host", "127.0.0.1", "--port", str(free_port()), "--data-folder", str(tmp_path / "data")]
    command = [*PLENUM, "demo", "--workers", "2", *where]
    with output.open("wb") as log, subprocess.Popen(
        [*command, "--phones", "6", "--seconds", "1"], env=environment(), cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT
    ) as process:  # fmt: skip
        try:
            wait_until(lambda: "answers are in" in output.read_text() or process.poll() is not None, "the phones answered", 50)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, output.read_text()[-3_000:]
    assert re.search(r"[1-9]\d* answers are in", output.read_text()), output.read_text()[-3_000:]
    assert processes_of(tmp_path / "data") == []


class Unlucky(Worker):
    """A worker that ends at once each time, and cannot be started again at first: the machine has no memory left."""

    def __init__(self) -> None:
        super().__init__(1)
        self.starts = 0
        self.again = asyncio.Event()

    async def start(self, order: object, inherited: object, death_signal: object) -> None:
        self.starts += 1
        if self.starts in (2, 3):
            raise OSError(12, "Cannot allocate memory")
        if self.starts == 4:
            self.again.set()
        self.ready.set()

    async def listen(self) -> int:
        return 1


async def test_a_worker_that_cannot_be_started_again_is_tried_until_it_can() -> None:
    workers = Workers(Settings(), flusher=False, inherited=None, engines_are_ours=False)
    unlucky = Unlucky()
    keeping = asyncio.create_task(workers._keep(unlucky))
    try:
        again = asyncio.create_task(unlucky.again.wait())
        await asyncio.wait({again, keeping}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert (again.done(), keeping.done()) == (True, False)
    finally:
        workers._stopping.set()
        await asyncio.gather(keeping, return_exceptions=True)
