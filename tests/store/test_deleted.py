"""A deleted activity leaves nothing behind that takes memory, or the room of the activities that are still there."""

from realtime.identifiers import new_uuid
from tests.store.stage import Hall, code_of, make_row, open_hall

ITEM = {"text": "because"}


async def delete(hall: Hall) -> None:
    await hall.live.write_activity(
        hall.session_id, hall.activity.id, hall.activity.version + 1, None, hides=True, state="cancelled", round=0,
        settings_version=0, changes=False, until_ms=0,
    )  # fmt: skip


async def test_its_answers_and_their_stamps_go_with_it(hall: Hall) -> None:
    other = make_row(hall.session_id)
    await hall.publish(other)
    for one in await hall.admit(3):
        assert code_of(await hall.answer(one, item=ITEM)) is None
        assert code_of(await hall.answer(one, activity_id=other.id, item=ITEM)) is None
    await delete(hall)
    left = [key async for key in hall.redis.scan_iter(f"{hall.names.base}*:{hall.activity.id}*")]
    assert left == []
    assert not [part for part in await hall.redis.smembers(hall.names.parts) if hall.activity.id in part]
    stamped = await hall.redis.zrange(hall.names.stamps, 0, -1)
    assert [key for key in stamped if hall.activity.id in key] == [f"activity:{hall.activity.id}"], "that it is gone is told"
    assert len([key for key in stamped if key.startswith(f"item:{other.id}")]) == 3
    assert (await hall.live.tally(hall.session_id, other.id, 1))["#n"] == 3


async def test_what_it_held_can_be_used_again(redis_url: str) -> None:
    """A session's keys are bounded; what a deleted activity had filled is free."""
    async with open_hall(redis_url, changes_limit=20) as hall:
        people = await hall.admit(30)
        codes = [code_of(await hall.answer(one, item=ITEM)) for one in people]
        assert codes[-1] == "activity_full"
        await delete(hall)
        hall.activity = make_row(hall.session_id, id=new_uuid())
        await hall.publish(hall.activity)
        assert code_of(await hall.answer(people[0], item=ITEM)) is None
