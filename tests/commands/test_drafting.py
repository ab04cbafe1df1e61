"""Drafts are kept for their author, never counted, and handed in at the deadline where the author wanted it."""

import asyncio

from realtime.activities.contract import Audience
from realtime.activities.table_completion import TYPE as TABLE
from tests.commands.stage import Stage, refused
from tests.waiting import eventually

SHORT = {"constraints": {"grace_ms": 0}}


def quiz(answer_ms: int) -> dict[str, object]:
    options = [{"id": "a", "text": "4"}, {"id": "b", "text": "5"}]
    return {"question": "2 + 2?", "options": options, "correct": ["a"], "phases": {"read_ms": 0, "answer_ms": answer_ms}}


async def closed(stage: Stage, activity_id: str) -> None:
    async def is_closed() -> bool:
        return await stage.state(activity_id) == "closed"

    await eventually(is_closed, "closed")


async def test_a_draft_is_shown_to_its_author_alone_and_never_counted(stage: Stage) -> None:
    activity_id = await stage.open()
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    phone, other = await stage.connect(ann), await stage.connect(bob)
    saved = await stage.draft(ann, activity_id, {"selected": ["a"], "note": "half a thought"})
    assert saved["revision"] == 1
    mine = await eventually(lambda: next((frame for frame in phone.frames if frame.get("drafts")), None), "the author's devices")
    assert mine["drafts"][activity_id]["data"] == {"selected": ["a"], "note": "half a thought"}

    assert (await stage.seen(activity_id))["counts"] | {"offset": 0} == {
        "responses": 0, "people": 0, "abstained": 0, "drafts": 1, "offset": 0
    }  # fmt: skip
    assert "drafts" not in (await stage.seen(activity_id, Audience.PARTICIPANTS))["counts"]
    assert "half a thought" not in str(other.frames)
    assert "half a thought" not in str(await stage.seen(activity_id))
    again = await stage.connect(ann)
    assert again.frames[0]["own"].drafts[activity_id].revision == 1


async def test_an_answer_takes_its_draft_away(stage: Stage) -> None:
    activity_id = await stage.open()
    ann = await stage.join()
    await stage.draft(ann, activity_id, {"selected": ["a"]})
    assert await stage.answer(ann, activity_id, {"selected": ["b"]}) == "accepted"
    assert (await stage.seen(activity_id))["counts"]["drafts"] == 0
    assert (await stage.draft(ann, activity_id, {"selected": ["a"]}))["revision"] == 1
    assert (await stage.draft(ann, activity_id, None))["revision"] == 0
    assert (await stage.seen(activity_id))["counts"]["drafts"] == 0


async def test_two_devices_see_who_was_first(stage: Stage) -> None:
    activity_id = await stage.open()
    ann = await stage.join()
    await stage.draft(ann, activity_id, {"selected": ["a"]}, expected_revision=0)
    both = await asyncio.gather(
        *(stage.draft(ann, activity_id, {"selected": [choice]}, expected_revision=1) for choice in "ab"), return_exceptions=True
    )
    assert sorted(str(getattr(one, "code", "saved")) for one in both) == ["revision_conflict", "saved"]


async def test_a_table_sends_changed_cells_only(stage: Stage) -> None:
    activity_id = await stage.open("table_completion", TABLE.example["settings"])
    ann = await stage.join()
    await stage.draft(ann, activity_id, {"studentAnswers": {"0-1": "thyl", "1-1": "str"}})
    parts = [{"0-1": "thylakoid"}, {"0-2": "ATP"}, {"1-1": None}]
    await asyncio.gather(*(stage.draft(ann, activity_id, {"studentAnswers": part}) for part in parts))
    own = (await stage.connect(ann)).frames[0]["own"]
    assert own.drafts[activity_id].data == {"value": {"studentAnswers": {"0-1": "thylakoid", "0-2": "ATP"}}}


