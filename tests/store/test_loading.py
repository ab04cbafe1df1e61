"""One loader at a time; what it writes is invisible until it is whole."""

import asyncio

import pytest

from realtime.core.errors import Refusal
from realtime.identifiers import new_uuid
from realtime.store.live import Cold
from realtime.store.loading import Loader
from tests.store.stage import Hall, code_of


def loader(hall: Hall, claim_seconds: float = 5, session_id: str = "") -> Loader:
    return Loader(hall.live, session_id or hall.session_id, claim_seconds=claim_seconds)


async def make_cold(hall: Hall) -> None:
    await hall.redis.hset(hall.names.meta, "epoch", "earlier")


async def test_a_live_session_is_not_loaded_again(hall: Hall) -> None:
    assert not await loader(hall).begin()
    assert code_of(await hall.answer((await hall.admit())[0])) is None


async def test_loading_clears_whatever_an_earlier_epoch_left(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.answer(ada, entry="q:1", item={"text": "?"})
    await hall.live.presence(hall.session_id, [ada], [])
    await hall.live.add_ticket(hall.session_id, "aa", "owner")
    left = {name async for name in hall.redis.scan_iter(f"{hall.names.base}*")}
    assert len(left) > 12
    await make_cold(hall)
    ours = loader(hall)
    assert await ours.begin()
    left = {name async for name in hall.redis.scan_iter(f"{hall.names.base}*")}
    assert left == {hall.names.meta}
    for act in (
        hall.live.changes(hall.session_id, 0), hall.live.remove(hall.session_id, ada),
        hall.live.presence(hall.session_id, [ada], []), hall.live.write_value(hall.session_id, "session", 9, {}),
        hall.publish(hall.activity),
    ):  # fmt: skip
        with pytest.raises(Cold):
            await act
    assert code_of(await hall.answer(ada)) == "cold"
    await ours.finish(100, {"cap": 5, "locked": 0, "state": "active"})
    changes = await hall.live.changes(hall.session_id, 0)
    assert (changes.offset, changes.hidden_at) == (100, 100)
    assert {key for key, _, _ in changes.keys} == {"people", "saved"}


async def test_the_second_loader_waits_for_the_first(hall: Hall) -> None:
    await make_cold(hall)
    first = loader(hall)
    assert await first.begin()
    waiting = asyncio.ensure_future(loader(hall).begin())
    await first.put_person(new_uuid(), "Ada", "ada", active=True)
    assert not waiting.done()
    await first.finish(9, {"cap": 5, "locked": 0, "state": "active"})
    assert not await waiting
    assert list((await hall.live.people(hall.session_id)).values()) == ["Ada"]


async def test_a_lapsed_claim_is_taken_over_and_its_zombie_writes_nothing(hall: Hall) -> None:
    await make_cold(hall)
    zombie = loader(hall)
    assert await zombie.begin()
    heir = loader(hall, claim_seconds=0)
    assert await heir.begin()
    for number in range(1_000):
        zombie._hashes.setdefault(hall.names.people, {})[f"ghost-{number}"] = "Ghost"
    with pytest.raises(Cold):
        await zombie.put_person(new_uuid(), "Ghost", "", active=True)
    with pytest.raises(Cold):
        await zombie.finish(10**6, {})
    await heir.put_person(new_uuid(), "Ada", "ada", active=True)
    await heir.finish(9, {"cap": 5, "locked": 0, "state": "active"})
    assert list((await hall.live.people(hall.session_id)).values()) == ["Ada"]
    with pytest.raises(Cold):
        await zombie.finish(10**6, {})
    assert (await hall.live.changes(hall.session_id, 0)).offset == 9


async def test_a_loader_of_an_earlier_epoch_is_refused(hall: Hall) -> None:
    await make_cold(hall)
    zombie = loader(hall)
    assert await zombie.begin()
    await hall.redis.hset(hall.shard.epoch, "epoch", "next")
    with pytest.raises(Refusal, match="recovering"):
        await zombie.finish(10**6, {})
    hall.live.incarnation.epochs[hall.names.shard] = "next"
    with pytest.raises(Cold):
        await hall.live.changes(hall.session_id, 0)
    assert await loader(hall).begin()


async def test_thousands_of_people_and_responses_are_loaded(hall: Hall) -> None:
    session_id = new_uuid()
    ours = loader(hall, session_id=session_id)
    assert await ours.begin()
    activity_id = new_uuid()
    for number in range(2_500):
        await ours.put_person(f"p{number}", "Ada", f"ada {number}", active=number % 5 > 0)
        for entry in ("", "q:1", "q:2"):
            await ours.put_response(
                activity_id=activity_id, round=1, participant_id=f"p{number}", entry=entry, revision=1, submission_id=new_uuid(),
                response_id=f"r{number}-{entry[2:]}", offset=number + 1,
                withdrawn=entry == "q:2", counters='{"#n":1}', sums={"#n": 1},
                payload="{}", item='{"by":"x"}' if entry == "q:1" else "",
            )  # fmt: skip
    await ours.finish(9_000, {"cap": 5, "locked": 0, "state": "active"})
    assert len(await hall.live.people(session_id)) == 2_000
    assert await hall.live.tally(session_id, activity_id, 1) == {"#n": 5_000, "#people": 2_500}
    own = await hall.live.own(session_id, "p7", [(activity_id, 1)])
    assert sorted((one.entry, one.withdrawn) for one in own) == [("", False), ("q:1", False), ("q:2", True)]
    changes = await hall.live.changes(session_id, 0)
    assert sum(key.startswith("item:") for key, _, _ in changes.keys) == 2_500
    assert {stamp for _, stamp, _ in changes.keys} == {9_000}
    assert (await hall.live.changes(session_id, 9_000)).keys == []
