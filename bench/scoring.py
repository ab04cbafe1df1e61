"""Does scoring hold the event loop? A whole run, from closed activities to the published leaderboard, in a process that serves:
people who answered so many questions, then a table of 100 cells, are marked, put into the ledger and ranked, on real engines.

    python bench/scoring.py [people] [questions] [table people]

Beside it a loop does the round of a busy hub, as in bench/marking.py, and its lateness is what is printed. Other programs of
the machine hold the loop too, now and then; scoring would do it in every run. So each part runs three times (a corrected key makes
everybody be marked again), and the calmest must stay below 50 ms, else this exits with 1.
"""

import asyncio
import contextlib
import gc
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.marking import LIMIT_MS, RUNS, make_answers, make_table, tell, watch
from realtime.app import App, open_app
from realtime.commands.actors import Actor
from realtime.commands.joining import Newcomer
from realtime.core.messages import Accepted, Submit
from realtime.engines import start_engines
from realtime.identifiers import new_uuid
from realtime.settings import Settings

AT_ONCE = 100
QUIZ = {"question": "2 + 2?", "correct": ["a"], "options": [{"id": one, "text": one} for one in "abcd"]}


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[App]:
    """One process on engines of its own, as `plenum serve` runs it, that scores only when it is told."""
    engines = start_engines(folder / "data", appendfsync="no")
    try:
        settings = Settings(redis_url=engines.redis_url, database_url=engines.database_url, scoring_sweep_ms=3_600_000)
        async with open_app(settings, migrate=True) as app, app.running(flusher=True):
            yield app
    finally:
        engines.stop()


async def join(app: App, session_id: str, number: int) -> list[Actor]:
    session = await app.reading.session(session_id)
    people: list[Actor] = []
    while len(people) < number:
        joined = await asyncio.gather(
            *(app.entrance.join(session, Newcomer(None, new_uuid())) for _ in range(min(AT_ONCE, number - len(people))))
        )
        people += [await app.gate.admit(one.ticket) for one in joined]
    return people


async def ask(app: App, owner: Actor, kind: str, settings: dict[str, Any]) -> str:
    """Open an activity that scores."""
    scoring = {"mode": "accuracy", "points": 1_000, "streak": "kahoot"}
    row = await app.directing.create_activity(owner, kind, title=kind, config={"settings": settings, "scoring": scoring})
    await app.directing.move(owner, row.id, "active")
    return row.id


async def answer(app: App, activity_id: str, people: list[Actor], answers: list[Any]) -> None:
    for start in range(0, len(people), AT_ONCE):
        futures: list[asyncio.Future[Any]] = []
        for one, data in zip(people[start : start + AT_ONCE], answers[start : start + AT_ONCE], strict=True):
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            command = Submit(id=1, activity_id=activity_id, submission_id=new_uuid(), data=data)
            app.answering.submit(one, command, future.set_result)
            futures.append(future)
        replies = await asyncio.gather(*futures)
        if not all(isinstance(reply, Accepted) for reply in replies):
            raise SystemExit(f"an answer was not accepted: {replies[0]}")


async def saved(app: App, session_id: str) -> None:
    while not await app.reading.settle(session_id):
        await asyncio.sleep(0.05)


async def measure(app: App, name: str, owner: Actor, activity_ids: list[str], keys: list[dict[str, Any]]) -> float:
    """Close the activities and score them, and again after each correction of their keys; the calmest run's longest hold."""
    for activity_id in activity_ids:
        await app.directing.move(owner, activity_id, "closed")
    held = []
    for run in range(RUNS):
        if run:
            for activity_id in activity_ids:
                await app.correcting.correct_key(owner, activity_id, keys[run % len(keys)])
        await saved(app, owner.session_id)
        gc.collect()
        rows = app.scoring.rows
        held.append(tell(f"{name} {run + 1}", *await watch(app.scoring.sweep)))
        print(f"{'':12} {app.scoring.rows - rows} rows of the ledger")
    return min(held)


async def main() -> int:
    given = [*map(int, sys.argv[1:])]
    people, questions, table_people = (*given, *(500, 20, 500)[len(given) :])
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as app:
            row, *_ = await app.directing.create_session("Bench", max_participants=max(people, table_people))
            owner = Actor(row.id, "owner", "0" * 64)
            crowd = await join(app, row.id, max(people, table_people))
            tell("idle", *await watch(lambda: asyncio.sleep(2)))
            ids = [await ask(app, owner, "quiz", QUIZ) for _ in range(questions)]
            for number, activity_id in enumerate(ids):
                choices = [{"selected": ["abcd"[(number + each) % 4]]} for each in range(people)]
                await answer(app, activity_id, crowd[:people], choices)
            held = [await measure(app, "questions", owner, ids, [{"correct": ["a"]}, {"correct": ["b"]}])]
            table = make_table()
            written = [json.loads(one.response_data)["data"] for one in make_answers(table, table_people)]
            table_id = await ask(app, owner, "table_completion", table)
            await answer(app, table_id, crowd[:table_people], written)
            other = [dict(cell, expectedAnswer=cell["expectedAnswer"][::-1].strip() or "x") for cell in table["cells"]]
            held.append(await measure(app, "table", owner, [table_id], [{"cells": table["cells"]}, {"cells": other}]))
    return 0 if max(held) <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
