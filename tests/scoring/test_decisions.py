"""What a presenter decides about single answers is worth points, too."""

import asyncio

from realtime.commands.actors import Actor
from tests.scoring.stage import Stage
from tests.scoring.test_vectors import table, written


async def decide(stage: Stage, activity_id: str, **decision: object) -> None:
    await stage.app.moderating.decide(stage.presenter, activity_id, decision)


async def until_ledger(stage: Stage, actor: Actor, wanted: list[int]) -> None:
    """A decision wakes the scoring of the process, so either it or we do the work."""
    async with asyncio.timeout(20):
        while await stage.ledger(actor) != wanted:
            await stage.score()


async def test_an_accepted_text_earns_points_and_can_lose_them(stage: Stage) -> None:
    activity_id = await stage.ask("short_answer", {"prompt": "?", "answers": ["red"]})
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    await stage.give(ann, activity_id, {"text": "Crimson"})
    await stage.give(bob, activity_id, {"text": "red"})
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [0]

    await decide(stage, activity_id, action="accept", text="crimson", fraction=0.5)
    await until_ledger(stage, ann, [0, 500])
    await decide(stage, activity_id, action="accept", text="crimson", fraction=None)
    await until_ledger(stage, ann, [0, 500, -500])
    assert await stage.ledger(bob) == [1_000]
    await stage.verify()


async def test_a_rejected_fuzzy_match_loses_its_marks(stage: Stage) -> None:
    activity_id = await stage.ask("table_completion", table("potassium nitrate"))
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    await stage.give(ann, activity_id, written("potassium nitrite"))
    await stage.give(bob, activity_id, written("saltpetre"))
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [1_000]

    review = await stage.app.standings.review(stage.presenter, activity_id)
    cells = {one["name"]: one["mark"]["cells"]["0-0"] for one in review["answers"]}
    assert cells["Ann"]["state"] == "fuzzy"
    assert cells["Ann"]["studentAnswer"] == "potassium nitrite"
    assert cells["Ann"]["expectedAnswer"] == "potassium nitrate"
    assert (await stage.seen(activity_id))["view"]["cells"]["0-0"]["to_review"] == [{"text": "potassium nitrite", "count": 1}]

    await decide(stage, activity_id, action="reject", cell="0-0", text="potassium nitrite")
    await decide(stage, activity_id, action="accept", cell="0-0", text="saltpetre")
    await until_ledger(stage, bob, [0, 1_000])
    await until_ledger(stage, ann, [1_000, -1_000])
    review = await stage.app.standings.review(stage.presenter, activity_id)
    states = {one["name"]: one["mark"]["cells"]["0-0"]["state"] for one in review["answers"]}
    assert states == {"Ann": "wrong", "Bob": "alternative"}
    await stage.verify()
