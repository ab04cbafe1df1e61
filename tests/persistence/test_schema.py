import asyncpg
import pytest

from persistence import activities, dead_letters, events, responses
from tests.persistence.stage import Stage, make_id

REQUIRED_INDEXES = {
    "idx_user_responses_session_activity": "btree (session_id, activity_id)",
    "idx_user_responses_created_at": "btree (created_at)",
    "idx_user_responses_participant": "btree (participant_id)",
    "idx_user_responses_data_gin": "gin (response_data) WITH (fastupdate='on')",
    "idx_user_responses_session_seq": "btree (session_id, seq)",
    "uq_user_responses_submission": "btree (submission_id)",
    "uq_user_responses_identity": "btree (activity_id, participant_id, round, entry)",
    "idx_activities_session_order": "btree (session_id, order_index)",
    "idx_activities_status": "btree (status)",
    "idx_activities_type": "btree (type)",
    "idx_activities_config_gin": "gin (config)",
    "idx_session_events_session_created": "btree (session_id, created_at)",
    "idx_session_events_actor_action": "btree (actor, action)",
}


async def test_the_required_indexes_exist_by_their_names(db: asyncpg.Pool) -> None:
    rows = await db.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    found = {row["indexname"]: row["indexdef"].partition(" USING ")[2] for row in rows}

    assert {name: found.get(name) for name in REQUIRED_INDEXES} == REQUIRED_INDEXES


async def test_every_foreign_key_column_leads_an_index(db: asyncpg.Pool) -> None:
    unserved = await db.fetch(
        """
        SELECT conrelid::regclass, conkey FROM pg_constraint
        WHERE contype = 'f' AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])
        """
    )

    assert unserved == []


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("draft", "draft"),
        ("published", "draft"),
        ("active", "active"),
        ("paused", "active"),
        ("closed", "completed"),
        ("cancelled", "cancelled"),
    ],
)
async def test_the_status_follows_the_state(stage: Stage, state: str, status: str) -> None:
    created = await activities.create(
        stage.db, id=make_id(), session_id=stage.session_id, type="poll", title="t", state=state
    )
    assert created.status == status

    await stage.db.execute("UPDATE activities SET state = $2 WHERE id = $1", stage.activity_id, state)
    await stage.db.execute("UPDATE activities SET status = 'cancelled' WHERE id = $1", stage.activity_id)

    moved = await activities.read(stage.db, stage.activity_id)
    assert moved is not None
    assert moved.status == status


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activities SET state = 'open'",
        "UPDATE activities SET round = 0",
        "UPDATE sessions SET state = 'paused'",
        "UPDATE sessions SET title = ''",
        "UPDATE sessions SET max_participants = -1",
    ],
)
async def test_nonsense_is_refused(stage: Stage, statement: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await stage.db.execute(statement)


@pytest.mark.parametrize("table", ["sessions", "activities", "participants", "shards"])
async def test_updated_at_moves_with_every_update(stage: Stage, table: str) -> None:
    before = await stage.db.fetchval(f"SELECT max(updated_at) FROM {table}")
    await stage.db.execute(f"UPDATE {table} SET updated_at = '2000-01-01'")

    assert await stage.db.fetchval(f"SELECT min(updated_at) FROM {table}") > before


async def test_updated_at_moves_with_a_bulk_upsert(stage: Stage) -> None:
    first = [stage.make_response(entry=f"e{number}") for number in range(3)]
    await stage.save(*first)
    before = {row.id: row for row in await responses.since_seq(stage.db, stage.session_id, 0, limit=10)}

    await stage.save(stage.make_response(entry="e1", revision=2), *first)
    after = {row.id: row for row in await responses.since_seq(stage.db, stage.session_id, 0, limit=10)}

    assert [after[row.id].updated_at > before[row.id].updated_at for row in first] == [False, True, False]
    assert [after[row.id].created_at == before[row.id].created_at for row in first] == [True, True, True]


async def test_deleting_a_session_leaves_only_the_audit_and_the_dead_letters(stage: Stage) -> None:
    await stage.save(stage.make_response(), stage.make_response(entry="x", response_data="no JSON"))
    await events.record(stage.db, session_id=stage.session_id, actor="p", action="delete")
    await stage.db.execute("DELETE FROM sessions")

    for table in ("activities", "participants", "user_responses", "tickets"):
        assert await stage.read_table(table) == [], table
    assert await dead_letters.count(stage.db, session_id=stage.session_id) == 1
    assert len(await events.of_session(stage.db, stage.session_id, limit=5)) == 1
