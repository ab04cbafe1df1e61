"""A live session in a real Valkey, without the app: what tests of the store play on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from persistence.activities import ActivityRow
from persistence.documents import activity_document, activity_rules
from realtime.activities.answers import item_document
from realtime.activities.config import read_config
from realtime.activities.registry import installed
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.core.session import legacy_status
from realtime.identifiers import new_uuid
from realtime.store import keys, scripts
from realtime.store.connection import Incarnation, connect, read_run_id
from realtime.store.intake import Body, Intake, Submission, Target, Told, Verdict
from realtime.store.live import Joining, Live
from realtime.store.loading import Loader
from realtime.store.outbox import Outbox
from realtime.store.servers import Servers

SHARDS = 4
NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)
POLL = {"settings": {"question": "Which?", "options": [{"id": one, "text": one.upper()} for one in "abc"]}}

WITHDRAWAL: dict[str, Any] = {"counters": None, "payload": {"data": None}}


def make_row(session_id: str, type_name: str = "poll", config: Any = None, **changes: Any) -> ActivityRow:
    """An activity as PostgreSQL would return it."""
    kind = installed().resolve(type_name)
    checked = read_config(kind, POLL if config is None else config)
    values: dict[str, Any] = {
        "id": new_uuid(), "session_id": session_id, "type": type_name, "title": "Which?",
        "config": encode(checked.model_dump(mode="json")), "order_index": 0, "state": "active", "status": "",
        "round": 1, "revealed": False, "version": 1, "opened_at": NOON, "closed_at": None, "deadline_at": None,
        "closed_offset": None, "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    # Columns that a test of the store does not care for stay empty.
    values = dict.fromkeys(ActivityRow.__dataclass_fields__) | values | changes
    return ActivityRow(**(values | {"status": legacy_status(values["state"])}))


@dataclass
class Hall:
    """One session with its activity; `answer` and friends speak for participants."""

    redis: Redis
    live: Live
    intake: Intake
    outbox: Outbox
    session_id: str
    activity: ActivityRow
    people: list[str] = field(default_factory=list)

    @property
    def names(self) -> keys.Session:
        return self.live.session(self.session_id)

    @property
    def shard(self) -> keys.Shard:
        return self.live.shards[self.names.shard]

    @property
    def epoch(self) -> str:
        return self.live.incarnation.epoch_of(self.names.shard)

    async def load(self, *, cap: int = 10_000, offset: int = 1, state: str = "active") -> None:
        """Make the session live, with nothing in it."""
        loader = Loader(self.live, self.session_id, claim_seconds=5)
        assert await loader.begin()
        await loader.put_document("session", 1, encode({"id": self.session_id, "version": 1}))
        await loader.finish(offset, {"cap": cap, "locked": 0, "state": state})

    async def write(self, **changes: Any) -> tuple[bool, int, int]:
        """Change the activity as a presenter's command would, and publish it."""
        version = {"version": self.activity.version + 1} if changes else {}
        values = {name: getattr(self.activity, name) for name in ActivityRow.__dataclass_fields__}
        self.activity = ActivityRow(**(values | version | changes))
        return await self.publish(self.activity)

    async def publish(self, row: ActivityRow) -> tuple[bool, int, int]:
        rules = activity_rules(row, False)
        hides = not row.revealed
        return await self.live.write_activity(self.session_id, row.id, row.version, activity_document(row), hides=hides, **rules)

    async def admit(self, count: int = 1) -> list[str]:
        """Let people in, and return their ids."""
        new = [new_uuid() for _ in range(count)]
        for start in range(0, count, 200):
            joining = [Joining(one, "Ada", True) for one in new[start : start + 200]]
            assert await self.live.join(self.session_id, joining) == ["Ada"] * len(joining)
        self.people += new
        return new

    def submission(self, done: Callable[[Verdict], None], participant_id: str, **values: Any) -> Submission:
        counters = values.pop("counters", {"#n": 1})
        payload = values.pop("payload", {"data": counters})
        item, name = values.pop("item", None), values.pop("name", None)
        body = Body(
            values.pop("entry", ""), values.pop("entry_limit", 0), "" if counters is None else encode(counters), encode(payload),
            "" if item is None else encode(item_document(participant_id, item, name)),
        )  # fmt: skip
        target = Target(
            values.pop("session", self.names), values.pop("activity_id", self.activity.id),
            values.pop("round", self.activity.round),
            values.pop("settings_version", activity_document(self.activity)["settings_version"]),
            values.pop("most_counters", 100_000),
        )  # fmt: skip
        defaults: dict[str, Any] = {
            "target": target, "body": body, "own": "", "participant_id": participant_id, "submission_id": new_uuid(),
            "response_id": new_uuid(),
        }  # fmt: skip
        return Told(done, **(defaults | values))

    def send(self, participant_id: str, **values: Any) -> asyncio.Future[Verdict]:
        """Put an answer into the intake; the future gets the verdict."""
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self.intake.put(self.submission(future.set_result, participant_id, **values))
        return future

    async def answer(self, participant_id: str, **values: Any) -> Verdict:
        return await self.send(participant_id, **values)

    async def withdraw(self, participant_id: str, **values: Any) -> Verdict:
        return await self.send(participant_id, **(WITHDRAWAL | values))

    async def tally(self, round: int | None = None) -> dict[str, int]:
        return await self.live.tally(self.session_id, self.activity.id, round or self.activity.round)

    async def offset(self) -> int:
        return int((await self.live.meta(self.session_id))["offset"])

    async def saved(self) -> int:
        return int(await self.redis.hget(self.names.values, "saved") or 0)

    async def flush(self, rows: int = 10_000) -> int:
        """Read the outbox and confirm it, as the flusher does after a commit; returns how many rows."""
        batch = await self.outbox.read(self.names.shard, rows)
        if batch.ids:
            await self.outbox.confirm(batch)
        return batch.rows


