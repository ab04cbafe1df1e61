"""A session whose activities earn points: people who answer at a chosen moment, and what the ledger says of them."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from realtime.app import App, open_app
from realtime.commands.actors import Actor
from realtime.engines import Engines
from realtime.settings import Settings
from tests.commands.stage import Stage as CommandStage
from tests.waiting import eventually

QUIZ: Mapping[str, Any] = {
    "question": "2 + 2?", "correct": ["a"],
    "options": [{"id": "a", "text": "4"}, {"id": "b", "text": "5"}, {"id": "c", "text": "6"}],
}  # fmt: skip
ACCURACY: Mapping[str, Any] = {"mode": "accuracy", "points": 1_000}


class Stage(CommandStage):
    """Nothing is scored before `score` is called."""

    async def another(self) -> App:
        return await run_app(self.engines, self.stack)

    async def ask(self, kind: str = "quiz", settings: Mapping[str, Any] | None = None, **config: Any) -> str:
        """Open an activity that scores by accuracy, unless told otherwise."""
        config.setdefault("scoring", ACCURACY)
        return await self.open(kind, dict(QUIZ if settings is None else settings), **config)

    async def give(self, actor: Actor, activity_id: str, data: Any, *, seconds: float | None = None, **fields: Any) -> None:
        """Answer, by the hub's clock so many seconds after answers are taken."""
        if seconds is not None:
            from_ms = (await self.seen(activity_id))["activity"]["from_ms"]
            self.app.answering._clock = lambda: (from_ms + seconds * 1_000 + 0.5) / 1_000
        code = await self.answer(actor, activity_id, data, **fields)
        assert code == "accepted", code

    async def close(self, *activity_ids: str) -> None:
        for activity_id in activity_ids:
            await self.app.directing.move(self.presenter, activity_id, "closed")

    async def score(self, app: App | None = None) -> int:
        """Score once everything that was accepted is saved; returns how many rows the ledger got."""
        await eventually(lambda: self.app.reading.settle(self.session_id), "saved")
        return await (app or self.app).scoring.sweep()

    async def finish(self, *activity_ids: str) -> int:
        """Close, and score."""
        await self.close(*activity_ids)
        return await self.score()

    async def points(self, activity_id: str | None = None) -> dict[str, int]:
        """The ledger's sums by participant."""
        records = await self.app.pool.fetch(
            "SELECT participant_id::text AS who, sum(delta)::int AS points FROM points_ledger "
            "WHERE session_id = $1 AND ($2::uuid IS NULL OR activity_id = $2) GROUP BY 1",
            self.session_id, activity_id,
        )  # fmt: skip
        return {record["who"]: record["points"] for record in records}

    async def ledger(self, actor: Actor, activity_id: str | None = None) -> list[int]:
        """A participant's rows, in order."""
        records = await self.app.pool.fetch(
            "SELECT delta FROM points_ledger WHERE participant_id = $1 AND ($2::uuid IS NULL OR activity_id = $2) ORDER BY id",
            actor.participant_id, activity_id,
        )  # fmt: skip
        return [record["delta"] for record in records]

    async def meta(self, actor: Actor, activity_id: str) -> dict[str, Any]:
        """What the latest row of an answer remembers."""
        text = await self.app.pool.fetchval(
            "SELECT meta FROM points_ledger WHERE participant_id = $1 AND activity_id = $2 ORDER BY id DESC LIMIT 1",
            actor.participant_id, activity_id,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(text)
        return found

    async def rows(self) -> list[tuple[Any, ...]]:
        """The whole ledger of the session."""
        records = await self.app.pool.fetch(
            "SELECT participant_id, activity_id, round, reason, correction, delta, meta FROM points_ledger "
            "WHERE session_id = $1 ORDER BY participant_id, activity_id, round, correction",
            self.session_id,
        )
        return [tuple(record) for record in records]


async def run_app(engines: Engines, stack: contextlib.AsyncExitStack, *, flusher: bool = True, **knobs: Any) -> App:
    settings = Settings(
        redis_url=engines.redis_url, database_url=engines.database_url, clock_ms=40, tick_ms=20, redis_timeout_seconds=5.0,
        presence_ms=5_000, heartbeat_ms=1_000, **({"scoring_sweep_ms": 60_000, "scoring_chunk": 3} | knobs),
    )  # fmt: skip
    app = await stack.enter_async_context(open_app(settings, migrate=True))
    await stack.enter_async_context(app.running(flusher=flusher))
    return app


@contextlib.asynccontextmanager
async def open_stage(engines: Engines, **knobs: Any) -> AsyncIterator[Stage]:
    async with contextlib.AsyncExitStack() as stack:
        stage = Stage(engines, await run_app(engines, stack, **knobs), stack)
        await stage.set()
        yield stage
