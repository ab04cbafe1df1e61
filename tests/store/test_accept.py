"""The accept script: every code it can answer, and that counts move exactly once whatever is sent how often."""

import asyncio
import itertools
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from realtime.core.tally import total
from realtime.identifiers import new_uuid
from realtime.store import scripts
from realtime.store.codes import REFUSALS
from tests.store.stage import NOON, WITHDRAWAL, Hall, code_of, make_row

A, B = {"#n": 1, "choice:a": 1}, {"#n": 1, "choice:b": 1}


def entry(name: str, **values: Any) -> dict[str, Any]:
    return {"entry": name} | values


async def test_an_answer_is_counted_ordered_and_put_into_the_outbox(hall: Hall) -> None:
    (ada,) = await hall.admit()
    before = await hall.offset()
    verdict = await hall.answer(ada, counters=A, payload={"data": {"selected": ["a"]}})
    assert (verdict.error, verdict.offset, verdict.revision, verdict.epoch) == (None, before + 1, 1, hall.epoch)
    assert abs(verdict.at_ms - time.time() * 1_000) < 60_000
    assert await hall.tally() == A | {"#people": 1}
    (own,) = await hall.live.own(hall.session_id, ada, [(hall.activity.id, 1)])
    assert (own.response_id, own.offset, own.withdrawn) == (verdict.response_id, verdict.offset, False)
    assert json.loads(own.payload) == {"data": {"selected": ["a"]}}
    batch = await hall.outbox.read(hall.names.shard, 10)
    (row,) = batch.responses
    assert (row.id, row.offset, row.participant_id, row.revision) == (verdict.response_id, verdict.offset, ada, 1)
    assert json.loads(row.response_data) == {"data": {"selected": ["a"]}}


async def test_a_submission_sent_a_hundred_times_counts_once_and_keeps_its_place(hall: Hall) -> None:
    (ada,) = await hall.admit()
    submission_id = new_uuid()
    first = await hall.answer(ada, submission_id=submission_id, counters=A)
    again = [await hall.answer(ada, submission_id=submission_id, counters=A) for _ in range(50)]
    again += await asyncio.gather(*(hall.send(ada, submission_id=submission_id, counters=A) for _ in range(50)))
    assert {(one.error, one.offset, one.revision, one.response_id) for one in again} == {
        (None, first.offset, 1, first.response_id)
    }
    assert not first.duplicate
    assert all(one.duplicate for one in again)
    assert await hall.tally() == A | {"#people": 1}
    assert (await hall.outbox.read(hall.names.shard, 10)).rows == 2  # the join and the answer


async def test_a_resend_inside_one_batch_is_recognised(hall: Hall) -> None:
    (ada,) = await hall.admit()
    submission_id = new_uuid()
    sent = [hall.send(ada, submission_id=submission_id, counters=A) for _ in range(3)]
    verdicts = await asyncio.gather(*sent)
    assert [one.duplicate for one in verdicts] == [False, True, True]
    assert len({one.offset for one in verdicts}) == 1
    assert await hall.tally() == A | {"#people": 1}


@pytest.mark.parametrize("together", [True, False])
async def test_the_highest_revision_wins_in_whatever_order_they_come(hall: Hall, together: bool) -> None:
    # The second and third have the same revision: the larger submission id wins.
    sent = [(1, "9", A), (2, "1", B), (2, "2", A | {"late": 1})]
    for order in itertools.permutations(sent):
        (ada,) = await hall.admit()
        before = await hall.tally()
        made = {"participant_id": ada}
        calls = [
            {"revision": revision, "submission_id": f"{ada[:-1]}{last}", "counters": counters}
            for revision, last, counters in order
        ]
        if together:
            verdicts = await asyncio.gather(*(hall.send(**made, **call) for call in calls))
        else:
            verdicts = [await hall.answer(**made, **call) for call in calls]
        assert await hall.tally() == total([before, A, {"late": 1, "#people": 1}])
        assert {code_of(one) for one in verdicts} <= {None, "superseded"}
        highest = max(range(3), key=lambda index: (calls[index]["revision"], str(calls[index]["submission_id"])))
        assert code_of(verdicts[highest]) is None
        assert len({one.response_id for one in verdicts}) == 1
        (own,) = await hall.live.own(hall.session_id, ada, [(hall.activity.id, 1)])
        assert own.revision == 2
        assert own.submission_id == calls[highest]["submission_id"]


