"""Engines of an earlier run that outlived their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from realtime.engines.errors import EngineError

POLL_SECONDS = 0.003


def wait_until(condition: Callable[[], bool], deadline_seconds: float) -> bool:
    """Poll until the condition holds; False once the monotonic clock passes the deadline."""
    while not condition():
        if time.monotonic() > deadline_seconds:
            return False
        time.sleep(POLL_SECONDS)
    return True


def read_pid(pid_file: Path) -> int | None:
    """The process named by the first line of a pid file; None where there is none or it says nothing."""
    try:
        first = pid_file.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
    except FileNotFoundError:
        return None
    return int(first) if first.isdecimal() and int(first) > 1 else None


def is_engine(pid: int, names: frozenset[str], data: Path) -> bool:
    """Whether that process is one of these programs, on this very data folder; pids are reused."""
    if sys.platform != "linux":
        command = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return os.fspath(data) in shown and any(f"{name} " in shown for name in names)
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    try:
        # An upgrade that replaced the file leaves " (deleted)" behind the name.
        program = Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
    except PermissionError:
        # Root without CAP_SYS_PTRACE (a container) may not see this of another user's process.
        program = Path(os.fsdecode(words[0])).name
    except (FileNotFoundError, ProcessLookupError):
        return False
    return program in names and os.fsencode(data) in words


def end_leftover(
    pid_file: Path, names: frozenset[str], data: Path, stop_signal: signal.Signals, deadline_seconds: float
) -> None:
    """Stop the engine that an earlier run left on this data folder, and forget its pid file.

    Raises EngineError naming the process where it does not end by the deadline.
    """
    pid = read_pid(pid_file)
    if pid is not None and is_engine(pid, names, data):
        try:
            os.kill(pid, stop_signal)
        except ProcessLookupError:
            pass  # it ended between the look and the signal, which is what we want
        except PermissionError as error:
            raise EngineError(
                f"An engine of another user (process {pid}) runs on {data}: "
                "stop it, or choose another data folder."
            ) from error
        if not wait_until(lambda: not is_engine(pid, names, data), deadline_seconds):
            raise EngineError(
                f"An engine of an earlier run (process {pid}) on {data} does not end: stop it by hand."
            )
    pid_file.unlink(missing_ok=True)
