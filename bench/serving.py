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

ROOT = Path(__file__).resolve().parent.parent
POLL = {"question": "Which?", "options": [{"id": name, "text": name.upper()} for name in ("a", "b", "c", "d")]}


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

    def pids(self, part: str) -> list[int]:
        """The processes of `hub`, `valkey` or `postgres`."""
        below = children(self.pid)
        if part == "hub":
            return [self.pid, *(pid for pid in below if name_of(pid).startswith(("python", "plenum")))]
        return [pid for pid in below if name_of(pid).startswith(part)]

    def cpu(self, part: str) -> float:
        return cpu_seconds(*self.pids(part))

    def post(self, path: str, body: Any, ticket: str = "") -> Any:
        return ask(self.url, "POST", path, body, ticket)

    def get(self, path: str, ticket: str = "") -> Any:
        return ask(self.url, "GET", path, None, ticket)

    def session(self, *, activities: int = 1, most_people: int | None = None, config: dict[str, Any] | None = None) -> "Hall":
        """A session with open polls."""
        body: dict[str, Any] = {"title": "Bench"}
        if most_people:
            body["max_participants"] = most_people
        made = self.post("/api/v1/sessions", body)
        hall = Hall(made["id"], made["join_code"], made["presenter_ticket"])
        for number in range(activities):
            settings = config or {"settings": POLL, "reveal": {"results": "live"}}
            added = self.post(
                f"/api/v1/sessions/{hall.id}/activities",
                {"type": "poll", "title": f"Poll {number}", "config": settings},
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
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error


@contextmanager
def plenum(*arguments: str, **variables: str) -> Iterator[Served]:
    """`plenum serve` on the embedded engines, with a data folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="plenum-bench-") as name:
        folder = Path(name)
        port = free_port()
        log = (folder / "server.log").open("ab")
        command = [
            sys.executable,
            "-m",
            "realtime.cli",
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--data-folder",
            str(folder / "data"),
            *arguments,
        ]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PLENUM_MAX_PARTICIPANTS": "100000", **variables},
        )  # fmt: skip
        try:
            served = Served(f"http://127.0.0.1:{port}", port, process.pid, folder, process)
            deadline = time.monotonic() + 90
            while not _ready(served.url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "server.log").read_text()[-3_000:])
                time.sleep(0.05)
            yield served
        finally:
            end(process)
            log.close()
            if process.returncode not in (0, None):
                print((folder / "server.log").read_text()[-2_000:], file=sys.stderr)


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