async def test_a_changed_answer_moves_the_counters_from_the_old_to_the_new(hall: Hall) -> None:
    ada, bob = await hall.admit(2)
    await hall.answer(bob, counters=A)
    first = await hall.answer(ada, counters=A | {"weight": 7})
    second = await hall.answer(ada, counters=B | {"weight": -2})
    assert (second.revision, second.response_id) == (2, first.response_id)
    assert second.offset > first.offset
    assert await hall.tally() == {"#n": 2, "#people": 2, "choice:a": 1, "choice:b": 1, "weight": -2}
    # Back again in one batch with a third change.
    await asyncio.gather(hall.send(ada, counters=A), hall.send(ada, counters=B), hall.send(ada, counters=A))
    assert await hall.tally() == {"#n": 2, "#people": 2, "choice:a": 2}


async def test_withdraw_undo_redo(hall: Hall) -> None:
    (ada,) = await hall.admit()
    first = await hall.answer(ada, counters=A)
    gone = await hall.withdraw(ada)
    assert (code_of(gone), gone.revision, gone.response_id) == (None, 2, first.response_id)
    assert await hall.tally() == {}
    (own,) = await hall.live.own(hall.session_id, ada, [(hall.activity.id, 1)])
    assert own.withdrawn
    assert code_of(await hall.withdraw(ada)) == "unknown_response"
    back = await hall.answer(ada, counters=B)
    assert (back.revision, back.response_id) == (3, first.response_id)
    assert await hall.tally() == B | {"#people": 1}
    assert [code_of(one) for one in await asyncio.gather(hall.send(ada, counters=None), hall.send(ada, counters=A))] == [
        None, None,
    ]  # fmt: skip
    assert await hall.tally() == A | {"#people": 1}
    rows = (await hall.outbox.read(hall.names.shard, 100)).responses
    assert [row.withdrawn for row in rows] == [False, True, False, True, False]
    assert {row.id for row in rows} == {first.response_id}


async def test_nothing_can_be_withdrawn_that_is_not_there(hall: Hall) -> None:
    (ada,) = await hall.admit()
    assert code_of(await hall.withdraw(ada)) == "unknown_response"
    assert code_of(await hall.withdraw(ada, entry="q:1")) == "unknown_response"
    assert await hall.tally() == {}


async def test_entries_are_limited_by_kind(hall: Hall) -> None:
    (ada,) = await hall.admit()
    votes = [await hall.answer(ada, **entry(f"v:{n}"), entry_limit=2, counters={"#n": 1, f"up:{n}": 1}) for n in range(3)]
    assert [code_of(one) for one in votes] == [None, None, "too_many_answers"]
    question = await hall.answer(ada, **entry("q:1"), entry_limit=1)
    assert code_of(question) is None
    assert code_of(await hall.answer(ada, **entry("q:2"), entry_limit=1)) == "too_many_answers"
    assert await hall.tally() == {"#n": 3, "#people": 1, "up:0": 1, "up:1": 1}
    # A change of a standing entry is no further entry; a withdrawn one gives its place back.
    assert code_of(await hall.answer(ada, **entry("v:0"), entry_limit=2, counters={"#n": 1, "up:0": 1})) is None
    assert code_of(await hall.withdraw(ada, **entry("v:0"))) is None
    assert code_of(await hall.answer(ada, **entry("v:2"), entry_limit=2, counters={"#n": 1, "up:2": 1})) is None
    assert code_of(await hall.answer(ada, **entry("v:0"), entry_limit=2)) == "too_many_answers"
    own = await hall.live.own(hall.session_id, ada, [(hall.activity.id, 1)])
    assert {(one.entry, one.withdrawn) for one in own} == {
        ("v:0", True), ("v:1", False), ("v:2", False), ("q:1", False),
    }  # fmt: skip


async def test_the_limit_holds_inside_one_batch(hall: Hall) -> None:
    (ada,) = await hall.admit()
    verdicts = await asyncio.gather(*(hall.send(ada, **entry(f"v:{n}"), entry_limit=3) for n in range(10)))
    assert [code_of(one) for one in verdicts] == [None] * 3 + ["too_many_answers"] * 7
    assert await hall.tally() == {"#n": 3, "#people": 1}


async def test_a_person_is_counted_once_however_many_entries_stand(hall: Hall) -> None:
    """Also where an answer without an entry (an abstention, say) stands beside entries."""
    ada, bob = await hall.admit(2)

    async def people() -> int:
        return (await hall.tally()).get("#people", 0)

    await hall.answer(ada)
    await hall.answer(ada, **entry("q:1"))
    assert await people() == 1
    await hall.withdraw(ada)
    assert await people() == 1
    await hall.withdraw(ada, **entry("q:1"))
    assert await people() == 0
    await asyncio.gather(hall.send(bob, **entry("q:1")), hall.send(bob), hall.send(bob, **entry("q:2")))
    assert await people() == 1
    await asyncio.gather(hall.send(bob, counters=None, **entry("q:1")), hall.send(bob, **WITHDRAWAL))
    assert await people() == 1
    await hall.withdraw(bob, **entry("q:2"))
    assert await people() == 0
    assert await hall.tally() == {}


