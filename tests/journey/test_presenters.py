"""Presenters: two of them at once, states and their order, lock, cap and the end of a session."""

import pytest

from tests.journey.stages import Stage, new_id


async def test_two_presenters_and_the_second_learns_what_is_true(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state="draft")
    one, two = await scene.present(), await scene.present()
    version = one.map[f"activity:{activity_id}"]["version"]
    opened = await one.ask("move", activity_id=activity_id, to="active", expected_version=version)
    assert opened["type"] == "done"
    late = await two.ask("move", activity_id=activity_id, to="cancelled", expected_version=version)
    assert (late["type"], late["code"]) == ("refused", "version_conflict")
    present = opened["result"]["activity"]
    assert late["details"]["version"] == present["version"]
    assert late["details"]["present"]["state"] == "active"
    await two.until(lambda: two.map[f"activity:{activity_id}"]["state"] == "active", "the other presenter's move")
    again = await two.ask("move", activity_id=activity_id, to="closed", expected_version=late["details"]["version"])
    assert again["result"]["activity"]["state"] == "closed"
    over_rest = await scene.post(f"/activities/{activity_id}/transition", {"target_state": "active", "expected_version": version})
    assert (over_rest.status_code, over_rest.json()["code"]) == (409, "version_conflict")
    assert over_rest.json()["error"]["details"]["version"] == again["result"]["activity"]["version"]


async def test_states_follow_only_as_the_rules_say(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state="draft")
    presenter = await scene.present()
    refused = await presenter.ask("move", activity_id=activity_id, to="closed")
    assert refused["code"] == "illegal_move"
    assert refused["details"] == {"state": "draft", "to": "closed", "allowed": ["active", "cancelled", "published"]}
    for state in ("published", "active", "paused", "active", "closed", "active", "closed"):
        assert (await presenter.ask("move", activity_id=activity_id, to=state))["type"] == "done"
    repeated = await presenter.ask("move", activity_id=activity_id, to="closed")
    assert repeated["type"] == "done", "asking for the present state is no error"


async def test_new_round_counts_from_nothing_and_keeps_the_old_rows(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    presenter, phone = await scene.present(), await scene.enter(await scene.join())
    await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    await presenter.ask("move", activity_id=activity_id, to="closed")
    opened = await presenter.ask("move", activity_id=activity_id, to="active", new_round=True)
    assert opened["result"]["activity"]["round"] == 2
    await phone.until(lambda: phone.map[f"activity:{activity_id}"]["round"] == 2, "the new round on the phone")
    assert phone.map[f"counts:{activity_id}"]["responses"] == 0
    accepted = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["b"]})
    assert (accepted["round"], accepted["revision"]) == (2, 1)
    assert [row["round"] for row in await scene.settled_rows(activity_id)] == [1, 2]


async def test_answer_that_names_no_round_belongs_to_the_present_one(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone, presenter = await scene.enter(seat), await scene.present()
    for round in range(2, 5):
        await presenter.ask("move", activity_id=activity_id, to="closed")
        await presenter.ask("move", activity_id=activity_id, to="active", new_round=True)
        # Right behind the presenter's reply: this process may not have read the new round yet.
        accepted = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
        assert accepted["type"] == "accepted", accepted
        assert accepted["round"] == round


async def test_config_is_fixed_once_answers_may_refer_to_it(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state="draft")
    presenter = await scene.present()
    renamed = {"question": "Better?", "options": ["Yes", "No"]}
    assert (await presenter.ask("update_activity", activity_id=activity_id, config=renamed))["type"] == "done"
    await presenter.ask("move", activity_id=activity_id, to="active")
    refused = await presenter.ask("update_activity", activity_id=activity_id, config={"question": "?", "options": ["X", "Y"]})
    assert refused["code"] == "in_use"
    assert (await presenter.ask("update_activity", activity_id=activity_id, title="New title"))["type"] == "done"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"question": "?"},
        {"question": "?", "options": ["only one"]},
        {"settings": {"question": "?", "options": ["a", "b"], "max_choices": 9}},
    ],
)
async def test_poll_that_cannot_be_answered_is_refused(stage: Stage, config: dict[str, object]) -> None:
    scene = await stage.session()
    presenter = await scene.present()
    refused = await presenter.ask("create_activity", activity_type="poll", config=config)
    assert (refused["type"], refused["code"]) == ("refused", "invalid")
    assert refused["details"]["field"]
    answer = await scene.post("/activities", {"type": "poll", "config": config})
    assert answer.status_code == 422
    assert (await scene.get("/activities")).json()["total"] == 0


