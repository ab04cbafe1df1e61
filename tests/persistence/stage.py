"""A session with an activity, people and a leased shard, and makers of the rows that an outbox brings."""

import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from persistence import activities, batch, sessions, shards
from realtime.core.response import Join, Response

ACCEPTED_AT_MS = 1_763_715_777_123


def name_database(url: str, name: str) -> str:
    """Return the URL with another database in it."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def make_id() -> str:
    return str(uuid4())


@dataclass
class Stage:
    db: asyncpg.Pool
    session_id: str
    activity_id: str
    epoch: str
    lease_token: int
    offset: int = 0
    participant_ids: list[str] = field(default_factory=list)

    async def save(self, *rows: Join | Response, epoch: str = "", lease_token: int = 0) -> batch.Saved:
        return await batch.save(
            self.db,
            batch.pack([row for row in rows if isinstance(row, Join)], [row for row in rows if isinstance(row, Response)]),
            shard=0,
            epoch=epoch or self.epoch,
            lease_token=lease_token or self.lease_token,
        )

    def make_join(self, **changes: object) -> Join:
        values: dict[str, object] = {
            "participant_id": make_id(),
            "session_id": self.session_id,
            "nickname": "Ada",
            "anonymous": False,
            "joined_at_ms": ACCEPTED_AT_MS,
        }
        return Join(**(values | changes))  # type: ignore[arg-type]

    def make_response(self, **changes: object) -> Response:
        self.offset += 1
        values: dict[str, object] = {
            "id": make_id(),
            "session_id": self.session_id,
            "activity_id": self.activity_id,
            "participant_id": self.participant_ids[0],
            "round": 1,
            "entry": "",
            "revision": 1,
            "submission_id": make_id(),
            "offset": self.offset,
            "epoch": self.epoch,
            "accepted_at_ms": ACCEPTED_AT_MS + self.offset,
            "response_data": json.dumps({"type": "poll", "version": 1, "data": {"selected": ["b"]}}),
        }
        return Response(**(values | changes))  # type: ignore[arg-type]

    async def admit(self, count: int) -> list[str]:
        """Store more people and return their ids."""
        joins = [self.make_join(nickname=f"p{number}") for number in range(count)]
        await self.save(*joins)
        self.participant_ids += [join.participant_id for join in joins]
        return [join.participant_id for join in joins]

    async def read_table(self, table: str) -> list[dict[str, object]]:
        """Return a whole table, to compare before and after."""
        return [dict(row) for row in await self.db.fetch(f"SELECT * FROM {table} ORDER BY 1")]


async def set_stage(db: asyncpg.Pool) -> Stage:
    await shards.ensure(db, 2)
    token = await shards.acquire_lease(db, 0, "tester", 600)
    shard = await shards.read(db, 0)
    assert token is not None
    assert shard is not None
    session = await sessions.create(
        db, id=make_id(), title="Physics", join_code="ABC123", shard=0, max_participants=500
    )
    activity = await activities.create(db, id=make_id(), session_id=session.id, type="poll", title="Which?")
    stage = Stage(db, session.id, activity.id, shard.epoch, token)
    await stage.admit(1)
    return stage
