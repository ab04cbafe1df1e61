"""The recount finds what is wrong, and is not thrown by what is merely odd."""

from tests.commands.stage import Stage
from tests.waiting import eventually


async def test_rows_that_outlived_their_activity_are_passed_over(stage: Stage) -> None:
    """Without foreign keys, as `plenum tune` allows, a row may be saved after its activity was deleted."""
    poll, other, ann = await stage.open(), await stage.open(), await stage.join()
    for activity_id in (poll, other):
        await stage.answer(ann, activity_id, {"selected": ["a"]})
    await stage.verify()
    async with stage.app.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # nothing cascades
        await connection.execute("DELETE FROM activities WHERE id = $1", other)
    assert await stage.app.pool.fetchval("SELECT count(*) FROM user_responses WHERE activity_id = $1", other) == 1
    report = await stage.app.auditor.verify(stage.session_id)
    assert (report.sound, [one.activity_id for one in report.activities]) == (True, [poll])


async def test_a_session_of_very_many_activities_is_recounted_whole(stage: Stage) -> None:
    poll, ann = await stage.open(), await stage.join()
    await stage.app.pool.execute(
        "INSERT INTO activities (id, session_id, type, title, order_index) "
        "SELECT gen_random_uuid(), $1, 'poll', 'old', -number FROM generate_series(1, 1000) AS number",
        stage.session_id,
    )
    await stage.answer(ann, poll, {"selected": ["a"]})
    report = await stage.app.auditor.verify(stage.session_id, patience_seconds=60)
    # The old ones have no settings that a poll could have: nobody answered them, so nothing is wrong.
    assert report.sound
    assert {one.activity_id: one.rows for one in report.activities}[poll] == 1


async def test_an_activity_that_cannot_be_read_is_named_and_the_others_are_recounted(stage: Stage) -> None:
    poll, other, ann = await stage.open(), await stage.open(), await stage.join()
    for activity_id in (poll, other):
        await stage.answer(ann, activity_id, {"selected": ["a"]})
    await stage.verify()
    await stage.app.pool.execute("UPDATE activities SET config = $2 WHERE id = $1", other, '{"settings": 5}')
    await stage.forget()
    await eventually(stage._replica, "the session is live again")
    report = await stage.app.auditor.verify(stage.session_id)
    assert {one.activity_id: one.sound for one in report.activities} == {poll: True, other: False}
