"""Faults 28 and 44: stolen, replayed and revoked tickets, deleted sessions, and who directs. On every hub, at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from realtime.tickets import hash_ticket
from tests.journey.clients import Client
from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage, bearer, open_stage
from tests.waiting import eventually

ROOT = "/api/v1"
AT_ONCE_SECONDS = 1.0


@pytest.fixture(scope="module")
def other_hub(start_hub: Callable[..., Server]):  # type: ignore[no-untyped-def]
    """A second process on the same engines."""
    hub = start_hub(PLENUM_PASS_SECONDS="1")
    yield hub
    hub.end()


@pytest.fixture
async def elsewhere(other_hub: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(other_hub.url, other_hub.database_url)
    yield opened
    await opened.close()


async def hand_out(scene: Scene, role: str, **fields: str) -> tuple[str, str]:
    answer = await scene.post("/tickets", {"role": role, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["ticket"]


async def revoke(scene: Scene, ticket_id: str) -> None:
    answer = await scene.stage.http.delete(f"{scene.path}/tickets/{ticket_id}", headers=bearer(scene.ticket))
    assert answer.status_code == 204, answer.text


async def test_revoked_ticket_ends_its_sockets_on_every_hub_within_a_second(stage: Stage, elsewhere: Stage) -> None:
    scene = await stage.session()
    ticket_id, ticket = await hand_out(scene, "presenter", label="Ben")
    here, there, owner = await stage.enter(ticket), await elsewhere.enter(ticket), await scene.present()
    assert here.welcome["you"]["role"] == "presenter"
    await revoke(scene, ticket_id)
    assert await asyncio.gather(*(one.until_closed(AT_ONCE_SECONDS) for one in (here, there))) == [4500, 4500]
    assert (await owner.ask("ping"))["type"] == "pong", "other tickets live on"
    for where in (stage, elsewhere):
        back = await where.open()
        assert (await back.ask("hello", ticket=ticket))["code"] == "unauthenticated"
        answer = await where.http.get(f"{scene.path}/status", headers=bearer(ticket))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    listed = {one["id"]: one for one in (await scene.get("/tickets")).json()["tickets"]}
    assert (listed[ticket_id]["label"], listed[ticket_id]["revoked_at"] is None) == ("Ben", False)
    assert [one["own"] for one in listed.values()].count(True) == 1
    stored = await stage.database.fetch("SELECT * FROM tickets WHERE session_id = $1", scene.id)
    assert ticket not in str(stored), "only the hash is stored"


async def test_revoked_ticket_ends_its_stream(stage: Stage) -> None:
    scene = await stage.session()
    ticket_id, ticket = await hand_out(scene, "moderator")
    headers = bearer(ticket) | {"accept": "text/event-stream"}
    async with stage.http.stream("GET", f"{scene.path}/changes", headers=headers) as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith(("event", "id", "data", "retry", ":"))
        await revoke(scene, ticket_id)
        async with asyncio.timeout(AT_ONCE_SECONDS + 2):
            async for _ in lines:
                pass


async def test_only_the_owner_hands_out_and_there_is_an_end_to_it(stage: Stage) -> None:
    scene = await stage.session()
    _, presenter = await hand_out(scene, "presenter")
    refused = await scene.post("/tickets", {"role": "presenter"}, presenter)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    owner = await scene.post("/tickets", {"role": "owner"})
    assert (owner.status_code, owner.json()["error"]["details"]["field"]) == (422, "role")
    own_id = next(one["id"] for one in (await scene.get("/tickets")).json()["tickets"] if one["own"])
    itself = await stage.http.delete(f"{scene.path}/tickets/{own_id}", headers=bearer(scene.ticket))
    assert itself.json()["code"] == "in_use", "nobody locks himself out"
    other = await stage.session()
    foreign_id, _ = await hand_out(other, "display")
    foreign = await stage.http.delete(f"{scene.path}/tickets/{foreign_id}", headers=bearer(scene.ticket))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_ticket")
    answers = [await scene.post("/tickets", {"role": "display"}) for _ in range(100)]
    assert {one.status_code for one in answers} == {201, 409}
    assert answers[-1].json()["code"] == "too_many_tickets"


async def test_a_pass_opens_one_socket_and_nothing_else(stage: Stage, elsewhere: Stage) -> None:
    """Fault 28: captured and replayed."""
    scene = await stage.session()
    seat = await scene.join()
    for ticket, role in ((seat.ticket, "participant"), (scene.ticket, "owner")):
        made = (await stage.http.post(f"{ROOT}/ws-ticket", headers=bearer(ticket))).json()
        assert 0 < made["expires_in_ms"] <= 30_000
        by_http = await stage.http.get(f"{scene.path}/status", headers=bearer(made["ticket"]))
        assert by_http.status_code == 401, "it is for sockets alone, and is not used up by trying"
        client = await elsewhere.enter(made["ticket"])
        assert (client.welcome["session_id"], client.welcome["you"]["role"]) == (scene.id, role)
        assert client.welcome["you"]["participant_id"] == (seat.participant_id if role == "participant" else None)
        for where in (stage, elsewhere):
            thief = await where.open()
            assert (await thief.ask("hello", ticket=made["ticket"]))["code"] == "unauthenticated"
            assert await thief.until_closed() == 4500
    at_once = (await stage.http.post(f"{ROOT}/ws-ticket", headers=bearer(scene.ticket))).json()["ticket"]
    many = [await stage.open() for _ in range(10)]
    replies = await asyncio.gather(*(one.ask("hello", ticket=at_once) for one in many))
    assert sorted(one["type"] for one in replies) == ["refused"] * 9 + ["welcome"]


async def test_a_pass_lapses_and_dies_with_what_it_was_made_from(stage: Stage, elsewhere: Stage, server: Server) -> None:
    scene = await stage.session()
    seat = await scene.join("Troll")
    ticket_id, ticket = await hand_out(scene, "presenter")
    passes = [(await stage.http.post(f"{ROOT}/ws-ticket", headers=bearer(one))).json()["ticket"] for one in (ticket, seat.ticket)]
    await revoke(scene, ticket_id)
    assert (await (await scene.present()).ask("remove", participant_id=seat.participant_id))["type"] == "done"
    codes = [(await (await stage.open()).ask("hello", ticket=one))["code"] for one in passes]
    assert codes == ["unauthenticated", "removed"]
    short = (await elsewhere.http.post(f"{ROOT}/ws-ticket", headers=bearer(scene.ticket))).json()
    assert short["expires_in_ms"] == 1_000
    lasting = (await stage.http.post(f"{ROOT}/ws-ticket", headers=bearer(scene.ticket))).json()
    async with Redis.from_url(server.redis_url) as redis:

        async def is_kept(made: dict[str, Any]) -> bool:
            return bool([key async for key in redis.scan_iter(f"plenum:*:pass:{hash_ticket(made['ticket'])}")])

        async def lapsed() -> bool:
            return not await is_kept(short)

        await eventually(lapsed, "the pass lapses, and nobody took it")
        assert await is_kept(lasting), "which has thirty seconds"
    assert (await (await stage.open()).ask("hello", ticket=short["ticket"]))["code"] == "unauthenticated"


async def test_kicked_is_kicked_everywhere_and_by_every_way_back(stage: Stage, elsewhere: Stage) -> None:
    scene = await stage.session()
    seat = await scene.join("Troll", "join-of-the-troll")
    here, there = await stage.enter(seat.ticket), await elsewhere.enter(seat.ticket)
    gone = await stage.http.delete(f"{ROOT}/participants/{seat.participant_id}", headers=bearer(scene.ticket))
    assert gone.status_code == 204
    assert await asyncio.gather(*(one.until_closed(AT_ONCE_SECONDS) for one in (here, there))) == [4501, 4501]
    for where in (stage, elsewhere):
        again = await where.http.post(
            f"{ROOT}/join", json={"code": scene.code, "nickname": "Troll", "join_id": "join-of-the-troll"}
        )
        assert (again.status_code, again.json()["code"]) == (403, "removed")
        made = await where.http.post(f"{ROOT}/ws-ticket", headers=bearer(seat.ticket))
        assert (made.status_code, made.json()["code"]) == (403, "removed")


async def test_deleted_session_ends_at_once_on_every_hub_and_leaves_no_key(
    stage: Stage, elsewhere: Stage, server: Server
) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone, desk, there = await scene.enter(seat), await scene.present(), await elsewhere.enter(seat.ticket)
    await scene.answer(activity_id, seat, {"selected": ["a"]})
    await scene.settled_rows(activity_id)
    redis = Redis.from_url(server.redis_url, decode_responses=True)
    try:
        pattern = f"plenum:*{scene.id}*"
        assert [key async for key in redis.scan_iter(pattern)]
        assert (await stage.http.delete(scene.path, headers=bearer(scene.ticket))).status_code == 204
        closed = await asyncio.gather(*(one.until_closed(AT_ONCE_SECONDS) for one in (phone, desk, there)))
        assert closed == [4502] * 3
        for where in (stage, elsewhere):
            for ticket in (scene.ticket, seat.ticket):
                for path in ("", "/status", "/changes", "/activities"):
                    answer = await where.http.get(scene.path + path, headers=bearer(ticket))
                    assert answer.status_code == 401, (path, answer.text)
                client = await where.open()
                assert (await client.ask("hello", ticket=ticket))["code"] == "unauthenticated"
            joined = await where.http.post(f"{ROOT}/join", json={"code": scene.code, "nickname": "Late"})
            assert (joined.status_code, joined.json()["code"]) == (404, "unknown_code")
        assert [key async for key in redis.scan_iter(pattern)] == []
    finally:
        await redis.aclose()


async def test_who_directs_is_seen_and_can_be_followed(stage: Stage, elsewhere: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state="draft")
    _, ticket = await hand_out(scene, "presenter")
    ann, ben = await scene.present(), await elsewhere.enter(ticket)
    phone = await scene.enter(await scene.join())
    assert (await ann.ask("move", activity_id=activity_id, to="published"))["type"] == "done", "without a lease all direct"
    taken = (await ann.ask("take_lease", label="Ann, left"))["result"]["director"]
    await ben.until(lambda: ben.map["desk"]["director"], "Ben sees who directs")
    assert ben.map["desk"]["director"] == taken
    refused = await ben.ask("move", activity_id=activity_id, to="active")
    assert (refused["type"], refused["code"]) == ("refused", "not_directing")
    assert refused["details"]["director"]["label"] == "Ann, left"
    by_http = await elsewhere.http.post(
        f"{ROOT}/activities/{activity_id}/transition", json={"target_state": "active"}, headers=bearer(ticket)
    )
    assert (by_http.status_code, by_http.json()["code"]) == (409, "not_directing")
    newer = (await ben.ask("take_lease", label="Ben"))["result"]["director"]
    assert newer["token"] > taken["token"]
    assert (await ben.ask("move", activity_id=activity_id, to="active"))["type"] == "done"
    stale = await ann.ask("move", activity_id=activity_id, to="closed")
    assert (stale["code"], stale["details"]["director"]["label"]) == ("not_directing", "Ben")
    with_token = {"plenum-lease": str(newer["token"])} | bearer(ticket)
    revealed = await stage.http.post(f"{ROOT}/activities/{activity_id}/reveal", json={"revealed": True}, headers=with_token)
    assert revealed.status_code == 200, revealed.text
    again = await Client.open(elsewhere.url)
    await again.ask("hello", ticket=ticket, lease=newer["token"])
    assert (await again.ask("move", activity_id=activity_id, to="closed"))["type"] == "done", "a reconnect directs on"
    await again.close()
    assert "desk" not in phone.map, "participants see nothing of it"
    assert "director" not in phone.map["session"]
    assert (await phone.ask("take_lease"))["code"] == "forbidden"
    assert (await ann.ask("release_lease"))["type"] == "done"
    assert (await ann.ask("move", activity_id=activity_id, to="active"))["type"] == "done"
    await ben.until(lambda: ben.map["desk"]["director"] is None, "everybody directs again")


async def test_seats_left_are_told_before_they_are_gone(stage: Stage) -> None:
    scene = await stage.session(max_participants=10)
    presenter = await scene.present()
    assert presenter.map["desk"] == {"director": None, "seats_left": 10, "nearly_full": False}
    for number in range(8):
        await scene.join(f"P{number}")
    await presenter.until(lambda: presenter.map["desk"]["seats_left"] == 2, "eight are here")
    assert not presenter.map["desk"]["nearly_full"]
    phone = await scene.enter(await scene.join("P8"))
    await presenter.until(lambda: presenter.map["desk"]["nearly_full"], "nine of ten")
    assert presenter.map["desk"]["seats_left"] == 1
    assert "desk" not in phone.map
