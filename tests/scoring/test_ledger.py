"""The ledger says what the answers are worth, once, however often and wherever it is asked."""

import asyncio

import asyncpg
import pytest

from realtime.app import App
from realtime.core.messages import Accepted, Withdraw
from realtime.engines import Engines
from realtime.identifiers import new_uuid
from tests.scoring.stage import Stage, open_stage
from tests.waiting import eventually

RIGHT, WRONG = {"selected": ["a"]}, {"selected": ["b"]}


async def test_scoring_again_adds_nothing(stage: Stage) -> None:
    activity_id = await stage.ask()
    people = await stage.crowd(7)
    for index, actor in enumerate(people):
        await stage.give(actor, activity_id, RIGHT if index % 2 else WRONG)
    assert await stage.finish(activity_id) == 7
    before = await stage.rows()

    assert await stage.score() == 0
    await stage.app.scoring.remark(stage.session_id, activity_id)
    assert await stage.score() == 0
    await stage.app.directing.reveal(stage.presenter, activity_id, True)
    assert await stage.score() == 0
    assert await stage.rows() == before


async def test_processes_that_score_at_once_add_every_row_once(stage: Stage) -> None:
    other = await stage.another()
    ids = [await stage.ask(scoring={"mode": "accuracy", "streak": "kahoot"}) for _ in range(3)]
    people = await stage.crowd(8)
    for actor in people:
        for activity_id in ids:
            await stage.give(actor, activity_id, RIGHT)
    await stage.close(*ids)
    await eventually(lambda: stage.app.reading.settle(stage.session_id), "saved")

    added = await asyncio.gather(*(app.scoring.score(stage.session_id) for app in (stage.app, other) * 3))
    assert sum(added) == 24
    assert set((await stage.points()).values()) == {3_000 + 100 + 200}
    await stage.verify()


def crash_at(app: App, point: str, times: int = 1) -> None:
    """Let a run of scoring end at a named point."""
    left = [times]

    def reach(reached: str) -> None:
        if reached == point:
            left[0] -= 1
            if not left[0]:
                raise ConnectionError(point)

    app.scoring._fault = reach


@pytest.mark.parametrize(("point", "times"), [("chunk_scored", 1), ("chunk_scored", 2), ("scored", 1)])
async def test_a_crash_between_steps_is_finished_by_another_process(stage: Stage, point: str, times: int) -> None:
    other = await stage.another()
    activity_id = await stage.ask()
    people = await stage.crowd(8)
    for actor in people:
        await stage.give(actor, activity_id, RIGHT)
    await stage.close(activity_id)
    await eventually(lambda: stage.app.reading.settle(stage.session_id), "saved")
    crash_at(stage.app, point, times)
    with pytest.raises(ConnectionError):
        await stage.app.scoring.score(stage.session_id)

    await other.scoring.score(stage.session_id)
    assert set((await stage.points()).values()) == {1_000}
    assert len(await stage.rows()) == 8
    assert await stage.score(other) == 0


async def test_nothing_is_scored_before_it_is_final(engines: Engines) -> None:
    async with open_stage(engines, flusher=False) as stage:
        activity_id = await stage.ask()
        await stage.give(await stage.join(), activity_id, RIGHT)
        await stage.close(activity_id)
        assert await stage.app.scoring.sweep() == 0
        async with stage.app.flushing():
            assert await stage.score() == 1


