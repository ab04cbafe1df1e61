"""The servers that are measured, as processes of their own: Plenum as an operator starts it, and whatever it is compared to."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import children, cpu_seconds, name_of
from realtime.engines import start_engines

ROOT = Path(__file__).resolve().parent.parent
POLL = {"question": "Which?", "options": [{"id": name, "text": name.upper()} for name in ("a", "b", "c", "d")]}
LIVE_POLL = {"settings": POLL, "reveal": {"results": "live"}}
HIDDEN_POLL = {"settings": POLL, "reveal": {"counts": "presenter", "results": "never"}}
OPEN_TEXT = {"settings": {"prompt": "What was unclear?"}, "reveal": {"counts": "presenter", "results": "never"}}

# One phone of the load speaks for many: what paces a single ticket is out of the way.
_PACES = (
    "COMMANDS_PER_SECOND", "COMMAND_BURST", "JOINS_PER_SECOND", "JOIN_BURST", "ANSWERS_PER_SECOND", "SESSIONS_PER_MINUTE",
)  # fmt: skip
UNPACED = {f"PLENUM_{name}": "100000" for name in _PACES}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nothing listens on port {port}; exit code {process.poll()}") from None
            time.sleep(0.02)


@dataclass
class Served:
    """A running Plenum. CPU is counted apart for the hub, Valkey and PostgreSQL."""

    url: str
    port: int
    pid: int
    folder: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    engines_below: int = 0  # the process that started the engines, if it is not the server

    def pids(self, part: str) -> list[int]:
        """The processes of `hub`, `valkey` or `postgres`."""
        if part == "hub":
            return [self.pid, *(pid for pid in children(self.pid) if name_of(pid).startswith(("python", "plenum")))]
        return [pid for pid in children(self.engines_below or self.pid) if name_of(pid).startswith(part)]

    def cpu(self, part: str) -> float:
        return cpu_seconds(*self.pids(part))

    def post(self, path: str, body: Any, ticket: str = "") -> Any:
        return ask(self.url, "POST", path, body, ticket)

    def get(self, path: str, ticket: str = "") -> Any:
        return ask(self.url, "GET", path, None, ticket)

    def delete(self, path: str, ticket: str) -> None:
        ask(self.url, "DELETE", path, None, ticket)

    def session(
        self, *, activities: int = 1, most_people: int | None = None, kind: str = "poll", config: dict[str, Any] | None = None
    ) -> "Hall":
        """A session with open activities, polls unless something else is asked for."""
        body: dict[str, Any] = {"title": "Bench"}
        if most_people:
            body["max_participants"] = most_people
        made = self.post("/api/v1/sessions", body)
        hall = Hall(made["id"], made["join_code"], made["presenter_ticket"])
        for number in range(activities):
            settings = config or LIVE_POLL
            added = self.post(
                f"/api/v1/sessions/{hall.id}/activities",
                {"type": kind, "title": f"Activity {number}", "config": settings},
                hall.ticket,
            )
            self.post(f"/api/v1/sessions/{hall.id}/activities/{added['id']}/transition", {"target_state": "active"}, hall.ticket)
            hall.activities.append(added["id"])
        return hall


@dataclass
class Hall:
    """A session that is measured: id, join code, the presenter's ticket, its open activities."""

    id: str
    code: str
    ticket: str
    activities: list[str] = field(default_factory=list)


def ask(url: str, method: str, path: str, body: Any, ticket: str = "") -> Any:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {ticket}"} if ticket else {})
    request = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error


@dataclass(frozen=True, slots=True)
class Stores:
    """Engines that this process started for several servers."""

    redis_url: str
    database_url: str
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        return {"REDIS_URL": self.redis_url, "DATABASE_URL": self.database_url}


@contextmanager
def stores() -> Iterator[Stores]:
    """The embedded engines with their defaults, migrated, for servers that are told their addresses."""
    with tempfile.TemporaryDirectory(prefix="plenum-bench-") as name:
        engines = start_engines(Path(name) / "data")
        try:
            found = Stores(engines.redis_url, engines.database_url, Path(name))
            command(found, "migrate", "up")
            yield found
        finally:
            engines.stop()


def _environment(on: Stores | None, **variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **(on.variables if on else {}), **variables}


def command(found: Stores, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `plenum` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", *arguments],
        cwd=ROOT, env=_environment(found), capture_output=True, text=True, check=True,
    )  # fmt: skip


@contextmanager
def plenum(
    *arguments: str, on: Stores | None = None, port: int = 0, samples: Path | None = None, **variables: str
) -> Iterator[Served]:
    """`plenum serve`, on given stores or on engines of its own, with a data folder that is gone afterwards.

    With `samples` it runs under a sampling profiler, which writes there when the server ends.
    """
    with tempfile.TemporaryDirectory(prefix="plenum-bench-") as name:
        folder = Path(name)
        port = port or free_port()
        log = (folder / "server.log").open("ab")
        where = ["--host", "127.0.0.1", "--port", str(port), "--data-folder", str(folder / "data")]
        started = subprocess.Popen(
            [sys.executable, "-m", *(("bench.servers.sampled", str(samples)) if samples else ("realtime.cli",)), "serve", *where,
             *arguments],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env=_environment(on, PLENUM_MAX_PARTICIPANTS="100000", **UNPACED) | variables,
        )  # fmt: skip
        try:
            served = Served(f"http://127.0.0.1:{port}", port, started.pid, folder, started, os.getpid() if on else 0)
            wait_until_ready(served)
            yield served
        finally:
            end(started)
            log.close()
            if started.returncode not in (0, -signal.SIGKILL, None):
                print((folder / "server.log").read_text()[-2_000:], file=sys.stderr)


@contextmanager
def flusher(on: Stores) -> Iterator[subprocess.Popen[bytes]]:
    """`plenum flush`, so that what saving costs is told apart from what the hub does."""
    started = subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", "flush"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
        env=_environment(on),
    )  # fmt: skip
    try:
        yield started
    finally:
        end(started)


def wait_until_ready(served: Served, seconds: float = 90.0) -> None:
    """Wait until the server says that it takes answers."""
    deadline = time.monotonic() + seconds
    while not _ready(served.url):
        if served.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((served.folder / "server.log").read_text()[-3_000:])
        time.sleep(0.02)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def process(*command: str, port: int, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Any other server; waits until its port is open."""
    started = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    )
    try:
        wait_for_port(port, started)
        yield started
    finally:
        end(started)


def end(started: subprocess.Popen[bytes]) -> None:
    """End a process as an operator would, or the hard way."""
    if started.poll() is None:
        started.send_signal(signal.SIGINT)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(10)