def code_of(verdict: Verdict) -> str | None:
    """The refusal's code, `stale`, `cold`, or None for an accepted answer."""
    return verdict.error.code if isinstance(verdict.error, Refusal) else verdict.error


async def begin_epoch(redis: Redis, incarnation: Incarnation) -> None:
    """Give every shard a new epoch, as recovery would."""
    run_id = incarnation.run_ids[""] = await read_run_id(redis)
    await scripts.load(redis)
    for number in range(SHARDS):
        incarnation.epochs[number] = epoch = uuid4().hex
        values = {"epoch": epoch, "run_id": run_id, "pending": 0}
        await redis.hset(keys.Shard(number).epoch, mapping=values)
    incarnation.lost.clear()


def build(redis: Redis, incarnation: Incarnation, *, session_id: str = "", **settings: Any) -> Hall:
    """The store's parts on one connection pool."""
    values = {"batch": 100, "pipeline": 2_000, "waiting": 20_000, "high_water": 100_000, "timeout_seconds": 5.0} | settings
    servers = Servers(incarnation, lambda _: redis)
    live = Live(
        servers, timeout_seconds=values["timeout_seconds"], changes_limit=values.get("changes_limit", 20_000),
        presence_ms=60_000, high_water=values["high_water"],
    )  # fmt: skip
    intake = Intake(servers, live.shards, **values)
    outbox = Outbox(servers, live.shards, timeout_seconds=5.0)
    session_id = session_id or new_uuid()
    return Hall(redis, live, intake, outbox, session_id, make_row(session_id))


@asynccontextmanager
async def open_hall(url: str, **settings: Any) -> AsyncIterator[Hall]:
    """An empty Valkey with one live session and its open activity."""
    incarnation = Incarnation(SHARDS)
    async with Redis.from_url(url, decode_responses=True, protocol=3) as unchecked:
        await unchecked.flushall()
        await begin_epoch(unchecked, incarnation)
    redis = connect(url, incarnation, connections=8, timeout_seconds=5.0)
    try:
        hall = build(redis, incarnation, **settings)
        await hall.load()
        await hall.write()
        yield hall
    finally:
        await redis.aclose()
