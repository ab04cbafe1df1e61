"""Marking: judging many stored answers beside the event loop, which goes on serving meanwhile.

One thread does it, and gives the interpreter away after every answer: the loop then waits for one
answer at most (`bench/marking.py` measures it). A thread ends with its process, whatever ends that.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import BaseModel

from persistence.scorings import Unmarked
from realtime.activities.answers import recount
from realtime.activities.contract import ActivityType, Json
from realtime.activities.reckoning import Key, Marked, best, mark_stored

Kind = ActivityType[Any, Any]
Counted = tuple[dict[str, int], dict[str, Json] | None]  # counters and item


class Marking:
    """A place to mark answers in. `close` waits for nothing."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plenum-marking")

    async def mark(
        self, kind: Kind, settings: BaseModel, activity_id: str, responses: Sequence[Unmarked]
    ) -> dict[str, dict[Key, Marked]]:
        """The marks by participant; of several answers in one round the best counts."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _mark, kind, settings, activity_id, responses)

    async def count(self, kind: Kind, settings: BaseModel, payloads: Mapping[str, str]) -> dict[str, Counted]:
        """The counters and items of stored envelopes, under the same names."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _count, kind, settings, payloads)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _mark(kind: Kind, settings: BaseModel, activity_id: str, responses: Sequence[Unmarked]) -> dict[str, dict[Key, Marked]]:
    given: dict[tuple[str, Key], list[Marked]] = {}
    for response in responses:
        marked = mark_stored(kind, settings, response.response_data, response.seq)
        if marked is not None:
            given.setdefault((response.participant_id, (activity_id, response.round)), []).append(marked)
        _give_way()
    marks: dict[str, dict[Key, Marked]] = {}
    for (participant_id, key), several in given.items():
        marks.setdefault(participant_id, {})[key] = best(several)
    return marks


def _count(kind: Kind, settings: BaseModel, payloads: Mapping[str, str]) -> dict[str, Counted]:
    counted: dict[str, Counted] = {}
    for name, payload in payloads.items():
        counted[name] = recount(kind, settings, payload)
        _give_way()
    return counted


def _give_way() -> None:
    """Let the event loop have the interpreter now, not after the switch interval."""
    time.sleep(0)
