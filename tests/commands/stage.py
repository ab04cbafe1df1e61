"""One session on a running App, with people who answer and a presenter who directs."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import Any

from realtime.activities.contract import Audience
from realtime.app import App, open_app
from realtime.commands.actors import Actor
from realtime.commands.joining import Newcomer
from realtime.core.errors import CloseCode, Refusal
from realtime.core.messages import Accepted, Frame, SaveDraft, Submit
from realtime.core.tally import RESPONSES
from realtime.engines import Engines
from realtime.identifiers import new_uuid
from realtime.rooms import Connection
from realtime.settings import Settings
from realtime.store.replicas import Replica
from tests.waiting import eventually

POLL = {"question": "Which?", "options": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}]}


class Wire:
    """A client that keeps what it is sent."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.closed: CloseCode | None = None

    def frame(self, payload: bytes) -> bytes:
        return payload

    def send(self, framed: bytes) -> None:
        self.frames.append(json.loads(framed))

    def buffered(self) -> int:
        return 0

    def close(self, code: CloseCode) -> None:
        self.closed = code


@dataclass
class Stage:
    """`app` serves; `others` are further processes on the same engines."""

    engines: Engines
    app: App
    stack: contextlib.AsyncExitStack
    session_id: str = ""
    presenter: Actor = field(default_factory=lambda: Actor("", "owner", "0" * 64))
    wires: list[Wire] = field(default_factory=list)

    async def another(self) -> App:
        """A second process."""
        return await run_app(self.engines, self.stack)

    async def set(self) -> None:
        row, *_ = await self.app.directing.create_session("A session")
        self.session_id = row.id
        self.presenter = Actor(row.id, "owner", "0" * 64)

    async def open(self, kind: str = "poll", settings: Any = None, *, state: str = "active", **config: Any) -> str:
        """Add an activity in a state; returns its id."""
        row = await self.app.directing.create_activity(
            self.presenter, kind, title=kind, config={"settings": POLL if settings is None else settings, **config}
        )
        if state != "draft":
            await self.app.directing.move(self.presenter, row.id, state)
        return row.id

    async def join(self, name: str | None = "Ann") -> Actor:
        session = await self.app.reading.session(self.session_id)
        joined = await self.app.entrance.join(session, Newcomer(name, new_uuid()))
        return await self.app.gate.admit(joined.ticket)

    async def crowd(self, count: int) -> list[Actor]:
        return list(await asyncio.gather(*(self.join(None) for _ in range(count))))

    async def connect(self, actor: Actor) -> Wire:
        """Somebody who is here; his frames are kept."""
        wire = Wire()
        audience = actor.audience if actor.participant_id is None else Audience.PARTICIPANTS
        connection = Connection(actor.session_id, actor.role, audience, actor.participant_id, actor.key, wire)
        state, own = await self.app.hub.attach(connection, "", None)
        wire.frames.append({"type": "welcome", "state": json.loads(state), "own": own})
        self.app.hub.settle(connection)
        self.wires.append(wire)
        return wire

    def send(self, actor: Actor, activity_id: str, data: Any, *, app: App | None = None, **fields: Any) -> asyncio.Future[Frame]:
        """Submit an answer without waiting."""
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        values = {"submission_id": new_uuid(), **fields}
        (app or self.app).answering.submit(actor, Submit(id=1, activity_id=activity_id, data=data, **values), future.set_result)
        return future

    async def answer(self, actor: Actor, activity_id: str, data: Any, **fields: Any) -> str:
        """Submit an answer; `accepted` or the code of the refusal."""
        return code_of(await self.send(actor, activity_id, data, **fields))

    async def draft(
        self, actor: Actor, activity_id: str, data: Any, *, app: App | None = None, **fields: Any
    ) -> dict[str, Any]:
        return await (app or self.app).drafting.save(actor, SaveDraft(id=1, activity_id=activity_id, data=data, **fields))

    async def seen(self, activity_id: str, audience: Audience = Audience.PRESENTERS) -> dict[str, Any]:
        """What an audience sees of an activity: `activity`, `counts`, `view` and `view:<part>`."""
        replica = await eventually(self._replica, "the session can be read")
        shown = json.loads("{" + ",".join(f'"{key}":{text}' for key, text in replica.map_of(audience).present()) + "}")
        return {key.replace(f":{activity_id}", "", 1): value for key, value in shown.items() if f":{activity_id}" in key}

    async def _replica(self) -> Replica | None:
        try:
            return await self.app.reading.replica(self.session_id)
        except Refusal as refusal:
            if not refusal.retry:
                raise
            return None  # being restored; asked again

    async def state(self, activity_id: str) -> str:
        state: str = (await self.seen(activity_id))["activity"]["state"]
        return state

    async def live_count(self, activity_id: str, round: int = 1) -> int:
        return (await self.app.live.tally(self.session_id, activity_id, round)).get(RESPONSES, 0)

    async def actions(self, activity_id: str | None = None) -> list[str]:
        """The audit's actions, in order."""
        return [
            row["action"]
            for row in await self.app.pool.fetch(
                "SELECT action FROM session_events WHERE session_id = $1 AND ($2::uuid IS NULL OR activity_id = $2) ORDER BY id",
                self.session_id, activity_id,
            )
        ]  # fmt: skip

    async def forget(self) -> None:
        """Take the live state away, as a loss of Redis does, and wait until it is usable again."""
        await self.app.live.servers.at("").flushall()
        self.app.incarnation.lose_all()
        await eventually(lambda: all(self.app.incarnation.epochs), "epochs")

    async def verify(self) -> None:
        report = await self.app.auditor.verify(self.session_id)
        assert report.sound, report.document()


def code_of(frame: Frame) -> str:
    return "accepted" if isinstance(frame, Accepted) else str(getattr(frame, "code", frame))


async def refused(work: Awaitable[Any]) -> Refusal:
    """The refusal that a command ends with."""
    try:
        result = await work
    except Refusal as refusal:
        return refusal
    raise AssertionError(f"not refused: {result}")


async def run_app(engines: Engines, stack: contextlib.AsyncExitStack) -> App:
    settings = Settings(
        redis_url=engines.redis_url, database_url=engines.database_url, clock_ms=40, tick_ms=20, redis_timeout_seconds=5.0,
        presence_ms=5_000, heartbeat_ms=1_000,
    )  # fmt: skip
    app = await stack.enter_async_context(open_app(settings, migrate=True))
    await stack.enter_async_context(app.running(flusher=True))
    return app


@contextlib.asynccontextmanager
async def open_stage(engines: Engines) -> AsyncIterator[Stage]:
    async with contextlib.AsyncExitStack() as stack:
        stage = Stage(engines, await run_app(engines, stack), stack)
        await stage.set()
        yield stage
