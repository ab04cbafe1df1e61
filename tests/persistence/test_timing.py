"""The clock of stored activities."""

from datetime import timedelta

import asyncpg
import pytest

from persistence import activities, participants, timing
from persistence.activities import ActivityRow
from tests.persistence.stage import Stage


async def begin(stage: Stage, **values: object) -> ActivityRow:
    chosen = {"expected_version": None, "round": 1, "revealed": False, "reading_ms": 0, "limit_ms": None} | values
    row = await timing.begin(stage.db, stage.activity_id, **chosen)  # type: ignore[arg-type]
    assert row is not None
    return row


async def test_reading_then_answering(stage: Stage) -> None:
    row = await begin(stage, reading_ms=5_000, limit_ms=30_000)
    assert row.opened_at is not None
    assert row.answers_from == row.opened_at + timedelta(seconds=5)
    assert row.deadline_at == row.opened_at + timedelta(seconds=35)
    assert (await begin(stage)).deadline_at is None


async def test_the_clock_stands_still_in_a_pause(stage: Stage) -> None:
    opened = await begin(stage, limit_ms=60_000)
    paused = await timing.pause(stage.db, stage.activity_id, expected_version=opened.version)
    assert paused is not None
    assert paused.paused_at is not None
    await stage.db.execute("UPDATE activities SET paused_at = paused_at - interval '10 s' WHERE id = $1", stage.activity_id)
    resumed = await timing.resume(stage.db, stage.activity_id, expected_version=paused.version)
    assert resumed is not None
    assert resumed.deadline_at is not None
    assert opened.deadline_at is not None
    assert resumed.deadline_at - opened.deadline_at >= timedelta(seconds=10)
    assert resumed.paused_at is None


async def test_only_the_version_that_was_seen_is_moved(stage: Stage) -> None:
    opened = await begin(stage)
    assert await timing.pause(stage.db, stage.activity_id, expected_version=opened.version - 1) is None
    assert await timing.resume(stage.db, stage.activity_id, expected_version=None) is None


async def test_what_is_due_counts_grace_and_the_longest_extra_time(stage: Stage) -> None:
    await begin(stage, limit_ms=10_000)

    async def is_due_after(seconds: float) -> bool:
        await stage.db.execute(
            "UPDATE activities SET answers_from = now() - $2::interval, deadline_at = now() - $2::interval + $3::interval"
            " WHERE id = $1",
            stage.activity_id, timedelta(seconds=seconds), timedelta(seconds=10),
        )  # fmt: skip
        return stage.activity_id in [row.id for row in await timing.due(stage.db, limit=100)]

    assert [await is_due_after(seconds) for seconds in (9, 11, 13)] == [False, False, True]  # two seconds of grace
    assert await timing.set_extra_time(stage.db, stage.participant_ids[0], 50) is not None
    assert [await is_due_after(seconds) for seconds in (16, 18)] == [False, True]
    await participants.set_inactive(stage.db, stage.participant_ids[0])
    assert await is_due_after(13)


async def test_extra_time_has_bounds(stage: Stage) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await timing.set_extra_time(stage.db, stage.participant_ids[0], 401)


async def test_a_change_is_unpublished_until_it_is_noted(stage: Stage) -> None:
    row = await begin(stage)
    place = (stage.session_id, stage.activity_id)
    assert place in await timing.unpublished(stage.db, limit=10, older_than_seconds=-1)
    assert place not in await timing.unpublished(stage.db, limit=10, older_than_seconds=60)
    changed = await activities.update_config(stage.db, stage.activity_id, title="newer")
    await timing.note_published(stage.db, row)
    assert place in await timing.unpublished(stage.db, limit=10, older_than_seconds=-1)
    assert changed is not None
    await timing.note_published(stage.db, changed)
    assert place not in await timing.unpublished(stage.db, limit=10, older_than_seconds=-1)
