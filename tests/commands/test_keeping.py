"""Drafts outlive the live store, and whoever closes an activity hands in, once, what its authors wanted handed in."""

import asyncio
import random
from typing import Any

import pytest

from realtime.core.errors import Refusal
from realtime.engines import Engines
from realtime.store.owning import OwnState
from tests.commands.stage import Stage, refused
from tests.scoring.stage import open_stage, run_app
from tests.waiting import eventually

A, B = {"selected": ["a"]}, {"selected": ["b"]}


async def rows(stage: Stage) -> list[tuple[str, int, str]]:
    """The drafts that PostgreSQL has."""
    found = await stage.app.pool.fetch(
        "SELECT participant_id::text AS who, revision, data FROM response_drafts WHERE session_id = $1 ORDER BY saved_at_ms",
        stage.session_id,
    )
    return [(row["who"], row["revision"], row["data"]) for row in found]


async def stored(stage: Stage, number: int) -> None:
    """Wait until that many drafts are stored and none waits."""

    async def settled() -> bool:
        return sum(await stage.app.keeping._unsaved.count()) == 0 and len(await rows(stage)) == number

    await eventually(settled, f"{number} drafts are stored")


async def drafts_of(stage: Stage, actor: Any, activity_id: str) -> list[tuple[int, str]]:
    async def read() -> OwnState | None:
        try:
            await stage.seen(activity_id)  # brings the session to life
            return await stage.app.live.own_state(stage.session_id, actor.participant_id, [(activity_id, 1)])
        except Refusal:
            return None  # a call of before the loss has just found out; asked again

    state: OwnState = await eventually(read, "own drafts can be read")
    return [(draft.revision, draft.data) for draft in state.drafts]


async def test_a_draft_comes_back_after_a_loss_of_redis(stage: Stage) -> None:
    activity_id = await stage.open()
    ann, bob, cyd = await stage.join("Ann"), await stage.join("Bob"), await stage.join("Cyd")
    await stage.draft(ann, activity_id, A)
    await stage.draft(ann, activity_id, B, auto_submit=True)
    await stage.draft(bob, activity_id, A, auto_submit=True)
    await stage.draft(cyd, activity_id, A, auto_submit=True)
    await stored(stage, 3)
    await stage.draft(bob, activity_id, None)  # thrown away
    assert await stage.answer(cyd, activity_id, B) == "accepted"  # answered
    await stored(stage, 2)
    await eventually(lambda: stage.app.reading.settle(stage.session_id), "the answer is saved")
    await stage.forget()
    assert await drafts_of(stage, ann, activity_id) == [(2, '{"selected":["b"]}')]
    assert await drafts_of(stage, bob, activity_id) == await drafts_of(stage, cyd, activity_id) == []
    assert (await stage.seen(activity_id))["counts"]["drafts"] == 1

    lost = await refused(stage.draft(ann, activity_id, A, expected_revision=1))
    assert (lost.code, lost.details) == ("revision_conflict", {"revision": 2})
    assert (await stage.draft(ann, activity_id, A, expected_revision=2, auto_submit=True))["revision"] == 3
    await stage.app.directing.move(stage.presenter, activity_id, "closed")
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert (tally["choice:a"], tally["choice:b"]) == (1, 1)
    await stage.verify()


async def test_a_draft_that_was_not_stored_yet_outlives_a_restart_of_redis(engines: Engines) -> None:
    """Redis kept its data and is another incarnation: recovery stores what waits before it loads a session."""
    async with open_stage(engines, draft_store_ms=60_000) as stage:
        activity_id = await stage.open()
        ann = await stage.join("Ann")
        await stage.draft(ann, activity_id, A)
        assert await rows(stage) == []
        for shard in stage.app.live.shards:
            await stage.app.live.servers.at("").hdel(shard.epoch, "epoch")
        stage.app.incarnation.lose_all()
        await eventually(lambda: all(stage.app.incarnation.epochs), "epochs")
        assert await drafts_of(stage, ann, activity_id) == [(1, '{"selected":["a"]}')]