async def test_items_are_set_replaced_and_dropped(hall: Hall) -> None:
    (ada,) = await hall.admit()
    first = await hall.answer(ada, **entry("q:1"), item={"text": "Why?"})
    name = hall.names.items(hall.activity.id, 1)

    async def texts() -> dict[str, str]:
        return {id: json.loads(text)["data"]["text"] for id, text in (await hall.redis.hgetall(name)).items()}

    assert await texts() == {first.response_id: "Why?"}
    await hall.answer(ada, **entry("q:1"), item={"text": "Why not?"})
    assert await texts() == {first.response_id: "Why not?"}
    await hall.answer(ada, **entry("q:1"))
    assert await texts() == {}
    await hall.answer(ada, **entry("q:1"), item={"text": "When?"})
    since = await hall.offset()
    await asyncio.gather(
        hall.send(ada, **entry("q:1"), item={"text": "Who?"}), hall.send(ada, **entry("q:1"), counters=None)
    )
    assert await texts() == {}
    changed = {key: value for key, _, value in (await hall.live.changes(hall.session_id, since)).keys}
    assert changed[f"item:{hall.activity.id}:1:{first.response_id}"] == ""
    await hall.answer(ada, **entry("q:1"), item={"text": "Where?"})
    assert await texts() == {first.response_id: "Where?"}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("draft", "activity_not_open"), ("published", "activity_not_open"), ("paused", "activity_paused"),
        ("closed", "activity_closed"), ("cancelled", "activity_closed"),
    ],
)  # fmt: skip
async def test_only_an_active_activity_takes_answers_except_by_receipt(hall: Hall, state: str, code: str) -> None:
    ada, bob = await hall.admit(2)
    submission_id = new_uuid()
    accepted = await hall.answer(ada, submission_id=submission_id, counters=A)
    await hall.write(state=state)
    assert code_of(await hall.answer(bob, counters=A)) == code
    assert code_of(await hall.withdraw(ada)) == code
    again = await hall.answer(ada, submission_id=submission_id, counters=A)
    assert (again.error, again.offset, again.duplicate) == (None, accepted.offset, True)
    assert await hall.tally() == A | {"#people": 1}
    late = await hall.answer(bob, counters=A, by_receipt=True, revision=1)
    assert code_of(late) is None
    assert await hall.tally() == {"#n": 2, "#people": 2, "choice:a": 2}


async def test_an_earlier_round_takes_only_what_has_a_receipt(hall: Hall) -> None:
    ada, bob = await hall.admit(2)
    await hall.answer(ada, counters=A)
    await hall.write(round=2)
    assert code_of(await hall.answer(ada, round=1, counters=B)) == "wrong_round"
    assert code_of(await hall.answer(ada, round=3, counters=B)) == "wrong_round"
    assert code_of(await hall.answer(bob, round=1, counters=B, by_receipt=True, revision=1)) is None
    second = await hall.answer(ada, counters=B)
    assert (code_of(second), second.revision) == (None, 1)
    assert await hall.tally(1) == {"#n": 2, "#people": 2, "choice:a": 1, "choice:b": 1}
    assert await hall.tally(2) == B | {"#people": 1}


