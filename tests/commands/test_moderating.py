"""Decisions: kept first, shown at once, never lost, and what they hide is gone for everybody else."""

import asyncio
from typing import Any

from realtime.activities.contract import Audience
from realtime.commands.actors import Actor
from tests.commands.stage import Stage, refused
from tests.waiting import eventually

QNA: dict[str, Any] = {"topic": "Ask", "moderate_questions": True, "allow_anonymous": True, "max_open_per_participant": 10}
OPEN = {"reveal": {"counts": "live", "results": "live", "names": "everyone"}}


async def ask(stage: Stage, who: Actor, activity_id: str, text: str, *, anonymous: bool = False) -> str:
    """Send a question; returns its item's id."""
    frame = await stage.send(who, activity_id, {"action": "question", "text": text, "anonymous": anonymous})
    return str(getattr(frame, "response_id"))  # noqa: B009 - a refusal has none, and the test shall say so


async def texts(stage: Stage, activity_id: str, audience: Audience = Audience.PARTICIPANTS) -> list[str]:
    seen = await stage.seen(activity_id, audience)
    return sorted(value["text"] for key, value in seen.items() if key.startswith("view:item:"))


async def decide(stage: Stage, activity_id: str, action: str, item_id: str, **more: Any) -> dict[str, Any]:
    decision = {"action": action, "item_id": item_id, **more}
    return await stage.app.moderating.decide(stage.presenter, activity_id, decision)


async def test_only_what_is_approved_is_seen(stage: Stage) -> None:
    activity_id = await stage.open("qna", QNA, **OPEN)
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    watching = await stage.connect(bob)
    good = await ask(stage, ann, activity_id, "Why dark?")
    await ask(stage, ann, activity_id, "Something rude")
    assert await texts(stage, activity_id) == []
    assert await texts(stage, activity_id, Audience.PRESENTERS) == ["Something rude", "Why dark?"]
    own = (await stage.connect(ann)).frames[0]["own"].mine[activity_id]
    assert {one.data["text"] for one in own} == {"Why dark?", "Something rude"}  # the author sees what waits

    done = await decide(stage, activity_id, "approve", good)
    assert done["decided"] == {f"item:{good}": {"status": "active"}}
    assert await texts(stage, activity_id) == ["Why dark?"]
    await eventually(lambda: "Why dark?" in str(watching.frames), "Bob sees it")
    assert "Something rude" not in str(watching.frames)

    await decide(stage, activity_id, "hide", good)
    assert await texts(stage, activity_id) == []
    hidden = f"view:{activity_id}:item:{good}"
    await eventually(lambda: any(hidden in frame.get("removed", ()) for frame in watching.frames), "it is taken away")
    assert await stage.actions(activity_id) == ["activity_created", "activity_active", "activity_decided", "activity_decided"]


async def test_authors_have_the_name_they_showed(stage: Stage) -> None:
    activity_id = await stage.open("qna", QNA | {"moderate_questions": False}, **OPEN)
    ann, nobody = await stage.join("Ann"), await stage.join(None)
    await ask(stage, ann, activity_id, "with name")
    await ask(stage, ann, activity_id, "without name", anonymous=True)
    await ask(stage, nobody, activity_id, "never had a name")
    await stage.app.directing.reveal(stage.presenter, activity_id, True)

    async def authors() -> dict[str, str | None]:
        seen = await stage.seen(activity_id)
        return {value["text"]: value["author"] for key, value in seen.items() if key.startswith("view:item:")}

    expected = {"with name": "Ann", "without name": None, "never had a name": None}
    assert await authors() == expected
    await stage.verify()  # what is not saved yet would be lost with the live store
    await stage.forget()
    assert await authors() == expected


async def test_decisions_survive_a_loss_of_the_live_store(stage: Stage) -> None:
    activity_id = await stage.open("qna", QNA, **OPEN)
    ann = await stage.join("Ann")
    first, second = [await ask(stage, ann, activity_id, text) for text in ("first", "second")]
    await decide(stage, activity_id, "approve", first)
    await decide(stage, activity_id, "answer", first, text="Because.")
    await decide(stage, activity_id, "approve", second)
    await decide(stage, activity_id, "pin", second)
    before = await stage.seen(activity_id, Audience.PARTICIPANTS)
    await stage.verify()
    await stage.forget()
    after = await stage.seen(activity_id, Audience.PARTICIPANTS)
    items = [key for key in before if key.startswith("view:item:")]
    assert len(items) == 2
    assert {key: after[key] for key in items} == {key: before[key] for key in items}


async def test_of_two_deciders_neither_is_lost(stage: Stage) -> None:
    other = await stage.another()
    activity_id = await stage.open("qna", QNA, **OPEN)
    ann = await stage.join()
    items = [await ask(stage, ann, activity_id, f"question {number}") for number in range(8)]
    moderator = Actor(stage.session_id, "moderator", "1" * 64)
    actions = ["approve", "answer"]
    await asyncio.gather(
        *(
            (stage.app if number % 2 else other).moderating.decide(
                moderator, activity_id, {"action": action, "item_id": item_id, "text": "so"}
            )
            for item_id in items
            for number, action in enumerate(actions)
        )
    )
    shown = {key: value for key, value in (await stage.seen(activity_id)).items() if key.startswith("view:item:")}
    assert len(shown) == 8
    assert all((value["status"], value["answer"]) == ("active", "so") for value in shown.values())
    version = await stage.app.pool.fetchval("SELECT decisions_version FROM activities WHERE id = $1", activity_id)
    assert version == 16
    decision = {"action": "pin", "item_id": items[0]}
    lost = await refused(stage.app.moderating.decide(moderator, activity_id, decision, expected_version=3))
    assert (lost.code, lost.details["version"], len(lost.details["present"])) == ("version_conflict", 16, 8)


async def test_who_may_not_decide_is_told_so(stage: Stage) -> None:
    activity_id = await stage.open("qna", QNA, **OPEN)
    ann = await stage.join()
    item_id = await ask(stage, ann, activity_id, "mine")
    for role in ("participant", "display"):
        actor = ann if role == "participant" else Actor(stage.session_id, role, "2" * 64)
        decision = {"action": "approve", "item_id": item_id}
        assert (await refused(stage.app.moderating.decide(actor, activity_id, decision))).code == "forbidden"
    assert (await refused(decide(stage, activity_id, "approve", "no-such-item"))).code == "unknown_response"
    assert (await refused(decide(stage, activity_id, "explode", item_id))).code == "invalid"
    poll = await stage.open("poll")
    assert (await refused(decide(stage, poll, "approve", item_id))).code == "invalid"


async def test_a_new_round_begins_without_the_decisions_of_the_last(stage: Stage) -> None:
    settings = {"prompt": "One word", "moderate_submissions": True}
    activity_id = await stage.open("word_cloud", settings, reveal={"results": "live"})
    ann = await stage.join()
    assert await stage.answer(ann, activity_id, {"words": ["fire"]}) == "accepted"
    await decide(stage, activity_id, "approve", "fire")
    assert [word["key"] for word in (await stage.seen(activity_id))["view"]["words"]] == ["fire"]
    await stage.app.directing.move(stage.presenter, activity_id, "closed")
    await stage.app.directing.move(stage.presenter, activity_id, "active", new_round=True)
    assert await stage.answer(ann, activity_id, {"words": ["fire"]}, round=2) == "accepted"
    view = (await stage.seen(activity_id))["view"]
    assert (view["words"], [word["id"] for word in view["pending"]]) == ([], ["fire"])
