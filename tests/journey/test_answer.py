"""An answer's journey, end to end: press, counted, on the presenter's screen, a row, saved, closed."""

import json

import pytest

from tests.journey.stages import Stage, new_id


async def test_answer_travels_from_the_phone_to_the_row(stage: Stage) -> None:
    scene = await stage.session("Biology, week 3")
    presenter = await scene.present()
    made = await presenter.ask(
        "create_activity", activity_type="poll", title="Next?", config={"question": "Next?", "options": ["Light", "Calvin"]}
    )
    activity_id = made["result"]["activity"]["id"]
    seat = await scene.join("Ann")
    phone = await scene.enter(seat)
    assert f"activity:{activity_id}" not in phone.map, "a draft is not on the wire"

    opened = await presenter.ask("move", activity_id=activity_id, to="active")
    assert opened["result"]["activity"]["state"] == "active"
    shown = await phone.until(lambda: phone.map.get(f"activity:{activity_id}"), "the activity on the phone")
    assert shown["state"] == "active"

    submission_id = new_id()
    press = {"activity_id": activity_id, "submission_id": submission_id, "data": {"selected": ["b"]}}
    accepted = await phone.ask("submit", **press)
    assert (accepted["type"], accepted["revision"], accepted["duplicate"]) == ("accepted", 1, False)

    counted = lambda: presenter.map.get(f"counts:{activity_id}", {}).get("responses") == 1  # noqa: E731
    await presenter.until(counted, "the count on the presenter's screen")
    assert presenter.map[f"view:{activity_id}"]["vote_counts"] == {"a": 0, "b": 1}

    await phone.until_saved(accepted)
    (row,) = await scene.rows(activity_id)
    assert row["kind"] == "object", "response_data is JSONB"
    stored = json.loads(row["response_data"])
    assert (stored["type"], stored["data"]) == ("poll", {"selected": ["b"]})
    assert str(row["participant_id"]) == seat.participant_id
    assert str(row["submission_id"]) == submission_id
    assert (str(row["id"]), row["seq"], row["epoch"]) == (accepted["response_id"], accepted["offset"], accepted["epoch"])

    closed = await presenter.ask("move", activity_id=activity_id, to="closed")
    assert closed["result"]["activity"]["state"] == "closed"
    late = await phone.ask("submit", **{**press, "submission_id": new_id(), "data": {"selected": ["a"]}})
    assert (late["type"], late["code"]) == ("refused", "activity_closed")
    assert late["message"] == "This activity is closed. Your answer came too late and was not counted."
    await presenter.until(lambda: presenter.map[f"activity:{activity_id}"]["final"], "the result is final")
    assert len(await scene.settled_rows(activity_id)) == 1
    assert presenter.map[f"counts:{activity_id}"]["responses"] == 1
    assert (phone.gaps, presenter.gaps) == (0, 0)


async def test_resend_after_a_reconnect_is_the_same_response(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone = await scene.enter(seat)
    press = {"activity_id": activity_id, "submission_id": new_id(), "data": {"selected": ["a"]}}
    first = await phone.ask("submit", **press)
    await phone.close()

    again = await scene.enter(seat, after=phone)
    resent = await again.ask("submit", **press)
    same = ("response_id", "offset", "epoch", "revision", "submission_id")
    assert resent["duplicate"] is True
    assert [resent[name] for name in same] == [first[name] for name in same]
    assert len(await scene.settled_rows(activity_id)) == 1
    await again.until(lambda: again.map.get(f"counts:{activity_id}", {}).get("responses") == 1, "counted once")
    assert again.gaps == 0


async def test_resend_with_a_receipt_is_accepted_after_closing(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    press = {"activity_id": activity_id, "submission_id": new_id(), "data": {"selected": ["a"]}}
    first = await phone.ask("submit", **press)
    await scene.move(activity_id, "closed")
    resent = await phone.ask("submit", **press, receipt=first["receipt"])
    assert (resent["type"], resent["offset"], resent["duplicate"]) == ("accepted", first["offset"], True)
    forged = await phone.ask("submit", **{**press, "submission_id": new_id()}, receipt=first["receipt"])
    assert (forged["type"], forged["code"]) == ("refused", "activity_closed")
    assert len(await scene.settled_rows(activity_id)) == 1


async def test_own_answer_is_there_after_a_reload(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone = await scene.enter(seat)
    accepted = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["c"]})
    await phone.close()

    reloaded = await scene.enter(seat)
    (own,) = reloaded.welcome["mine"][activity_id]
    assert own["data"] == {"selected": ["c"]}
    assert (own["response_id"], own["revision"], own["withdrawn"]) == (accepted["response_id"], 1, False)
    you = reloaded.welcome["you"]
    assert (you["role"], you["participant_id"], you["nickname"]) == ("participant", seat.participant_id, seat.nickname)


async def test_changed_answer_moves_the_count_and_keeps_its_row(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    first = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    second = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["b"]})
    assert (second["response_id"], second["revision"]) == (first["response_id"], 2)
    stale = await phone.ask(
        "submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["c"]}, expected_revision=1
    )
    assert (stale["type"], stale["code"]) == ("refused", "revision_conflict")
    presenter = await scene.present()
    assert presenter.map[f"view:{activity_id}"]["vote_counts"] == {"a": 0, "b": 1, "c": 0}
    (row,) = await scene.settled_rows(activity_id)
    assert (json.loads(row["response_data"])["data"], row["revision"]) == ({"selected": ["b"]}, 2)


