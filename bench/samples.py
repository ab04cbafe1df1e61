"""Where a hub's time goes, from the stacks that `bench/servers/sampled.py` noted."""

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OWN = re.compile(r".*/((?:realtime|persistence)/[\w/]+\.py):(.*)")
_LIBRARY = re.compile(r".*/site-packages/(\w+)")
_NAMED = 8


@contextmanager
def sampling(pid: int) -> Iterator[None]:
    """Note stacks of a sampled server while this lasts."""
    os.kill(pid, signal.SIGUSR2)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGUSR2)


def summary(path: Path) -> str:
    """The dearest of our own functions, each with what it calls in libraries, and the libraries themselves."""
    own: Counter[str] = Counter()
    libraries: Counter[str] = Counter()
    for stack, count in json.loads(path.read_text(encoding="utf-8")):
        own[_innermost(stack)] += count
        libraries[_owner(stack[-1])] += count
    total = sum(own.values()) or 1
    return f"by function of ours: {_shares(own, total)}; by whose code runs: {_shares(libraries, total)}"


def _innermost(stack: list[str]) -> str:
    for frame in reversed(stack):
        found = _OWN.match(frame)
        if found:
            name = found.group(2).replace(".<locals>", "")
            # Where the event loop is all that is ours, it is the loop's and the kernel's time.
            return "the event loop, sockets" if name in ("host", "run_to_end", "main", "_serve") else name
    return "elsewhere"


def _owner(frame: str) -> str:
    if _OWN.match(frame):
        return "Plenum"
    found = _LIBRARY.match(frame)
    return found.group(1) if found else "Python and the event loop"


def _shares(counts: Counter[str], total: int) -> str:
    return ", ".join(f"{name} {count / total:.0%}" for name, count in counts.most_common(_NAMED) if count / total >= 0.02)
