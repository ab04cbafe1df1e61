"""Reading, answering, pausing, deadlines: the server's clock decides, once, whichever process sees it."""

import asyncio
import json

import pytest

from realtime.core.errors import Refusal
from realtime.core.tally import PEOPLE
from tests.commands.stage import Stage, refused
from tests.waiting import eventually

QUIZ = {
    "question": "2 + 2?", "options": [{"id": "a", "text": "4"}, {"id": "b", "text": "5"}], "correct": ["a"],
    "phases": {"read_ms": 0, "answer_ms": 0},
}  # fmt: skip


def quiz(read_ms: int, answer_ms: int) -> dict[str, object]:
    return QUIZ | {"phases": {"read_ms": read_ms, "answer_ms": answer_ms}}


async def test_answers_are_taken_after_the_reading_phase_and_until_the_deadline(stage: Stage) -> None:
    activity_id = await stage.open("quiz", quiz(700, 600), constraints={"grace_ms": 0})
    ann = await stage.join()
    document = (await stage.seen(activity_id))["activity"]
    assert document["from_ms"] - document["opened_at_ms"] == 700
    assert document["deadline_ms"] - document["from_ms"] == 600

    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "activity_not_open"
    assert await eventually(lambda: _accepted(stage, ann, activity_id), "accepted after reading")
    await eventually(lambda: _is(stage, activity_id, "closed"), "closed by the clock")
    assert await stage.answer(ann, activity_id, {"selected": ["b"]}) == "activity_closed"
    row = await stage.app.pool.fetchrow("SELECT * FROM user_responses WHERE activity_id = $1", activity_id)
    if row is not None:
        assert json.loads(row["response_data"])["elapsed_ms"] <= 600


async def _accepted(stage: Stage, who: object, activity_id: str) -> bool:
    return await stage.answer(who, activity_id, {"selected": ["a"]}) == "accepted"  # type: ignore[arg-type]


async def _is(stage: Stage, activity_id: str, state: str) -> bool:
    return await stage.state(activity_id) == state


async def test_several_processes_close_once(stage: Stage) -> None:
    await stage.another()
    ids = [await stage.open("quiz", quiz(0, 400), constraints={"grace_ms": 0}) for _ in range(5)]
    for activity_id in ids:
        await eventually(lambda one=activity_id: _is(stage, one, "closed"), "closed")
        assert (await stage.actions(activity_id)).count("activity_closed") == 1
        await eventually(lambda one=activity_id: _fenced(stage, one), "noted where it was closed")
        assert await stage.app.pool.fetchval("SELECT version FROM activities WHERE id = $1", activity_id) == 3


async def test_grace_admits_who_is_a_little_late(stage: Stage) -> None:
    activity_id = await stage.open("quiz", quiz(0, 200), constraints={"grace_ms": 1_500})
    ann = await stage.join()
    deadline_ms = (await stage.seen(activity_id))["activity"]["deadline_ms"]
    await eventually(lambda: _past(stage, deadline_ms), "past the deadline")
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"


