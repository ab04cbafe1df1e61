import asyncio
from datetime import UTC, datetime

import pytest

from persistence import activities, responses
from persistence.activities import ActivityRow
from persistence.errors import ParentMissing
from tests.persistence.stage import Stage, make_id


async def create(stage: Stage, order_index: int | None = None, **changes: object) -> ActivityRow:
    values: dict[str, object] = {
        "id": make_id(),
        "session_id": stage.session_id,
        "type": "quiz",
        "title": "Which?",
        "order_index": order_index,
    }
    return await activities.create(stage.db, **(values | changes))  # type: ignore[arg-type]


async def move(stage: Stage, state: str, **changes: object) -> ActivityRow:
    values: dict[str, object] = {"expected_version": None, "state": state, "round": 1, "revealed": False}
    moved = await activities.move(stage.db, stage.activity_id, **(values | changes))  # type: ignore[arg-type]
    assert moved is not None
    return moved


async def test_an_activity_is_read_as_it_was_created(stage: Stage) -> None:
    created = await create(stage, config='{"options": ["a", {"b": null}]}')

    assert created == await activities.read(stage.db, created.id)
    assert (created.state, created.status, created.round, created.revealed) == ("draft", "draft", 1, False)
    assert created.config == '{"options": ["a", {"b": null}]}'


async def test_a_session_that_is_missing_is_named(stage: Stage) -> None:
    with pytest.raises(ParentMissing, match="session"):
        await create(stage, session_id=make_id())


async def test_a_new_activity_comes_last_unless_it_has_a_place(stage: Stage) -> None:
    last = await create(stage)
    first = await create(stage, order_index=-1)
    after = await create(stage)

    assert (last.order_index, after.order_index) == (1, 2)
    order = [row.id for row in await activities.of_session(stage.db, stage.session_id)]
    assert order == [first.id, stage.activity_id, last.id, after.id]


async def test_a_page_is_in_order_and_knows_the_total(stage: Stage) -> None:
    made = [stage.activity_id, *[(await create(stage)).id for _ in range(3)]]
    await move(stage, "active")

    page, total = await activities.list_page(stage.db, stage.session_id, offset=1, limit=2)
    assert ([row.id for row in page], total) == (made[1:3], 4)
    page, total = await activities.list_page(stage.db, stage.session_id, offset=0, limit=5, state="active")
    assert ([row.id for row in page], total) == (made[:1], 1)


async def test_an_update_changes_what_is_given_and_the_version(stage: Stage) -> None:
    updated = await activities.update_config(
        stage.db, stage.activity_id, config='{"a": 1}', expected_version=1
    )

    assert updated is not None
    assert (updated.title, updated.config, updated.version) == ("Which?", '{"a": 1}', 2)
    assert await activities.update_config(stage.db, stage.activity_id, title="x", expected_version=1) is None
    assert await activities.update_config(stage.db, make_id(), title="x") is None


async def test_a_move_sets_state_round_visibility_and_times(stage: Stage) -> None:
    deadline = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    opened = await move(stage, "active", deadline_at=deadline, expected_version=1)
    paused = await move(stage, "paused")
    resumed = await move(stage, "active")
    closed = await move(stage, "closed", revealed=True)
    hidden = await move(stage, "closed", revealed=False)
    reopened = await move(stage, "active", round=2)

    assert (opened.state, opened.status, opened.deadline_at, opened.version) == (
        "active",
        "active",
        deadline,
        2,
    )
    assert opened.opened_at is not None
    assert (paused.deadline_at, paused.opened_at) == (None, opened.opened_at)
    assert resumed.opened_at == opened.opened_at
    assert closed.closed_at is not None
    assert (closed.revealed, hidden.revealed) == (True, False)
    assert hidden.closed_at == closed.closed_at
    assert reopened.opened_at is not None
    assert reopened.opened_at > opened.opened_at
    assert (reopened.round, reopened.closed_at, reopened.version) == (2, None, 7)


async def test_one_of_two_moves_at_once_wins(stage: Stage) -> None:
    moves = [
        activities.move(stage.db, stage.activity_id, expected_version=1, state=state, round=1, revealed=False)
        for state in ("active", "cancelled", "published")
    ]
    results = await asyncio.gather(*moves)

    assert len([row for row in results if row is not None]) == 1
    stored = await activities.read(stage.db, stage.activity_id)
    assert stored is not None
    assert stored.version == 2


async def test_the_closed_offset_lasts_until_it_is_open_again(stage: Stage) -> None:
    await move(stage, "active")
    assert await activities.note_closed_offset(stage.db, stage.activity_id, 41) is None
    await move(stage, "closed")

    noted = await activities.note_closed_offset(stage.db, stage.activity_id, 41)

    assert noted is not None
    assert (noted.closed_offset, noted.version) == (41, 3)
    assert (await move(stage, "closed", revealed=True)).closed_offset == 41
    assert (await move(stage, "active")).closed_offset is None


async def test_a_deleted_activity_takes_its_responses_but_not_their_highest_seq(stage: Stage) -> None:
    await stage.save(stage.make_response(offset=70))

    assert await activities.delete(stage.db, stage.activity_id)

    assert not await activities.delete(stage.db, stage.activity_id)
    assert await responses.since_seq(stage.db, stage.session_id, 0, limit=5) == []
    assert await responses.max_seq(stage.db, stage.session_id) == 70
