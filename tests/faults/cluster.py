"""The harness: real engines, proxies before them, hubs as processes, phones; and everything that a checker needs."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from redis.asyncio import Redis

from persistence.dead_letters import decode_payload
from persistence.errors import STORAGE_ERRORS
from realtime.client import Event
from realtime.core.response import Response
from realtime.engines import EngineError, Engines
from realtime.store import keys
from tests.faults.checker import check
from tests.faults.history import History, Rest, Row
from tests.faults.hubs import Hub, address_of
from tests.faults.phones import Crowd, Phone
from tests.faults.proxy import FaultProxy
from tests.waiting import eventually

SHARDS = 16
POLL = {"question": "Which?", "options": [{"id": name, "text": name.upper()} for name in ("a", "b", "c")]}
_MOST_WITNESSED = 2_000
_MOST_AT_ONCE = 100

_FIND_UNSAVED = """
SELECT s.sid FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[]) AS s (sid, activity, participant, revision)
WHERE NOT EXISTS (
    SELECT 1 FROM user_responses r WHERE r.submission_id = s.sid OR (r.activity_id = s.activity
    AND r.participant_id = s.participant AND r.entry = '' AND r.revision >= s.revision)
) AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.submission_id = s.sid::text)
"""


@dataclass
class Room:
    """A session with an activity of one answer per person and one of many."""

    id: str
    code: str
    ticket: str
    crowd: Crowd
    host: Phone
    activities: dict[str, str] = field(default_factory=dict)

    @property
    def one(self) -> str:
        return next(activity_id for activity_id, kind in self.activities.items() if kind == "one")

    @property
    def many(self) -> str:
        return next(activity_id for activity_id, kind in self.activities.items() if kind == "many")

    async def press(self, *, rate: float = 100, seconds: float = 3.0) -> None:
        await self.crowd.press(self.activities, rate=rate, seconds=seconds)


class Cluster:
    """Hubs on shared engines, behind a front that passes clients to the hubs in turn."""

    def __init__(self, engines: Engines, folder: Path, seed: int = 1) -> None:
        self.engines = engines
        self.folder = folder
        self.history = History()
        self.hubs: list[Hub] = []
        self.rooms: list[Room] = []
        self.front = FaultProxy()
        self.random = random.Random(seed)
        self._seed = seed
        self.redis_url = engines.redis_url
        self._http: httpx.AsyncClient | None = None
        self._database: asyncpg.Pool | None = None
        self._told_saved: list[Event] = []
        self._witness: asyncio.Task[None] | None = None
        self._witnessed = 0

    # ------------------------------------------------------------------------------------------ making

    async def open(self, hubs: int, **variables: str) -> None:
        await self.front.start()
        self.hubs = [Hub(f"hub-{number}", self.engines, self.folder) for number in range(hubs)]
        for hub in self.hubs:
            # Hubs that are one Plenum tell people one address.
            hub.settings |= {"PLENUM_PUBLIC_URL": self.url, **variables}
        await asyncio.gather(*(hub.start() for hub in self.hubs))
        self.front.targets = [hub.address for hub in self.hubs]
        self._http = httpx.AsyncClient(base_url=self.url, timeout=10, trust_env=False, verify=False)
        self._database = await asyncpg.create_pool(self.engines.database_url, min_size=0, max_size=3, command_timeout=10)
        self._witness = asyncio.create_task(self._watch_saved())

    async def begin(self, folder: Path) -> None:
        """Everything runs and nothing is at fault; a new history begins."""
        self.folder = folder
        self.history = History()
        if self._witness is not None and self._witness.done():
            # Without one the tests to come would prove less than they say; one of them tells what ended it.
            ended, self._witness = self._witness, asyncio.create_task(self._watch_saved())
            ended.result()
        self._told_saved.clear()
        self._witnessed = 0
        self.front.targets = [hub.address for hub in self.hubs]
        self.move_redis(self.engines)
        for start in (self.engines.start_valkey, self.engines.start_postgres):
            with contextlib.suppress(EngineError):  # it is running, as it should be
                start()
        for hub in self.hubs:
            if not hub.running:
                await hub.start()
        for hub in self.hubs:
            await eventually(lambda hub=hub: _is_whole(hub), lambda: f"every hub is ready\n{self.said()}", 30)

    async def end(self) -> None:
        """Send everybody home and end the faults."""
        rooms, self.rooms = self.rooms, []
        for room in rooms:
            await room.host.session.close()
            await room.crowd.close()
        for proxy in [self.front, *(proxy for hub in self.hubs for proxy in (hub.redis, hub.database))]:
            proxy.heal()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.front.port}"

    @property
    def database(self) -> asyncpg.Pool:
        """Straight to PostgreSQL, past every proxy."""
        assert self._database is not None
        return self._database

    @contextlib.asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """Straight to Redis, past every proxy."""
        client = Redis.from_url(self.redis_url, decode_responses=True, protocol=3)
        try:
            yield client
        finally:
            await client.aclose()

    async def post(self, path: str, body: Any, ticket: str = "") -> dict[str, Any]:
        """Ask as an integrator would, again while the server says that it is for the moment."""
        assert self._http is not None
        headers = {"authorization": f"Bearer {ticket}"} if ticket else {}
        http = self._http

        async def ask() -> httpx.Response | None:
            try:
                answer = await http.post(path, json=body, headers=headers)
            except httpx.TransportError:
                return None
            return None if answer.status_code in (429, 503) else answer

        answer: httpx.Response = await eventually(ask, f"{path} is answered", 20.0, every_seconds=0.1)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        document: dict[str, Any] = answer.json()
        return document

    async def room(self, phones: int = 30, kinds: tuple[str, ...] = ("one", "many")) -> Room:
        """A session with open activities, a presenter and a crowd."""
        made = await self.post("/api/v1/sessions", {"title": "Faults"})
        session_id, ticket = made["id"], made["presenter_ticket"]
        crowd = Crowd(self.url, self.history, self._seed + len(self.rooms))
        host = Phone(f"host-{session_id[-4:]}", self.url, session_id, ticket, "presenter", "", self.history)
        room = Room(session_id, made["join_code"], ticket, crowd, host)
        self.rooms.append(room)
        for kind in kinds:
            constraints = {"max_responses": 1_000 if kind == "many" else 1}
            config = {"settings": POLL, "constraints": constraints, "reveal": {"results": "live"}}
            added = await self.post(
                f"/api/v1/sessions/{session_id}/activities", {"type": "poll", "title": kind, "config": config}, ticket
            )
            room.activities[added["id"]] = kind
            await self.move(room, added["id"], "active")
        host.session.start()
        await crowd.enter(room.code, phones)
        for phone in crowd.phones:
            phone.on_saved = self._told_saved.append
        await host.session.ready()
        return room

    async def move(self, room: Room, activity_id: str, to: str) -> None:
        """Bring an activity into a state; done twice is done once."""
        path = f"/api/v1/sessions/{room.id}/activities/{activity_id}/transition"
        await self.post(path, {"target_state": to}, room.ticket)

    # ------------------------------------------------------------------------------------------ faults

    def kill_redis(self) -> None:
        self.engines.kill_valkey()
        self.history.mark("redis killed")

    def start_redis(self) -> None:
        """Start it again; from here on nothing may be accepted in an earlier epoch."""
        self.engines.start_valkey()
        self.history.mark("incarnation")

    def move_redis(self, engines: Engines) -> None:
        """From now on Redis is this one."""
        if self.redis_url != engines.redis_url:
            self.redis_url = engines.redis_url
            for hub in self.hubs:
                hub.redis.switch(address_of(engines.redis_url))
            self.history.mark("incarnation")

    def kill_postgres(self) -> None:
        self.engines.kill_postgres()
        self.history.mark("postgres killed")

    def start_postgres(self) -> None:
        self.engines.start_postgres()
        self.history.mark("postgres is back")

    def valkey_folder(self) -> Path:
        return self.engines.folder / "valkey"

    # --------------------------------------------------------------------------------------- witnesses

    async def _watch_saved(self) -> None:
        """Look into PostgreSQL at the moment a client hears that answers are saved."""
        while True:
            await asyncio.sleep(0.002)
            # What is looked at late proves nothing, so no more are asked for than are answered at once.
            events, self._told_saved[:] = self._told_saved[:_MOST_AT_ONCE], []
            if not events or self._witnessed > _MOST_WITNESSED:
                continue
            self._witnessed += len(events)
            try:
                found = await self.unsaved(events)
            except STORAGE_ERRORS:
                continue  # PostgreSQL is away: there is nobody to ask
            for submission_id in found:
                self.history.mark("witness", f"{submission_id} when its client was told", holds=False)

    async def unsaved(self, events: Sequence[Event]) -> list[str]:
        """Those submissions of some events that PostgreSQL has neither saved nor set aside."""
        records = await self.database.fetch(
            _FIND_UNSAVED, [event.submission_id for event in events], [event.activity_id for event in events],
            [event.participant_id for event in events], [event.revision or 0 for event in events],
        )  # fmt: skip
        return [str(record["sid"]) for record in records]

    # ------------------------------------------------------------------------------------------ coming to rest

    async def rest(self, seconds: float = 25.0) -> None:
        """Wait until every client is connected, every outbox empty, every view that of a newcomer; then check."""
        for room in self.rooms:
            await eventually(
                lambda room=room: all(phone.at_rest for phone in room.crowd.phones) and room.host.session.online,
                lambda room=room: f"the phones came to rest\n{room.crowd.unrest()}\n{self.said()}", seconds,
            )  # fmt: skip
        rests = [await self.collect(room) for room in self.rooms]
        verdict = check(self.history, rests)
        if verdict:
            self.history.dump(self.folder / "history.jsonl")
            raise AssertionError(f"{verdict}\nhistory: {self.folder / 'history.jsonl'}\n{self.said()}")

    async def collect(self, room: Room, *, patience_seconds: float = 10.0) -> Rest:
        """What is there at rest: rows, dead letters, tallies, fences, what clients see and what newcomers are shown."""
        rest = Rest(room.id, dict(room.activities))
        records = await self.database.fetch("SELECT * FROM user_responses WHERE session_id = $1", room.id)
        rest.rows = [_row(record) for record in records]
        for record in await self.database.fetch("SELECT payload FROM dead_letters WHERE session_id = $1", room.id):
            letter = decode_payload(record["payload"])
            if isinstance(letter, Response):
                rest.rows.append(_dead_row(letter))
        for record in await self.database.fetch("SELECT id, closed_offset FROM activities WHERE session_id = $1", room.id):
            if record["closed_offset"] is not None:
                rest.fences[str(record["id"])] = record["closed_offset"]
        newcomers = [
            Phone("fresh-host", self.url, room.id, room.ticket, "presenter", "", History()),
            Phone("fresh", self.url, room.id, room.crowd.phones[0].ticket, "participant", "", History()),
        ]
        for newcomer in newcomers:
            newcomer.session.start()
        try:
            async with asyncio.timeout(patience_seconds):
                await asyncio.gather(*(newcomer.session.ready() for newcomer in newcomers))
            devices = [room.host, *room.crowd.phones]
            with contextlib.suppress(AssertionError):  # the checker says who differs, and in what
                await eventually(lambda: _agree(devices, newcomers), "", patience_seconds)
            rest.fresh = {newcomer.role: newcomer.view() for newcomer in newcomers}
            rest.views = {device.name: device.view() for device in devices}
        finally:
            await asyncio.gather(*(newcomer.session.close() for newcomer in newcomers))
        session = keys.Session(room.id, SHARDS)
        async with self.redis() as redis:
            for activity_id in room.activities:
                tally = await redis.hgetall(session.tally(activity_id, 1))
                rest.tallies[activity_id, 1] = {name: int(value) for name, value in tally.items()}
        return rest

    def said(self) -> str:
        return "\n".join(f"--- {hub.name}\n{hub.said()[-1_500:]}" for hub in self.hubs)

    async def close(self) -> None:
        if self._witness is not None:
            self._witness.cancel()
            await asyncio.gather(self._witness, return_exceptions=True)
        await self.end()
        await asyncio.gather(*(hub.close() for hub in self.hubs))
        await self.front.close()
        if self._http is not None:
            await self._http.aclose()
        if self._database is not None:
            self._database.terminate()


async def _is_whole(hub: Hub) -> bool:
    health = await hub.health()
    return bool(health["ready"] and health["database"])


def _agree(devices: list[Phone], newcomers: list[Phone]) -> bool:
    fresh = {newcomer.role: newcomer.view() for newcomer in newcomers}
    views = [device.view() for device in devices]
    return all((view.epoch, view.map) == (fresh[view.role].epoch, fresh[view.role].map) for view in views)


def _row(record: asyncpg.Record) -> Row:
    document = json.loads(record["response_data"])
    return Row(
        str(record["submission_id"]), str(record["participant_id"]), str(record["activity_id"]), record["round"], record["entry"],
        record["revision"], record["seq"], record["epoch"], document["data"], record["deleted_at"] is not None,
    )  # fmt: skip


def _dead_row(letter: Response) -> Row:
    return Row(
        letter.submission_id, letter.participant_id, letter.activity_id, letter.round, letter.entry, letter.revision, letter.offset,
        letter.epoch, json.loads(letter.response_data)["data"], letter.withdrawn, dead=True,
    )  # fmt: skip


@contextlib.contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Hold processes still (SIGSTOP) for the time of a block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
