"""Bad input over the WebSocket: a typed error with code and text, nothing stored, the connection kept where it can be."""

import asyncio
import json
import uuid

import pytest
from websockets.exceptions import InvalidStatus

from realtime.core.errors import REASONS
from tests.journey.clients import Client
from tests.journey.faulty_answers import ANSWERS, DOCUMENTS, NOT_TEXT
from tests.journey.stages import Scene, Stage, new_id

MOST_FAULTS = 20


async def last_refusal(client: Client, count: int = 1) -> dict[str, object]:
    """The newest refusal, once there are `count` of them."""

    def refused() -> list[dict[str, object]]:
        return [frame for frame in client.frames if frame["type"] in ("refused", "retry")]

    await client.until(lambda: len(refused()) >= count, "a refusal")
    found = refused()[-1]
    assert found["code"] in REASONS
    assert isinstance(found["message"], str)
    assert len(found["message"]) > 10, "a sentence a person understands"
    return found


async def assert_alive_and_empty(scene: Scene, client: Client, activity_id: str) -> None:
    assert (await client.ask("ping"))["type"] == "pong"
    assert await scene.settled_rows(activity_id) == []
    assert client.map.get(f"counts:{activity_id}", {}).get("responses", 0) == 0


@pytest.mark.parametrize("name", ANSWERS)
async def test_bad_answer_is_refused_by_name(stage: Stage, name: str) -> None:
    text, code = ANSWERS[name]
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    await phone.send(f'{{"type":"submit","id":77,"activity_id":"{activity_id}","submission_id":"{new_id()}","data":{text}}}')
    refused = await last_refusal(phone)
    assert (refused["type"], refused["code"]) == ("refused", code)
    await assert_alive_and_empty(scene, phone, activity_id)


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_unreadable_frame_is_refused_and_the_connection_kept(stage: Stage, name: str) -> None:
    text, code = DOCUMENTS[name]
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    await phone.send(text)
    refused = await last_refusal(phone)
    assert (refused["code"], refused["id"]) == (code, None)
    await assert_alive_and_empty(scene, phone, activity_id)


@pytest.mark.parametrize("name", NOT_TEXT)
async def test_frame_that_is_no_text_fails_the_connection(stage: Stage, name: str) -> None:
    scene = await stage.session()
    phone = await scene.enter(await scene.join())
    await phone.send(NOT_TEXT[name][0])
    assert await phone.until_closed() == 1007


@pytest.mark.parametrize(
    ("text", "code", "reply_id"),
    [
        ("[1,2]", "unknown_message", None),
        ("7", "unknown_message", None),
        ("null", "unknown_message", None),
        ("{}", "unknown_message", None),
        ('{"type":"nonsense","id":8}', "unknown_message", 8),
        ('{"type":7,"id":8}', "unknown_message", 8),
        ('{"type":{"a":1},"id":8}', "unknown_message", 8),
        ('{"type":"accepted","id":8}', "unknown_message", 8),
        ('{"type":"ping"}', "invalid", None),
        ('{"type":"ping","id":true}', "invalid", None),
        ('{"type":"ping","id":"8"}', "invalid", None),
        ('{"type":"ping","id":-8}', "invalid", None),
        ('{"type":"ping","id":8.5}', "invalid", None),
        ('{"type":"ping","id":null}', "invalid", None),
        ('{"type":"ping","id":8,"more":1}', "invalid", 8),
        ('{"type":"submit","id":8}', "invalid", 8),
        ('{"type":"move","id":8,"activity_id":"x","to":"active"}', "invalid", 8),
    ],
)
async def test_frame_that_is_no_command_is_refused(stage: Stage, text: str, code: str, reply_id: int | None) -> None:
    scene = await stage.session()
    phone = await scene.enter(await scene.join())
    await phone.send(text)
    refused = await last_refusal(phone)
    assert (refused["type"], refused["code"], refused["id"]) == ("refused", code, reply_id)
    assert (await phone.ask("ping"))["type"] == "pong"


@pytest.mark.parametrize("submission_id", ["", "x", "not-a-uuid-at-all", str(uuid.uuid4()).upper(), 7, None])
async def test_submission_id_must_be_a_uuid(stage: Stage, submission_id: object) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    press = {"activity_id": activity_id, "submission_id": submission_id, "data": {"selected": ["a"]}}
    await phone.send(json.dumps({"type": "submit", "id": 5, **press}))
    refused = await last_refusal(phone)
    assert (refused["code"], refused["details"]["field"]) == ("invalid", "submission_id")  # type: ignore[index]
    await assert_alive_and_empty(scene, phone, activity_id)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("draft", "activity_not_open"),
        ("published", "activity_not_open"),
        ("paused", "activity_paused"),
        ("closed", "activity_closed"),
        ("cancelled", "activity_not_open"),
    ],
)
async def test_answer_to_an_activity_that_is_not_open_is_refused(stage: Stage, state: str, code: str) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state=state)
    phone = await scene.enter(await scene.join())
    refused = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    assert (refused["type"], refused["code"]) == ("refused", code)
    await assert_alive_and_empty(scene, phone, activity_id)


async def test_unknown_and_foreign_activities_are_refused_alike(stage: Stage) -> None:
    scene, other = await stage.session(), await stage.session()
    foreign = await other.add()
    phone = await scene.enter(await scene.join())
    answers = [
        await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
        for activity_id in (new_id(), foreign)
    ]
    assert [answer["code"] for answer in answers] == ["unknown_activity"] * 2
    assert answers[0]["message"] == answers[1]["message"], "a foreign activity cannot be told from none"
    presenter = await scene.present()
    assert (await presenter.ask("move", activity_id=foreign, to="closed"))["code"] == "unknown_activity"
    assert await other.settled_rows(foreign) == []


