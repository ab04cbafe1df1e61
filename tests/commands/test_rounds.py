"""The states of an activity, its rounds, and what a session's end means for it."""

import itertools

import pytest

from realtime.core.session import MOVES
from tests.commands.stage import Stage, refused

STATES = sorted(MOVES)


async def bring(stage: Stage, activity_id: str, to: str) -> None:
    for state in {"paused": ("active", "paused"), "closed": ("active", "closed")}.get(to, (to,) if to != "draft" else ()):
        await stage.app.directing.move(stage.presenter, activity_id, state)


@pytest.mark.parametrize("state", STATES)
async def test_legal_moves_are_audited_and_others_refused(stage: Stage, state: str) -> None:
    for to in STATES:
        activity_id = await stage.open(state="draft")
        await bring(stage, activity_id, state)
        before = len(await stage.actions(activity_id))
        if to == state or to in MOVES[state]:
            await stage.app.directing.move(stage.presenter, activity_id, to)
            assert await stage.state(activity_id) == to
            assert len(await stage.actions(activity_id)) == before + (to != state)
        else:
            lost = await refused(stage.app.directing.move(stage.presenter, activity_id, to))
            assert (lost.code, lost.details["state"], lost.details["allowed"]) == ("illegal_move", state, sorted(MOVES[state]))
            assert len(await stage.actions(activity_id)) == before
    await stage.verify()


async def test_reopening_keeps_answers_and_a_new_round_does_not(stage: Stage) -> None:
    activity_id = await stage.open()
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"
    await stage.app.directing.move(stage.presenter, activity_id, "closed")
    assert await stage.answer(bob, activity_id, {"selected": ["a"]}) == "activity_closed"
    row = await stage.app.directing.move(stage.presenter, activity_id, "active")
    assert (row.round, row.closed_at, row.closed_offset) == (1, None, None)
    assert await stage.answer(bob, activity_id, {"selected": ["b"]}) == "accepted"
    assert await stage.live_count(activity_id) == 2

    await stage.app.directing.move(stage.presenter, activity_id, "closed")
    row = await stage.app.directing.move(stage.presenter, activity_id, "active", new_round=True)
    assert row.round == 2
    assert (await stage.seen(activity_id))["counts"]["responses"] == 0
    assert await stage.answer(ann, activity_id, {"selected": ["b"]}, round=1) == "wrong_round"
    assert await stage.answer(ann, activity_id, {"selected": ["b"]}) == "accepted"
    assert (await stage.live_count(activity_id, 1), await stage.live_count(activity_id, 2)) == (2, 1)
    await stage.verify()


async def test_the_next_round_of_an_open_activity_needs_the_version(stage: Stage) -> None:
    activity_id = await stage.open()
    row = await stage.app.directing.move(stage.presenter, activity_id, "active", new_round=True)
    assert (row.round, row.version) == (1, 2)  # a repeated command is no second round
    row = await stage.app.directing.move(stage.presenter, activity_id, "active", new_round=True, expected_version=2)
    assert (row.round, row.version) == (2, 3)
    again = stage.app.directing.move(stage.presenter, activity_id, "active", new_round=True, expected_version=2)
    assert (await refused(again)).code == "version_conflict"


async def test_several_are_open_and_one_is_in_focus(stage: Stage) -> None:
    first, second = await stage.open(), await stage.open("poll", state="active")
    ann = await stage.join()
    await stage.app.directing.move_session(stage.presenter, focus=second)
    status = await stage.app.reading.session_status(stage.presenter)
    assert (status["current_activity_id"], set(status["active_activity_ids"])) == (second, {first, second})
    assert await stage.answer(ann, first, {"selected": ["a"]}) == "accepted"


async def test_a_session_that_is_over_takes_no_answers(stage: Stage) -> None:
    ids = [await stage.open(), await stage.open(state="active"), await stage.open(state="published")]
    ann = await stage.join()
    await stage.app.directing.move(stage.presenter, ids[1], "paused")
    await stage.app.directing.move_session(stage.presenter, to="completed")
    assert [await stage.state(one) for one in ids] == ["closed", "closed", "published"]
    assert await stage.answer(ann, ids[0], {"selected": ["a"]}) == "activity_closed"
    for activity_id, to in itertools.product(ids, ["active"]):
        assert (await refused(stage.app.directing.move(stage.presenter, activity_id, to))).code == "session_ended"


async def test_a_cloud_tells_no_more_different_words_apart_than_it_can_hold(stage: Stage) -> None:
    """Words that are there go on counting, others are counted together; the counts stay equal to a recount."""
    settings = {"prompt": "Words", "max_words_per_submission": 10, "moderate_submissions": False, "profanity": "off"}
    activity_id = await stage.open("word_cloud", settings)
    people = await stage.crowd(502)
    frames = [
        stage.send(one, activity_id, {"words": [f"w{number}x{word}" for word in range(10)]})
        for number, one in enumerate(people[:500])
    ]
    assert {getattr(await frame, "code", "accepted") for frame in frames} == {"accepted"}
    assert await stage.answer(people[500], activity_id, {"words": ["w1x1", "w2x2"]}) == "accepted"
    assert await stage.answer(people[501], activity_id, {"words": ["w1x1", "new"] + [f"n{n}" for n in range(8)]}) == "accepted"
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert sum(name.startswith("word:") and name != "word:" for name in tally) == 5_000
    assert (tally["word:w1x1"], tally["word:w2x2"], tally["word:"]) == (3, 2, 9)
    await stage.verify()
