"""The table of responses cut into parts, without its dear index, without foreign keys: it keeps every promise, and can go back."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from persistence import activities, batch, migration, participants, responses, tuning
from persistence.errors import PersistenceError
from persistence.tuning import Tuning
from tests.journey.servers import run_plenum
from tests.persistence.stage import Stage, make_id
from tests.persistence.test_migration import list_objects


@pytest.fixture
async def connection(database_url: str) -> asyncpg.Connection:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def test_partitions_come_and_go_with_all_rows_and_nothing_else_changed(
    stage: Stage, connection: asyncpg.Connection, database_url: str
) -> None:
    people = await stage.admit(40)
    await stage.save(*(stage.make_response(participant_id=one) for one in people))
    await connection.execute("CREATE ROLE reader; GRANT SELECT ON user_responses TO reader")
    objects, rows = await list_objects(database_url), await stage.read_table("user_responses")

    assert await tuning.set_partitions(connection, 4) == 40
    assert await tuning.read(connection) == Tuning(4, True, True)
    assert await stage.read_table("user_responses") == rows
    assert await connection.fetchval("SELECT has_table_privilege('reader', 'user_responses', 'SELECT')")
    assert await tuning.set_partitions(connection, 8) == 40
    assert await tuning.set_partitions(connection, 0) == 40
    assert await list_objects(database_url) == objects
    assert await stage.read_table("user_responses") == rows
    await connection.execute("DROP OWNED BY reader; DROP ROLE reader")


@pytest.mark.parametrize("variant", [Tuning(4, True, True), Tuning(0, False, False), Tuning(4, False, False)])
async def test_a_batch_is_saved_once_whatever_the_table_is(variant: Tuning, stage: Stage, connection: asyncpg.Connection) -> None:
    if variant.partitions:
        await tuning.set_partitions(connection, variant.partitions)
    await tuning.set_gin(connection, variant.gin)
    await tuning.set_foreign_keys(connection, variant.foreign_keys)
    assert await tuning.read(connection) == variant
    people = await stage.admit(10)
    first = [stage.make_response(participant_id=one) for one in people]
    changed = [replace(row, revision=2, submission_id=make_id(), offset=row.offset + 100) for row in first]

    assert await stage.save(*first) == batch.Saved(10, 0)
    assert await stage.save(*first, *changed) == batch.Saved(20, 0)
    await stage.save(*first)  # a repeated flush, after the change
    stored = await responses.since_seq(stage.db, stage.session_id, 0, limit=100)
    assert [(row.id, row.revision, row.seq) for row in stored] == [(row.id, 2, row.offset + 100) for row in first]
    assert await responses.read(stage.db, first[0].id) is not None

    # The same submission under another identity is refused as ever: one dead letter, and the others are saved.
    stray = stage.make_response(participant_id=people[0], entry="other", submission_id=changed[0].submission_id)
    fine = stage.make_response(participant_id=people[1], entry="other")
    assert await stage.save(stray, fine) == batch.Saved(1, 1)

    # Deleting takes along what belongs to it.
    await participants.delete(stage.db, people[0])
    await activities.delete(stage.db, stage.activity_id)
    assert await connection.fetchval("SELECT count(*) FROM user_responses") == 0


async def test_foreign_keys_come_back_without_orphans(stage: Stage, connection: asyncpg.Connection, database_url: str) -> None:
    objects = await list_objects(database_url)
    await tuning.set_foreign_keys(connection, False)
    await tuning.set_foreign_keys(connection, False)  # done twice is done once
    assert await stage.save(stage.make_response()) == batch.Saved(1, 0)
    assert await stage.save(stage.make_response(activity_id=make_id())) == batch.Saved(1, 0), "an orphan: its activity is gone"
    assert await tuning.set_foreign_keys(connection, True) == 1
    assert await connection.fetchval("SELECT count(*) FROM user_responses") == 1
    assert await list_objects(database_url) == objects


async def test_a_tuned_schema_goes_down_and_up(database_url: str, connection: asyncpg.Connection) -> None:
    objects = await list_objects(database_url)
    await tuning.set_partitions(connection, 4)
    await tuning.set_gin(connection, False)
    await migration.downgrade(database_url, "base")
    assert await list_objects(database_url) == []
    await migration.upgrade(database_url)
    assert await list_objects(database_url) == objects


async def test_searches_of_one_session_touch_one_partition(stage: Stage, connection: asyncpg.Connection) -> None:
    await tuning.set_partitions(connection, 4)
    plan = await connection.fetch(
        f"EXPLAIN SELECT * FROM user_responses WHERE session_id = '{stage.session_id}' AND seq > 0 ORDER BY seq LIMIT 5"
    )
    text = "\n".join(row[0] for row in plan)
    assert len({part for part in range(4) if f"user_responses_4_{part}" in text}) == 1, text


@pytest.mark.parametrize("partitions", [-1, 1, 257])
async def test_what_is_no_number_of_partitions(partitions: int, connection: asyncpg.Connection) -> None:
    with pytest.raises(PersistenceError, match="2 to 256"):
        await tuning.set_partitions(connection, partitions)


async def test_no_change_waits_for_ever_for_its_lock(
    connection: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits, all saving waits behind it."""
    monkeypatch.setattr(tuning, "_LOCK_TIMEOUT", "SET LOCAL lock_timeout = '100ms'")
    reader = await asyncpg.connect(database_url)
    try:
        await reader.execute("BEGIN")
        await reader.execute("LOCK TABLE user_responses IN ROW EXCLUSIVE MODE")
        for change in (tuning.set_gin(connection, False), tuning.set_partitions(connection, 2)):
            async with asyncio.timeout(20):
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await change
    finally:
        await reader.close()
    assert await tuning.read(connection) == Tuning(0, True, True)


def test_the_command(database_url: str) -> None:
    def tune(*arguments: str) -> tuple[int, str]:
        ended = run_plenum("tune", *arguments, REDIS_URL="redis://127.0.0.1:1", DATABASE_URL=database_url)
        assert "Traceback" not in ended.stderr
        return ended.returncode, ended.stdout + ended.stderr

    assert tune() == (0, "partitions 0, gin on, foreign-keys on\n")
    assert tune("partitions", "3") == (0, "0 rows were copied\npartitions 3, gin on, foreign-keys on\n")
    assert tune("gin", "off") == (0, "partitions 3, gin off, foreign-keys on\n")
    assert tune("gin", "perhaps")[0] == tune("partitions")[0] == tune("partitions", "1")[0] == 2