async def test_a_draft_waits_for_its_author_and_keeps_nobody_else_waiting(engines: Engines) -> None:
    async with open_stage(engines, flusher=False, draft_store_ms=20) as stage:
        activity_id = await stage.open()
        ann = await stage.join("Ann")  # not in PostgreSQL: nobody flushes
        await stage.draft(ann, activity_id, A)
        bob = await stage.join("Bob")
        await stage.app.timing.accommodate(stage.presenter, bob.participant_id or "", 0)  # this makes his row
        await stage.draft(bob, activity_id, B)

        async def has_bob() -> bool:
            return [who for who, _, _ in await rows(stage)] == [bob.participant_id]

        await eventually(has_bob, "Bob's draft is stored")

        async def has_ann_only() -> bool:
            return sum(await stage.app.keeping._unsaved.count()) == 1

        await eventually(has_ann_only, "Ann's draft waits, and Bob's no longer")
        await run_app(engines, stage.stack)
        await stored(stage, 2)


async def test_drafts_that_cannot_be_stored_are_bounded(stage: Stage) -> None:
    activity_id = await stage.open()
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    stage.app.drafting._drafts._most_unsaved = 0
    full = await refused(stage.draft(ann, activity_id, A))
    assert (full.code, full.retry) == ("overloaded", True)
    stage.app.drafting._drafts._most_unsaved = 10
    assert (await stage.draft(bob, activity_id, A))["revision"] == 1


@pytest.mark.parametrize("way", ["closed", "paused", "round", "session", "reveal"])
async def test_whoever_ends_a_round_hands_in_what_was_to_be_handed_in(stage: Stage, way: str) -> None:
    other = await stage.another()
    deck = {"story": {"title": "S"}, "deck": "fibonacci", "timer": 0, "auto_reveal": False}
    activity_id = await (stage.open("planning_poker", deck) if way == "reveal" else stage.open())
    wanted, kept = ({"estimate": "5"}, {"estimate": "8"}) if way == "reveal" else (A, B)
    people = await stage.crowd(12)
    for one in people[:8]:
        await stage.draft(one, activity_id, wanted, auto_submit=True)
    for one in people[8:]:
        await stage.draft(one, activity_id, kept)
    direct = stage.app.directing
    if way == "paused":
        await direct.move(stage.presenter, activity_id, "paused")
    if way == "round":
        version = (await stage.seen(activity_id))["activity"]["version"]
        await direct.move(stage.presenter, activity_id, "active", new_round=True, expected_version=version)
    elif way == "session":
        await direct.move_session(stage.presenter, to="completed")
    elif way == "reveal":
        await direct.reveal(stage.presenter, activity_id, True)
    else:
        # Two presenters close at once: the drafts are handed in once all the same.
        both = [app.directing.move(stage.presenter, activity_id, "closed") for app in (stage.app, other)]
        await asyncio.gather(*both, return_exceptions=True)
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert (tally["#n"], tally["#people"]) == (8, 8)
    if way not in ("round", "reveal"):
        fence = (await stage.seen(activity_id))["activity"]["closed_offset"]
        offsets = [one.offset async for one in stage.app.live.answers(stage.session_id, activity_id, 1)]
        assert len(offsets) == 8
        assert max(offsets) < fence
    await stage.verify()


async def test_a_draft_at_the_closing_instant_is_handed_in_or_refused(stage: Stage) -> None:
    """What the server said it keeps, to be handed in, is an answer after the close."""
    other = await stage.another()
    activity_id = await stage.open()
    people = await stage.crowd(150)
    kept: set[str] = set()
    codes: set[str] = set()
    begun = asyncio.Event()

    async def write(number: int, one: Any) -> None:
        app = stage.app if number % 2 else other
        for _ in range(6):
            if len(kept) > 60:
                begun.set()
            try:
                await stage.draft(one, activity_id, random.choice([A, B]), auto_submit=True, app=app)
            except Refusal as refusal:
                codes.add(refusal.code)
                return
            kept.add(one.participant_id)

    async def close() -> None:
        await begun.wait()
        await stage.app.directing.move(stage.presenter, activity_id, "closed")

    await asyncio.gather(close(), *(write(number, one) for number, one in enumerate(people)))
    session = stage.app.live.session(stage.session_id)
    answered = set(await stage.app.live.servers.at("").hkeys(session.answers(activity_id, 1)))
    assert (answered, codes) == (kept, {"activity_closed"})
    await stage.verify()
