"""Processes on shared engines, a session with every type of activity, and what must be the same after a recovery."""

import asyncio
import json
import shutil
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
from redis.asyncio import Redis

from persistence import activities, batch, participants, sessions, shards, tickets
from persistence.activities import ActivityRow
from persistence.documents import activity_document, activity_rules, settings_version
from persistence.pool import open_pool
from realtime.activities.answers import envelope, judge
from realtime.activities.config import Config, read_config
from realtime.activities.contract import read_settings
from realtime.activities.registry import installed
from realtime.commands.keeping import Keeping
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.engines import Engines
from realtime.identifiers import new_join_code, new_uuid
from realtime.recovery import Recovery
from realtime.store import keys
from realtime.store.connection import Incarnation, connect, connect_unchecked
from realtime.store.drafts import Unsaved
from realtime.store.intake import Verdict
from realtime.store.live import Cold, Joining
from realtime.store.servers import Map, Servers
from tests.store.stage import WITHDRAWAL, Hall, build, code_of

SHARDS = 4


@dataclass
class Town:
    """The engines of a test; everything opened on them is closed with it."""

    engines: Engines
    database_url: str
    stack: AsyncExitStack
    processes: list["Process"] = field(default_factory=list)

    async def empty_valkey(self) -> None:
        async with Redis.from_url(self.engines.redis_url) as client:
            await client.flushall()
            await client.script_flush()

    async def restart_valkey(self) -> None:
        self.engines.kill_valkey()
        self.engines.start_valkey()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Drop the connections that Valkey's end has cut; servers find out by a first failed call and a retry."""
        for process in self.processes:
            for client in (process.unchecked, process.redis):
                await client.connection_pool.disconnect()

    @property
    def valkey_data(self) -> Path:
        return self.engines.folder / "valkey"

    def copy_valkey(self, to: Path) -> None:
        """What a backup, or a disk that lost its last writes, would hold."""
        shutil.copytree(self.valkey_data, to)

    async def roll_back_valkey(self, to: Path) -> None:
        self.engines.kill_valkey()
        shutil.rmtree(self.valkey_data)
        shutil.copytree(to, self.valkey_data)
        self.engines.start_valkey()
        await self.hang_up()


@dataclass
class Process:
    """What one server process has of the store and the database."""

    town: Town
    pool: asyncpg.Pool
    unchecked: Redis
    incarnation: Incarnation
    recovery: Recovery
    redis: Redis
    halls: dict[str, Hall] = field(default_factory=dict)

    def hall(self, session_id: str) -> Hall:
        if session_id not in self.halls:
            self.halls[session_id] = build(self.redis, self.incarnation, session_id=session_id)
        return self.halls[session_id]

    async def flush(self, *, dead: int = 0) -> int:
        """What the flusher does: save a batch of every shard, then confirm it; returns how many rows, `dead` of them refused."""
        rows = 0
        outbox = next(iter(self.halls.values())).outbox
        for number in range(SHARDS):
            pending = await outbox.read(number, 10_000)
            if pending.rows:
                dead -= await self.save(pending)
                await outbox.confirm(pending)
            rows += pending.rows
        assert dead == 0
        return rows

    async def save(self, pending: Any) -> int:
        token = await shards.seize_lease(self.pool, pending.shard, "tester", 60)
        assert token is not None
        packed = batch.pack(pending.joins, pending.responses)
        saved = await batch.save(self.pool, packed, shard=pending.shard, epoch=pending.epoch, lease_token=token)
        return saved.dead


async def open_process(town: Town) -> Process:
    """Start a process; it has no epochs before its recovery has run."""
    pool = await open_pool(
        town.database_url, size=4, command_timeout_seconds=20, connect_timeout_seconds=10, application_name="plenum-test"
    )
    town.stack.push_async_callback(lambda: asyncio.wait_for(pool.close(), 10))
    await shards.ensure(pool, SHARDS)
    incarnation = Incarnation(SHARDS)
    unchecked = connect_unchecked(town.engines.redis_url, timeout_seconds=5)
    redis = connect(town.engines.redis_url, incarnation, connections=4, timeout_seconds=5)
    town.stack.push_async_callback(unchecked.aclose)
    town.stack.push_async_callback(redis.aclose)
    live = build(redis, incarnation).live
    servers = Servers(incarnation, lambda _: unchecked)
    map = Map(servers, town.engines.redis_url, timeout_seconds=5)
    left = Unsaved(servers, live.shards, timeout_seconds=5.0)
    recovery = Recovery(
        pool, servers, map, live, installed(), claim_seconds=5, store_drafts=Keeping(pool, left, every_ms=100).store,
    )  # fmt: skip
    town.processes.append(Process(town, pool, unchecked, incarnation, recovery, redis))
    return town.processes[-1]