async def test_deleted_activity_is_gone_for_everybody(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone, presenter = await scene.enter(await scene.join()), await scene.present()
    await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    await scene.settled_rows(activity_id)
    assert (await presenter.ask("delete_activity", activity_id=activity_id))["type"] == "done"
    for client in (phone, presenter):
        await client.until(lambda one=client: not [key for key in one.map if activity_id in key], "no key of it is left")  # type: ignore[misc]
    refused = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    assert refused["code"] == "unknown_activity"
    assert await scene.rows(activity_id) == []


async def test_locked_session_lets_nobody_new_in(stage: Stage) -> None:
    scene = await stage.session()
    inside = await scene.join("Early")
    presenter = await scene.present()
    locked = await presenter.ask("move_session", locked=True)
    assert locked["result"]["session"]["locked"] is True
    refused = await stage.http.post("/api/v1/join", json={"code": scene.code, "nickname": "Late"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_code"), "a code must not tell that it exists"
    told = await stage.http.post(f"{scene.path}/join", json={"nickname": "Late"})
    assert (told.status_code, told.json()["code"]) == (409, "session_locked"), "whoever has the session's id is told why"
    assert (await (await scene.enter(inside)).ask("ping"))["type"] == "pong", "who is in stays in"
    await presenter.ask("move_session", locked=False)
    await scene.join("Late")


async def test_full_session_says_so(stage: Stage) -> None:
    scene = await stage.session(max_participants=2)
    first = await scene.join("A", "join-of-a")
    await scene.join("B")
    refused = await stage.http.post("/api/v1/join", json={"code": scene.code, "nickname": "C"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_code"), "a code must not tell that it exists"
    told = await stage.http.post(f"{scene.path}/join", json={"nickname": "Late"})
    assert (told.status_code, told.json()["code"]) == (409, "session_full"), "whoever has the session's id is told why"
    assert (await scene.join("A", "join-of-a")).participant_id == first.participant_id, "the same join is no new one"


async def test_ended_session_takes_no_joins_and_can_be_started_again(stage: Stage) -> None:
    scene = await stage.session()
    seat = await scene.join()
    presenter, phone = await scene.present(), await scene.enter(seat)
    ended = await presenter.ask("move_session", to="completed")
    assert ended["result"]["session"]["state"] == "completed"
    await phone.until(lambda: phone.map["session"]["state"] == "completed", "everybody is told")
    refused = await stage.http.post("/api/v1/join", json={"code": scene.code, "nickname": "Late"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_code"), "a code must not tell that it exists"
    told = await stage.http.post(f"{scene.path}/join", json={"nickname": "Late"})
    assert (told.status_code, told.json()["code"]) == (409, "session_ended"), "whoever has the session's id is told why"
    assert (await presenter.ask("move_session", to="draft"))["code"] == "illegal_move"
    assert (await presenter.ask("move_session", to="active"))["type"] == "done"
    await scene.join("Late")


async def test_focus_is_shown_to_everybody_and_must_be_of_this_session(stage: Stage) -> None:
    scene, other = await stage.session(), await stage.session()
    activity_id, foreign = await scene.add(), await other.add()
    presenter, phone = await scene.present(), await scene.enter(await scene.join())
    await presenter.ask("move_session", focus=activity_id)
    await phone.until(lambda: phone.map["session"]["focus"] == activity_id, "the focus")
    assert (await scene.get("/status")).json()["current_activity_id"] == activity_id
    assert (await presenter.ask("move_session", focus=foreign))["code"] == "unknown_activity"
    await presenter.ask("move_session", focus="")
    await phone.until(lambda: phone.map["session"]["focus"] is None, "no focus")
