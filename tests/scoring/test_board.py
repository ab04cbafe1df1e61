"""The leaderboard: who sees it when, what is on it, and what nobody else may learn."""

import asyncio
import json
from typing import Any

import pytest

from realtime.activities.contract import Audience
from realtime.commands.actors import Actor
from realtime.core.errors import Refusal
from tests.commands.stage import Wire, refused
from tests.scoring.stage import Stage
from tests.waiting import eventually

A, B = {"selected": ["a"]}, {"selected": ["b"]}
SPEED = {"mode": "speed", "speed": "kahoot", "points": 1_000}


async def board(stage: Stage, audience: Audience) -> dict[str, Any] | None:
    replica = await stage.app.reading.replica(stage.session_id)
    texts = [text for key, text in replica.map_of(audience).present() if key == "leaderboard"]
    found: dict[str, Any] | None = json.loads(texts[0]) if texts else None
    return found


def pushed(wire: Wire) -> dict[str, Any]:
    """The latest score that a client was sent."""
    scores = [frame["score"] for frame in wire.frames if frame["type"] == "score"]
    return scores[-1] if scores else {}


async def play(stage: Stage, ann: Actor, bob: Actor, answers: tuple[Any, Any], **config: Any) -> str:
    activity_id = await stage.ask(scoring=SPEED, constraints={"time_limit": 20}, **config)
    await stage.give(ann, activity_id, answers[0], seconds=5)
    await stage.give(bob, activity_id, answers[1], seconds=10)
    await stage.finish(activity_id)
    return activity_id


async def test_points_are_shown_with_the_results_and_not_before(stage: Stage) -> None:
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    wires = {"ann": await stage.connect(ann), "bob": await stage.connect(bob)}
    presenter = await stage.connect(stage.presenter)
    first = await play(stage, ann, bob, (A, B))

    seen = await board(stage, Audience.PRESENTERS)
    assert seen is not None
    assert [(one["name"], one["points"], one["rank"], one["previous_rank"]) for one in seen["entries"]] == [
        ("Ann", 875, 1, None), ("Bob", 0, 2, None),
    ]  # fmt: skip
    assert "shown" not in seen
    assert await board(stage, Audience.PARTICIPANTS) is None
    assert (await stage.app.standings.leaderboard(ann))["entries"] == []
    assert await stage.app.standings.own(ann) is None
    await eventually(lambda: any("leaderboard" in frame.get("set", {}) for frame in presenter.frames), "the presenter sees it")
    for wire in wires.values():
        text = json.dumps([frame for frame in wire.frames if frame["type"] != "welcome"])
        assert '"points"' not in text.replace('"points": 1000', ""), "points before the reveal"

    await stage.app.directing.reveal(stage.presenter, first, True)
    await stage.score()
    await eventually(lambda: pushed(wires["ann"]), "the own score")
    await eventually(lambda: pushed(wires["bob"]), "the own score")
    own = pushed(wires["ann"])
    assert (own["points"], own["rank"], own["of"]) == (875, 1, 2)
    assert own["results"][0]["correct"] is True
    assert pushed(wires["bob"])["results"] == [
        {"activity_id": first, "round": 1, "points": 0, "correct": False, "score": 0, "elapsed_ms": 10_000, "streak": 0}
    ]
    assert str(ann.participant_id) not in json.dumps(pushed(wires["bob"]))
    shown = await board(stage, Audience.PARTICIPANTS)
    assert shown is not None
    assert [one["name"] for one in shown["entries"]] == ["Ann", "Bob"]
    assert not [frame for frame in presenter.frames if frame["type"] == "score"]

    # Somebody who comes later is told as well; a second device, too.
    again = await stage.connect(ann)
    await eventually(lambda: pushed(again), "the own score on another device")

    # A second question is scored and not yet revealed: what is shown stays as it was.
    second = await play(stage, ann, bob, (B, A))
    shown = await board(stage, Audience.PARTICIPANTS)
    assert shown is not None
    assert [one["points"] for one in shown["entries"]] == [875, 0]
    seen = await board(stage, Audience.PRESENTERS)
    assert seen is not None
    assert [(one["name"], one["points"], one["rank"], one["previous_rank"]) for one in seen["entries"]] == [
        ("Ann", 875, 1, 1), ("Bob", 750, 2, 2),
    ]  # fmt: skip

    # Hidden again: gone at once, before anybody has scored anything anew.
    await stage.app.directing.reveal(stage.presenter, first, False)
    assert await board(stage, Audience.PARTICIPANTS) is None
    await stage.app.directing.reveal(stage.presenter, second, True)
    await stage.score()
    shown = await board(stage, Audience.PARTICIPANTS)
    assert shown is not None
    assert [(one["name"], one["points"]) for one in shown["entries"]] == [("Bob", 750), ("Ann", 0)]
    await stage.verify()


