"""Does marking hold the event loop? 500 answers to a table of 100 cells, the worst that the settings allow, marked while
a loop does the round of a busy hub: it reads the clock every millisecond and encodes a frame.

    python bench/marking.py [answers]

Prints how long the loop was held at most (and at the 99th percentile) without marking, with it on the loop, and with it
in its thread. Other programs of the machine hold the loop too, now and then; marking would do it in every run. So the
thread runs three times, and the calmest must stay below 50 ms, else this exits with 1.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from persistence.scorings import Unmarked
from realtime.activities.contract import read_settings
from realtime.activities.reckoning import mark_stored
from realtime.activities.registry import installed
from realtime.commands.marking import Marking

LIMIT_MS = 50.0
RUNS = 3
PAUSE_SECONDS = 0.001


def make_table() -> dict[str, Any]:
    """10 rows of 10 cells, each with a phrase that is compared letter by letter."""
    draw = random.Random(1)
    cells = [
        {
            "rowIndex": row, "colIndex": column, "cellType": "editable", "acceptsEquivalentPhrasing": True,
            "expectedAnswer": "".join(draw.choices("abcdefgh ", k=200)).strip() or "x",
        }
        for row in range(10) for column in range(10)
    ]  # fmt: skip
    return {"rows": 10, "columns": 10, "headers": [str(number) for number in range(10)], "cells": cells}


def make_answers(table: dict[str, Any], count: int) -> list[Unmarked]:
    """Nearly right everywhere: the most expensive thing to judge."""
    draw = random.Random(2)
    answers = []
    for number in range(count):
        written = {}
        for cell in table["cells"]:
            text = list(cell["expectedAnswer"])
            for _ in range(12):
                text[draw.randrange(len(text))] = draw.choice("xyz")
            written[f"{cell['rowIndex']}-{cell['colIndex']}"] = "".join(text)
        data = {"value": {"studentAnswers": written}, "final": True}
        answers.append(Unmarked(f"p{number}", 1, number, json.dumps({"data": data, "elapsed_ms": 1_000})))
    return answers


async def watch(work: Callable[[], Awaitable[object]]) -> tuple[float, list[float]]:
    """Do the work beside a busy loop; returns seconds taken and how late each turn of the loop was, in ms."""
    late_ms: list[float] = []
    over = asyncio.Event()
    frame = {"type": "delta", "set": {f"counts:{number}": {"responses": number} for number in range(50)}}

    async def serve() -> None:
        while not over.is_set():
            before = time.perf_counter()
            await asyncio.sleep(PAUSE_SECONDS)
            late_ms.append((time.perf_counter() - before - PAUSE_SECONDS) * 1_000)
            json.dumps(frame)

    serving = asyncio.create_task(serve())
    await asyncio.sleep(0)
    began = time.perf_counter()
    await work()
    seconds = time.perf_counter() - began
    over.set()
    await serving
    return seconds, late_ms


def tell(name: str, seconds: float, late_ms: list[float]) -> float:
    """Print one line; returns the longest hold."""
    p99 = statistics.quantiles(late_ms, n=100)[98] if len(late_ms) > 1 else max(late_ms)
    print(f"{name:12} {seconds:7.2f} s   loop held at most {max(late_ms):8.1f} ms, p99 {p99:7.1f} ms, {len(late_ms)} turns")
    return max(late_ms)


async def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    table = make_table()
    kind = installed().resolve("table_completion")
    settings = read_settings(kind, table)
    answers = make_answers(table, count)
    marking = Marking()

    async def on_the_loop() -> None:
        for answer in answers:
            mark_stored(kind, settings, answer.response_data, answer.seq)

    tell("idle", *await watch(lambda: asyncio.sleep(2)))
    tell("on the loop", *await watch(on_the_loop))
    held = [tell("in a thread", *await watch(lambda: marking.mark(kind, settings, "a", answers))) for _ in range(RUNS)]
    marking.close()
    return 0 if min(held) <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
