"""Large numbers, strange names and many answers: the tally is exact whatever is in it."""

import asyncio
import json
import random
from typing import Any

import pytest

from realtime.core.tally import total
from realtime.identifiers import new_uuid
from realtime.store.live import Joining
from tests.store.stage import Hall, code_of, open_hall

A = {"#n": 1, "choice:a": 1}


def entry(name: str, **values: Any) -> dict[str, Any]:
    return {"entry": name} | values


async def test_high_water_stops_new_answers_and_joins_but_not_resends(redis_url: str) -> None:
    async with open_hall(redis_url, high_water=3) as hall:
        ada, bob = await hall.admit(2)
        submission_id = new_uuid()
        assert code_of(await hall.answer(ada, submission_id=submission_id, counters=A)) is None
        full = await hall.answer(bob, counters=A)
        assert code_of(full) == "overloaded"
        assert full.error is not None
        assert not isinstance(full.error, str)
        assert full.error.retry
        assert full.error.after_ms
        assert (await hall.answer(ada, submission_id=submission_id, counters=A)).duplicate
        (late,) = await hall.live.join(hall.session_id, [Joining(new_uuid(), "Eve", True)])
        assert getattr(late, "code", late) == "overloaded"
        assert await hall.flush() == 3
        assert code_of(await hall.answer(bob, counters=A)) is None
        assert await hall.tally() == {"#n": 2, "#people": 2, "choice:a": 2}


async def test_high_water_inside_one_batch(redis_url: str) -> None:
    async with open_hall(redis_url, high_water=8) as hall:
        people = await hall.admit(5)
        verdicts = await asyncio.gather(*(hall.send(one, counters=A) for one in people))
        assert [code_of(one) for one in verdicts] == [None] * 3 + ["overloaded"] * 2
        assert (await hall.tally())["#n"] == 3


async def test_a_session_takes_no_more_items_than_can_be_read_in_one_piece(redis_url: str) -> None:
    async with open_hall(redis_url, changes_limit=20) as hall:
        (ada,) = await hall.admit()
        verdicts = await asyncio.gather(*(hall.send(ada, **entry(f"q:{n}"), item={"text": "?"}) for n in range(30)))
        codes = [code_of(one) for one in verdicts]
        taken = codes.count(None)
        assert codes == [None] * taken + ["activity_full"] * (30 - taken)
        assert 0 < taken < 20
        assert len((await hall.live.changes(hall.session_id, 0)).keys) <= 20
        # What stands can still be changed, and answers without an item still count.
        assert code_of(await hall.answer(ada, **entry("q:0"), item={"text": "!"})) is None
        assert code_of(await hall.answer(ada, **entry("q:99"))) is None


async def test_large_and_negative_counters_add_exactly(hall: Hall) -> None:
    amounts = [2**53, 2**53 - 1, 10**15, -(2**53), 1, -(10**15), 3, 2**53 - 1]
    people = await hall.admit(len(amounts) + 100)
    await asyncio.gather(*(hall.send(one, counters={"sum": amount}) for one, amount in zip(people, amounts, strict=False)))
    assert (await hall.tally())["sum"] == sum(amounts)
    # The same large counters a hundred times in one batch: the product is beyond what Lua holds.
    await asyncio.gather(*(hall.send(one, counters={"sum": 10**15 + 1}) for one in people[len(amounts) :]))
    assert (await hall.tally())["sum"] == sum(amounts) + 100 * (10**15 + 1)
    changes = await hall.live.changes(hall.session_id, 0)
    assert {key: value for key, _, value in changes.keys}[f"tally:{hall.activity.id}:1"]["sum"] == sum(amounts) + 100 * (
        10**15 + 1
    )
    await asyncio.gather(*(hall.send(one, counters={"sum": -1}) for one in people))
    assert (await hall.tally())["sum"] == -len(people)


@pytest.mark.parametrize(
    "name",
    ["word:fire", "wörd:日本🔥", 'q"u\\o:te', "a b", "tab\tx", "x" * 500, "\u2028", "item:1:2:3", "#", "0", "-1", "%d", "]]--"],
)
async def test_any_name_of_a_counter_comes_back_as_it_was(hall: Hall, name: str) -> None:
    (ada,) = await hall.admit()
    await hall.answer(ada, counters={name: 2}, payload={"data": {"text": name}})
    assert await hall.tally() == {name: 2, "#people": 1}
    (own,) = await hall.live.own(hall.session_id, ada, [(hall.activity.id, 1)])
    assert json.loads(own.payload) == {"data": {"text": name}}
    (row,) = (await hall.outbox.read(hall.names.shard, 10)).responses
    assert json.loads(row.response_data) == {"data": {"text": name}}
    await hall.answer(ada, counters={name: -1})
    assert await hall.tally() == {name: -1, "#people": 1}


async def test_five_hundred_answers_in_one_call(redis_url: str) -> None:
    """The most that a setting allows; Lua's unpack would fail above some thousand values."""
    async with open_hall(redis_url, batch=500) as hall:
        people = await hall.admit(500)
        first = await asyncio.gather(
            *(hall.send(one, **entry(f"q:{one}"), item={"text": one}, counters={f"by:{one}": 1}) for one in people)
        )
        assert [code_of(one) for one in first] == [None] * 500
        assert [one.offset for one in first] == list(range(first[0].offset, first[0].offset + 500))
        assert await hall.tally() == {f"by:{one}": 1 for one in people} | {"#people": 500}
        changed = await asyncio.gather(*(hall.send(one, **entry(f"q:{one}"), counters={"n": 1}) for one in people))
        assert [one.revision for one in changed] == [2] * 500
        assert await hall.tally() == {"n": 500, "#people": 500}


async def test_many_answers_of_many_people_add_up(hall: Hall) -> None:
    """Random answers, changes, withdrawals and resends: the tally is the sum of what stands."""
    chance = random.Random(7)
    people = await hall.admit(30)
    stands: dict[str, dict[str, int]] = {}
    sent: list[tuple[str, dict[str, Any]]] = []
    for _ in range(20):
        turn = []
        for one in chance.sample(people, 15):
            if sent and chance.random() < 0.2:
                again, values = chance.choice(sent)
                turn.append(hall.send(again, **values))
            elif one in stands and chance.random() < 0.2:
                del stands[one]
                turn.append(hall.send(one, counters=None, submission_id=new_uuid()))
            else:
                counters = {"#n": 1, f"choice:{chance.choice('abc')}": 1, "sum": chance.randint(-5, 5)}
                stands[one] = {name: amount for name, amount in counters.items() if amount}
                sent.append((one, {"submission_id": new_uuid(), "counters": counters}))
                turn.append(hall.send(one, **sent[-1][1]))
        assert {code_of(one) for one in await asyncio.gather(*turn)} == {None}
        assert await hall.tally() == total([*stands.values(), *({"#people": 1} for _ in stands)])
