"""What presenters can do to a running question, and to its results, as they would: over HTTP and over the socket."""

from typing import Any

import pytest

from realtime.activities.registry import installed
from tests.journey.stages import Scene, Seat, Stage, new_id
from tests.waiting import eventually

QUIZ = {"question": "2 + 2?", "correct": ["a"], "options": [{"id": "a", "text": "4"}, {"id": "b", "text": "5"}]}
SCORING = {"mode": "accuracy", "points": 1_000}
DECK = {"story": {"title": "Export"}, "deck": "fibonacci", "timer": 0, "auto_reveal": False}
TABLE = installed().resolve("table_completion").example["settings"]


async def put(scene: Scene, path: str, body: Any, ticket: str = "", **headers: str) -> Any:
    headers["authorization"] = f"Bearer {ticket or scene.ticket}"
    return await scene.stage.http.put(scene.path + path, json=body, headers=headers)


async def decide(scene: Scene, activity_id: str, **decision: Any) -> Any:
    answer = await scene.post(f"/activities/{activity_id}/decisions", {"decision": decision})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def until_points(scene: Scene, wanted: dict[str, int]) -> dict[str, Any]:
    """Wait until the leaderboard, read in one call, says this."""

    async def board() -> Any:
        found = (await scene.get("/leaderboard")).json()
        return found if {one["name"]: one["points"] for one in found["entries"]} == wanted else None

    found: dict[str, Any] = await eventually(board, f"the points {wanted}", 20.0)
    return found


async def give(scene: Scene, activity_id: str, seat: Seat, data: Any) -> None:
    answer = await scene.answer(activity_id, seat, data)
    assert answer.status_code == 201, answer.text


@pytest.mark.timeout(90)
async def test_a_key_is_corrected_and_everybody_marked_again(wire: Stage) -> None:
    scene = await wire.session()
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    activity_id = await scene.add("quiz", QUIZ, scoring=SCORING)
    await give(scene, activity_id, ann, {"selected": ["a"]})
    await give(scene, activity_id, ben, {"selected": ["b"]})
    version = (await scene.move(activity_id, "closed"))["version"]
    await until_points(scene, {"Ann": 1_000, "Ben": 0})

    key = f"/activities/{activity_id}/answer-key"
    assert (await put(scene, key, {"settings": {"correct": ["b"]}}, ann.ticket)).status_code == 403
    stale = await put(scene, key, {"settings": {"correct": ["b"]}, "expected_version": version - 1})
    assert (stale.status_code, stale.json()["error"]["details"]["version"]) == (409, version)
    assert (await put(scene, key, {"settings": {"question": "3 + 3?"}})).status_code == 409
    assert (await put(scene, key, {"settings": {"correct": ["z"]}})).status_code == 422
    corrected = await put(scene, key, {"settings": {"correct": ["b"]}}, **{"if-match": f'"{version}"'})
    assert corrected.status_code == 200, corrected.text
    assert corrected.json()["config"]["settings"]["correct"] == ["b"]
    await until_points(scene, {"Ann": 0, "Ben": 1_000})
    events = (await scene.get("/events")).text
    assert "answer_key_corrected" in events

    assert (await put(scene, f"/participants/{ann.participant_id}/team", {"team": "Red"})).json()["team"] == "Red"

    async def teams() -> Any:
        return [one["team"] for one in (await scene.get("/leaderboard")).json()["teams"]] == ["Red"]

    await eventually(teams, "the team")


async def test_more_time_for_one(wire: Stage) -> None:
    scene = await wire.session()
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    path = f"/participants/{ann.participant_id}/accommodation"
    given = await put(scene, path, {"extra_time_percent": 50})
    assert (given.status_code, given.json()) == (200, {"participant_id": ann.participant_id, "extra_time_percent": 50})
    assert [(await scene.enter(seat)).welcome["you"]["extra_time_percent"] for seat in (ann, ben)] == [50, 0]
    assert (await put(scene, path, {"extra_time_percent": 500})).status_code == 422
    assert (await put(scene, path, {"extra_time_percent": 10}, ben.ticket)).status_code == 403
    assert (await put(scene, f"/participants/{new_id()}/accommodation", {"extra_time_percent": 10})).status_code == 404


