"""Idempotency-Key: sent twice, done once, answered the same."""

import asyncio
import json
import secrets
from typing import Any

import httpx
import redis.asyncio

from realtime.store import keys
from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage, bearer

ROOT = "/api/v1"
POLL = {"type": "poll", "config": {"question": "Which?", "options": ["A", "B"]}}


async def send(scene: Scene | None, stage: Stage, path: str, body: Any, key: str, ticket: str = "") -> httpx.Response:
    headers = {"idempotency-key": key} | (bearer(ticket or scene.ticket) if scene else {})
    return await stage.http.post(ROOT + path, json=body, headers=headers)


def same(first: httpx.Response, second: httpx.Response) -> bool:
    return (first.status_code, first.json(), first.headers.get("location")) == (
        second.status_code, second.json(), second.headers.get("location")
    )  # fmt: skip


async def test_session_is_created_once_and_its_ticket_given_again(stage: Stage) -> None:
    key = secrets.token_hex(16)
    first = await send(None, stage, "/sessions", {"title": "Once"}, key)
    second = await send(None, stage, "/sessions", {"title": "Once"}, key)
    assert first.status_code == 201
    assert same(first, second)
    assert second.headers["idempotent-replayed"] == "true"
    assert await stage.database.fetchval("SELECT count(*) FROM sessions WHERE title = 'Once'") == 1


async def test_kept_answer_is_unreadable_without_the_key(stage: Stage, server: Server) -> None:
    made = await send(None, stage, "/sessions", {"title": "Sealed"}, secrets.token_hex(16))
    ticket = made.json()["presenter_ticket"]
    client = redis.asyncio.from_url(server.redis_url, decode_responses=True)
    try:
        kept = await client.hgetall(keys.IDEMPOTENCY_RECORDS)
        assert kept
        assert ticket not in json.dumps(kept)
        assert "Sealed" not in json.dumps(kept)
        ages = await client.zrange(keys.IDEMPOTENCY_INDEX, 0, -1, withscores=True)
        assert len(ages) == len(kept)
    finally:
        await client.aclose()


async def test_same_key_with_another_body_is_refused(stage: Stage) -> None:
    scene, key = await stage.session(), secrets.token_hex(16)
    path = f"/sessions/{scene.id}/activities"
    assert (await send(scene, stage, path, POLL, key)).status_code == 201
    other = await send(scene, stage, path, {**POLL, "title": "Other"}, key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert (await scene.get("/activities")).json()["total"] == 1


async def test_keys_of_one_session_mean_nothing_in_another(stage: Stage) -> None:
    scene, other, key = await stage.session(), await stage.session(), secrets.token_hex(16)
    made = [await send(one, stage, f"/sessions/{one.id}/activities", POLL, key) for one in (scene, other)]
    assert made[0].json()["id"] != made[1].json()["id"]


async def test_many_at_once_are_one(stage: Stage) -> None:
    scene, key = await stage.session(), secrets.token_hex(16)
    path = f"/sessions/{scene.id}/activities"
    answers = await asyncio.gather(*(send(scene, stage, path, POLL, key) for _ in range(12)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["code"]) == (409, "under_way")
            assert answer.headers["retry-after"] == "1"
    assert (await scene.get("/activities")).json()["total"] == 1
    assert (await send(scene, stage, path, POLL, key)).json()["id"] in made


async def test_join_and_answer_are_done_once(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    key = secrets.token_hex(16)
    body = {"code": scene.code, "nickname": "Ann"}
    first, second = await send(None, stage, "/join", body, key), await send(None, stage, "/join", body, key)
    assert same(first, second)
    ticket, key = first.json()["ticket"], secrets.token_hex(16)
    path, answer = f"/activities/{activity_id}/responses", {"response_data": {"selected": ["a"]}}
    one, two = await send(scene, stage, path, answer, key, ticket), await send(scene, stage, path, answer, key, ticket)
    assert same(one, two)
    changed = await send(scene, stage, path, {"response_data": {"selected": ["b"]}}, key, ticket)
    assert changed.json()["code"] == "idempotency_conflict"
    rows = await scene.settled_rows(activity_id)
    assert [row["revision"] for row in rows] == [1]


async def test_refused_request_may_be_sent_again(stage: Stage) -> None:
    scene, key = await stage.session(), secrets.token_hex(16)
    activity_id = await scene.add(state="published")
    seat = await scene.join()
    path, answer = f"/activities/{activity_id}/responses", {"response_data": {"selected": ["a"]}}
    assert (await send(scene, stage, path, answer, key, seat.ticket)).status_code == 409
    await scene.move(activity_id, "active")
    assert (await send(scene, stage, path, answer, key, seat.ticket)).status_code == 201


async def test_key_must_be_hard_to_guess_and_the_body_bounded(stage: Stage) -> None:
    for key in ("1", "x" * 15, "x" * 201, "with a blank in it"):
        answer = await send(None, stage, "/sessions", {"title": "No"}, key)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (422, "Idempotency-Key"), key
    scene = await stage.session()
    huge = {"type": "generic", "config": {"settings": {"x": "y" * 70_000}}}
    assert (await send(scene, stage, f"/sessions/{scene.id}/activities", huge, "k" * 32)).status_code == 413
