"""The founding system's API: its paths and bodies, and each of its fourteen defects by number (requirements 5.5)."""

from datetime import UTC, datetime
from typing import Any

import httpx

from tests.journey.stages import POLL, Scene, Seat, Stage, bearer, new_id
from tests.waiting import eventually

ROOT = "/api/v1"
POKER = {"story": {"key": "A-1", "title": "Export"}, "deck": "fibonacci"}


async def call(scene: Scene, method: str, path: str, ticket: str | None = None, **more: Any) -> httpx.Response:
    return await scene.stage.http.request(method, ROOT + path, headers=bearer(ticket or scene.ticket), **more)


async def ok(scene: Scene, method: str, path: str, ticket: str | None = None, **more: Any) -> Any:
    answer = await call(scene, method, path, ticket, **more)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


async def answered(scene: Scene, activity_id: str, seat: Seat, choice: str = "a") -> str:
    answer = await scene.answer(activity_id, seat, {"selected": [choice]})
    assert answer.status_code == 201, answer.text
    response_id: str = answer.json()["id"]
    return response_id


async def test_defect_1_heartbeat_and_kick_take_the_ids_that_join_gives(stage: Stage) -> None:
    scene = await stage.session()
    seat, other = await scene.join("Ann"), await scene.join("Ben")
    path = f"/participants/{seat.participant_id}"
    beat = await ok(scene, "POST", path + "/heartbeat", seat.ticket, json={"activity_context": {"page": 1}})
    assert (beat["status"], beat["activity_context"]) == ("online", {"page": 1})
    people = (await ok(scene, "GET", f"/sessions/{scene.id}/participants"))["participants"]
    assert {one["nickname"]: one["status"] for one in people} == {"Ann": "online", "Ben": "idle"}
    assert (await call(scene, "POST", path + "/heartbeat", other.ticket, json={})).status_code == 403
    assert (await call(scene, "DELETE", path)).status_code == 204
    assert (await call(scene, "POST", path + "/heartbeat", seat.ticket, json={})).json()["code"] == "removed"
    assert (await ok(scene, "GET", f"/sessions/{scene.id}/participants"))["total_count"] == 1


async def test_defect_2_session_with_activities_can_be_read(stage: Stage) -> None:
    scene = await stage.session()
    open_id, draft_id = await scene.add(), await scene.add(state="draft")
    seat = await scene.join()
    shown = await ok(scene, "GET", f"/sessions/{scene.id}")
    assert [one["id"] for one in shown["activities"]] == [open_id, draft_id]
    assert (shown["participant_count"], shown["activity_count"], shown["participants"][0]["nickname"]) == (1, 2, "Ann")
    seen = await ok(scene, "GET", f"/sessions/{scene.id}", seat.ticket)
    assert [one["id"] for one in seen["activities"]] == [open_id]
    assert "participants" not in seen


