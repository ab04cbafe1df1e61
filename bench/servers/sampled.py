"""`plenum` under a sampling profiler: `python -m bench.servers.sampled OUT serve …` writes stacks and their counts to OUT.

From the first SIGUSR2 to the second, the stack of the main thread is noted every two milliseconds of CPU time. It costs
a few percent, so figures come from runs without it, and only the shares of this one are told.
"""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from realtime.cli import main

_EVERY_SECONDS = 0.002
stacks: Counter[tuple[str, ...]] = Counter()
timer = {"every": 0.0}


def note(_: int, frame: FrameType | None) -> None:
    stack = []
    while frame is not None:
        stack.append(f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    stacks[tuple(reversed(stack))] += 1


def toggle(_: int, __: FrameType | None) -> None:
    timer["every"] = 0.0 if timer["every"] else _EVERY_SECONDS
    signal.setitimer(signal.ITIMER_PROF, timer["every"], timer["every"])


if __name__ == "__main__":
    signal.signal(signal.SIGPROF, note)
    signal.signal(signal.SIGUSR2, toggle)
    try:
        status = main(sys.argv[2:])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(sys.argv[1]).write_text(json.dumps([[list(stack), count] for stack, count in stacks.items()]), encoding="utf-8")
    sys.exit(status)
