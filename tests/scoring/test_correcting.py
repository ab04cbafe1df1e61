"""A corrected answer key: everybody is marked again, and the live counters never say anything but a recount."""

import asyncio
import random
from typing import Any

import pytest

from realtime.app import App
from realtime.commands.actors import Actor
from realtime.core.messages import Accepted
from tests.commands.stage import refused
from tests.scoring.stage import ACCURACY, Stage
from tests.waiting import eventually

A, B = {"selected": ["a"]}, {"selected": ["b"]}


async def correct(stage: Stage, activity_id: str, settings: dict[str, Any], app: App | None = None, **fields: Any) -> None:
    await (app or stage.app).correcting.correct_key(stage.presenter, activity_id, settings, **fields)


async def test_everybody_is_marked_again(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann, bob, cyd = await stage.join("Ann"), await stage.join("Bob"), await stage.join("Cyd")
    for actor, answer in ((ann, A), (bob, B), (cyd, {"selected": ["c"]})):
        await stage.give(actor, activity_id, answer)
    await stage.finish(activity_id)
    assert (await stage.seen(activity_id))["view"]["correct_count"] == 1

    await correct(stage, activity_id, {"correct": ["b"], "explanation": "Read again."})
    seen = await stage.seen(activity_id)
    assert seen["view"]["correct_count"] == 1
    assert [one["participant"] for one in seen["view"]["fastest"]] == [bob.participant_id]
    assert seen["activity"]["config"]["settings"]["correct"] == ["b"]
    await stage.verify()
    await stage.score()
    assert [await stage.ledger(one) for one in (ann, bob, cyd)] == [[1_000, -1_000], [0, 1_000], [0]]

    await correct(stage, activity_id, {"correct": ["a"]})  # and back
    await stage.score()
    assert [sum(await stage.ledger(one)) for one in (ann, bob, cyd)] == [1_000, 0, 0]
    assert (await stage.actions(activity_id)).count("answer_key_corrected") == 2
    await stage.verify()


async def test_an_answer_can_be_changed_after_a_correction(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann = await stage.join()
    await stage.give(ann, activity_id, A)
    await correct(stage, activity_id, {"correct": ["b"]})
    await stage.give(ann, activity_id, B)
    await stage.verify()
    await stage.give(ann, activity_id, A)
    view = (await stage.seen(activity_id))["view"]
    assert view["correct_count"] == 0
    assert view["vote_counts"] == {"a": 1, "b": 0, "c": 0}
    await stage.verify()
    await stage.forget()
    await stage.verify()


async def test_all_rounds_are_counted_again(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann = await stage.join()
    await stage.give(ann, activity_id, B)
    await stage.finish(activity_id)
    await stage.app.directing.move(stage.presenter, activity_id, "active", new_round=True)
    await stage.seen(activity_id)
    await stage.give(ann, activity_id, B)
    await correct(stage, activity_id, {"correct": ["b"]})
    assert [(await stage.app.live.tally(stage.session_id, activity_id, round))["right"] for round in (1, 2)] == [1, 1]
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [0, 1_000, 1_000]
    await stage.verify()


async def test_what_is_no_key_cannot_be_corrected(stage: Stage) -> None:
    quiz, poll = await stage.ask(), await stage.open("poll")
    assert (await refused(stage.app.correcting.correct_key(stage.presenter, quiz, {"question": "3 + 3?"}))).code == "in_use"
    assert (await refused(stage.app.correcting.correct_key(stage.presenter, quiz, {"correct": ["z"]}))).code == "invalid"
    assert (await refused(stage.app.correcting.correct_key(stage.presenter, poll, {"question": "?"}))).code == "invalid"
    ann = await stage.join()
    assert (await refused(stage.app.correcting.correct_key(ann, quiz, {"correct": ["b"]}))).code == "forbidden"
    elsewhere = Actor("another session", "owner", "0" * 64)
    assert (await refused(stage.app.correcting.correct_key(elsewhere, quiz, {"correct": ["b"]}))).code == "unknown_activity"


async def test_of_two_presenters_one_corrects_and_the_other_is_told(stage: Stage) -> None:
    other = await stage.another()
    activity_id = await stage.ask()
    version = (await stage.seen(activity_id))["activity"]["version"]
    work = [
        app.correcting.correct_key(stage.presenter, activity_id, {"correct": [letter]}, expected_version=version)
        for app, letter in ((stage.app, "b"), (other, "c"))
    ]
    results = await asyncio.gather(*work, return_exceptions=True)
    (loser,) = [one for one in results if isinstance(one, BaseException)]
    assert getattr(loser, "code", "") == "version_conflict"
    assert getattr(loser, "details", {})["version"] == version + 1
    await stage.verify()


async def test_answers_are_taken_while_keys_are_corrected(stage: Stage) -> None:
    """Two hubs take changing answers all the time; whenever a check settles, the counts are a recount."""
    other = await stage.another()
    activity_id = await stage.ask(constraints={"time_limit": 600})
    people = await stage.crowd(40)
    draw = random.Random(7)
    over = asyncio.Event()
    codes: list[str] = []

    async def press(actor: Actor) -> None:
        while not over.is_set():
            app = draw.choice((stage.app, other))
            frame = await stage.send(actor, activity_id, {"selected": [draw.choice("abc")]}, app=app)
            codes.append("accepted" if isinstance(frame, Accepted) else str(getattr(frame, "code", "")))
            await asyncio.sleep(draw.uniform(0, 0.02))

    pressing = [asyncio.create_task(press(actor)) for actor in people]
    try:
        for letter in "bcabcabc":
            await correct(stage, activity_id, {"correct": [letter]}, draw.choice((stage.app, other)))
            report = await stage.app.auditor.verify(stage.session_id, patience_seconds=0.2)
            assert report.sound or not report.settled, report.document()
    finally:
        over.set()
        await asyncio.gather(*pressing)
    assert codes.count("accepted") > 200
    assert set(codes) <= {"accepted", "recovering"}, set(codes)  # a retry at most, never a refusal
    assert not await stage.app.pool.fetchval("SELECT count(*) FROM activities WHERE key_pending AND id = $1", activity_id)
    await stage.verify()
    await stage.finish(activity_id)
    points = await stage.points(activity_id)
    right = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert sum(points.values()) == 1_000 * right["right"]


async def test_a_key_that_a_crash_left_behind_is_followed_by_another_process(stage: Stage) -> None:
    other = await stage.another()
    activity_id = await stage.ask()
    await stage.give(await stage.join(), activity_id, B)

    def crash(point: str) -> None:
        if point == "key_stored":
            raise ConnectionAbortedError(point)

    stage.app.correcting._fault = crash
    with pytest.raises(ConnectionAbortedError):
        await correct(stage, activity_id, {"correct": ["b"]})
    report = await stage.app.auditor.verify(stage.session_id, patience_seconds=0.3)
    assert not report.settled  # neither sound nor wrong: the correction is under way
    assert (await stage.app.live.tally(stage.session_id, activity_id, 1)).get("right") is None

    await other.correcting.sweep()
    assert (await stage.app.live.tally(stage.session_id, activity_id, 1))["right"] == 1
    await stage.verify()


async def test_a_tally_held_by_a_process_that_died_is_set_free(stage: Stage) -> None:
    other = await stage.another()
    activity_id = await stage.ask()
    ann = await stage.join()
    await stage.give(ann, activity_id, B)
    await stage.app.pool.execute("UPDATE activities SET key_pending = true WHERE id = $1", activity_id)
    session = stage.app.live.session(stage.session_id)
    await stage.app.live.servers.at("").hset(session.activity(activity_id), "version", "held")
    assert await stage.answer(ann, activity_id, A) == "recovering"
    await other.correcting.sweep()
    await stage.give(ann, activity_id, A)
    await stage.verify()


async def test_other_types_follow_their_keys(stage: Stage) -> None:
    order = {"prompt": "?", "items": ["x", "y", "z"]}
    sorting = await stage.ask("ordering", order)
    number = await stage.ask("numeric", {"prompt": "?", "min": 0, "max": 9, "correct": 3})
    short = await stage.ask("short_answer", {"prompt": "?", "answers": ["red"]})
    ann = await stage.join()
    ids = [one["id"] for one in (await stage.seen(sorting))["activity"]["config"]["settings"]["items"]]
    await stage.give(ann, sorting, {"order": [ids[1], ids[0], ids[2]]})
    await stage.give(ann, number, {"value": 4})
    await stage.give(ann, short, {"text": "crimson"})
    await stage.finish(sorting, number, short)
    await correct(stage, sorting, {"correct_order": [ids[1], ids[0], ids[2]]})
    await correct(stage, number, {"correct": 4})
    await correct(stage, short, {"answers": [{"text": "red"}, {"text": "crimson", "fraction": 0.5}]})
    await stage.verify()
    await stage.score()
    assert [sum(await stage.ledger(ann, one)) for one in (sorting, number, short)] == [1_000, 1_000, 500]


async def test_a_correction_of_an_open_question_counts_at_the_close(stage: Stage) -> None:
    activity_id = await stage.ask(scoring=ACCURACY)
    ann = await stage.join()
    await stage.give(ann, activity_id, B)
    await correct(stage, activity_id, {"correct": ["b"]})
    assert await stage.score() == 0
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [1_000]
    await eventually(lambda: stage.app.reading.settle(stage.session_id), "saved")