async def test_the_rank_before_and_shared_ranks(stage: Stage) -> None:
    ann, bob, cyd = await stage.join("Ann"), await stage.join("Bob"), await stage.join("Cyd")
    for answers in ((A, B, B), (B, A, A), (B, A, B)):
        activity_id = await stage.ask(scoring={"mode": "accuracy", "points": 100, "streak": "kahoot"})
        for actor, answer in zip((ann, bob, cyd), answers, strict=True):
            await stage.give(actor, activity_id, answer)
        await stage.finish(activity_id)
    page = await stage.app.standings.leaderboard(stage.presenter)
    assert [(one["name"], one["points"], one["rank"], one["previous_rank"], one["streak"]) for one in page["entries"]] == [
        ("Bob", 300, 1, 1, 2), ("Ann", 100, 2, 1, 0), ("Cyd", 100, 2, 1, 0),
    ]  # fmt: skip
    assert page["total"] == 3
    second = await stage.app.standings.leaderboard(stage.presenter, offset=1, limit=1)
    assert [one["name"] for one in second["entries"]] == ["Ann"]
    assert second["total"] == 3


async def test_teams_are_the_mean_of_their_members(stage: Stage) -> None:
    ann, bob, cyd = await stage.join("Ann"), await stage.join("Bob"), await stage.join("Cyd")
    for actor, team in ((ann, "Red"), (bob, "Red"), (cyd, " Blue  team ")):
        await stage.app.standings.assign_team(stage.presenter, str(actor.participant_id), team)
    activity_id = await stage.ask(reveal={"results": "after_close", "answer_key": "after_close"})
    await stage.give(ann, activity_id, A)
    await stage.give(cyd, activity_id, A)
    await stage.finish(activity_id)
    shown = await board(stage, Audience.PARTICIPANTS)
    assert shown is not None
    assert shown["teams"] == [
        {"team": "Blue team", "members": 1, "points": 1_000.0, "rank": 1},
        {"team": "Red", "members": 2, "points": 500.0, "rank": 2},
    ]  # fmt: skip
    await stage.app.standings.assign_team(stage.presenter, str(bob.participant_id), None)
    shown = await board(stage, Audience.PARTICIPANTS)
    assert shown is not None
    assert [one["points"] for one in shown["teams"]] == [1_000.0, 1_000.0]
    assert (await refused(stage.app.standings.assign_team(ann, str(bob.participant_id), "Red"))).code == "forbidden"
    stranger = "00000000-0000-7000-8000-000000000000"
    assert (await refused(stage.app.standings.assign_team(stage.presenter, stranger, "Red"))).code == "unknown_participant"


async def test_the_board_comes_back_after_a_loss_of_the_live_state(stage: Stage) -> None:
    ann = await stage.join("Ann")
    activity_id = await stage.ask(reveal={"results": "after_close", "answer_key": "after_close"})
    await stage.give(ann, activity_id, A)
    await stage.finish(activity_id)
    wire = await stage.connect(ann)
    await eventually(lambda: pushed(wire), "the own score")
    await stage.forget()
    wire.frames.clear()
    await eventually(lambda: _back(stage), "the board is back")
    await eventually(lambda: pushed(wire).get("points") == 1_000, "the own score is back")
    await stage.verify()


async def _back(stage: Stage) -> bool:
    await stage.app.scoring.sweep()
    return await board(stage, Audience.PARTICIPANTS) is not None


async def test_a_board_that_could_not_be_published_is_published_by_whoever_sweeps_next(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await stage.another()
    ann = await stage.join("Ann")
    activity_id = await stage.ask(reveal={"results": "after_close", "answer_key": "after_close"})
    await stage.give(ann, activity_id, A)

    async def fail(*_: object) -> None:
        raise Refusal("unavailable", after_ms=200)

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.standings, "publish", fail)
        assert await stage.finish(activity_id) == 0
        assert await stage.points() == {ann.participant_id: 1_000}
    assert await board(stage, Audience.PARTICIPANTS) is None
    assert await other.scoring.sweep() == 0, "the ledger has it already"
    shown = await board(stage, Audience.PARTICIPANTS)
    assert shown is not None
    assert [one["points"] for one in shown["entries"]] == [1_000]


async def test_who_was_removed_is_not_on_the_board(stage: Stage) -> None:
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    await play(stage, ann, bob, (A, A))
    await stage.app.directing.remove(stage.presenter, str(ann.participant_id))
    page = await stage.app.standings.leaderboard(stage.presenter)
    assert [(one["name"], one["rank"]) for one in page["entries"]] == [("Bob", 1)]

    async def gone() -> bool:
        shown = await board(stage, Audience.PRESENTERS)
        return shown is not None and [one["name"] for one in shown["entries"]] == ["Bob"]

    await eventually(gone, "nor on the screens, at once")


async def test_runs_that_wait_for_one_another_leave_connections_to_the_others(stage: Stage) -> None:
    """As many as there are connections wait for the session's turn, which another process has; reading goes on."""
    ann = await stage.join("Ann")
    other = await stage.another()
    async with other.scoring._locked(stage.session_id):
        waiting = [
            asyncio.create_task(stage.app.standings.assign_team(stage.presenter, str(ann.participant_id), f"Team {number}"))
            for number in range(30)
        ]
        teams = "SELECT team FROM participants WHERE session_id = $1"
        await eventually(lambda: stage.app.pool.fetchval(teams, stage.session_id), "a team is stored, its board waits")
        async with asyncio.timeout(20):
            for _ in range(5):
                assert (await stage.app.reading.session(stage.session_id)).id == stage.session_id
        assert not any(one.done() for one in waiting)
    await asyncio.gather(*waiting)
