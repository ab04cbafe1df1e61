"""A change that the audit cannot tell of is not made: not in PostgreSQL, and nowhere else."""

import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from realtime.commands.ticketing import Ticketing
from tests.commands.stage import POLL, Stage, refused

Act = Callable[[], Awaitable[Any]]
_PASSING = ("updated_at", "last_seen", "unpublished_since")  # what the server notes by itself meanwhile
_TABLES = ("sessions", "activities", "participants", "tickets")


async def complete(stage: Stage) -> Act:
    await stage.open()
    return lambda: stage.app.directing.move_session(stage.presenter, to="completed")


async def rename(stage: Stage) -> Act:
    return lambda: stage.app.directing.move_session(stage.presenter, title="Another")


async def complete_and_rename(stage: Stage) -> Act:
    return lambda: stage.app.directing.move_session(stage.presenter, to="completed", title="Another")


async def delete_session(stage: Stage) -> Act:
    await stage.open()
    return lambda: stage.app.directing.delete_session(stage.presenter)


async def create(stage: Stage) -> Act:
    return lambda: stage.app.directing.create_activity(stage.presenter, "poll", title="", config={"settings": POLL})


async def change(stage: Stage) -> Act:
    activity_id = await stage.open(state="draft")
    return lambda: stage.app.directing.update_activity(stage.presenter, activity_id, title="Another")


async def delete(stage: Stage) -> Act:
    activity_id = await stage.open()
    return lambda: stage.app.directing.delete_activity(stage.presenter, activity_id)


async def create_open(stage: Stage) -> Act:
    directing = stage.app.directing
    return lambda: directing.create_activity(stage.presenter, "poll", title="", config={"settings": POLL}, state="active")


def move(present: str, to: str) -> Callable[[Stage], Awaitable[Act]]:
    async def prepare(stage: Stage) -> Act:
        activity_id = await stage.open(state="draft" if present == "draft" else "active")
        if present == "paused":
            await stage.app.directing.move(stage.presenter, activity_id, "paused")
        return lambda: stage.app.directing.move(stage.presenter, activity_id, to)

    return prepare


def reveal(revealed: bool) -> Callable[[Stage], Awaitable[Act]]:
    async def prepare(stage: Stage) -> Act:
        activity_id = await stage.open()
        await stage.app.directing.reveal(stage.presenter, activity_id, not revealed)
        return lambda: stage.app.directing.reveal(stage.presenter, activity_id, revealed)

    return prepare


async def remove(stage: Stage) -> Act:
    ann = await joined(stage)
    return lambda: stage.app.directing.remove(stage.presenter, ann)


async def accommodate(stage: Stage) -> Act:
    ann = await joined(stage)
    return lambda: stage.app.timing.accommodate(stage.presenter, ann, 50)


async def assign(stage: Stage) -> Act:
    ann = await joined(stage)
    return lambda: stage.app.standings.assign_team(stage.presenter, ann, "Red")


async def take(stage: Stage) -> Act:
    return lambda: stage.app.identity.leasing.take(stage.presenter, "Ann")


async def release(stage: Stage) -> Act:
    await stage.app.identity.leasing.take(stage.presenter, "Ann")
    return lambda: stage.app.identity.leasing.release(stage.presenter)


async def issue(stage: Stage) -> Act:
    return lambda: stage.app.identity.ticketing.issue(stage.presenter, "moderator", label="Mo")


async def give_another_role(stage: Stage) -> Act:
    ticketing = Ticketing(stage.app.pool, stage.app.identity.passes, stage.app.publisher, issuer="https://host.example")
    await ticketing.issue(stage.presenter, "moderator", label="Mo", subject="mo")
    return lambda: ticketing.issue(stage.presenter, "presenter", label="Mo", subject="mo")


async def revoke(stage: Stage) -> Act:
    row, _ = await stage.app.identity.ticketing.issue(stage.presenter, "moderator", label="Mo")
    return lambda: stage.app.identity.ticketing.revoke(stage.presenter, row.sha256)


async def joined(stage: Stage) -> str:
    """Somebody who is stored already."""
    participant_id = (await stage.join()).participant_id
    assert participant_id is not None
    await stage.app.timing.accommodate(stage.presenter, participant_id, 0)
    return participant_id


_COMMANDS: list[tuple[str, Callable[[Stage], Awaitable[Act]]]] = [
    ("session_completed", complete),
    ("session_changed", rename),
    ("session_changed", complete_and_rename),
    ("session_deleted", delete_session),
    ("activity_created", create),
    ("activity_changed", change),
    ("activity_deleted", delete),
    ("activity_active", create_open),
    ("activity_active", move("draft", "active")),
    ("activity_paused", move("active", "paused")),
    ("activity_active", move("paused", "active")),
    ("activity_closed", move("active", "closed")),
    ("activity_revealed", reveal(True)),
    ("activity_hidden", reveal(False)),
    ("participant_removed", remove),
    ("participant_accommodated", accommodate),
    ("participant_assigned", assign),
    ("lease_taken", take),
    ("lease_released", release),
    ("ticket_issued", issue),
    ("ticket_issued", give_another_role),
    ("ticket_revoked", revoke),
]


async def stored(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """All that PostgreSQL has of the session, the audit too."""
    found = {}
    for table in (*_TABLES, "session_events"):
        key = "id" if table == "sessions" else "session_id"
        rows = await stage.app.pool.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} t WHERE {key} = $1", stage.session_id)
        documents = [json.loads(row["row"]) for row in rows]
        found[table] = sorted(
            ({name: value for name, value in one.items() if name not in _PASSING} for one in documents), key=str
        )
    return found


@pytest.fixture
def silent(stage: Stage) -> Any:
    """A time in which the audit takes no line of some action."""

    @asynccontextmanager
    async def refuse(action: str) -> Any:
        await stage.app.pool.execute(
            f"ALTER TABLE session_events ADD CONSTRAINT silent CHECK (action <> '{action}') NOT VALID"
        )
        try:
            yield
        finally:
            await stage.app.pool.execute("ALTER TABLE session_events DROP CONSTRAINT silent")

    return refuse


@pytest.mark.parametrize(("action", "prepare"), [pytest.param(*one, id=one[0]) for one in _COMMANDS])
async def test_what_the_audit_cannot_tell_of_does_not_happen(
    stage: Stage, silent: Any, action: str, prepare: Callable[[Stage], Awaitable[Act]]
) -> None:
    act = await prepare(stage)
    before, live = await stored(stage), await offset(stage)
    async with silent(action):
        refusal = await refused(act())
    assert (refusal.code, refusal.retry) == ("storage_unavailable", True)
    assert await stored(stage) == before
    assert await offset(stage) == live, "nothing was published either"
    await act()
    assert action in (await stage.actions())[len(before["session_events"]) :]
    assert await stored(stage) != before


async def test_the_audit_outlives_what_it_tells_of(stage: Stage) -> None:
    activity_id = await stage.open()
    await stage.app.directing.delete_activity(stage.presenter, activity_id)
    await stage.app.directing.delete_session(stage.presenter)
    assert (await stage.actions())[-2:] == ["activity_deleted", "session_deleted"]
    assert (await stored(stage))["sessions"] == []
    await stage.app.directing.delete_session(stage.presenter)
    assert (await stage.actions()).count("session_deleted") == 1, "what is gone is not deleted again"


async def offset(stage: Stage) -> str | None:
    return (await stage.app.live.meta(stage.session_id)).get("offset")
