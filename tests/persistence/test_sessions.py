import json

import asyncpg
import pytest

from persistence import sessions
from persistence.errors import JoinCodeTaken
from persistence.sessions import SessionRow
from tests.persistence.stage import make_id


async def create(db: asyncpg.Pool, code: str, **changes: object) -> SessionRow:
    values: dict[str, object] = {
        "id": make_id(),
        "title": "Physics",
        "join_code": code,
        "shard": 3,
        "max_participants": 500,
    }
    return await sessions.create(db, **(values | changes))  # type: ignore[arg-type]


async def test_a_session_is_read_as_it_was_created(db: asyncpg.Pool) -> None:
    created = await create(db, "ABC123", description="Waves", settings='{"a": [1, "ü"]}', legacy_id=7)

    assert created == await sessions.read(db, created.id)
    assert created == await sessions.by_code(db, "ABC123")
    assert created == await sessions.by_legacy_id(db, 7)
    assert (created.state, created.version, created.shard, created.description) == ("draft", 1, 3, "Waves")
    assert json.loads(created.settings) == {"a": [1, "ü"]}
    assert created.created_at.tzinfo is not None


async def test_what_is_not_there_is_none(db: asyncpg.Pool) -> None:
    assert await sessions.read(db, make_id()) is None
    assert await sessions.by_code(db, "NOBODY") is None
    assert await sessions.by_legacy_id(db, 1) is None
    assert await sessions.update(db, make_id(), title="x") is None
    assert await sessions.set_state(db, make_id(), "active") is None
    assert not await sessions.delete(db, make_id())


async def test_a_join_code_belongs_to_one_session(db: asyncpg.Pool) -> None:
    created = await create(db, "ABC123")

    with pytest.raises(JoinCodeTaken, match="ABC123"):
        await create(db, "ABC123")
    with pytest.raises(asyncpg.UniqueViolationError):
        await create(db, "OTHER1", id=created.id)


async def test_a_page_has_the_newest_first_and_the_total(db: asyncpg.Pool) -> None:
    made = [await create(db, f"CODE{number}") for number in range(5)]
    await sessions.set_state(db, made[0].id, "active")

    page, total = await sessions.list_page(db, offset=1, limit=2)
    assert [row.id for row in page] == [made[3].id, made[2].id]
    assert total == 5
    page, total = await sessions.list_page(db, offset=0, limit=10, state="active")
    assert ([row.id for row in page], total) == ([made[0].id], 1)


async def test_an_update_changes_what_is_given_and_the_version(db: asyncpg.Pool) -> None:
    created = await create(db, "ABC123", description="Waves")

    updated = await sessions.update(db, created.id, title="Optics", settings='{"b": 2}', expected_version=1)

    assert updated is not None
    assert (updated.title, updated.description, updated.settings) == ("Optics", "Waves", '{"b": 2}')
    assert updated.version == 2
    assert updated.updated_at > created.updated_at
    assert await sessions.update(db, created.id, title="Late", expected_version=1) is None
    assert await sessions.set_state(db, created.id, "active", expected_version=1) is None
    assert await sessions.read(db, created.id) == updated


async def test_a_state_sets_its_times(db: asyncpg.Pool) -> None:
    created = await create(db, "ABC123")

    started = await sessions.set_state(db, created.id, "active")
    completed = await sessions.set_state(db, created.id, "completed")
    again = await sessions.set_state(db, created.id, "active")

    assert started is not None
    assert completed is not None
    assert again is not None
    assert started.started_at is not None
    assert started.completed_at is None
    assert completed.completed_at is not None
    assert (again.started_at, again.completed_at, again.version) == (started.started_at, None, 4)


async def test_a_deleted_session_is_gone(db: asyncpg.Pool) -> None:
    created = await create(db, "ABC123")

    assert await sessions.delete(db, created.id)
    assert await sessions.read(db, created.id) is None
