"""The real server as its own process, as an operator starts it, and what is left of it afterwards."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from realtime.engines.postgres import DATABASE, SOCKET_PORT
from realtime.engines.probe import free_ports
from tests.journey.issued import logs
from tests.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
PLENUM = [sys.executable, "-m", "realtime.cli"]
START_SECONDS = 60.0
STOP_SECONDS = 2.0  # what Ctrl-C may take; held by the tests of the shutdown itself
PATIENCE_SECONDS = 15.0  # what it may take at the end of any other test, on a machine that is busy with others


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    return free_ports()[0]


def environment(**variables: str) -> dict[str, str]:
    """This process' environment, which tests/conftest.py has cleaned, and the given variables."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(REPOSITORY), **variables}


def run_plenum(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a `plenum` command to its end."""
    command = [*PLENUM, *arguments]
    return subprocess.run(
        command, env=environment(**variables), cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=50
    )


class Server:
    """`plenum serve` on one data folder; may be started again after it was stopped."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def database_url(self) -> str:
        if "DATABASE_URL" in self._variables:
            return self._variables["DATABASE_URL"]
        host = quote(str((self.data / "run").resolve() / "postgres"))
        return f"postgresql://postgres@/{DATABASE}?host={host}&port={SOCKET_PORT}"

    @property
    def redis_url(self) -> str:
        if "REDIS_URL" in self._variables:
            return self._variables["REDIS_URL"]
        return "unix://" + quote(str((self.data / "run").resolve() / "valkey" / "valkey.sock"))

    def start(self) -> None:
        """Start it and wait until it is ready."""
        arguments = ["serve", "--host", "127.0.0.1", "--port", str(self.port), "--data-folder", str(self.data)]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._close()
        self._output = self.log.open("ab")
        logs.append(self.log)
        self._process = subprocess.Popen(
            [*PLENUM, *arguments], env=environment(**self._variables), cwd=REPOSITORY, stdin=subprocess.DEVNULL,
            stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        wait_until(self._ready_or_dead, "the server is ready", START_SECONDS)
        assert self._process.poll() is None, self.log.read_text()

    def _ready_or_dead(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None or is_ready(self.url)

    def interrupt(self) -> None:
        """Ctrl-C."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)

    def wait(self, seconds: float) -> int:
        """The exit code; raises TimeoutExpired."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> float:
        """Ctrl-C, a clean exit in time and nothing left running; returns the seconds it took."""
        started = time.monotonic()
        self.interrupt()
        try:
            code = self.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"Ctrl-C took longer than {PATIENCE_SECONDS} s\n{self.log.read_text()[-4000:]}") from None
        seconds = time.monotonic() - started
        assert code == 0, self.log.read_text()[-4000:]
        assert processes_of(self.data) == []
        self._close()
        return seconds

    def end(self) -> None:
        """End it whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
            wait_until(lambda: processes_of(self.data) == [], "the engines ended with the server", 30)
        self._close()

    def _close(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None


def is_ready(url: str) -> bool:
    """Whether the server says that it should get traffic."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/health/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False


def processes_of(folder: Path) -> list[str]:
    """The command lines of running processes that name a folder."""
    if Path("/proc/self").exists():
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue  # it ended while we looked
            if str(folder) in line:
                found.append(line)
        return found
    listed = subprocess.run(["ps", "-axww", "-o", "command="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Server]:
    """A server while this lasts; it must end cleanly. How soon it does is tested in tests/journey."""
    running = Server(folder, **variables)
    try:
        running.start()
        yield running
        running.interrupt()
        assert running.wait(20) == 0, running.log.read_text()[-4000:]
    finally:
        running.end()
