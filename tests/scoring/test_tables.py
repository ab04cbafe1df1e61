"""Templates of tables in PostgreSQL: what may be stored, found and counted there."""

import contextlib
import json
from typing import Any

import asyncpg
import pytest

from persistence import tables
from tests.scoring.stage import Stage
from tests.scoring.test_vectors import table, written

LOCKED = {"rowIndex": 0, "colIndex": 0, "cellType": "locked", "lockedValue": "x"}
EDITABLE = {"rowIndex": 0, "colIndex": 1, "cellType": "editable", "expectedAnswer": "x", "marks": 1}


def template(**changes: Any) -> dict[str, Any]:
    return {"rows": 2, "columns": 2, "headers": ["A", "B"], "cells": [LOCKED, EDITABLE]} | changes


BROKEN = [
    [], "x", None, {}, template(rows="2"), template(rows=1), template(rows=2.5), template(columns=21), template(headers=["A"]),
    template(headers={}), template(cells=[]), template(cells={}), template(cells=[LOCKED]),
    template(cells=[LOCKED, LOCKED, EDITABLE]),
    template(cells=["x"]), template(cells=[EDITABLE | {"rowIndex": 2}]), template(cells=[EDITABLE | {"colIndex": -1}]),
    template(cells=[EDITABLE | {"rowIndex": "0"}]), template(cells=[EDITABLE | {"rowIndex": 0.5}]),
    template(cells=[EDITABLE | {"cellType": "other"}]), template(cells=[EDITABLE | {"cellType": None}]),
    template(cells=[EDITABLE | {"marks": 0}]), template(cells=[EDITABLE | {"marks": "1"}]),
    template(cells=[EDITABLE | {"expectedAnswer": "  "}]), template(rows=10**400), template(cells=None),
]  # fmt: skip


async def errors(stage: Stage, document: Any) -> list[str]:
    found: list[str] = await stage.app.pool.fetchval("SELECT table_template_errors($1::jsonb)", json.dumps(document))
    return found


async def test_every_broken_template_is_named_and_refused(stage: Stage) -> None:
    assert await errors(stage, template()) == []
    assert await errors(stage, template(cells=[EDITABLE | {"expectedAnswer": None, "ungraded": True}])) == []
    columns = "(id, session_id, type, title, config, order_index)"
    insert = f"INSERT INTO activities {columns} VALUES (gen_random_uuid(), $1, $2, '', $3, 0)"
    for broken in BROKEN:
        assert await errors(stage, broken), broken
        config = json.dumps({"settings": broken})
        with pytest.raises(asyncpg.CheckViolationError):
            await stage.app.pool.execute(insert, stage.session_id, "table_completion", config)
        await stage.app.pool.execute(insert, stage.session_id, "poll", config)  # other types are none of its business


async def test_the_type_and_the_check_agree(stage: Stage) -> None:
    kind = await stage.ask("table_completion", table("photosynthesis"))
    settings = await stage.app.pool.fetchval("SELECT config -> 'settings' FROM activities WHERE id = $1", kind)
    assert await errors(stage, json.loads(settings)) == []


async def test_support_queries(stage: Stage) -> None:
    pool = stage.app.pool
    before = await tables.statistics(pool)
    activity_id = await stage.ask("table_completion", table("photosynthesis") | {"rows": 37})
    ann = await stage.join()
    await stage.give(ann, activity_id, written("photosynthesi"))
    await stage.finish(activity_id)

    assert activity_id in [one.activity_id for one in await tables.with_rows(pool, 37, limit=100)]
    assert [one.errors for one in await tables.errors(pool, stage.session_id, limit=10)] == [[]]
    after = await tables.statistics(pool)
    assert after.total_templates == before.total_templates + 1
    assert after.with_content == before.with_content + 1
    assert after.with_errors == before.with_errors
    assert after.average_rows is not None
    (filled,) = await tables.filled(pool, stage.session_id, limit=10)
    assert json.loads(filled.cells or "") == {"0-0": "photosynthesi"}
    assert (filled.completed_cells, filled.marks_earned, filled.is_correct) == (1, 1.0, True)


async def test_the_partial_indexes_are_used(stage: Stage) -> None:
    # One row is as cheap as another in an empty database; what is made here is undone.
    with contextlib.suppress(_Undo):
        async with stage.app.pool.acquire() as connection, connection.transaction():
            await look_at_plans(stage, connection)
            raise _Undo


class _Undo(Exception):
    pass


async def look_at_plans(stage: Stage, connection: Any) -> None:
    await connection.execute(
        "INSERT INTO activities (id, session_id, type, title, config, order_index) SELECT gen_random_uuid(), $1, "
        "'table_completion', '', jsonb_build_object('settings', jsonb_set($2::jsonb, '{rows}', to_jsonb(2 + n % 49))), 0 "
        "FROM generate_series(1, 3000) AS n",
        stage.session_id, json.dumps(template()),
    )  # fmt: skip
    await connection.execute("ANALYZE activities")
    await connection.execute("SELECT gin_clean_pending_list('idx_activities_table_template')")  # as a vacuum would
    await connection.execute("SET LOCAL enable_seqscan = off")
    assert "idx_activities_table_template" in await plan(
        connection, "SELECT id FROM activities WHERE type = 'table_completion' AND config -> 'settings' @> '{\"rows\": 3}'"
    )
    of_another = "SELECT id FROM activities WHERE type = 'table_completion' AND session_id = '00000000-0000-7000-8000-000000000000'"
    await connection.execute("DROP INDEX idx_activities_session_order")  # serves a session of any type
    assert "idx_activities_table_type" in await plan(connection, of_another)
    assert "idx_activities_to_score" in await plan(
        connection,
        "SELECT id FROM activities WHERE state IN ('closed', 'cancelled') "
        "AND (scored_version, scored_decisions) IS DISTINCT FROM (version, decisions_version) "
        "AND (coalesce(config #>> '{scoring,mode}', 'none') <> 'none' OR scored_version IS NOT NULL)",
    )


async def plan(connection: Any, query: str) -> str:
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
