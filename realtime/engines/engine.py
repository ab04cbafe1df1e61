"""What both engines have in common: spawning, waiting until ready, stopping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from realtime.engines import launcher
from realtime.engines.account import Account
from realtime.engines.errors import EngineError
from realtime.engines.leftovers import POLL_SECONDS, end_leftover

LOG_MAX_BYTES = 10 * 1024 * 1024
LOG_TAIL_BYTES = 4096
LOG_TAIL_LINES = 15
LATE_STOP_SECONDS = 5.0
_ADVICE = {
    "No space left": "its disk is full: free some space and start again",
    "Address already in use": "its port was taken at that moment: start again",
    "could not look up effective user ID": "its user is not in /etc/passwd: start as another one",
}
# Nothing of our own environment reaches an engine: PGOPTIONS, PGDATA and the like would change what it does.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def advice(said: str) -> str:
    """What to do first about a failure that the log explains, to stand before "see its log"."""
    for reason, sentence in _ADVICE.items():
        if reason in said:
            return f"{sentence}, or "
    return ""


class Engine(ABC):
    """One engine on its data folder, as a child of this process."""

    name: ClassVar[str]
    # Of the data folder, the log and the pid file.
    stem: ClassVar[str]
    programs: ClassVar[frozenset[str]]
    stop_signal: ClassVar[signal.Signals]
    # What ends it when it does not stop in time, without harm to what is on disk.
    last_signal: ClassVar[signal.Signals]
    # What its log says when a start failed for a reason that passes by itself; empty where there is none.
    passing_reason: ClassVar[str] = ""

    def __init__(self, folder: Path, account: Account | None) -> None:
        self.folder = folder
        self.data = folder / self.stem
        self.account = account
        self.log = folder / f"{self.stem}.log"
        self.pid_file = folder / f"{self.stem}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start_bytes = 0
        self._deadline_seconds = 0.0

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments; the data folder is one of them, word for word."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what the program needs before it can start; raises EngineError where that fails or is late."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether this very child answers now."""

    @property
    def pid(self) -> int:
        """The child's process, also after it ended."""
        if self._process is None:
            raise EngineError(f"{self.name} was not started here.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child is alive."""
        return self._process is not None and self._process.poll() is None

    @classmethod
    def end_leftover(cls, folder: Path, deadline_seconds: float) -> None:
        """Stop the engine of this kind that an earlier run left on the data folder."""
        pid_file, data = folder / f"{cls.stem}.pid", folder / cls.stem
        end_leftover(pid_file, cls.programs, data, cls.stop_signal, deadline_seconds)

    def spawn(self, deadline_seconds: float) -> None:
        """Start the child without waiting for it; `wait_ready` comes next, with the same deadline."""
        if self.running:
            raise EngineError(f"{self.name} is running already (process {self.pid}).")
        self._deadline_seconds = deadline_seconds
        self._rotate_log()
        self.prepare()
        self._respawn()

    def wait_ready(self) -> None:
        """Return once the child answers; raises EngineError where it ends or is late."""
        while not (self.running and self.ready() and self.running):
            if not self.running:
                said = self.said()
                passing = self.passing_reason and self.passing_reason in said
                if not passing or self._seconds_left() <= 0:
                    raise EngineError(self._ended("ended while starting", said))
                self._respawn()
            elif self._seconds_left() <= 0:
                said = self.said()
                self.ask_stop()
                self.finish_stop(time.monotonic() + LATE_STOP_SECONDS)
                raise EngineError(
                    f"{self.name} was not ready in time: give it longer, or see its log {self.log}, "
                    f"which ends:\n{said}"
                )
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise EngineError, with the end of its log, where the child ended by itself."""
        if self._process is not None and not self.running:
            raise EngineError(self._ended("ended", self.said()))

    def ask_stop(self) -> None:
        """Ask for a clean end, without waiting for it."""
        if self._process is not None:
            self._process.send_signal(self.stop_signal)

    def finish_stop(self, deadline_seconds: float) -> bool:
        """Wait for the end, and enforce it at the deadline; False where that was necessary."""
        if self._process is None:
            return True
        clean = self._wait(max(0.0, deadline_seconds - time.monotonic()))
        if not clean:
            self._process.send_signal(self.last_signal)
            if not self._wait(1.0):
                self._process.kill()
                self._process.wait()
        self.pid_file.unlink(missing_ok=True)
        return clean

    def kill(self) -> None:
        """End the child as a crash would (SIGKILL), and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        """The last lines the present child wrote to its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start_bytes, end - LOG_TAIL_BYTES))
            lines = log.read(LOG_TAIL_BYTES).decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Spawn a program as the engine's user; it writes to the engine's log and, on Linux, ends with us."""
        if threading.current_thread() is not threading.main_thread():
            # Linux sends the death signal when the spawning *thread* ends, which would be too early.
            raise EngineError("Engines can only be started from the main thread.")
        account = self.account
        uid, gid = (account.uid, account.gid) if account is not None else (-1, -1)
        passes = account is not None and account.passes_folders
        own = [os.getpid(), int(self.stop_signal), uid, gid, int(passes)]
        self.log.touch(mode=0o600)  # a log may quote answers
        with self.log.open("ab") as log:
            self._log_start_bytes = log.seek(0, os.SEEK_END)
            return subprocess.Popen(
                [sys.executable, "-I", "-S", launcher.__file__, *map(str, own), *command],
                cwd="/",
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C comes to us alone, and we stop the engines in order
            )

    def _seconds_left(self) -> float:
        return max(0.0, self._deadline_seconds - time.monotonic())

    def _respawn(self) -> None:
        self._process = self.launch(self.command())
        # Ours, because an engine writes its own only when it is half started.
        self.pid_file.write_text(f"{self._process.pid}\n", encoding="ascii")

    def _wait(self, timeout_seconds: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _ended(self, how: str, said: str) -> str:
        status = self._process.returncode if self._process is not None else None
        ending = f"{advice(said)}see its log {self.log}, which ends:\n{said}"
        return f"{self.name} {how} (exit status {status}): {ending}"

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_MAX_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