@pytest.mark.timeout(90)
async def test_single_answers_are_reviewed_accepted_and_rejected(wire: Stage) -> None:
    scene = await wire.session()
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    short = await scene.add("short_answer", {"prompt": "Colour?", "answers": ["red"]}, scoring=SCORING)
    table = await scene.add("table_completion", TABLE, scoring=SCORING)
    await give(scene, short, ann, {"text": "Crimson"})
    cells = {"studentAnswers": {"0-1": "thylakoyd", "0-2": "ATP", "1-1": "stroma"}}
    await give(scene, table, ben, {"value": cells, "final": True})
    heat = (await scene.get(f"/activities/{table}/results")).json()["results"]["cells"]["0-1"]
    assert (heat["fuzzy"], heat["to_review"]) == (1, [{"text": "thylakoyd", "count": 1}])
    for activity_id in (short, table):
        await scene.move(activity_id, "closed")
    await until_points(scene, {"Ann": 0, "Ben": 1_000})

    await decide(scene, short, action="accept", text="crimson")
    await decide(scene, table, action="reject", cell="0-1", text="thylakoyd")  # one tap
    await until_points(scene, {"Ann": 1_000, "Ben": 750})
    assert (await scene.get(f"/activities/{table}/results")).json()["results"]["cells"]["0-1"]["to_review"] == []
    review = await scene.stage.http.get(f"/api/v1/activities/{table}/review", headers={"authorization": f"Bearer {scene.ticket}"})
    (marked,) = review.json()["answers"]
    assert (marked["name"], marked["mark"]["cells"]["0-1"]["state"]) == ("Ben", "wrong")
    assert marked["mark"]["cells"]["0-1"]["expectedAnswer"] == "thylakoid"
    presenter = await scene.present()
    undone = await presenter.ask("decide", activity_id=table, decision={"action": "clear", "cell": "0-1", "text": "thylakoyd"})
    assert undone["type"] == "done", undone
    await until_points(scene, {"Ann": 1_000, "Ben": 1_000})


async def test_planning_poker_in_rounds(wire: Stage) -> None:
    scene = await wire.session()
    seats = [await scene.join(f"P{number}") for number in range(3)]
    activity_id = await scene.add("planning_poker", DECK)
    presenter, player = await scene.present(), await scene.enter(seats[0])
    for number, cards in enumerate((["3", "5", "8"], ["5", "5", "5"]), 1):
        for seat, card in zip(seats, cards, strict=True):
            await give(scene, activity_id, seat, {"estimate": card})
        await presenter.until(lambda: presenter.map[f"view:{activity_id}"].get("voted_count") == 3, "all have voted")
        assert "distribution" not in presenter.map[f"view:{activity_id}"]
        assert (await presenter.ask("reveal", activity_id=activity_id))["type"] == "done"
        await player.until(lambda: "distribution" in player.map[f"view:{activity_id}"], "the cards are turned")
        late = await player.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"estimate": "1"})
        assert late["type"] == "refused"
        if number == 1:
            version = (await scene.get(f"/activities/{activity_id}")).json()["version"]
            body = {"target_state": "active", "new_round": True, "expected_version": version}
            moved = await scene.post(f"/activities/{activity_id}/transition", body)
            assert (moved.status_code, moved.json()["round"]) == (200, 2)
            await player.until(lambda: player.map[f"activity:{activity_id}"]["round"] == 2, "the next round")
    view = presenter.map[f"view:{activity_id}"]
    assert (view["consensus"], view["suggested"]) == (True, "5")
    assert [one["round"] for one in view["rounds"]] == [1, 2] or [one["round"] for one in view["rounds"]] == [1]
    await decide(scene, activity_id, action="final_estimate", estimate="5")
    await player.until(lambda: player.map[f"view:{activity_id}"].get("final_estimate") == "5", "the final estimate")
    assert "final_estimate" in (await scene.get("/events")).text


async def test_a_draft_over_http_is_handed_in_by_closing(wire: Stage) -> None:
    scene = await wire.session()
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    activity_id = await scene.add()
    path = f"/activities/{activity_id}/draft"
    first = await put(scene, path, {"data": {"selected": ["a"]}}, ann.ticket)
    assert (first.status_code, first.json()["revision"]) == (200, 1)
    conflict = await put(scene, path, {"data": {"selected": ["b"]}, "expected_revision": 0}, ann.ticket)
    assert (conflict.status_code, conflict.json()["error"]["details"]["revision"]) == (409, 1)
    body = {"data": {"selected": ["b"]}, "expected_revision": 1, "auto_submit": True}
    assert (await put(scene, path, body, ann.ticket)).json()["revision"] == 2
    assert (await put(scene, path, {"data": {"selected": ["c"]}}, ben.ticket)).status_code == 200  # only a draft
    assert (await put(scene, path, {"data": {}})).status_code == 403
    await scene.move(activity_id, "closed")
    assert (await put(scene, path, {"data": {"selected": ["a"]}}, ben.ticket)).status_code == 409
    (row,) = await scene.settled_rows(activity_id)
    assert str(row["participant_id"]) == ann.participant_id
    results = (await scene.get(f"/activities/{activity_id}/results")).json()["results"]
    assert (results["vote_counts"]["b"], results["total_responses"]) == (1, 1)
