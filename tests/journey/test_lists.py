"""Answers over REST, lists with a summary, and the two ways to ask for what is new."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.journey.clients import Client
from tests.journey.stages import Scene, Stage, new_id

ROWS = 100
PAGE = 7


async def test_answer_over_rest_is_a_row_and_listed_with_a_summary(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    submission_id = new_id()
    first = await scene.answer(activity_id, ann, {"selected": ["a"]}, submission_id=submission_id)
    assert (first.status_code, first.json()["duplicate"], first.json()["revision"]) == (201, False, 1)
    again = await scene.answer(activity_id, ann, {"selected": ["a"]}, submission_id=submission_id)
    assert (again.status_code, again.json()["duplicate"], again.json()["id"]) == (200, True, first.json()["id"])
    await scene.answer(activity_id, ben, {"selected": ["b"]})
    changed = await scene.answer(activity_id, ann, {"selected": ["c"]})
    assert (changed.status_code, changed.json()["id"], changed.json()["revision"]) == (201, first.json()["id"], 2)

    listed = (await scene.get(f"/activities/{activity_id}/responses", limit=1)).json()
    assert (listed["total"], listed["limit"], listed["offset"], listed["has_next"], listed["has_prev"]) == (2, 1, 0, True, False)
    assert listed["summary"]["total_responses"] == 2
    assert listed["summary"]["unique_participants"] == 2
    assert datetime.fromisoformat(listed["summary"]["last_updated"]) <= datetime.now(UTC) + timedelta(seconds=5)
    second = (await scene.get(f"/activities/{activity_id}/responses", limit=1, offset=1)).json()
    assert (second["has_next"], second["has_prev"]) == (False, True)
    found = {item["participant_id"]: item for item in listed["responses"] + second["responses"]}
    assert found.keys() == {ann.participant_id, ben.participant_id}
    assert found[ann.participant_id]["response_data"]["data"] == {"selected": ["c"]}
    assert found[ann.participant_id]["seq"] == changed.json()["offset"]


async def test_founding_clients_envelope_is_understood(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    sent = {"type": "poll", "version": 1, "data": {"selected_options": ["B"]}, "metadata": {"device_type": "mobile"}}
    answer = await scene.answer(activity_id, await scene.join(), sent)
    assert answer.status_code == 201, answer.text
    (row,) = await scene.settled_rows(activity_id)
    stored = json.loads(row["response_data"])
    assert stored["data"] == {"selected": ["b"]}
    assert stored["metadata"] == {"device_type": "mobile"}


async def test_empty_activity_has_an_empty_list(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    listed = (await scene.get(f"/activities/{activity_id}/responses")).json()
    assert (listed["responses"], listed["total"], listed["has_next"]) == ([], 0, False)
    assert listed["summary"] == {"total_responses": 0, "unique_participants": 0, "last_updated": None}
    newer = (await scene.get("/responses")).json()
    assert (newer["items"], newer["has_more"]) == ([], False)
    assert (await scene.get("/responses", cursor=newer["next_cursor"])).json()["items"] == []


async def write_many(scene: Scene, activity_id: str, phone: Client) -> None:
    for number in range(ROWS):
        reply = await phone.ask(
            "submit", activity_id=activity_id, submission_id=new_id(), data={"number": number}, entry=f"n:{number}"
        )
        assert reply["type"] == "accepted", reply


async def test_cursor_misses_nothing_while_answers_change_and_go(stage: Stage) -> None:
    chance = random.Random(7)
    scene = await stage.session()
    activity_id = await scene.add("generic", {}, constraints={"max_responses": 1_000})
    phone = await scene.enter(await scene.join())
    await write_many(scene, activity_id, phone)
    read: dict[str, dict[str, Any]] = {}
    cursor, last_seq, pages = "", 0, 0
    writes = iter(["change", "withdraw", "add"] * 10)
    while True:
        page = (await scene.get("/responses", limit=PAGE, **({"cursor": cursor} if cursor else {}))).json()
        assert page["count"] == len(page["items"]) <= PAGE
        pages += 1
        for item in page["items"]:
            assert item["seq"] > last_seq, "in order, each position once"
            last_seq = item["seq"]
            read[item["id"]] = item
        cursor = page["next_cursor"]
        write = next(writes, None)
        entry = f"n:{chance.randrange(ROWS)}"
        if write == "withdraw":
            await phone.ask("withdraw", activity_id=activity_id, submission_id=new_id(), entry=entry)
        elif write:
            entry = entry if write == "change" else f"n:new{pages}"
            await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"again": pages}, entry=entry)
        elif not page["has_more"]:
            break
    rows = await scene.settled_rows(activity_id)
    assert len(rows) == ROWS + 10
    assert read.keys() == {str(row["id"]) for row in rows}
    for row in rows:
        item = read[str(row["id"])]
        assert item["revision"] == row["revision"]
        assert item["seq"] == row["seq"]
        assert (item["deleted_at"] is None) == (row["deleted_at"] is None)
        assert item["response_data"] == json.loads(row["response_data"])
    assert any(row["deleted_at"] for row in rows)


async def test_since_a_time_gives_what_changed_after_it(stage: Stage) -> None:
    scene = await stage.session()
    activity_id, other = await scene.add(), await scene.add()
    ann, ben, cleo = await scene.join("A"), await scene.join("B"), await scene.join("C")
    for seat in (ann, ben):
        await scene.answer(activity_id, seat, {"selected": ["a"]})
    await scene.settled_rows(activity_id)
    moment: datetime = await stage.database.fetchval("SELECT clock_timestamp()")
    path = f"/activities/{activity_id}/responses/since/"
    nothing = (await scene.get(path + moment.isoformat())).json()
    assert (nothing["items"], nothing["count"], nothing["has_more"]) == ([], 0, False)

    await scene.answer(activity_id, ben, {"selected": ["b"]})
    await scene.answer(activity_id, cleo, {"selected": ["c"]})
    await scene.answer(other, cleo, {"selected": ["c"]})
    for text in (moment.isoformat(), moment.isoformat().replace("+00:00", "Z"), moment.replace(tzinfo=None).isoformat()):
        newer = (await scene.get(path + text)).json()
        assert [item["participant_id"] for item in newer["items"]] == [ben.participant_id, cleo.participant_id], text
    both = (await scene.get(path + "2020-01-01")).json()
    assert both["count"] == 3
    page = (await scene.get(path + "2020-01-01", limit=2)).json()
    rest = (await scene.get(path + "2020-01-01", limit=2, cursor=page["next_cursor"])).json()
    assert (page["has_more"], rest["has_more"]) == (True, False)
    assert [item["id"] for item in page["items"] + rest["items"]] == [item["id"] for item in both["items"]]


@pytest.mark.parametrize("who", ["presenter", "participant"])
async def test_status_is_what_the_role_may_know(stage: Stage, who: str) -> None:
    scene = await stage.session()
    open_id, draft_id = await scene.add(), await scene.add(state="draft")
    hidden_id = await scene.add(reveal={"counts": "presenter"})
    seat = await scene.join()
    for activity_id in (open_id, hidden_id):
        await scene.answer(activity_id, seat, {"selected": ["a"]})
    ticket = scene.ticket if who == "presenter" else seat.ticket
    status = (await scene.get("/status", ticket)).json()
    assert status["active_activity_ids"] == [open_id, hidden_id]
    assert status["participant_count"] == 1
    assert status["position"]["offset"] > 0
    shown = (await scene.get(f"/activities/{open_id}/status", ticket)).json()
    assert (shown["state"], shown["status"], shown["response_count"]) == ("active", "active", 1)
    draft = await scene.get(f"/activities/{draft_id}/status", ticket)
    hidden = (await scene.get(f"/activities/{hidden_id}/status", ticket)).json()
    listed = (await scene.get("/activities", ticket)).json()
    if who == "presenter":
        assert draft.json()["state"] == "draft"
        assert hidden["response_count"] == 1
        assert listed["total"] == 3
    else:
        assert draft.json()["code"] == "unknown_activity"
        assert "response_count" not in hidden
        assert listed["total"] == 2


async def test_session_is_found_by_its_code(stage: Stage) -> None:
    scene = await stage.session("Findable")
    found = (await stage.http.get(f"/api/v1/sessions/code/{scene.code}")).json()
    assert (found["session_id"], found["title"]) == (scene.id, "Findable")
    assert scene.ticket not in json.dumps(found)
    missing = await stage.http.get("/api/v1/sessions/code/ZZZZZZ")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_code")


async def test_health_says_alive_and_ready(stage: Stage) -> None:
    assert (await stage.http.get("/api/v1/health/live")).json() == {"status": "alive"}
    for path in ("/api/v1/health/ready", "/api/v1/health/"):
        ready = await stage.http.get(path)
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert (ready.json()["redis"], ready.json()["database"]) == (True, True)