async def test_wrong_round_and_unknown_response_are_refused(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    wrong = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]}, round=2)
    assert wrong["code"] == "wrong_round"
    assert (await phone.ask("withdraw", activity_id=activity_id, submission_id=new_id()))["code"] == "unknown_response"
    await assert_alive_and_empty(scene, phone, activity_id)


async def test_submission_id_of_another_answer_is_refused(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    ann, ben = await scene.enter(await scene.join("Ann")), await scene.enter(await scene.join("Ben"))
    submission_id = new_id()
    await ann.ask("submit", activity_id=activity_id, submission_id=submission_id, data={"selected": ["a"]})
    stolen = await ben.ask("submit", activity_id=activity_id, submission_id=submission_id, data={"selected": ["b"]})
    assert (stolen["type"], stolen["code"]) == ("refused", "submission_id_conflict")
    assert len(await scene.settled_rows(activity_id)) == 1


async def test_connection_is_kept_up_to_the_limit_of_faults(stage: Stage) -> None:
    scene = await stage.session()
    phone = await scene.enter(await scene.join())
    for number in range(1, MOST_FAULTS):
        await phone.send("{nonsense")
        await last_refusal(phone, number)
    assert (await phone.ask("ping"))["type"] == "pong"
    await phone.send("{nonsense")
    assert await phone.until_closed() == 4503
    farewell = phone.farewell
    assert farewell is not None
    assert (farewell["close_code"], farewell["code"], farewell["reconnect"]) == (4503, "protocol", False)


@pytest.mark.parametrize("size", [65_600, 1_000_000])
async def test_oversize_frame_ends_the_connection_with_the_reason(stage: Stage, size: int) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    sending = asyncio.create_task(phone.send(json.dumps({"type": "ping", "id": 1, "more": "x" * size})))
    assert await phone.until_closed() == 4504
    await asyncio.gather(sending, return_exceptions=True)
    assert phone.farewell is not None
    assert phone.farewell["code"] == "too_large"
    assert await scene.settled_rows(activity_id) == []


async def test_frame_of_exactly_the_limit_is_read(stage: Stage) -> None:
    scene = await stage.session()
    phone = await scene.enter(await scene.join())
    limit = phone.welcome["limits"]["frame_bytes"]
    await phone.send('{"type":"ping","id":3}'.ljust(limit))
    assert (await phone.reply(3))["type"] == "pong"


async def test_binary_frame_ends_the_connection(stage: Stage) -> None:
    scene = await stage.session()
    phone = await scene.enter(await scene.join())
    await phone.send(b'{"type":"ping","id":1}', as_text=False)
    assert await phone.until_closed() == 4503


async def test_first_frame_must_be_a_hello(stage: Stage) -> None:
    client = await stage.open()
    refused = await client.ask("ping")
    assert (refused["type"], refused["code"]) == ("refused", "unauthenticated")
    assert await client.until_closed() == 4503
    garbage = await stage.open()
    await garbage.send("{")
    assert (await last_refusal(garbage))["code"] == "malformed"
    assert await garbage.until_closed() == 4503


async def test_second_hello_is_refused_and_the_connection_kept(stage: Stage) -> None:
    scene = await stage.session()
    phone = await scene.enter(await scene.join())
    again = await phone.ask("hello", ticket=scene.ticket)
    assert (again["type"], again["code"]) == ("refused", "invalid")
    assert (await phone.ask("move", activity_id=new_id(), to="active"))["code"] == "forbidden", "nobody became a presenter"


async def test_newer_protocol_is_refused_for_good(stage: Stage) -> None:
    scene = await stage.session()
    client = await stage.open()
    refused = await client.ask("hello", ticket=scene.ticket, protocol=99)
    assert (refused["type"], refused["code"], refused["details"]) == ("refused", "invalid", {"protocol": 1})
    assert await client.until_closed() == 4506


async def test_connection_without_hello_is_closed(impatient_stage: Stage) -> None:
    client = await impatient_stage.open()
    assert await client.until_closed() == 4001
    assert client.farewell is not None
    assert client.farewell["reconnect"] is True


async def test_silent_connection_is_closed_and_a_beating_one_kept(impatient_stage: Stage) -> None:
    scene = await impatient_stage.session()
    silent, beating = await scene.enter(await scene.join("S")), await scene.enter(await scene.join("B"))
    closing = asyncio.create_task(silent.until_closed())
    while not closing.done():
        assert (await beating.ask("ping"))["type"] == "pong"
        await asyncio.wait({closing}, timeout=0.2)
    assert closing.result() == 4002
    assert not beating.closed
    assert [frame for frame in silent.frames if frame["type"] == "beat"], "the server's own heartbeat"


async def test_ticket_connected_too_often_is_told_to_wait(impatient_stage: Stage) -> None:
    scene = await impatient_stage.session()
    seat = await scene.join()
    for _ in range(2):
        await scene.enter(seat)
    third = await impatient_stage.open()
    refused = await third.ask("hello", ticket=seat.ticket)
    assert (refused["type"], refused["code"]) == ("retry", "limited")
    assert await third.until_closed() == 4005


async def test_handshake_elsewhere_or_from_another_site_is_refused(stage: Stage) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await Client.open(stage.url + "/elsewhere")
    assert refused.value.response.status_code == 404
    with pytest.raises(InvalidStatus) as refused:
        await Client.open(stage.url, origin="http://elsewhere.example")
    assert refused.value.response.status_code == 403