async def test_a_changed_answer_after_a_reopening_is_a_further_row(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    await stage.give(ann, activity_id, WRONG)
    await stage.give(bob, activity_id, RIGHT)
    await stage.finish(activity_id)
    await stage.app.directing.move(stage.presenter, activity_id, "active")
    await stage.give(ann, activity_id, RIGHT)
    await stage.give(bob, activity_id, WRONG)
    assert await stage.score() == 0  # open again: the points stay until it is closed
    assert await stage.finish(activity_id) == 2

    assert await stage.ledger(ann) == [0, 1_000]
    assert await stage.ledger(bob) == [1_000, -1_000]
    await stage.verify()


async def test_a_withdrawn_answer_loses_its_points(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann = await stage.join()
    await stage.give(ann, activity_id, RIGHT)
    await stage.finish(activity_id)
    await stage.app.directing.move(stage.presenter, activity_id, "active")
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    stage.app.answering.submit(ann, Withdraw(id=1, activity_id=activity_id, submission_id=new_uuid()), done.set_result)
    assert isinstance(await done, Accepted)
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [1_000, -1_000]


async def test_a_late_answer_with_a_receipt_is_scored_too(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    await stage.connect(bob)
    submission_id = new_uuid()
    accepted = await stage.send(ann, activity_id, RIGHT, submission_id=submission_id)
    assert isinstance(accepted, Accepted)
    await stage.give(bob, activity_id, RIGHT)
    await stage.close(activity_id)
    await eventually(lambda: stage.app.reading.settle(stage.session_id), "saved")
    # A crash of Redis that took Ann's answer with it, before it was saved.
    await stage.app.pool.execute("DELETE FROM user_responses WHERE submission_id = $1", submission_id)
    await stage.forget()
    assert await stage.score() == 1

    again = await stage.send(ann, activity_id, RIGHT, submission_id=submission_id, receipt=accepted.receipt)
    assert isinstance(again, Accepted)
    await eventually(lambda: stage.app.reading.settle(stage.session_id), "saved")
    await eventually(lambda: _scored_late(stage), "the late answer is scored")
    assert await stage.ledger(ann) == [1_000]
    await stage.verify()


async def _scored_late(stage: Stage) -> bool:
    return await stage.app.scoring.sweep(late=True) > 0


async def test_cancelling_takes_the_points_back(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann = await stage.join()
    await stage.give(ann, activity_id, RIGHT)
    await stage.finish(activity_id)
    await stage.app.directing.move(stage.presenter, activity_id, "cancelled")
    await stage.score()
    assert await stage.ledger(ann) == [1_000, -1_000]
    assert (await stage.app.standings.leaderboard(stage.presenter))["entries"] == []


async def test_every_round_counts(stage: Stage) -> None:
    activity_id = await stage.ask()
    ann = await stage.join()
    await stage.give(ann, activity_id, WRONG)
    await stage.finish(activity_id)
    await stage.app.directing.move(stage.presenter, activity_id, "active", new_round=True)
    await stage.seen(activity_id)
    await stage.give(ann, activity_id, RIGHT)
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [0, 1_000]
    await stage.verify()


async def test_of_several_answers_the_best_counts(stage: Stage) -> None:
    activity_id = await stage.ask(constraints={"max_responses": 3})
    ann = await stage.join()
    for answer in (WRONG, RIGHT, WRONG):
        await stage.give(ann, activity_id, answer)
    assert await stage.finish(activity_id) == 1
    assert await stage.ledger(ann) == [1_000]


async def test_anonymous_activities_do_not_score(stage: Stage) -> None:
    activity_id = await stage.ask(constraints={"identity": "anonymous"})
    await stage.give(await stage.join(), activity_id, RIGHT)
    assert await stage.finish(activity_id) == 0


async def test_rows_are_never_changed(stage: Stage) -> None:
    activity_id = await stage.ask()
    await stage.give(await stage.join(), activity_id, RIGHT)
    await stage.finish(activity_id)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await stage.app.pool.execute("UPDATE points_ledger SET delta = 5 WHERE session_id = $1", stage.session_id)


async def test_points_come_by_themselves(engines: Engines) -> None:
    async with open_stage(engines, scoring_sweep_ms=20) as stage:
        activity_id = await stage.ask()
        ann = await stage.join()
        await stage.give(ann, activity_id, RIGHT)
        await stage.close(activity_id)
        await eventually(lambda: stage.ledger(ann), "scored")


KAHOOT = {"mode": "accuracy", "points": 1_000, "streak": "kahoot"}


@pytest.mark.parametrize(
    ("rule", "pattern", "expected"),
    [
        ("kahoot", "rrrrrrr", [1000, 1100, 1200, 1300, 1400, 1500, 1500]),
        ("kahoot", "rrwrr", [1000, 1100, 0, 1000, 1100]),
        ("kahoot", "rr-rr", [1000, 1100, None, 1000, 1100]),  # no answer ends it too
        ("arsnova", "rrrrrr", [1000, 1000 + 100, 1200, 1300, 1500, 1500]),
    ],
)
async def test_streaks_run_in_the_order_of_closing(stage: Stage, rule: str, pattern: str, expected: list[int | None]) -> None:
    ann = await stage.join()
    scoring = {"mode": "accuracy", "points": 1_000, "streak": rule}
    ids = [await stage.ask(scoring=scoring) for _ in pattern]
    # Answered and closed in the opposite order of their making.
    for activity_id, letter in zip(reversed(ids), pattern, strict=True):
        if letter != "-":
            await stage.give(ann, activity_id, RIGHT if letter == "r" else WRONG)
        await stage.close(activity_id)
    await stage.score()
    found = [next(iter(await stage.ledger(ann, activity_id)), None) for activity_id in reversed(ids)]
    assert found == expected


async def test_a_correction_moves_the_streaks_after_it(stage: Stage) -> None:
    ann = await stage.join()
    ids = [await stage.ask(scoring=KAHOOT) for _ in range(3)]
    for index, activity_id in enumerate(ids):
        await stage.give(ann, activity_id, WRONG if index == 0 else RIGHT)
        await stage.finish(activity_id)
    assert [await stage.ledger(ann, one) for one in ids] == [[0], [1_000], [1_100]]
    await stage.app.correcting.correct_key(stage.presenter, ids[0], {"correct": ["b"]})
    await stage.score()
    assert [await stage.ledger(ann, one) for one in ids] == [[0, 1_000], [1_000, 100], [1_100, 100]]
    assert await stage.score() == 0
    await stage.verify()
