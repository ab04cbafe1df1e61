"""The plans of the queries that must stay cheap; they guard the indexes and the shape of the SQL."""

import json
import re

import asyncpg
import pytest

from persistence import activities
from persistence.statements import statement
from tests.persistence.stage import Stage, make_id


@pytest.fixture
async def filled(stage: Stage) -> Stage:
    """A session of twenty activities with two hundred answers each, one in twenty of them about owls."""
    people = await stage.admit(200)
    rows = []
    for number in range(20):
        activity = await activities.create(
            stage.db, id=make_id(), session_id=stage.session_id, type="poll", title=f"a{number}"
        )
        for index, person in enumerate(people):
            data = {"type": "owl" if index % 20 == 0 else "poll", "data": {"number": index}}
            rows.append(
                stage.make_response(
                    participant_id=person, activity_id=activity.id, response_data=json.dumps(data)
                )
            )
    await stage.save(*rows)
    await stage.db.execute("VACUUM ANALYZE user_responses")
    return stage


async def explain(db: asyncpg.Pool, name: str, *arguments: object) -> str:
    text = statement(name)
    async with db.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        lines = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {text}", *arguments)
        await connection.execute("RESET plan_cache_mode")
    return "\n".join(line[0] for line in lines)


async def test_reading_on_from_a_seq_walks_one_index(filled: Stage) -> None:
    plan = await explain(filled.db, "list_responses_since_seq", filled.session_id, 100, 50)

    assert re.search(r"Index Scan using idx_user_responses_session_seq", plan), plan
    assert "Sort" not in plan


async def test_the_highest_seq_is_one_step_into_an_index(filled: Stage) -> None:
    plan = await explain(filled.db, "read_max_seq", filled.session_id)

    assert "idx_user_responses_session_seq" in plan
    assert "Seq Scan on user_responses" not in plan


async def test_containment_within_an_activity_uses_an_index(filled: Stage) -> None:
    activity_id = await filled.db.fetchval("SELECT id FROM activities WHERE title = 'a3'")
    arguments = (filled.session_id, activity_id, '{"type":"owl"}', 100)

    plan = await explain(filled.db, "list_responses_containing", *arguments)

    assert "Seq Scan on user_responses" not in plan, plan
    assert re.search(r"(Index Scan using|Bitmap Index Scan on) \w*user_responses\w*", plan), plan
    assert len(await filled.db.fetch(statement("list_responses_containing"), *arguments)) == 10


async def test_the_gin_index_serves_containment(filled: Stage) -> None:
    async with filled.db.acquire() as connection:
        lines = await connection.fetch(
            "EXPLAIN SELECT id FROM user_responses WHERE response_data @> $1::jsonb",
            '{"data": {"number": 7}}',
        )
    assert any("idx_user_responses_data_gin" in line[0] for line in lines), lines


@pytest.mark.parametrize("name", ["list_newest_responses", "summarize_responses"])
async def test_one_activity_does_not_cost_the_whole_table(filled: Stage, name: str) -> None:
    activity_id = await filled.db.fetchval("SELECT id FROM activities WHERE title = 'a3'")
    arguments = (activity_id, 100, 0) if name == "list_newest_responses" else (activity_id,)

    plan = await explain(filled.db, name, *arguments)

    assert "Seq Scan on user_responses" not in plan, plan


async def test_a_participants_own_answers_are_found_by_index(filled: Stage) -> None:
    arguments = (filled.participant_ids[5], None, 100)

    plan = await explain(filled.db, "list_responses_of_participant", *arguments)

    assert "idx_user_responses_participant" in plan, plan
