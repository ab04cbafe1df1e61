"""A session comes into being with its tickets, or not at all; a code that is taken is drawn anew."""

import pytest

from realtime.commands import directing
from tests.commands.stage import Stage, refused

_REFUSE = "ALTER TABLE tickets ADD CONSTRAINT no_screens CHECK (role <> 'display') NOT VALID"


async def count_sessions(stage: Stage) -> int:
    count: int = await stage.app.pool.fetchval("SELECT count(*)::int FROM sessions")
    return count


async def test_a_session_whose_tickets_cannot_be_stored_does_not_exist(stage: Stage) -> None:
    before = await count_sessions(stage)
    await stage.app.pool.execute(_REFUSE)
    try:
        refusal = await refused(stage.app.directing.create_session("Half a session"))
    finally:
        await stage.app.pool.execute("ALTER TABLE tickets DROP CONSTRAINT no_screens")
    assert (refusal.code, refusal.retry) == ("storage_unavailable", True)
    assert await count_sessions(stage) == before


async def test_a_join_code_that_is_taken_is_drawn_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    row, *_ = await stage.app.directing.create_session("The first")
    drawn = iter([row.join_code, row.join_code, "K7M2QX"])
    monkeypatch.setattr(directing, "new_join_code", lambda _: next(drawn))
    other, ticket, _ = await stage.app.directing.create_session("The second")
    assert other.join_code == "K7M2QX"
    assert (await stage.app.gate.admit(ticket)).role == "owner"


async def test_where_no_code_is_free_nothing_is_left(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    row, *_ = await stage.app.directing.create_session("The only one")
    before = await count_sessions(stage)
    monkeypatch.setattr(directing, "new_join_code", lambda _: row.join_code)
    assert (await refused(stage.app.directing.create_session("One too many"))).code == "overloaded"
    assert await count_sessions(stage) == before
