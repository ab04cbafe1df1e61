"""Stored decisions."""

from persistence import activities, decisions
from tests.persistence.stage import Stage


async def test_decisions_are_set_changed_and_taken_back(stage: Stage) -> None:
    async with stage.db.acquire() as connection, connection.transaction():
        locked = await decisions.lock_activity(connection, stage.activity_id)
        assert locked is not None
        row = await decisions.decide(connection, stage.activity_id, 1, {"a": {"status": "active"}, "b": True}, actor="owner")
        assert row.decisions_version == locked.decisions_version + 1
        await decisions.decide(connection, stage.activity_id, 1, {"a": {"status": "hidden"}, "b": None}, actor="owner")
        await decisions.decide(connection, stage.activity_id, 2, {"c": "ü"}, actor="owner")
    assert await decisions.of_round(stage.db, stage.activity_id, 1) == {"a": {"status": "hidden"}}
    assert await decisions.of_session(stage.db, stage.session_id) == {
        (stage.activity_id, 1): {"a": {"status": "hidden"}}, (stage.activity_id, 2): {"c": "ü"},
    }  # fmt: skip


async def test_they_go_with_their_activity(stage: Stage) -> None:
    async with stage.db.acquire() as connection, connection.transaction():
        await decisions.decide(connection, stage.activity_id, 1, {"a": 1}, actor="owner")
    assert await activities.delete(stage.db, stage.activity_id)
    assert await decisions.of_session(stage.db, stage.session_id) == {}
