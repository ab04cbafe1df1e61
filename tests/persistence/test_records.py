"""Tickets, server keys, the audit and dead letters."""

import asyncio
from hashlib import sha256

import asyncpg
import pytest

from persistence import dead_letters, events, server_keys, tickets
from persistence.errors import ParentMissing
from realtime.app import _keys_of
from tests.persistence.stage import Stage, make_id


async def test_a_ticket_counts_until_it_is_revoked(stage: Stage) -> None:
    digest = sha256(b"secret").hexdigest()
    created = await tickets.create(
        stage.db, sha256=digest, session_id=stage.session_id, role="presenter", label="laptop"
    )

    assert await tickets.read(stage.db, digest) == created
    assert await tickets.revoke(stage.db, digest)
    assert not await tickets.revoke(stage.db, digest)
    assert await tickets.read(stage.db, digest) is None
    assert [row.revoked_at is None for row in await tickets.of_session(stage.db, stage.session_id)] == [False]
    granted = await tickets.grant(stage.db, sha256=digest, session_id=stage.session_id, role="moderator", label="phone")
    assert (granted.role, granted.label, granted.revoked_at) == ("moderator", "phone", None)
    assert await tickets.read(stage.db, digest) == granted


async def test_a_ticket_needs_its_session(stage: Stage) -> None:
    with pytest.raises(ParentMissing):
        await tickets.create(stage.db, sha256="0" * 64, session_id=make_id(), role="presenter")


async def test_the_newest_key_of_the_ring_signs(db: asyncpg.Pool) -> None:
    assert await server_keys.ring(db) == []
    await server_keys.add(db, "k1", b"\x00one")
    await server_keys.add(db, "k2", b"two")

    assert [(key.kid, key.secret) for key in await server_keys.ring(db)] == [
        ("k2", b"two"),
        ("k1", b"\x00one"),
    ]
    assert await server_keys.retire(db, "k2")
    assert not await server_keys.retire(db, "k2")
    assert [key.kid for key in await server_keys.ring(db)] == ["k1"]


async def test_processes_that_start_at_once_agree_on_the_key(db: asyncpg.Pool) -> None:
    rings = await asyncio.gather(*(server_keys.ensure(db, f"k{n}", bytes([n])) for n in range(4)))

    assert len({tuple(key.kid for key in ring) for ring in rings}) == 1
    assert len(rings[0]) == 1


async def test_a_key_does_not_show_its_secret(db: asyncpg.Pool) -> None:
    assert "hush" not in repr(await server_keys.add(db, "k1", b"hush"))


async def test_the_audit_is_read_by_session_and_by_actor(db: asyncpg.Pool) -> None:
    one, other, activity = make_id(), make_id(), make_id()
    first = await events.record(
        db, session_id=one, activity_id=activity, actor="ada", action="open", meta='{"force": true}'
    )
    second = await events.record(db, session_id=one, actor="ada", action="close")
    third = await events.record(db, session_id=other, actor="ada", action="open")

    assert (first.activity_id, first.meta) == (activity, '{"force": true}')
    assert await events.of_session(db, one, limit=9) == [first, second]
    assert await events.of_session(db, one, limit=9, after_id=first.id) == [second]
    assert await events.of_actor(db, "ada", limit=2) == [third, second]
    assert await events.of_actor(db, "ada", limit=9, action="open") == [third, first]


async def test_a_dead_letter_holds_everything(stage: Stage) -> None:
    response = stage.make_response(response_data='{"a": "\ud800"}', submission_id="not\0a uuid", offset=2**70)
    join = stage.make_join(nickname="n\0", session_id="?")

    for refused in (response, join, response):
        await dead_letters.add(stage.db, refused, sqlstate="22021", message="bad \0 byte")

    first, second = await dead_letters.list_page(stage.db, limit=9)
    assert [dead_letters.decode_payload(row.payload) for row in (first, second)] == [response, join]
    assert (first.kind, first.session_id, first.seq) == ("response", stage.session_id, None)
    assert (first.sqlstate, first.message) == ("22021", "bad � byte")
    assert (second.kind, second.session_id, second.submission_id) == ("join", None, None)
    assert await dead_letters.read(stage.db, first.id) == first
    assert await dead_letters.read(stage.db, 0) is None


async def test_a_retried_dead_letter_waits_no_more(stage: Stage) -> None:
    for _ in range(3):
        await dead_letters.add(stage.db, stage.make_response(), sqlstate="23503", message="gone")
    first, second, third = await dead_letters.list_page(stage.db, limit=9)

    noted = await dead_letters.note_retried(stage.db, first.id)

    assert noted is not None
    assert noted.retried_at is not None
    assert await dead_letters.list_page(stage.db, limit=1) == [second]
    assert await dead_letters.list_page(stage.db, limit=9, after_id=second.id) == [third]
    assert await dead_letters.list_page(stage.db, limit=9, waiting_only=False) == [noted, second, third]
    assert await dead_letters.count(stage.db) == 2
    assert await dead_letters.delete(stage.db, second.id)
    assert not await dead_letters.delete(stage.db, second.id)
    assert await dead_letters.count(stage.db, session_id=stage.session_id) == 1
    assert await dead_letters.note_retried(stage.db, 0) is None


async def test_a_ring_that_was_emptied_gets_a_new_key(stage: Stage) -> None:
    """Else a running server would go on with what counts no more."""
    (first,) = await _keys_of(stage.db)
    assert await server_keys.retire(stage.db, first.kid)
    (second,) = await _keys_of(stage.db)
    assert second.kid != first.kid
