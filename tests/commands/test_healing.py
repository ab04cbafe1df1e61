"""What PostgreSQL has and a process that died told nobody, another one tells; whatever it was."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from persistence.unpublished import Owed
from realtime.activities.contract import Audience
from realtime.commands.publishing import Publisher
from realtime.commands.ticketing import Ticketing
from realtime.core.errors import Refusal
from tests.commands.stage import POLL, Stage, refused
from tests.waiting import eventually

Act = Callable[[], Awaitable[Any]]
Healed = Callable[[], Awaitable[bool]]


class Died(Exception):
    """The process ends here."""


async def lock(stage: Stage) -> tuple[Act, Healed]:
    async def healed() -> bool:
        return (await stage.app.live.meta(stage.session_id))["locked"] == "1"

    return lambda: stage.app.directing.move_session(stage.presenter, locked=True), healed


async def take_lease(stage: Stage) -> tuple[Act, Healed]:
    async def healed() -> bool:
        return await stage.app.identity.passes.lease(stage.session_id) == 1

    return lambda: stage.app.identity.leasing.take(stage.presenter, "Ann"), healed


async def delete_session(stage: Stage) -> tuple[Act, Healed]:
    await stage.open()

    async def healed() -> bool:
        return await stage.app.live.meta(stage.session_id) == {}

    return lambda: stage.app.directing.delete_session(stage.presenter), healed


async def delete_activity(stage: Stage) -> tuple[Act, Healed]:
    activity_id = await stage.open()

    async def healed() -> bool:
        return await stage.seen(activity_id) == {}

    return lambda: stage.app.directing.delete_activity(stage.presenter, activity_id), healed


async def remove(stage: Stage) -> tuple[Act, Healed]:
    ann = str((await stage.join()).participant_id)

    async def healed() -> bool:
        return await stage.app.live.is_removed(stage.session_id, ann)

    return lambda: stage.app.directing.remove(stage.presenter, ann), healed


async def accommodate(stage: Stage) -> tuple[Act, Healed]:
    ann = str((await stage.join()).participant_id)

    async def healed() -> bool:
        extra = stage.app.live.session(stage.session_id).extra
        return bool(await stage.app.live.servers.at("").hget(extra, ann) == "50")

    return lambda: stage.app.timing.accommodate(stage.presenter, ann, 50), healed


async def issue(stage: Stage) -> tuple[Act, Healed]:
    async def healed() -> bool:
        query = "SELECT sha256 FROM tickets WHERE session_id = $1 AND label = 'Mo'"
        return await role_of(stage, await stage.app.pool.fetchval(query, stage.session_id)) == "moderator"

    return lambda: stage.app.identity.ticketing.issue(stage.presenter, "moderator", label="Mo"), healed


async def give_another_role(stage: Stage) -> tuple[Act, Healed]:
    ticketing = Ticketing(stage.app.pool, stage.app.identity.passes, stage.app.publisher, issuer="https://host.example")
    row, _ = await ticketing.issue(stage.presenter, "moderator", label="Mo", subject="mo")
    assert await role_of(stage, row.sha256) == "moderator"

    async def healed() -> bool:
        return await role_of(stage, row.sha256) == "presenter"

    return lambda: ticketing.issue(stage.presenter, "presenter", label="Mo", subject="mo"), healed


async def revoke(stage: Stage) -> tuple[Act, Healed]:
    row, _ = await stage.app.identity.ticketing.issue(stage.presenter, "moderator", label="Mo")

    async def healed() -> bool:
        return await role_of(stage, row.sha256) is None

    return lambda: stage.app.identity.ticketing.revoke(stage.presenter, row.sha256), healed


async def assign(stage: Stage) -> tuple[Act, Healed]:
    ann = str((await stage.join()).participant_id)

    async def healed() -> bool:
        replica = await stage.app.reading.replica(stage.session_id)
        return any(key == "leaderboard" and "Red" in text for key, text in replica.map_of(Audience.PRESENTERS).present())

    return lambda: stage.app.standings.assign_team(stage.presenter, ann, "Red"), healed


async def role_of(stage: Stage, sha256: str) -> str | None:
    return await stage.app.live.role_of(stage.session_id, sha256)


@pytest.mark.parametrize(
    "prepare", [lock, take_lease, delete_session, delete_activity, remove, accommodate, issue, give_another_role, revoke, assign]
)
async def test_what_a_process_that_died_told_nobody_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Stage], Awaitable[tuple[Act, Healed]]]
) -> None:
    await stage.open()  # the session is live
    act, healed = await prepare(stage)

    async def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "pay", die)
        with pytest.raises(Died):
            await act()
    assert not await healed()
    await stage.app.pool.execute("UPDATE unpublished SET since = since - interval '1 minute'")
    await eventually(healed, "the live store has it as well")
    await eventually(lambda: nothing_is_owed(stage), "and nothing is owed any more")


async def nothing_is_owed(stage: Stage) -> bool:
    return bool(await stage.app.pool.fetchval("SELECT NOT EXISTS (SELECT FROM unpublished)"))


async def test_what_is_changed_while_it_is_published_is_published_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The debt of the second change is another one than the first, which is paid, and stays until it is paid itself."""
    pay, changed = stage.app.publisher._pay, list[asyncio.Task[Any]]()

    async def overtaken(owed: Owed) -> None:
        await pay(owed)
        if not changed:
            changed.append(asyncio.create_task(stage.app.directing.move_session(stage.presenter, title="Second")))
            with pytest.raises(Refusal):
                await changed[0]
            return
        raise Refusal("unavailable", after_ms=200)

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.publisher, "_pay", overtaken)
        await stage.app.directing.move_session(stage.presenter, title="First")
        assert not await nothing_is_owed(stage)
    await stage.app.pool.execute("UPDATE unpublished SET since = since - interval '1 minute'")
    await eventually(lambda: nothing_is_owed(stage), "the second is paid too")
    assert (await stage.app.reading.replica(stage.session_id)).session["title"] == "Second"


async def test_what_was_created_is_not_told_to_be_created_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it half created: an activity comes with its state. What the live store could not be told follows by itself."""

    async def fail(_: Owed) -> None:
        raise Refusal("unavailable", after_ms=200)

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.publisher, "_pay", fail)
        row = await stage.app.directing.create_activity(
            stage.presenter, "poll", title="", config={"settings": POLL}, state="active"
        )
        ticket, _ = await stage.app.identity.ticketing.issue(stage.presenter, "moderator", label="Mo")
        assert await stage.actions(row.id) == ["activity_created", "activity_active"]

    async def followed() -> bool:
        return (await stage.seen(row.id) or {"activity": {"state": ""}})["activity"]["state"] == "active" and await role_of(
            stage, ticket.sha256
        ) == "moderator"

    await eventually(followed, "both are known")


async def test_an_activity_opened_in_a_session_that_was_just_ended_is_closed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    activity_id = await stage.open(state="draft")

    async def look(*_: object) -> None:
        """The session was not over when this was asked."""

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.directing, "may_move", look)
        await stage.app.directing.move_session(stage.presenter, to="completed")
        await stage.app.directing.move(stage.presenter, activity_id, "active")
    await stage.app.pool.execute("UPDATE sessions SET completed_at = completed_at - interval '1 minute'")

    async def closed() -> bool:
        return await stage.state(activity_id) == "closed"

    await eventually(closed, "it takes no answers")
    assert (await stage.actions(activity_id))[-1] == "activity_closed"
    assert (await refused(stage.app.directing.move(stage.presenter, activity_id, "active"))).code == "session_ended"
