"""Who may do what: wrong, foreign, expired and withdrawn tickets; two devices of one person; removal; presence."""

import time

import asyncpg
import pytest

from realtime.tickets import KeyRing, ParticipantTicket
from tests.journey.stages import Scene, Seat, Stage, bearer, new_id
from tests.waiting import eventually


async def key_ring(database: asyncpg.Connection) -> KeyRing:
    rows = await database.fetch("SELECT kid, secret FROM server_keys WHERE retired_at IS NULL ORDER BY created_at DESC")
    return KeyRing([(row["kid"], row["secret"]) for row in rows])


async def expired_ticket(scene: Scene) -> str:
    seat = await scene.join("Old")
    ticket = ParticipantTicket(scene.id, seat.participant_id, seat.nickname, False, int(time.time()) - 1)
    return (await key_ring(scene.stage.database)).participant_ticket(ticket)


async def test_wrong_tickets_open_nothing(stage: Stage) -> None:
    scene = await stage.session()
    seat = await scene.join()
    unknown_presenter = f"pt.{scene.id}.{'A' * 43}"
    unknown_session = f"pt.{new_id()}.{'A' * 43}"
    body = seat.ticket.split(".")
    tampered = f"{body[0]}.{body[1][:-2]}AA.{body[2]}"
    unsigned = f"{body[0]}.{body[1]}."
    for ticket in ("", "x", "pt.", "a.b.c", unknown_presenter, unknown_session, tampered, unsigned, "é" * 20, "x" * 2_049):
        client = await stage.open()
        refused = await client.ask("hello", ticket=ticket)
        assert (refused["type"], refused["code"]) == ("refused", "invalid" if len(ticket) > 2_048 else "unauthenticated"), ticket
        assert await client.until_closed() == (4503 if len(ticket) > 2_048 else 4500)
        if ticket.isascii() and ticket and ticket != unknown_session:
            answer = await scene.get("/status", ticket)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
    nobody = await stage.http.get(f"{scene.path}/status")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")


async def test_expired_ticket_is_refused_by_name(stage: Stage) -> None:
    scene = await stage.session()
    ticket = await expired_ticket(scene)
    client = await stage.open()
    refused = await client.ask("hello", ticket=ticket)
    assert (refused["type"], refused["code"]) == ("refused", "ticket_expired")
    assert await client.until_closed() == 4500
    answer = await scene.get("/status", ticket)
    assert (answer.status_code, answer.json()["code"]) == (401, "ticket_expired")


async def test_foreign_tickets_reach_nothing_of_this_session(stage: Stage) -> None:
    scene, other = await stage.session(), await stage.session()
    activity_id = await scene.add()
    stranger = await other.join("Stranger")
    for ticket in (other.ticket, stranger.ticket):
        for path in ("", "/status", "/activities", "/responses", f"/activities/{activity_id}/responses"):
            answer = await scene.get(path, ticket)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    posted = await scene.answer(activity_id, stranger, {"selected": ["a"]})
    assert (posted.status_code, posted.json()["code"]) == (403, "forbidden")
    assert await scene.settled_rows(activity_id) == []


async def test_participants_may_not_direct_and_presenters_may_not_answer(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone, presenter = await scene.enter(seat), await scene.present()
    commands = [
        ("move", {"activity_id": activity_id, "to": "closed"}),
        ("reveal", {"activity_id": activity_id}),
        ("create_activity", {"activity_type": "generic"}),
        ("update_activity", {"activity_id": activity_id, "title": "mine"}),
        ("delete_activity", {"activity_id": activity_id}),
        ("move_session", {"to": "completed"}),
        ("remove", {"participant_id": seat.participant_id}),
    ]
    for kind, fields in commands:
        refused = await phone.ask(kind, **fields)
        assert (refused["type"], refused["code"]) == ("refused", "forbidden"), kind
    answered = await presenter.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    assert answered["code"] == "forbidden"
    for path in ("/responses", f"/activities/{activity_id}", f"/activities/{activity_id}/responses"):
        assert (await scene.get(path, seat.ticket)).status_code == 403, path
    impostor = await stage.http.post(
        f"{scene.path}/activities/{activity_id}/responses", params={"participant_id": new_id()},
        json={"response_data": {"selected": ["a"]}}, headers=bearer(seat.ticket),
    )  # fmt: skip
    assert impostor.json()["code"] == "forbidden"
    assert (await scene.get()).json()["state"] == "active"


async def test_two_devices_see_each_others_answers(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone, laptop = await scene.enter(seat), await scene.enter(seat)
    stranger = await scene.enter(await scene.join("Ben"))
    await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    await laptop.until(lambda: laptop.mine.get(activity_id), "the phone's answer on the laptop")
    assert laptop.mine[activity_id][0]["data"] == {"selected": ["a"]}
    await laptop.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["c"]})
    await phone.until(lambda: phone.mine.get(activity_id, [{}])[0].get("revision") == 2, "the laptop's change on the phone")
    assert phone.mine[activity_id][0]["data"] == {"selected": ["c"]}
    await stranger.until(lambda: stranger.map[f"counts:{activity_id}"]["responses"] == 1, "the count")
    assert stranger.mine == {}


