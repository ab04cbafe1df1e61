"""Who is let in, under which name, and who is not."""

import asyncio

import pytest

from realtime.core.errors import Refusal
from realtime.identifiers import new_uuid
from realtime.store.admissions import Admissions
from realtime.store.live import Cold, Joining
from tests.store.stage import Hall, open_hall
from tests.waiting import eventually


async def join(hall: Hall, *names: str, anonymous: bool = False, holder: bool = False) -> list[str]:
    """What each gets: the name, or the code of the refusal."""
    joining = [Joining(new_uuid(), name, anonymous, holder) for name in names]
    return [one.code if isinstance(one, Refusal) else one for one in await hall.live.join(hall.session_id, joining)]


async def test_a_taken_name_gets_the_lowest_free_number(hall: Hall) -> None:
    assert await join(hall, "Ada", "ada", "ADA 3", "Ada") == ["Ada", "ada 2", "ADA 3", "Ada 4"]
    assert await join(hall, "Straße", "STRASSE", "Ada") == ["Straße", "STRASSE 2", "Ada 5"]
    assert await join(hall, "Ada 2", "Ada 2") == ["Ada 2 2", "Ada 2 3"]


async def test_the_anonymous_share_a_name(hall: Hall) -> None:
    assert await join(hall, "Anonymous", "Anonymous", anonymous=True) == ["Anonymous"] * 2


@pytest.mark.parametrize("name", ["a|b", "1,5", "'\"\\", "日本 🔥", "x" * 40, "%s {} \x1f", "Ада", "\u202fa"])
async def test_any_name_reaches_the_outbox_as_it_was(hall: Hall, name: str) -> None:
    assert await join(hall, name) == [name]
    (row,) = (await hall.outbox.read(hall.names.shard, 10)).joins
    assert (row.nickname, row.session_id, row.anonymous) == (name, hall.session_id, False)
    assert name in (await hall.live.people(hall.session_id)).values()


async def test_a_thousand_of_the_same_name_cost_a_few_calls_each(hall: Hall) -> None:
    await hall.redis.config_resetstat()
    for _ in range(10):
        await join(hall, *["Bot"] * 200)
    calls = (await hall.redis.info("commandstats"))["cmdstat_hsetnx"]["calls"]
    assert calls <= 2 * 2_000
    assert await join(hall, "bot") == ["bot 2001"]


async def test_the_same_participant_again_gets_the_same_answer(hall: Hall) -> None:
    ada = Joining(new_uuid(), "Ada", False)
    both = await hall.live.join(hall.session_id, [ada, ada])
    later = await hall.live.join(hall.session_id, [Joining(ada.participant_id, "Another", False)])
    assert [*both, *later] == ["Ada"] * 3
    assert len((await hall.outbox.read(hall.names.shard, 10)).joins) == 1
    assert len(await hall.live.people(hall.session_id)) == 1


async def test_a_full_locked_or_ended_session_takes_only_who_was_in_it(hall: Hall) -> None:
    ada = Joining(new_uuid(), "Ada", False)
    await hall.live.join(hall.session_id, [ada])
    for version, (meta, code) in enumerate(
        [
            ({"cap": 1}, "session_full"), ({"cap": 9, "locked": 1}, "session_locked"),
            ({"locked": 0, "state": "completed"}, "session_ended"),
        ],
        start=2,
    ):
        assert await hall.live.write_value(hall.session_id, "session", version, {"version": version}, meta=meta)
        assert await join(hall, "Bob") == [code]
        assert await hall.live.join(hall.session_id, [ada]) == ["Ada"]
        # Who shows a ticket was in before the live store forgot: what he was promised must still be counted.
        assert await join(hall, f"Eve {version}", holder=True) == [f"Eve {version}"]


async def test_the_cap_holds_inside_one_call(hall: Hall) -> None:
    await hall.live.write_value(hall.session_id, "session", 2, {}, meta={"cap": 3})
    assert await join(hall, "a", "b", "c", "d", "e") == ["a", "b", "c", "session_full", "session_full"]


async def test_a_removed_participant_does_not_come_back(hall: Hall) -> None:
    ada = Joining(new_uuid(), "Ada", False, holder=True)
    await hall.live.join(hall.session_id, [ada])
    await hall.live.remove(hall.session_id, ada.participant_id)
    assert await hall.live.is_removed(hall.session_id, ada.participant_id)
    assert await hall.live.nickname_of(hall.session_id, ada.participant_id) is None
    (again,) = await hall.live.join(hall.session_id, [ada])
    assert isinstance(again, Refusal)
    assert again.code == "removed"


async def test_the_head_count_follows(hall: Hall) -> None:
    await join(hall, "Ada", "Bob")
    assert await hall.redis.hget(hall.names.values, "people") == '{"joined":2,"online":0}'


async def test_a_cold_session_says_so(hall: Hall) -> None:
    with pytest.raises(Cold):
        await hall.live.join(new_uuid(), [Joining(new_uuid(), "Ada", False)])


async def test_those_who_arrive_together_go_in_one_call(hall: Hall) -> None:
    admissions = Admissions(hall.live, most_waiting=1_000)
    await hall.redis.config_resetstat()
    names = await asyncio.gather(*(admissions.join(hall.session_id, Joining(new_uuid(), "Ada", False)) for _ in range(300)))
    assert len(set(names)) == 300
    assert (await hall.redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == 2


async def test_too_many_waiting_are_told_to_retry(hall: Hall) -> None:
    admissions = Admissions(hall.live, most_waiting=2)
    wanted = [admissions.join(hall.session_id, Joining(new_uuid(), "Ada", True)) for _ in range(3)]
    results = await asyncio.gather(*wanted, return_exceptions=True)
    assert [str(one) for one in results[:2]] == ["Ada"] * 2
    assert isinstance(results[2], Refusal)
    assert results[2].code == "overloaded"


async def test_one_who_gave_up_holds_nobody_up(redis_url: str) -> None:
    async with open_hall(redis_url) as hall:
        admissions = Admissions(hall.live, most_waiting=10)
        gone = asyncio.ensure_future(admissions.join(hall.session_id, Joining(new_uuid(), "Gone", False)))
        stays = asyncio.ensure_future(admissions.join(hall.session_id, Joining(new_uuid(), "Stays", False)))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays == "Stays"
        await eventually(gone.cancelled)


async def test_everybody_hears_why_a_session_cannot_be_joined(hall: Hall) -> None:
    admissions = Admissions(hall.live, most_waiting=10)
    wanted = [admissions.join(new_uuid(), Joining(new_uuid(), "Ada", False)) for _ in range(2)]
    assert {type(one) for one in await asyncio.gather(*wanted, return_exceptions=True)} == {Cold}
