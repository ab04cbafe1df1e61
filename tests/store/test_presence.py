"""Who is connected: counted once however many hubs say so, and forgotten when nobody says so any more."""

import json

from realtime.identifiers import new_uuid
from tests.store.stage import Hall, build
from tests.waiting import eventually


async def count(hall: Hall) -> dict[str, int]:
    counted: dict[str, int] = json.loads(await hall.redis.hget(hall.names.values, "people"))
    return counted


async def test_arrivals_and_departures_move_the_head_count(hall: Hall) -> None:
    ada, bob, eve = await hall.admit(3)
    assert await hall.live.presence(hall.session_id, [ada, bob], []) == 2
    assert await hall.live.presence(hall.session_id, [ada], []) == 2
    assert await hall.live.presence(hall.session_id, [eve], [ada]) == 2
    assert await count(hall) == {"joined": 3, "online": 2}
    assert await hall.live.online(hall.session_id) == {bob, eve}


async def test_what_changes_nothing_takes_no_offset(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.live.presence(hall.session_id, [ada], [])
    offset = await hall.offset()
    await hall.live.presence(hall.session_id, [ada], [new_uuid()])
    assert await hall.offset() == offset
    await hall.live.presence(hall.session_id, [], [ada])
    assert await hall.offset() == offset + 1


async def test_only_participants_count(hall: Hall) -> None:
    ada, bob = await hall.admit(2)
    await hall.live.remove(hall.session_id, bob)
    # The hub has not closed the removed participant's connection yet.
    assert await hall.live.presence(hall.session_id, [ada, bob, new_uuid()], []) == 1
    assert await count(hall) == {"joined": 1, "online": 1}


async def test_people_of_a_dead_hub_lapse(hall: Hall) -> None:
    ada, bob = await hall.admit(2)
    short = build(hall.redis, hall.live.incarnation, session_id=hall.session_id)
    short.live._presence_ms = 1
    await short.live.presence(hall.session_id, [ada], [])
    await hall.live.presence(hall.session_id, [bob], [])

    async def lapsed() -> bool:
        return await hall.live.presence(hall.session_id, [], []) == 1

    await eventually(lapsed)
    assert await hall.live.online(hall.session_id) == {bob}


async def test_five_thousand_at_once(hall: Hall) -> None:
    people = await hall.admit(5_000)
    assert await hall.live.presence(hall.session_id, people, []) == 5_000
    assert await hall.live.presence(hall.session_id, [], people) == 0