async def test_what_cannot_be_answered_cannot_be_drafted(stage: Stage) -> None:
    ann = await stage.join()
    published = await stage.open(state="published")
    assert (await refused(stage.draft(ann, published, {"selected": ["a"]}))).code == "activity_not_open"
    activity_id = await stage.open()
    assert (await refused(stage.draft(ann, activity_id, ["a"]))).code == "invalid"
    assert (await refused(stage.draft(ann, activity_id, {"x": "y" * 70_000}))).code == "too_large"
    assert (await refused(stage.draft(ann, activity_id, {}, round=7))).code == "wrong_round"
    assert (await refused(stage.draft(stage.presenter, activity_id, {}))).code == "forbidden"
    await stage.app.directing.move(stage.presenter, activity_id, "closed")
    assert (await refused(stage.draft(ann, activity_id, {"selected": ["a"]}))).code == "activity_closed"


async def test_the_deadline_hands_in_what_was_to_be_handed_in(stage: Stage) -> None:
    await stage.another()  # which hands in the same drafts
    activity_id = await stage.open("quiz", quiz(3_000), **SHORT)
    people = await stage.crowd(30)
    wanted, kept, spoilt = people[:20], people[20:25], people[25]
    await asyncio.gather(*(stage.draft(one, activity_id, {"selected": ["a"]}, auto_submit=True) for one in wanted))
    await asyncio.gather(*(stage.draft(one, activity_id, {"selected": ["b"]}) for one in kept))
    await stage.draft(spoilt, activity_id, {"selected": ["nothing"]}, auto_submit=True)
    await closed(stage, activity_id)
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert await stage.live_count(activity_id) == 20
    assert (tally["choice:a"], tally.get("choice:b")) == (20, None)
    assert (await stage.seen(activity_id))["counts"]["drafts"] == 6
    await stage.verify()


async def test_an_old_draft_never_replaces_a_newer_answer(stage: Stage) -> None:
    activity_id = await stage.open("quiz", quiz(1_500), **SHORT)
    ann = await stage.join()
    draft = await stage.draft(ann, activity_id, {"selected": ["b"]}, auto_submit=True)
    state = await stage.app.live.own_state(stage.session_id, ann.participant_id or "", [(activity_id, 1)])
    assert await stage.answer(ann, activity_id, {"selected": ["a"]}) == "accepted"
    # A device that had not heard of the answer puts its old draft back.
    session = stage.app.live.session(stage.session_id)
    text = f"{draft['revision']}|{state.drafts[0].base}|1|{draft['saved_at_ms']}\n" + state.drafts[0].data
    await stage.app.live.servers.at("").hset(session.drafts(activity_id, 1), ann.participant_id, text)
    await closed(stage, activity_id)
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert (tally.get("choice:a"), tally.get("choice:b")) == (1, None)


async def test_drafts_of_those_with_extra_time_wait_for_it(stage: Stage) -> None:
    activity_id = await stage.open("quiz", quiz(500), **SHORT)
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    assert ann.participant_id is not None
    await stage.app.timing.accommodate(stage.presenter, ann.participant_id, 200)
    await stage.draft(bob, activity_id, {"selected": ["a"]}, auto_submit=True)

    deadline_ms = (await stage.seen(activity_id))["activity"]["deadline_ms"]

    async def past() -> bool:
        seconds, microseconds = await stage.app.live.servers.at("").time()
        return bool(seconds * 1_000 + microseconds // 1_000 > deadline_ms + 30)

    await eventually(past, "past Bob's deadline")
    assert await stage.answer(bob, activity_id, {"selected": ["b"]}) == "activity_closed"
    assert (await refused(stage.draft(bob, activity_id, {"selected": ["b"]}))).code == "activity_closed"
    await stage.draft(ann, activity_id, {"selected": ["b"]}, auto_submit=True)
    await closed(stage, activity_id)
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    assert (tally.get("choice:a"), tally.get("choice:b")) == (1, 1)


async def test_who_gave_no_name_has_none_where_the_draft_is_handed_in(stage: Stage) -> None:
    activity_id = await stage.open("open_text", {"prompt": "Why?"})
    named, nameless = await stage.join("Anonymous"), await stage.join(None)
    await stage.draft(named, activity_id, {"entries": ["because"]}, auto_submit=True)
    await stage.draft(nameless, activity_id, {"entries": ["why not"]}, auto_submit=True)
    await stage.app.directing.move(stage.presenter, activity_id, "closed")
    shown = [value for key, value in (await stage.seen(activity_id)).items() if key.startswith("view:item:")]
    assert {item["text"]: item["author"] for item in shown} == {"because": "Anonymous", "why not": None}