async def test_removed_participant_is_closed_within_a_second_and_cannot_return(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat, mate = await scene.join("Troll"), await scene.join("Mate")
    phone, tablet, other = await scene.enter(seat), await scene.enter(seat), await scene.enter(mate)
    presenter = await scene.present()
    assert (await presenter.ask("remove", participant_id=seat.participant_id))["type"] == "done"
    for device in (phone, tablet):
        assert await device.until_closed(1.0) == 4501
        assert device.farewell is not None
        assert (device.farewell["code"], device.farewell["reconnect"]) == ("removed", False)
    back = await stage.open()
    assert (await back.ask("hello", ticket=seat.ticket))["code"] == "removed"
    assert await back.until_closed() == 4501
    posted = await scene.answer(activity_id, seat, {"selected": ["a"]})
    assert (posted.status_code, posted.json()["code"]) == (403, "removed")
    assert not other.closed
    await eventually(lambda: stored_as_inactive(stage, seat), "the row says so too")
    assert await scene.settled_rows(activity_id) == []


async def stored_as_inactive(stage: Stage, seat: Seat) -> bool:
    active = await stage.database.fetchval("SELECT is_active FROM participants WHERE id = $1", seat.participant_id)
    return active is False


async def test_presenter_cannot_remove_somebody_of_another_session(stage: Stage) -> None:
    scene, other = await stage.session(), await stage.session()
    seat = await other.join("Guest")
    await eventually(lambda: stage.database.fetchval("SELECT 1 FROM participants WHERE id = $1", seat.participant_id), "flushed")
    presenter, phone = await scene.present(), await other.enter(seat)
    refused = await presenter.ask("remove", participant_id=seat.participant_id)
    assert (refused["type"], refused["code"]) == ("refused", "unknown_participant")
    assert not await stored_as_inactive(stage, seat)
    assert (await phone.ask("ping"))["type"] == "pong"
    unknown = await presenter.ask("remove", participant_id=new_id())
    assert unknown["code"] == "unknown_participant"


async def test_presence_counts_up_and_down(stage: Stage) -> None:
    scene = await stage.session()
    presenter = await scene.present()
    seats = [await scene.join(f"P{number}") for number in range(3)]
    phones = [await scene.enter(seat) for seat in seats]
    second_device = await scene.enter(seats[0])
    await presenter.until(lambda: presenter.map.get("people") == {"joined": 3, "online": 3}, "three are here")
    await phones[0].close()
    await phones[1].close()
    await presenter.until(lambda: presenter.map["people"] == {"joined": 3, "online": 2}, "one left, one has another device")
    await scene.enter(seats[1])
    await presenter.until(lambda: presenter.map["people"] == {"joined": 3, "online": 3}, "back again")
    await second_device.close()
    await presenter.until(lambda: presenter.map["people"] == {"joined": 3, "online": 2}, "the last device left")


async def test_joining_twice_with_one_join_id_is_one_participant(stage: Stage) -> None:
    scene = await stage.session()
    first, again = await scene.join("Ann", "the-same-join"), await scene.join("Ann", "the-same-join")
    assert first.participant_id == again.participant_id
    assert again.nickname == "Ann"
    namesake = await scene.join("ann")
    assert (namesake.nickname, namesake.participant_id == first.participant_id) == ("ann 2", False)
    assert (await scene.get("/status")).json()["participant_count"] == 2


@pytest.mark.parametrize("write", [str.lower, lambda code: f" {code[:3]}-{code[3:]} ", lambda code: code[:2] + " " + code[2:]])
async def test_code_may_be_typed_as_people_type(stage: Stage, write: object) -> None:
    scene = await stage.session()
    typed = write(scene.code)  # type: ignore[operator]
    answer = await stage.http.post("/api/v1/join", json={"code": typed, "nickname": "Ann"})
    assert answer.status_code == 201, answer.text