async def _past(stage: Stage, at_ms: int) -> bool:
    seconds, microseconds = await stage.app.live.servers.at("").time()
    return bool(seconds * 1_000 + microseconds // 1_000 > at_ms)


async def test_a_pause_moves_the_deadline(stage: Stage) -> None:
    activity_id = await stage.open("poll", constraints={"time_limit": 60})
    ann = await stage.join()
    before = (await stage.seen(activity_id))["activity"]
    await stage.app.directing.move(stage.presenter, activity_id, "paused")
    paused = (await stage.seen(activity_id))["activity"]
    assert (paused["deadline_ms"], await stage.answer(ann, activity_id, {"selected": ["a"]})) == (None, "activity_paused")
    assert 0 < paused["remaining_ms"] <= 60_000

    await eventually(lambda: _past(stage, before["opened_at_ms"] + 300), "a pause")
    await stage.app.directing.move(stage.presenter, activity_id, "active")
    resumed = (await stage.seen(activity_id))["activity"]
    moved_ms = resumed["deadline_ms"] - before["deadline_ms"]
    assert moved_ms > 0
    assert abs(resumed["from_ms"] - before["from_ms"] - moved_ms) <= 1
    assert (resumed["remaining_ms"], resumed["round"]) == (None, 1)
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"


async def test_extra_time_is_for_one_alone(stage: Stage) -> None:
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    wire = await stage.connect(ann)
    assert ann.participant_id is not None
    await stage.app.timing.accommodate(stage.presenter, ann.participant_id, 300)
    await eventually(lambda: any(frame.get("extra_time_percent") == 300 for frame in wire.frames), "Ann is told")
    activity_id = await stage.open("quiz", quiz(0, 500), constraints={"grace_ms": 0})
    deadline_ms = (await stage.seen(activity_id))["activity"]["deadline_ms"]
    await eventually(lambda: _past(stage, deadline_ms + 50), "past the deadline")
    assert await stage.answer(bob, activity_id, {"selected": ["a"]}) == "activity_closed"
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"
    await eventually(lambda: _is(stage, activity_id, "closed"), "closed after the longest time")
    assert await _past(stage, deadline_ms + 1_500)


async def test_extra_time_is_of_this_session_and_bounded(stage: Stage) -> None:
    ann = await stage.join()
    assert ann.participant_id is not None
    assert (await refused(stage.app.timing.accommodate(stage.presenter, ann.participant_id, 401))).code == "invalid"
    assert (await refused(stage.app.timing.accommodate(ann, ann.participant_id, 10))).code == "forbidden"
    unknown = "0198f0a2-0000-7000-8000-000000000001"
    assert (await refused(stage.app.timing.accommodate(stage.presenter, unknown, 10))).code == "unknown_participant"


async def test_deadlines_and_extra_time_survive_a_loss_of_the_live_store(stage: Stage) -> None:
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    assert ann.participant_id is not None
    await stage.app.timing.accommodate(stage.presenter, ann.participant_id, 400)
    activity_id = await stage.open("quiz", quiz(0, 900), constraints={"grace_ms": 0})
    before = (await stage.seen(activity_id))["activity"]
    await stage.forget()
    after = (await stage.seen(activity_id))["activity"]
    assert {name: after[name] for name in ("from_ms", "deadline_ms", "state")} == {
        name: before[name] for name in ("from_ms", "deadline_ms", "state")
    }
    await eventually(lambda: _past(stage, before["deadline_ms"] + 50), "past the deadline")
    assert await stage.answer(bob, activity_id, {"selected": ["a"]}) == "activity_closed"
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"
    await eventually(lambda: _is(stage, activity_id, "closed"), "closed")
    await stage.verify()


async def test_closes_when_everybody_who_is_here_has_answered(stage: Stage) -> None:
    activity_id = await stage.open("poll", constraints={"autoclose_when_all": True})
    ann, bob, _absent = await stage.join("Ann"), await stage.join("Bob"), await stage.join("Cid")
    gone = await stage.join("Dan")
    assert await stage.answer(gone, activity_id, {"selected": ["a"]}) == "accepted"  # answered, and not here any more
    await stage.connect(ann)
    await stage.connect(bob)
    replica = stage.app.replicas.peek(stage.session_id)
    assert replica is not None
    await eventually(lambda: replica.people["online"] == 2, "both are here")
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"
    timing, copy = stage.app.timing, replica.activities[activity_id]
    await eventually(lambda: copy.tallies.get(1, {}).get(PEOPLE) == 2, "Ann is counted")
    await eventually(lambda: timing._looked.get(activity_id) == replica.offset, "it was looked at")
    assert await stage.state(activity_id) == "active"
    assert await stage.answer(bob, activity_id, {"selected": ["b"]}) == "accepted"
    await eventually(lambda: _is(stage, activity_id, "closed"), "closed")
    assert (await stage.actions(activity_id)).count("activity_closed") == 1


async def test_cards_turn_when_all_have_estimated(stage: Stage) -> None:
    settings = {"story": {"title": "Export"}, "auto_reveal": True, "timer": 0}
    activity_id = await stage.open("planning_poker", settings)
    ann = await stage.join("Ann")
    await stage.connect(ann)
    assert await stage.answer(ann, activity_id, {"estimate": "5"}) == "accepted"
    await eventually(lambda: _revealed(stage, activity_id), "the cards are turned")
    assert "activity_revealed" in await stage.actions(activity_id)


async def _revealed(stage: Stage, activity_id: str) -> bool:
    return bool((await stage.seen(activity_id))["activity"]["revealed"])


async def test_what_a_dead_process_left_is_published(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    activity_id = await stage.open()

    async def die(*_: object, **__: object) -> None:
        raise Refusal("unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.publisher, "publish", die)
        assert (await refused(stage.app.directing.move(stage.presenter, activity_id, "closed"))).code == "unavailable"
        assert await stage.state(activity_id) == "active"
    await eventually(lambda: _is(stage, activity_id, "closed"), "healed by a loop")


async def test_the_clock_loses_against_a_presenter_who_was_first(stage: Stage) -> None:
    activity_id = await stage.open()
    row = await stage.app.directing.move(stage.presenter, activity_id, "paused")
    moved = await asyncio.gather(
        stage.app.directing.move_by_clock(stage.session_id, activity_id, "closed", version=row.version),
        stage.app.directing.move(stage.presenter, activity_id, "active", expected_version=row.version),
        return_exceptions=True,
    )
    lost = [one for one in moved if isinstance(one, Refusal)]
    assert [one.code for one in lost] == ["version_conflict"]
    assert lost[0].details["version"] == row.version + 1


async def _fenced(stage: Stage, activity_id: str) -> bool:
    offset: int | None = await stage.app.pool.fetchval("SELECT closed_offset FROM activities WHERE id = $1", activity_id)
    return offset is not None and offset > 0


async def test_a_row_made_before_the_flush_knows_who_gave_no_name(stage: Stage) -> None:
    people = [await stage.join(None), await stage.join("Anonymous"), await stage.join("Ann"), await stage.join("Ann")]
    await eventually(lambda: _stored(stage, 4), "the flusher has stored them")
    await stage.app.pool.execute("DELETE FROM participants WHERE session_id = $1", stage.session_id)  # as if it had not yet
    for one in people:
        assert one.participant_id is not None
        await stage.app.timing.accommodate(stage.presenter, one.participant_id, 25)
    rows = await stage.app.pool.fetch("SELECT nickname, anonymous FROM participants WHERE session_id = $1", stage.session_id)
    assert sorted(map(tuple, rows)) == [("Ann", False), ("Ann 2", False), ("Anonymous", False), ("Anonymous", True)]


async def _stored(stage: Stage, count: int) -> bool:
    present: int = await stage.app.pool.fetchval("SELECT count(*) FROM participants WHERE session_id = $1", stage.session_id)
    return present == count


async def test_an_activity_that_breaks_the_clock_stops_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that is due breaks at each turn; the one that is due after it is closed all the same."""
    broken = await stage.open(constraints={"time_limit": 1, "grace_ms": 0})
    other = await stage.open(constraints={"time_limit": 1, "grace_ms": 0})
    move = stage.app.directing.move_by_clock

    async def stumble(session_id: str, activity_id: str, to: str, *, version: int) -> object:
        if activity_id == broken:
            raise RuntimeError("the rules of a third party's type")
        return await move(session_id, activity_id, to, version=version)

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.directing, "move_by_clock", stumble)
        await eventually(lambda: _is(stage, other, "closed"), "the other is closed")
        assert await stage.state(broken) == "active"
    await eventually(lambda: _is(stage, broken, "closed"), "closed once its rules are mended")
