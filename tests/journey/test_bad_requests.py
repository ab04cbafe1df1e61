"""Bad input over HTTP: a problem document with code and text, nothing stored."""

from typing import Any

import httpx
import pytest

from realtime.core.errors import REASONS
from tests.journey.faulty_answers import ANSWERS, DOCUMENTS, NOT_TEXT
from tests.journey.stages import POLL, Stage, bearer, new_id


def assert_problem(answer: httpx.Response, code: str) -> dict[str, Any]:
    """A problem document of this code, with the founding system's error object inside."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert (problem["code"], answer.status_code, problem["status"]) == (code, REASONS[code].status, REASONS[code].status)
    assert problem["error"]["code"] == code
    assert len(problem["detail"]) > 10
    return problem


async def post_raw(stage: Stage, path: str, ticket: str, content: str | bytes) -> httpx.Response:
    headers = {**bearer(ticket), "content-type": "application/json"}
    return await stage.http.post(path, content=content, headers=headers)


@pytest.mark.parametrize("name", ANSWERS)
async def test_bad_answer_is_refused_as_over_the_socket(stage: Stage, name: str) -> None:
    text, code = ANSWERS[name]
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    path = f"{scene.path}/activities/{activity_id}/responses"
    answer = await post_raw(stage, path, seat.ticket, f'{{"response_data":{text}}}')
    assert_problem(answer, code)
    assert await scene.settled_rows(activity_id) == []
    status = (await scene.get(f"/activities/{activity_id}/status")).json()
    assert status["response_count"] == 0


@pytest.mark.parametrize("name", DOCUMENTS | NOT_TEXT)
async def test_unreadable_body_is_malformed(stage: Stage, name: str) -> None:
    text, code = (DOCUMENTS | NOT_TEXT)[name]
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    path = f"{scene.path}/activities/{activity_id}/responses"
    assert_problem(await post_raw(stage, path, seat.ticket, text), code)
    assert_problem(await post_raw(stage, path, seat.ticket, "null"), "invalid")


@pytest.mark.parametrize(
    "body",
    [{}, [], 7, "text", {"response_data": {"selected": ["a"]}, "more": 1}, {"response_data": {"selected": ["a"]}, "round": "1"}],
)
async def test_body_of_another_shape_is_invalid(stage: Stage, body: Any) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    answer = await scene.post(f"/activities/{activity_id}/responses", body, (await scene.join()).ticket)
    assert_problem(answer, "invalid")
    assert await scene.settled_rows(activity_id) == []


async def test_body_over_the_limit_is_too_large(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add("generic", {})
    seat = await scene.join()
    path = f"{scene.path}/activities/{activity_id}/responses"
    text = f'{{"response_data":{{"x":"{"y" * 70_000}"}}}}'
    assert_problem(await post_raw(stage, path, seat.ticket, text), "too_large")

    async def chunks() -> Any:  # no length is announced
        for start in range(0, len(text), 10_000):
            yield text[start : start + 10_000].encode()

    answer = await stage.http.post(path, content=chunks(), headers=bearer(seat.ticket))
    assert_problem(answer, "too_large")
    assert await scene.settled_rows(activity_id) == []


@pytest.mark.parametrize(
    ("state", "code"),
    [("draft", "activity_not_open"), ("paused", "activity_paused"), ("closed", "activity_closed")],
)
async def test_answer_to_an_activity_that_is_not_open_is_refused(stage: Stage, state: str, code: str) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state=state)
    answer = await scene.answer(activity_id, await scene.join(), {"selected": ["a"]})
    assert_problem(answer, code)
    assert await scene.settled_rows(activity_id) == []


async def test_unknown_and_foreign_activities_are_refused_alike(stage: Stage) -> None:
    scene, other = await stage.session(), await stage.session()
    foreign = await other.add()
    seat = await scene.join()
    problems = [
        assert_problem(await scene.answer(activity_id, seat, {"selected": ["a"]}), "unknown_activity")
        for activity_id in (new_id(), foreign, "no-uuid")
    ]
    assert len({problem["detail"] for problem in problems}) == 1
    for method, path in [("GET", ""), ("GET", "/status"), ("GET", "/responses"), ("PUT", ""), ("DELETE", "")]:
        url = f"{scene.path}/activities/{foreign}{path}"
        body = {"title": "stolen"} if method == "PUT" else None
        assert_problem(await stage.http.request(method, url, json=body, headers=bearer(scene.ticket)), "unknown_activity")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/api/v1/sessions", {}, "invalid"),
        ("/api/v1/sessions", {"title": ""}, "invalid"),
        ("/api/v1/sessions", {"title": "   "}, "invalid"),
        ("/api/v1/sessions", {"title": "x" * 256}, "invalid"),
        ("/api/v1/sessions", {"title": "a\x00b"}, "nul_character"),
        ("/api/v1/sessions", {"title": "T", "description": "a\x00b"}, "nul_character"),
        ("/api/v1/sessions", {"title": "T", "max_participants": 0}, "invalid"),
        ("/api/v1/sessions", {"title": "T", "owner": "me"}, "invalid"),
        ("/api/v1/join", {"nickname": "Ann"}, "invalid"),
        ("/api/v1/join", {"code": "ZZZZZZ", "nickname": "Ann"}, "unknown_code"),
        ("/api/v1/join", {"code": "'; DROP TABLE", "nickname": "Ann"}, "unknown_code"),
        ("/api/v1/nowhere", {}, "not_found"),
    ],
)
async def test_requests_before_a_ticket_are_checked(stage: Stage, path: str, body: dict[str, Any], code: str) -> None:
    assert_problem(await stage.http.post(path, json=body), code)


@pytest.mark.parametrize(
    ("nickname", "code"),
    [("", "invalid"), ("  ", "invalid"), ("x" * 41, "invalid"), ("a\x00", "nul_character"), (7, "invalid"), ("\u202e", "invalid")],
)
async def test_nickname_is_checked(stage: Stage, nickname: Any, code: str) -> None:
    scene = await stage.session()
    answer = await stage.http.post("/api/v1/join", json={"code": scene.code, "nickname": nickname})
    assert_problem(answer, code)
    assert (await scene.get("/status")).json()["participant_count"] == 0


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/responses", {"limit": "0"}, "invalid"),
        ("/responses", {"limit": "x"}, "invalid"),
        ("/responses", {"limit": "99999999999999"}, "invalid"),
        ("/responses", {"cursor": "nonsense"}, "invalid"),
        ("/responses", {"cursor": "MTotNQ"}, "invalid"),
        ("/activities/{activity}/responses", {"offset": "-1"}, "invalid"),
        ("/activities/{activity}/responses", {"limit": "²"}, "invalid"),
        ("/activities/{activity}/responses/since/yesterday", {}, "invalid_timestamp"),
        ("/activities/{activity}/responses/since/0000-00-00", {}, "invalid_timestamp"),
        ("/activities/{activity}/responses/since/99999-01-01T00:00:00Z", {}, "invalid_timestamp"),
    ],
)
async def test_queries_are_checked(stage: Stage, path: str, query: dict[str, str], code: str) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    assert_problem(await scene.get(path.format(activity=activity_id), **query), code)


async def test_method_that_a_path_does_not_know_is_405(stage: Stage) -> None:
    answer = await stage.http.delete("/api/v1/join")
    assert answer.status_code == 405
    assert answer.json()["code"] == "invalid"


async def test_of_several_things_asked_for_none_is_done_where_one_is_refused(stage: Stage) -> None:
    scene = await stage.session()
    draft = {"type": "poll", "title": "A draft", "config": {"settings": POLL}}

    async def titles() -> list[str]:
        return [one["title"] for one in (await scene.get("/activities")).json()["activities"]]

    async def change(path: str, body: dict[str, Any]) -> tuple[int, str]:
        answer = await stage.http.put(scene.path + path, json=body, headers=bearer(scene.ticket))
        return answer.status_code, answer.json().get("code", "")

    never = await scene.post("/activities", draft | {"status": "completed"})
    assert (never.status_code, never.json()["code"], await titles()) == (409, "illegal_move", [])
    activity_id = (await scene.post("/activities", draft)).json()["id"]
    wanted = {"title": "Another", "status": "completed"}
    assert await change(f"/activities/{activity_id}", wanted) == (409, "illegal_move")
    assert await titles() == ["A draft"]
    for fields in ({"passcode": "ab"}, {"max_participants": 1_000_000}):
        assert await change("", {"status": "completed", **fields}) == (422, "invalid")
        assert (await scene.get()).json()["state"] == "active"
    assert (await change("", {"status": "completed"}))[0] == 200
    late = await scene.post("/activities", draft | {"status": "active"})
    assert (late.status_code, late.json()["code"], await titles()) == (409, "session_ended", ["A draft"])