async def test_defect_3_every_route_to_answer_is_one(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    body = {"response_data": {"selected_options": ["A"]}, "submission_id": new_id()}
    first = await call(scene, "POST", f"/activities/{activity_id}/responses", seat.ticket, json=body)
    again = await call(scene, "POST", f"/sessions/{scene.id}/activities/{activity_id}/responses", seat.ticket, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    results = await ok(scene, "GET", f"/activities/{activity_id}/results")
    assert results["results"]["vote_counts"] == {"a": 1, "b": 0, "c": 0}


async def test_defect_4_framework_status_is_there(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    shown = await ok(scene, "GET", f"/activities/{activity_id}/status/framework")
    assert (shown["status"], shown["state"], shown["paused"]) == ("active", "active", False)
    assert shown["valid_transitions"] == ["cancelled", "closed", "paused"]
    await scene.move(activity_id, "closed")
    shown = await ok(scene, "GET", f"/activities/{activity_id}/status/framework")
    assert (shown["status"], shown["state"]) == ("completed", "expired")


async def test_defect_5_status_of_an_unknown_activity_is_404(stage: Stage) -> None:
    scene = await stage.session()
    unknown = await call(scene, "PATCH", f"/activities/{new_id()}/status", params={"status": "active"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_activity")
    activity_id = await scene.add(state="draft")
    for status, state in (("active", "active"), ("completed", "closed"), ("cancelled", "cancelled"), ("draft", "draft")):
        moved = await ok(scene, "PATCH", f"/activities/{activity_id}/status", params={"status": status})
        assert (moved["status"], moved["state"]) == (status, state)


async def test_defect_6_second_answer_replaces_the_first(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    first, second = await answered(scene, activity_id, seat, "a"), await answered(scene, activity_id, seat, "b")
    assert first == second
    path = f"/sessions/{scene.id}/activities/{activity_id}/responses"
    shown = await ok(scene, "GET", f"{path}/{seat.participant_id}", seat.ticket)
    assert shown["response_data"]["data"] == {"selected": ["b"]}
    assert (await ok(scene, "GET", path))["summary"]["total_responses"] == 1
    nobody = await scene.join("Ben")
    assert await ok(scene, "GET", f"{path}/{nobody.participant_id}", nobody.ticket) is None


async def test_defect_7_joining_with_two_open_activities(stage: Stage) -> None:
    scene = await stage.session()
    first, second = await scene.add(), await scene.add()
    await ok(scene, "PUT", f"/sessions/{scene.id}", json={"focus": second})
    joined = await stage.http.post(f"{scene.path}/join", json={"nickname": "Ann"})
    assert joined.status_code == 200, joined.text
    state = joined.json()["session_state"]
    assert state["current_activity"]["id"] == second
    assert state["active_activity_ids"] == [first, second]
    assert (state["session_id"], state["session_status"], state["participant_count"]) == (scene.id, "active", 1)
    active = await ok(scene, "GET", f"/sessions/{scene.id}/activities/active", joined.json()["ticket"])
    assert active["id"] == second


async def test_defect_8_nothing_is_accepted_where_nothing_is_open(stage: Stage) -> None:
    scene = await stage.session()
    open_id, draft_id, closed_id = await scene.add(), await scene.add(state="draft"), await scene.add(state="closed")
    seat = await scene.join()
    await ok(scene, "PUT", f"/sessions/{scene.id}", json={"status": "completed"})
    for activity_id, code in ((open_id, "activity_closed"), (draft_id, "activity_not_open"), (closed_id, "activity_closed")):
        for path in (f"/activities/{activity_id}/responses", f"/sessions/{scene.id}/activities/{activity_id}/responses"):
            refused = await call(scene, "POST", path, seat.ticket, json={"response_data": {"selected": ["a"]}})
            assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text
    assert await scene.rows() == []


async def test_defect_9_cursor_shows_changes_and_withdrawals(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    mine, other = await answered(scene, activity_id, ann), await answered(scene, activity_id, ben)
    page = (await scene.get("/responses")).json()
    changed = await ok(scene, "PUT", f"/responses/{mine}", ann.ticket, json={"response_data": {"selected": ["c"]}})
    assert (changed["id"], changed["revision"]) == (mine, 2)
    assert (await call(scene, "DELETE", f"/responses/{other}", ben.ticket)).status_code == 204
    newer = (await scene.get("/responses", cursor=page["next_cursor"])).json()["items"]
    assert [(one["id"], one["deleted_at"] is None) for one in newer] == [(mine, True), (other, False)]
    stolen = await call(scene, "PUT", f"/responses/{mine}", ben.ticket, json={"response_data": {"selected": ["a"]}})
    assert stolen.status_code == 404
    assert (await call(scene, "DELETE", f"/responses/{mine}", ben.ticket)).status_code == 404
    assert (await call(scene, "DELETE", f"/responses/{other}", ben.ticket)).status_code == 404


async def test_defect_10_unknown_participant_is_a_typed_404(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    for path in (
        f"/sessions/{scene.id}/participants/{new_id()}/responses",
        f"/sessions/{scene.id}/activities/{activity_id}/responses/{new_id()}",
        f"/sessions/{scene.id}/activities/{activity_id}/responses/17",
    ):
        answer = await call(scene, "GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_participant")
    assert (await call(scene, "DELETE", f"/participants/{new_id()}")).json()["code"] == "unknown_participant"


async def test_defect_11_lists_show_no_other_session_and_no_code_of_presenters(stage: Stage) -> None:
    scene, other = await stage.session("Mine"), await stage.session("Theirs")
    listed = await ok(scene, "GET", "/sessions/")
    assert [one["id"] for one in listed["sessions"]] == [scene.id]
    assert (listed["total"], listed["sessions"][0]["admin_code"]) == (1, None)
    assert other.code not in str(listed)
    assert (await stage.http.get(f"{ROOT}/sessions/")).status_code == 401
    assert (await stage.http.get(f"{ROOT}/sessions/code/{scene.code}", params={"code_type": "admin"})).status_code == 404
    events = await ok(scene, "GET", f"/sessions/{scene.id}/events")
    assert events["events"][0]["action"] == "session_created"
    assert scene.ticket not in str(events)


async def test_defect_12_presenters_see_what_waits_for_moderation(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add("qna", {"topic": "Questions", "moderate_questions": True})
    seat = await scene.join()
    asked = await scene.answer(activity_id, seat, {"type": "question", "text": "Will this be in the exam?"})
    assert asked.status_code == 201, asked.text

    async def presenters_view() -> str:
        return (await scene.get(f"/activities/{activity_id}/results")).text

    assert "in the exam" in await presenters_view()
    assert "in the exam" not in (await scene.get(f"/activities/{activity_id}/results", seat.ticket)).text
    decision = {"action": "approve", "item_id": asked.json()["id"]}
    await ok(scene, "POST", f"/activities/{activity_id}/decisions", json={"decision": decision})

    async def public() -> bool:
        return "in the exam" in (await scene.get(f"/activities/{activity_id}/results", seat.ticket)).text

    await eventually(public, "the approved question is public")


async def test_defect_13_total_is_of_all_pages(stage: Stage) -> None:
    scene = await stage.session()
    for _ in range(3):
        await scene.add(state="draft")
    opened = await scene.add()
    page = (await scene.get("/activities", limit=2)).json()
    assert (page["total"], len(page["activities"]), page["has_next"], page["has_prev"]) == (4, 2, True, False)
    rest = (await scene.get("/activities", limit=2, offset=2)).json()
    assert (rest["has_next"], rest["has_prev"]) == (False, True)
    active = (await scene.get("/activities", status="active")).json()
    assert ([one["id"] for one in active["items"]], active["total"]) == ([opened], 1)
    for name in ("Ann", "Ben", "Cleo"):
        await scene.join(name)
    people = (await scene.get("/participants", limit=2)).json()
    assert (people["total_count"], len(people["participants"]), people["has_next"]) == (3, 2, True)


async def test_defect_14_limits_are_enforced_and_last_updated_moves(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(settings={**POLL, "max_choices": 1}, constraints={"allow_changes": False})
    seat = await scene.join()
    path = f"/sessions/{scene.id}/status"
    before, still = await ok(scene, "GET", path), await ok(scene, "GET", path)
    assert before["last_updated"] == still["last_updated"]
    two = await scene.answer(activity_id, seat, {"selected": ["a", "b"]})
    assert two.json()["code"] == "too_many_choices"
    await answered(scene, activity_id, seat)
    again = await scene.answer(activity_id, seat, {"selected": ["b"]})
    assert (again.status_code, again.json()["code"]) == (409, "already_answered")
    await scene.move(activity_id, "closed")
    after = await ok(scene, "GET", path)
    assert datetime.fromisoformat(after["last_updated"]) > datetime.fromisoformat(before["last_updated"])
    assert datetime.fromisoformat(after["last_updated"]) <= datetime.now(UTC)


async def test_estimates_are_hidden_from_everybody_until_the_cards_are_turned(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add("poker", POKER)
    seat = await scene.join()
    given = await scene.answer(activity_id, seat, {"estimate": "13"})
    assert given.status_code == 201, given.text
    paths = (
        f"/activities/{activity_id}/responses", f"/activities/{activity_id}/responses/since/2020-01-01", "/responses",
        f"/activities/{activity_id}/responses/{seat.participant_id}", f"/participants/{seat.participant_id}/responses",
        f"/activities/{activity_id}/results",
    )  # fmt: skip
    for path in paths:
        shown = await scene.get(path)
        assert shown.status_code == 200, shown.text
        assert '"13"' not in shown.text, path
    own = await scene.get(f"/participants/{seat.participant_id}/responses", seat.ticket)
    assert own.json()[0]["response_data"]["data"] == {"estimate": "13"}
    assert (await call(scene, "GET", f"/activities/{activity_id}/review")).json()["code"] == "illegal_move"
    await ok(scene, "POST", f"/activities/{activity_id}/reveal", json={})
    for path in paths[:5]:
        assert '"13"' in (await scene.get(path)).text, path


async def test_aliases_types_and_the_framework(stage: Stage) -> None:
    scene = await stage.session()
    types = (await stage.http.get(f"{ROOT}/activities/types")).json()["activity_types"]
    assert {"poll", "qna", "word_cloud", "planning_poker"} <= {one["id"] for one in types}
    for alias, name in (("qa", "qna"), ("poker", "planning_poker"), ("wordcloud", "word_cloud")):
        schema = (await stage.http.get(f"{ROOT}/activities/types/{alias}/schema")).json()
        assert (schema["activity_type"], "properties" in schema["schema"]["settings"]) == (name, True)
    assert (await stage.http.get(f"{ROOT}/activities/types/nothing/schema")).status_code == 404
    legacy = {"question": "Which?", "options": ["A", "B"]}
    good = {"activity_type": "poll", "configuration": legacy}
    checked = (await stage.http.post(f"{ROOT}/activities/validate", json=good)).json()
    assert (checked["valid"], checked["configuration"]["settings"]["options"][1]) == (True, {"id": "b", "text": "B"})
    bad = (await stage.http.post(f"{ROOT}/activities/validate", json={"activity_type": "poll", "configuration": {}})).json()
    assert (bad["valid"], len(bad["errors"])) == (False, 1)
    body = {
        "activity_type": "poll", "title": "Legacy", "description": "As before", "configuration": legacy,
        "activity_metadata": {"duration_seconds": 300},
    }  # fmt: skip
    made = await ok(scene, "POST", f"/sessions/{scene.id}/activities/framework", json=body)
    assert (made["type"], made["status"], made["description"]) == ("poll", "draft", "As before")
    moved = await ok(scene, "POST", f"/activities/{made['id']}/transition", json={"target_state": "active", "reason": "go"})
    assert (moved["state"], moved["expires_at"] is not None) == ("active", True)
    told = (await ok(scene, "GET", f"/sessions/{scene.id}/events"))["events"][-1]
    assert (told["action"], told["meta"]["reason"]) == ("activity_active", "go")
    ended = await ok(scene, "POST", f"/activities/{made['id']}/transition", json={"target_state": "expired"})
    assert (ended["state"], ended["status"]) == ("closed", "completed")


async def test_nickname_is_checked_before_joining(stage: Stage) -> None:
    scene = await stage.session()
    path = f"{scene.path}/nicknames/validate"
    assert (await stage.http.get(path, params={"nickname": "Ann"})).json() == {"available": True, "suggested_nickname": None}
    await scene.join("Ann")
    taken = (await stage.http.get(path, params={"nickname": "ann"})).json()
    assert taken == {"available": False, "suggested_nickname": "ann 2"}
    assert (await stage.http.get(path)).status_code == 422


async def test_imported_session_answers_to_its_number(stage: Stage) -> None:
    scene = await stage.session()
    await stage.database.execute("UPDATE sessions SET legacy_id = 4711 WHERE id = $1", scene.id)
    assert (await ok(scene, "GET", "/sessions/4711/status"))["session_id"] == scene.id
    assert (await call(scene, "GET", "/sessions/4712/status")).json()["code"] == "unknown_session"
    await stage.database.execute("UPDATE sessions SET legacy_id = NULL WHERE id = $1", scene.id)


async def test_versions_guard_changes(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state="draft")
    path = f"/activities/{activity_id}"
    tag = (await call(scene, "GET", path)).headers["etag"]
    headers = {**bearer(scene.ticket), "if-match": tag}
    first = await stage.http.put(ROOT + path, json={"title": "One"}, headers=headers)
    assert (first.status_code, first.json()["title"]) == (200, "One")
    second = await stage.http.put(ROOT + path, json={"title": "Two"}, headers=headers)
    assert (second.status_code, second.json()["code"]) == (409, "version_conflict")
    assert second.json()["error"]["details"]["present"]["title"] == "One"


async def test_root_answers_programs_and_health_says_its_version(stage: Stage) -> None:
    assert (await stage.http.get("/", headers={"accept": "application/json"})).json()["docs"] == "/docs"
    health = (await stage.http.get(f"{ROOT}/health/")).json()
    assert health["version"]
    assert datetime.fromisoformat(health["timestamp"]).tzinfo is not None