@dataclass
class School:
    """A session with activities of the given types, and what its people have said."""

    process: Process
    session_id: str
    rows: dict[str, ActivityRow] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[str, str, dict[str, Any], Verdict]] = field(default_factory=list)

    @property
    def hall(self) -> Hall:
        return self.process.hall(self.session_id)

    async def admit(self, *nicknames: str) -> list[str]:
        joining = [Joining(new_uuid(), name, False) for name in nicknames]
        assert await self.hall.live.join(self.session_id, joining) == list(nicknames)
        self.names |= {one.participant_id: one.nickname for one in joining}
        self.people += [one.participant_id for one in joining]
        return [one.participant_id for one in joining]

    async def answer(self, who: str, type_name: str, data: Any, **values: Any) -> Verdict:
        """Judge and send an answer as the commands do."""
        row = self.rows[type_name]
        kind = installed().resolve(type_name)
        config = Config.model_validate_json(row.config)
        submission_id = values.setdefault("submission_id", new_uuid())
        judged = judge(
            kind, config, read_settings(kind, config.settings), data, elapsed_ms=1_500, submission_id=submission_id, entry=None
        )
        values = {
            "counters": judged.counters, "entry": judged.entry, "entry_limit": judged.entry_limit, "item": judged.item,
            "name": self.names[who],
            "payload": envelope(type_name, kind.version, judged.data, {"device_type": "phone"}, 1_500),
        } | values  # fmt: skip
        verdict = await self.send(who, type_name, values)
        self.sent.append((who, type_name, values, verdict))
        return verdict

    async def send(self, who: str, type_name: str, values: dict[str, Any]) -> Verdict:
        row = self.rows[type_name]
        place = {"activity_id": row.id, "round": row.round, "settings_version": settings_version(row)}
        return await self.hall.answer(who, **(place | values))

    async def withdraw(self, who: str, type_name: str, entry: str = "") -> Verdict:
        return await self.send(who, type_name, WITHDRAWAL | {"entry": entry})

    async def move(self, type_name: str, state: str, **changes: Any) -> int:
        """PostgreSQL first, then the live store; returns where it was closed, or 0."""
        row = self.rows[type_name]
        wanted = {"round": row.round, "revealed": row.revealed} | changes
        moved = await activities.move(self.process.pool, row.id, expected_version=row.version, state=state, **wanted)
        assert moved is not None
        self.rows[type_name] = moved
        _, _, closed = await self.publish(moved)
        if closed:
            noted = await activities.note_closed_offset(self.process.pool, moved.id, closed)
            assert noted is not None
            self.rows[type_name] = noted
        return closed

    async def publish(self, row: ActivityRow) -> tuple[bool, int, int]:
        rules = activity_rules(row, installed().resolve(row.type).fences_on_reveal)
        return await self.hall.live.write_activity(
            self.session_id, row.id, row.version, activity_document(row), hides=False, **rules
        )

    async def photograph(self) -> dict[str, Any]:
        """Everything that a recovery must bring back, free of what it may change (offsets of keys, epochs)."""
        live, redis, names = self.hall.live, self.hall.redis, self.hall.names
        picture: dict[str, Any] = {"people": await live.people(self.session_id)}
        picture["removed"] = await redis.hgetall(names.removed)
        picture["tickets"] = await redis.hgetall(names.tickets)
        for name, row in self.rows.items():
            for round in range(1, row.round + 1):
                items = await redis.hgetall(names.items(row.id, round))
                picture[f"{name} {round}"] = {
                    "tally": await live.tally(self.session_id, row.id, round),
                    "items": {one: _without(json.loads(text), "at_ms") for one, text in items.items()},
                    "limits": {one: n for one, n in (await redis.hgetall(names.limits(row.id, round))).items() if n != "0"},
                    "own": sorted([await self._own(one, row, round) for one in self.people]),
                }
            rules = await redis.hgetall(names.activity(row.id))
            picture[name] = {one: rules[one] for one in ("state", "round", "version", "changes", "until_ms")}
        return picture

    async def _own(self, who: str, row: ActivityRow, round: int) -> list[Any]:
        return [
            [who, own.entry, own.revision, own.submission_id, own.response_id, own.offset, own.withdrawn,
             json.dumps(json.loads(own.payload), sort_keys=True)]
            for own in sorted(await self.hall.live.own(self.session_id, who, [(row.id, round)]), key=lambda own: own.entry)
        ]  # fmt: skip


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


async def found_school(process: Process, types: Iterable[str] = ("poll",)) -> School:
    """A stored, live session with one open activity of each type."""
    session_id = new_uuid()
    await sessions.create(
        process.pool, id=session_id, title="Physics", join_code=new_join_code(8), shard=keys.shard_of(session_id, SHARDS),
        max_participants=500, state="active",
    )  # fmt: skip
    await tickets.create(process.pool, sha256=sha256(session_id.encode()).hexdigest(), session_id=session_id, role="owner")
    school = School(process, session_id)
    for name in types:
        kind = installed().resolve(name)
        config = read_config(kind, {"settings": dict(kind.example["settings"])})
        text = encode(config.model_dump(mode="json"))
        row = await activities.create(process.pool, id=new_uuid(), session_id=session_id, type=name, title=name, config=text)
        moved = await activities.move(process.pool, row.id, expected_version=row.version, state="active", round=1, revealed=False)
        assert moved is not None
        school.rows[name] = moved
    await process.recovery.ensure(session_id)
    return school


async def answer_all(school: School, people: Iterable[str]) -> None:
    """Everybody gives every example answer of every type, as far as the type takes it."""
    for index, who in enumerate(people):
        for name in school.rows:
            answers = list(installed().resolve(name).example["answers"])
            for data in answers[index % len(answers) :] + answers[: index % len(answers)]:
                verdict = await school.answer(who, name, data)
                assert code_of(verdict) in (None, "too_many_answers", "already_answered"), (name, data)


async def is_cold(school: School) -> bool:
    try:
        await school.hall.live.changes(school.session_id, 0)
    except Cold:
        return True
    except Refusal as refusal:
        return refusal.retry
    return False


async def remove(school: School, who: str) -> None:
    """As the command does: PostgreSQL first."""
    assert await participants.set_inactive(school.process.pool, who) is not None
    await school.hall.live.remove(school.session_id, who)


async def epochs_in_postgres(process: Process) -> list[str]:
    return [row.epoch for row in await shards.read_all(process.pool)]


async def recover(school: School) -> None:
    """The process notices, gives new epochs, and loads the session."""
    school.process.incarnation.lose_all()
    await school.process.recovery.establish()
    await school.process.recovery.ensure(school.session_id)