async def test_withdrawn_answer_stops_counting_and_stays_as_a_tombstone(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    gone = await phone.ask("withdraw", activity_id=activity_id, submission_id=new_id())
    assert (gone["type"], gone["revision"]) == ("accepted", 2)
    await phone.until(lambda: phone.map[f"counts:{activity_id}"]["responses"] == 0, "no longer counted")
    (row,) = await scene.settled_rows(activity_id)
    assert row["deleted_at"] is not None


async def test_return_with_a_position_gets_only_the_changed_keys(stage: Stage) -> None:
    scene = await stage.session()
    quiet, busy = await scene.add(), await scene.add()
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    phone = await scene.enter(ann)
    position = phone.position
    await phone.close()

    other = await scene.enter(ben)
    accepted = await other.ask("submit", activity_id=busy, submission_id=new_id(), data={"selected": ["b"]})
    await other.until_saved(accepted)

    back = await scene.enter(ann, after=phone)
    state = back.welcome["state"]
    assert (state["type"], state["epoch"], state["since"]) == ("delta", position["epoch"], position["offset"])
    assert f"counts:{busy}" in state["set"]
    assert not [key for key in state["set"] if quiet in key]
    assert "session" not in state["set"]

    fresh = await scene.enter(ben)
    assert fresh.welcome["state"]["type"] == "snapshot"
    for key in fresh.map.keys() - {"people"}:  # heads come and go meanwhile
        assert back.map[key] == fresh.map[key], key
    assert back.map.keys() == fresh.map.keys()


@pytest.mark.parametrize(
    ("position", "reason"),
    [({"epoch": "another", "offset": 3}, "epoch"), ({"epoch": None, "offset": 10**9}, "ahead"), (None, "first")],
)
async def test_position_that_cannot_be_continued_gets_a_snapshot_and_the_reason(
    stage: Stage, position: dict[str, object] | None, reason: str
) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone = await scene.enter(seat)
    if position is not None and position["epoch"] is None:
        position = {**position, "epoch": phone.position["epoch"]}
    back = await scene.enter(seat, position)
    state = back.welcome["state"]
    assert (state["type"], state["reason"], state["since"]) == ("snapshot", reason, 0)
    assert f"activity:{activity_id}" in state["set"]
    synced = await back.ask("sync", **({"position": position} if position else {}))
    assert (synced["type"], synced["state"]["type"]) == ("synced", "snapshot")


async def test_hidden_results_are_not_on_the_wire(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(reveal={"counts": "presenter", "results": "on_reveal"})
    phone = await scene.enter(await scene.join())
    accepted = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["b"]})
    await phone.until_saved(accepted)
    seen = json.dumps(phone.frames)
    assert "vote_counts" not in seen
    assert f"counts:{activity_id}" not in seen
    presenter = await scene.present()
    assert presenter.map[f"view:{activity_id}"]["vote_counts"]["b"] == 1
    await presenter.ask("reveal", activity_id=activity_id)
    await phone.until(lambda: f"view:{activity_id}" in phone.map, "the revealed results")
    assert phone.map[f"view:{activity_id}"]["vote_counts"]["b"] == 1
