"""`plenum seed` beside a running server: everything is there, nothing twice, and it is the same everywhere."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from realtime.activities.registry import installed
from realtime.core.session import MOVES
from tests.journey.servers import Server, run_plenum, serving
from tests.journey.stages import bearer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("seed")) as running:
        yield running


def seed(server: Server) -> list[dict[str, Any]]:
    done = run_plenum("seed", "--json", REDIS_URL=server.redis_url, DATABASE_URL=server.database_url)
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


async def answers(database: asyncpg.Connection, session_id: str) -> list[tuple[Any, ...]]:
    """What was answered, without what differs from one run to the next."""
    rows = await database.fetch(
        "SELECT a.order_index, r.round, p.nickname, r.response_data -> 'data' AS data FROM user_responses r "
        "JOIN activities a ON a.id = r.activity_id JOIN participants p ON p.id = r.participant_id "
        "WHERE r.session_id = $1 AND a.type <> 'qna' ORDER BY a.order_index, r.round, r.seq",
        session_id,
    )
    return [tuple(row) for row in rows]


async def test_an_installation_is_filled_once_and_always_alike(server: Server) -> None:
    lecture, review, catalogue = seed(server)
    database = await asyncpg.connect(server.database_url)
    try:
        assert [one["is_new"] for one in (lecture, review, catalogue)] == [True] * 3
        rows = await database.fetch("SELECT type, state FROM activities WHERE session_id = $1", catalogue["id"])
        assert {tuple(row) for row in rows} == {(name, state) for name in installed().kinds() for state in MOVES}
        assert await database.fetchval("SELECT count(*) FROM participants WHERE session_id = $1", lecture["id"]) == 30
        assert await database.fetchval("SELECT state FROM sessions WHERE id = $1", review["id"]) == "completed"

        async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False) as http:

            async def get(one: dict[str, Any], path: str, role: str = "owner") -> Any:
                answer = await http.get(f"/api/v1/sessions/{one['id']}{path}", headers=bearer(one["tickets"][role]))
                assert answer.status_code == 200, answer.text
                return answer.json()

            board = (await get(lecture, "/leaderboard"))["entries"]
            assert (board[0]["name"], board[0]["points"] >= 4_000) == ("Ada", True)  # everything right
            assert await get(lecture, "/participants", "moderator")
            assert await get(lecture, "", "presenter")
            assert await get(lecture, "/activities", "participant 1")
        kinds = {row["action"] for row in await database.fetch("SELECT DISTINCT action FROM session_events")}
        assert {"session_created", "ticket_issued", "activity_revealed", "activity_decided", "session_completed"} <= kinds

        first = await answers(database, lecture["id"])
        everything = await database.fetchval("SELECT count(*) FROM user_responses")
        # As if that run had been killed half-way: what is unfinished is made anew, what is whole stays.
        await database.execute("DELETE FROM session_events WHERE actor = 'seed:biology' AND action = 'seeded'")
        again, *others = seed(server)
        assert [(one["is_new"], one["id"]) for one in others] == [(False, review["id"]), (False, catalogue["id"])]
        assert again["is_new"]
        assert again["id"] != lecture["id"]
        assert await answers(database, again["id"]) == first
        assert await database.fetchval("SELECT count(*) FROM sessions") == 3
        assert await database.fetchval("SELECT count(*) FROM user_responses") == everything
    finally:
        await database.close()
    verified = run_plenum("verify", REDIS_URL=server.redis_url, DATABASE_URL=server.database_url)
    assert verified.returncode == 0, verified.stdout


def test_the_links_of_every_role_are_told(server: Server) -> None:
    stores = {"REDIS_URL": server.redis_url, "DATABASE_URL": server.database_url}
    done = run_plenum("seed", "--again", "--public-url", "https://vote.example", **stores)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("https://vote.example/present#session=") == 9
    assert done.stdout.count("https://vote.example/join#") == 3
    assert "is there already" not in done.stdout
