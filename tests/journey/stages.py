"""What a test of a journey acts with: sessions, seats and clients on one running server."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from tests.journey.clients import Client
from tests.journey.issued import note_answer

POLL = {"question": "Which one?", "options": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}, {"id": "c", "text": "C"}]}


def new_id() -> str:
    """An id as clients make them."""
    return str(uuid.uuid4())


@dataclass
class Seat:
    """A participant's place, as the join told it."""

    ticket: str
    participant_id: str
    nickname: str


@dataclass
class Scene:
    """One session and its owner's ticket."""

    stage: "Stage"
    id: str
    code: str
    ticket: str

    @property
    def path(self) -> str:
        return f"/api/v1/sessions/{self.id}"

    async def add(
        self, kind: str = "poll", settings: dict[str, Any] | None = None, *, state: str = "active", **config: Any
    ) -> str:
        """Add an activity and bring it into a state; returns its id."""
        wanted = {"settings": POLL if settings is None else settings, **config}
        answer = await self.post("/activities", {"type": kind, "title": kind, "config": wanted})
        assert answer.status_code == 201, answer.text
        activity_id: str = answer.json()["id"]
        if state != "draft":
            await self.move(activity_id, state)
        return activity_id

    async def move(self, activity_id: str, to: str) -> dict[str, Any]:
        """Bring an activity into a state, by the legal way."""
        if to in ("paused", "closed"):
            await self.move(activity_id, "active")
        answer = await self.post(f"/activities/{activity_id}/transition", {"target_state": to})
        assert answer.status_code == 200, answer.text
        moved: dict[str, Any] = answer.json()
        return moved

    async def join(self, nickname: str | None = "Ann", join_id: str | None = None) -> Seat:
        """Join by the code."""
        body = {"code": self.code, "nickname": nickname, "join_id": join_id or uuid.uuid4().hex}
        answer = await self.stage.http.post("/api/v1/join", json=body)
        assert answer.status_code == 201, answer.text
        joined = answer.json()
        return Seat(joined["ticket"], joined["participant_id"], joined["nickname"])

    async def enter(self, seat: Seat, position: dict[str, Any] | None = None, *, after: Client | None = None) -> Client:
        """Connect a participant."""
        return await self.stage.enter(seat.ticket, position, after=after)

    async def present(self, position: dict[str, Any] | None = None) -> Client:
        """Connect a presenter."""
        return await self.stage.enter(self.ticket, position)

    async def post(self, path: str, body: Any, ticket: str | None = None) -> httpx.Response:
        return await self.stage.http.post(self.path + path, json=body, headers=bearer(ticket or self.ticket))

    async def get(self, path: str = "", ticket: str | None = None, **query: Any) -> httpx.Response:
        return await self.stage.http.get(self.path + path, params=query, headers=bearer(ticket or self.ticket))

    async def answer(self, activity_id: str, seat: Seat, data: Any, **fields: Any) -> httpx.Response:
        """Answer over REST."""
        body = {"response_data": data, "submission_id": new_id(), **fields}
        return await self.post(f"/activities/{activity_id}/responses", body, seat.ticket)

    async def rows(self, activity_id: str | None = None) -> list[asyncpg.Record]:
        """The session's stored responses, straight from PostgreSQL."""
        columns = "*, jsonb_typeof(response_data) AS kind"
        return await self.stage.database.fetch(
            f"SELECT {columns} FROM user_responses WHERE session_id = $1 AND ($2::uuid IS NULL OR activity_id = $2) ORDER BY seq",
            self.id, activity_id,
        )  # fmt: skip

    async def settled_rows(self, activity_id: str) -> list[asyncpg.Record]:
        """As `rows`, after the server has been asked to save what it accepted."""
        listed = await self.get(f"/activities/{activity_id}/responses")
        assert listed.status_code == 200, listed.text
        return await self.rows(activity_id)


@dataclass
class Stage:
    """A running server with an HTTP client, a connection to its database and the sockets of this test."""

    url: str
    http: httpx.AsyncClient
    database: asyncpg.Connection
    clients: list[Client] = field(default_factory=list)

    async def session(self, title: str = "A session", **fields: Any) -> Scene:
        """A new session."""
        answer = await self.http.post("/api/v1/sessions", json={"title": title, **fields})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return Scene(self, made["id"], made["join_code"], made["presenter_ticket"])

    async def open(self) -> Client:
        """A connection that has not said hello; closed at the end of the test."""
        self.clients.append(await Client.open(self.url))
        return self.clients[-1]

    async def enter(self, ticket: str, position: dict[str, Any] | None = None, *, after: Client | None = None) -> Client:
        """A welcome connection; closed at the end of the test."""
        self.clients.append(await Client.enter(self.url, ticket, position, after=after))
        return self.clients[-1]

    async def close(self) -> None:
        """Close everything; may be called again."""
        await asyncio.gather(*(client.close() for client in self.clients))
        await self.http.aclose()
        if not self.database.is_closed():
            await self.database.close()


async def open_stage(url: str, database_url: str) -> Stage:
    """Connect to a server and to its database."""
    # Only the answers say that the server is there: a pool of the client must not queue the crowd.
    limits = httpx.Limits(max_connections=50)
    # No TLS here; reading the machine's certificates for each test would take longer than the test.
    http = httpx.AsyncClient(base_url=url, limits=limits, timeout=15, trust_env=False, verify=False,
                             event_hooks={"response": [note_answer]})  # fmt: skip
    return Stage(url, http, await asyncpg.connect(database_url))


def bearer(ticket: str) -> dict[str, str]:
    """The header that carries a ticket."""
    return {"authorization": f"Bearer {ticket}"}