async def test_a_receipt_for_an_unknown_round_leaves_nothing_that_outlives_the_session(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.redis.delete(hall.names.parts)
    await hall.write(round=2)
    assert code_of(await hall.answer(ada, round=1, by_receipt=True, revision=1)) is None
    parts = await hall.redis.smembers(hall.names.parts)
    assert {f"{name}:{hall.activity.id}:1" for name in ("answers", "entries", "limits", "tally", "items")} <= parts


async def test_a_receipt_of_what_a_newer_answer_replaced_is_accepted_and_changes_nothing(hall: Hall) -> None:
    (ada,) = await hall.admit()
    newer = await hall.answer(ada, revision=2, counters=B)
    old = await hall.answer(ada, revision=1, counters=A, by_receipt=True)
    assert (code_of(old), old.duplicate, old.revision, old.offset) == (None, True, 1, newer.offset)
    assert await hall.tally() == B | {"#people": 1}


async def test_time_runs_out_on_the_servers_clock(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.write(deadline_at=NOON - timedelta(days=3650))
    assert code_of(await hall.answer(ada)) == "activity_closed"
    assert code_of(await hall.answer(ada, by_receipt=True, revision=1)) is None
    await hall.write(deadline_at=NOON + timedelta(days=36500))
    assert code_of(await hall.answer(ada)) is None


async def test_one_answer_for_good_where_changes_are_not_allowed(hall: Hall) -> None:
    config = json.loads(hall.activity.config)
    config["constraints"]["allow_changes"] = False
    await hall.write(config=json.dumps(config))
    (ada,) = await hall.admit()
    submission_id = new_uuid()
    first = await hall.answer(ada, submission_id=submission_id, counters=A)
    for verdict in (await hall.answer(ada, counters=B), await hall.withdraw(ada)):
        assert (code_of(verdict), verdict.revision, verdict.response_id) == ("already_answered", 1, first.response_id)
    assert (await hall.answer(ada, submission_id=submission_id, counters=A)).duplicate
    assert await hall.tally() == A | {"#people": 1}


async def test_an_expected_revision_guards_against_another_device(hall: Hall) -> None:
    (ada,) = await hall.admit()
    assert code_of(await hall.answer(ada, expected_revision=1)) == "revision_conflict"
    assert code_of(await hall.answer(ada, expected_revision=0, counters=A)) is None
    conflict = await hall.answer(ada, expected_revision=0, counters=B)
    assert (code_of(conflict), conflict.revision) == ("revision_conflict", 1)
    assert code_of(await hall.answer(ada, expected_revision=1, counters=B)) is None
    assert await hall.tally() == B | {"#people": 1}


async def test_a_submission_id_belongs_to_one_person_and_one_activity(hall: Hall) -> None:
    ada, bob = await hall.admit(2)
    submission_id = new_uuid()
    await hall.answer(ada, submission_id=submission_id, counters=A)
    assert code_of(await hall.answer(bob, submission_id=submission_id, counters=A)) == "submission_id_conflict"
    other = make_row(hall.session_id)
    await hall.publish(other)
    assert code_of(await hall.answer(ada, activity_id=other.id, submission_id=submission_id)) == "submission_id_conflict"
    assert await hall.tally() == A | {"#people": 1}


async def test_only_participants_may_answer_and_removed_ones_no_more(hall: Hall) -> None:
    assert code_of(await hall.answer(new_uuid())) == "stranger"
    (ada,) = await hall.admit()
    submission_id = new_uuid()
    await hall.answer(ada, submission_id=submission_id, counters=A)
    await hall.live.remove(hall.session_id, ada)
    assert code_of(await hall.answer(ada, counters=B)) == "removed"
    assert code_of(await hall.answer(ada, counters=B, by_receipt=True, revision=9)) == "removed"
    assert (await hall.answer(ada, submission_id=submission_id, counters=A)).duplicate
    assert await hall.tally() == A | {"#people": 1}


async def test_what_the_hub_refuses_is_refused_unless_it_was_accepted_before(hall: Hall) -> None:
    from realtime.core.errors import Refusal

    ada, bob = await hall.admit(2)
    submission_id = new_uuid()
    await hall.answer(ada, submission_id=submission_id, counters=A)
    refusal = Refusal("unknown_option")
    assert (await hall.answer(ada, submission_id=submission_id, counters=A, refusal=refusal)).duplicate
    assert (await hall.answer(bob, counters=A, refusal=refusal)).error is refusal
    assert await hall.tally() == A | {"#people": 1}


async def test_another_epoch_is_refused_and_noticed(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.redis.hset(hall.shard.epoch, "epoch", "another")
    verdict = await hall.answer(ada, counters=A)
    assert code_of(verdict) == "recovering"
    assert hall.live.incarnation.lost.is_set()
    assert hall.live.incarnation.epochs[hall.names.shard] is None
    assert await hall.tally() == {}
    # Without an epoch nothing is even sent.
    assert code_of(await hall.answer(ada, counters=A)) == "recovering"


async def test_a_session_that_is_not_loaded_is_cold(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.redis.hset(hall.names.meta, "loading", "somebody")
    assert code_of(await hall.answer(ada)) == "cold"
    await hall.redis.hdel(hall.names.meta, "loading")
    await hall.redis.hset(hall.names.meta, "epoch", "earlier")
    assert code_of(await hall.answer(ada)) == "cold"
    await hall.redis.delete(hall.names.meta)
    assert code_of(await hall.answer(ada)) == "cold"


async def test_other_settings_or_no_activity_are_stale(hall: Hall) -> None:
    (ada,) = await hall.admit()
    assert code_of(await hall.answer(ada, settings_version=1)) == "stale"
    assert code_of(await hall.answer(ada, activity_id=new_uuid())) == "stale"
    assert await hall.tally() == {}


async def test_every_refusal_of_the_scripts_has_a_code_and_is_final_or_a_retry(hall: Hall) -> None:
    from realtime.core.errors import REASONS

    assert set(REFUSALS.values()) <= REASONS.keys()
    for text in scripts.TEXTS.values():
        for line in text.splitlines():
            for part in line.split("code = ")[1:]:
                number = part.split()[0].rstrip(",")
                if number.lstrip("-").isdigit() and number.startswith("-") and number != "-40":
                    assert int(number) in REFUSALS, line
