"""Two at the same instant: one outcome, and the loser is told why."""

import asyncio
import random
from typing import Any

import pytest

from persistence import sessions
from persistence.pool import Pool
from persistence.sessions import SessionRow
from realtime.commands.joining import Newcomer
from realtime.core.errors import Refusal
from realtime.core.messages import Accepted
from realtime.identifiers import new_uuid
from tests.commands.stage import POLL, Stage, code_of, refused
from tests.waiting import eventually


async def test_two_clients_change_the_same_answer(stage: Stage) -> None:
    other = await stage.another()
    activity_id = await stage.open()
    ann = await stage.join()
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"
    for revision in range(1, 12):
        frames = await asyncio.gather(
            stage.send(ann, activity_id, {"selected": ["a"]}, expected_revision=revision),
            stage.send(ann, activity_id, {"selected": ["b"]}, expected_revision=revision, app=other),
        )
        assert sorted(code_of(frame) for frame in frames) == ["accepted", "revision_conflict"]
        (lost,) = [frame for frame in frames if not isinstance(frame, Accepted)]
        assert getattr(lost, "details")["revision"] == revision + 1  # noqa: B009 - only refusals have details
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert (tally.get("choice:a", 0) + tally.get("choice:b", 0), await stage.live_count(activity_id)) == (1, 1)
    await stage.verify()


async def test_close_and_answer_at_the_same_instant(stage: Stage) -> None:
    """Of 1,000 answers at the closing instant each is counted before the fence or refused."""
    other = await stage.another()
    people = await stage.crowd(1_000)
    activity_id = await stage.open(settings=POLL)
    await other.reading.replica(stage.session_id)

    async def close() -> int:
        await eventually(lambda: stage.app.intake.judged >= 150, "answers are on their way")
        row = await stage.app.directing.move(stage.presenter, activity_id, "closed")
        return row.version

    async def press(number: int, one: Any) -> Any:
        # A quarter at a time, as phones do: the fence falls somewhere among them.
        await eventually(lambda: stage.app.intake.judged >= number // 250 * 60, "the ones before")
        app = stage.app if number % 3 else other
        return await stage.send(one, activity_id, {"selected": [random.choice("ab")]}, app=app)

    closing = asyncio.create_task(close())
    frames = await asyncio.gather(*(press(number, one) for number, one in enumerate(people)))
    await closing
    codes = {code: sum(code_of(frame) == code for frame in frames) for code in {code_of(frame) for frame in frames}}
    assert set(codes) <= {"accepted", "activity_closed"}, codes
    fence = (await stage.seen(activity_id))["activity"]["closed_offset"]
    offsets = [frame.offset for frame in frames if isinstance(frame, Accepted)]
    assert max(offsets) < fence
    assert len(set(offsets)) == len(offsets) == await stage.live_count(activity_id)
    await stage.verify()
    rows = await stage.app.pool.fetchval("SELECT count(*) FROM user_responses WHERE activity_id = $1", activity_id)
    assert rows == len(offsets)

    async def final() -> bool:
        return bool((await stage.seen(activity_id))["activity"]["final"])

    await eventually(final, "the result is final")


async def test_two_presenters_edit_the_same_activity(stage: Stage) -> None:
    other = await stage.another()
    activity_id = await stage.open(state="draft")
    for version in range(1, 6):
        both = await asyncio.gather(
            stage.app.directing.update_activity(stage.presenter, activity_id, title=f"one {version}", expected_version=version),
            other.directing.update_activity(stage.presenter, activity_id, title=f"two {version}", expected_version=version),
            return_exceptions=True,
        )
        (won,) = [one for one in both if not isinstance(one, BaseException)]
        (lost,) = [one for one in both if isinstance(one, Refusal)]
        assert (lost.code, lost.details["version"]) == ("version_conflict", version + 1)
        assert lost.details["present"]["title"] == won.title == (await stage.seen(activity_id))["activity"]["title"]


async def test_two_presenters_move_the_same_activity(stage: Stage) -> None:
    other = await stage.another()
    for _ in range(5):
        activity_id = await stage.open()
        both = await asyncio.gather(
            stage.app.directing.move(stage.presenter, activity_id, "closed"),
            other.directing.move(stage.presenter, activity_id, "paused"),
            return_exceptions=True,
        )
        lost = [one for one in both if isinstance(one, BaseException)]
        assert [getattr(one, "code", one) for one in lost] in ([], ["version_conflict"], ["illegal_move"])
        stored = await stage.app.pool.fetchval("SELECT state FROM activities WHERE id = $1", activity_id)
        assert await stage.state(activity_id) == stored


async def test_nothing_is_deleted_that_was_changed_meanwhile(stage: Stage) -> None:
    activity_id = await stage.open()
    lost = await refused(stage.app.directing.delete_activity(stage.presenter, activity_id, expected_version=1))
    assert (lost.code, lost.details["version"]) == ("version_conflict", 2)
    await stage.app.directing.delete_activity(stage.presenter, activity_id, expected_version=2)
    assert await stage.seen(activity_id) == {}


async def test_a_session_ends_while_the_clock_closes_its_activities(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every activity somebody else raises the version just before it would be closed."""
    opened = [await stage.open() for _ in range(3)]
    step, seen = stage.app.directing._step, list[str]()

    async def overtaken(connection: Any, row: Any, to: str, new_round: bool) -> Any:
        if row.id not in seen:
            seen.append(row.id)
            await stage.app.pool.execute("UPDATE activities SET version = version + 1 WHERE id = $1", row.id)
        return await step(connection, row, to, new_round)

    monkeypatch.setattr(stage.app.directing, "_step", overtaken)
    await stage.app.directing.move_session(stage.presenter, to="completed")
    assert seen == opened
    assert [await stage.state(each) for each in opened] == ["closed"] * 3


async def test_what_a_failure_left_open_is_closed_when_the_session_is_ended_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    activity_id = await stage.open()

    async def fail(*_: object) -> None:
        raise Refusal("recovering", after_ms=200)

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.directing, "_hand_in", fail)
        assert (await refused(stage.app.directing.move_session(stage.presenter, to="completed"))).code == "recovering"
        session = (await stage.app.reading.replica(stage.session_id)).session
        assert (session["state"], await stage.state(activity_id)) == ("completed", "active"), "that it is over is told at once"
    await stage.app.directing.move_session(stage.presenter, to="completed")
    assert await stage.state(activity_id) == "closed"

async def test_a_hall_with_one_code_is_one_question_to_postgresql(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.set()
    entrance, asked = stage.app.entrance, []
    row = await stage.app.reading.session(stage.session_id)
    by_code = sessions.by_code

    async def count(pool: Pool, code: str) -> SessionRow | None:
        asked.append(code)
        return await by_code(pool, code)

    monkeypatch.setattr(sessions, "by_code", count)
    joined = await asyncio.gather(*(entrance.join_by_code(row.join_code, Newcomer(f"P{n}", new_uuid())) for n in range(40)))
    assert len({one.participant_id for _, one in joined}) == 40
    assert asked == [row.join_code]
