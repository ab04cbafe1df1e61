"""What a client does when the server goes, says no, forgets, or leaves gaps; the server is played by the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from realtime.client import ConnectionEnded, Entry, Event, Outbox, OutcomeUnknown, Refused, Session
from realtime.core.messages import Closing, Done, GoingAway, Retry
from realtime.core.messages import Refused as RefusedFrame
from tests.client.stage import ACTIVITY, QUICK, Peer, Stage, delta, open_stage, snapshot

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


@pytest.fixture
async def start(stage: Stage) -> AsyncIterator[Callable[..., Session]]:
    """Starts sessions on the stage, and closes them."""
    sessions: list[Session] = []

    def begin(**options: Any) -> Session:
        session = Session(stage.url, "ticket", **{"patience": QUICK, "random": lambda: 0.5, **options})
        session.start()
        sessions.append(session)
        return session

    yield begin
    for session in sessions:
        await session.close()


async def test_it_resumes_from_its_position(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome(colour="blue")
    assert peer.hello["position"] is None
    await peer.send(delta("red", 1, 4, colour="green"))
    await session.until(lambda state: state.get("colour") == "green")
    await peer.socket.close()
    peer = await stage.peer()
    assert peer.hello["position"] == {"epoch": "red", "offset": 4}
    assert session.state["colour"] == "green"


async def test_an_answer_is_sent_again_until_it_is_saved(stage: Stage, start: Callable[..., Session]) -> None:
    events: list[Event] = []
    session = start(on_event=events.append)
    peer = await (await stage.peer()).welcome()
    pressed = session.press(ACTIVITY, {"selected": ["a"]})
    first = await peer.read("submit")
    session.drop()  # before any reply

    peer = await (await stage.peer()).welcome()
    second = await peer.read("submit")
    assert second["submission_id"] == first["submission_id"]
    assert "receipt" not in second
    await peer.accept(second, offset=7)
    assert (await pressed.decided()).accepted
    session.drop()

    peer = await (await stage.peer()).welcome(offset=7)
    third = await peer.read("submit")
    assert (third["submission_id"], third["receipt"]) == (first["submission_id"], "red.7")
    await peer.send(delta("red", 7, 8, saved=6))
    await session.until(lambda state: state.get("saved") == 6)
    assert len(session.outbox) == 1
    await peer.send(delta("red", 8, 9, saved=7))
    await pressed.saved()
    assert len(session.outbox) == 0
    told = [event.kind for event in events if event.submission_id == first["submission_id"]]
    assert told == ["invoke", "info", "ok", "saved"]
    assert {event.participant_id for event in events if event.kind == "ok"} == {"ann"}


async def test_a_new_epoch_brings_counted_answers_back(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome(saved=1)
    pressed = session.press(ACTIVITY, {})
    await peer.accept(await peer.read("submit"), offset=5)
    await pressed.decided()
    await peer.send(snapshot("green", 20, saved=20))  # a watermark of another life of the state says nothing
    again = await peer.read("submit")
    assert (again["submission_id"], again["receipt"]) == (pressed.submission_id, "red.5")
    assert not pressed.is_saved
    await peer.accept(again, epoch="green", offset=21)
    await peer.send(delta("green", 20, 22, saved=21))
    await pressed.saved()


async def test_an_acceptance_of_an_unknown_epoch_is_asked_about(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    pressed = session.press(ACTIVITY, {})
    await peer.accept(await peer.read("submit"), epoch="green", offset=3)
    asked = await peer.read("sync")
    await peer.send({"type": "synced", "id": asked["id"], "mine": {}, "state": snapshot("green", 4, saved=3).model_dump()})
    await pressed.saved()


async def test_a_gap_is_asked_about(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome(colour="blue")
    await peer.send(delta("red", 5, 6, colour="green"))
    asked = await peer.read("sync")
    assert asked["position"] == {"epoch": "red", "offset": 1}
    assert session.state["colour"] == "blue"
    state = delta("red", 1, 6, colour="green").model_dump()
    await peer.send({"type": "synced", "id": asked["id"], "mine": {}, "state": state})
    await session.until(lambda state: state["colour"] == "green")
    assert session.position == ("red", 6)


async def test_retry_means_the_same_submission_again(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    pressed = session.press(ACTIVITY, {})
    first = await peer.read("submit")
    await peer.send(Retry(id=first["id"], code="unavailable", message="", after_ms=20))
    second = await peer.read("submit")
    assert second["submission_id"] == first["submission_id"]
    assert second["id"] != first["id"]
    await peer.accept(second)
    assert (await pressed.decided()).accepted


async def test_a_refusal_is_final(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    pressed = session.press(ACTIVITY, {})
    submit = await peer.read("submit")
    await peer.send(RefusedFrame(id=submit["id"], code="activity_closed", message="Too late."))
    decided = await pressed.decided()
    assert not decided.accepted
    assert decided.refusal is not None
    assert decided.refusal.code == "activity_closed"
    with pytest.raises(Refused):
        await pressed.saved()
    assert len(session.outbox) == 0


async def test_an_answer_that_would_end_the_connection_is_not_sent(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    pressed = await session.submit(ACTIVITY, {"text": "é" * 2_000})
    assert pressed.refusal is not None
    assert pressed.refusal.code == "too_large"
    session.press(ACTIVITY, {"text": "short"})
    assert (await peer.read("submit"))["data"] == {"text": "short"}


async def test_changes_of_one_person_count_upwards(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome(**{f"activity:{ACTIVITY}": {"round": 3}})
    await session.ready()
    for expected in (1, 2, 3):
        session.press(ACTIVITY, {})
        submit = await peer.read("submit")
        assert (submit["revision"], submit["round"]) == (expected, 3)
        await peer.accept(submit, offset=expected + 1)
    await peer.send(delta("red", 1, 9, saved=9))
    await session.until(lambda state: state.get("saved") == 9)
    assert len(session.outbox) == 0
    session.press(ACTIVITY, {})
    assert (await peer.read("submit"))["revision"] == 4


async def test_a_kept_outbox_is_sent_by_the_next_process(stage: Stage, start: Callable[..., Session]) -> None:
    kept = Outbox([Entry("s1", ACTIVITY, {"selected": ["a"]}, 1, 1, receipt="red.5", epoch="red", offset=5, state="counted")])
    start(outbox=Outbox.load(kept.dump()))
    peer = await (await stage.peer()).welcome(epoch="green")
    submit = await peer.read("submit")
    assert (submit["submission_id"], submit["receipt"]) == ("s1", "red.5")


@pytest.mark.parametrize("code", [4000, 4003, 4499, 1011, 1001])
async def test_it_comes_back_after_a_close_that_lets_it(code: int, stage: Stage, start: Callable[..., Session]) -> None:
    start()
    peer = await (await stage.peer()).welcome()
    await peer.socket.close(code)
    await stage.peer()


@pytest.mark.parametrize("code", [4500, 4502, 4999])
async def test_it_stays_away_after_a_final_close(code: int, stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    await session.ready()
    pressed = session.press(ACTIVITY, {})
    await peer.read("submit")
    await peer.send(Closing(close_code=code, code="over", message="It is over.", reconnect=False))
    await peer.socket.close(code)
    with pytest.raises(ConnectionEnded, match="It is over") as ended:
        await pressed.decided()
    assert ended.value.code == code
    with pytest.raises(ConnectionEnded):
        await session.ready()
    with pytest.raises(ConnectionEnded):
        session.press(ACTIVITY, {})
    with pytest.raises(ConnectionEnded):
        async for _ in session.changes():
            pass
    assert len(session.outbox) == 1  # for whoever comes back with another ticket


async def test_going_away_says_when_to_return(stage: Stage, start: Callable[..., Session]) -> None:
    loop = asyncio.get_running_loop()
    start(random=lambda: 0.0)
    peer = await (await stage.peer()).welcome()
    announced = loop.time()
    await peer.send(GoingAway(delay_ms=300))
    await peer.socket.close(4000)  # the server is gone before the time has come
    await stage.peer()
    assert loop.time() - announced >= 0.3


async def test_silence_ends_a_connection(stage: Stage, start: Callable[..., Session]) -> None:
    start()
    peer = await (await stage.peer()).welcome(heartbeat_ms=50)
    await peer.read("ping")  # it spoke, and nobody answers
    await stage.peer()


async def test_a_hello_told_to_retry_waits_that_long(stage: Stage, start: Callable[..., Session]) -> None:
    loop = asyncio.get_running_loop()
    session = start(random=lambda: 0.0)
    peer = await stage.peer()
    told = loop.time()
    await peer.send(Retry(id=peer.hello["id"], code="recovering", message="", after_ms=200))
    await peer.socket.close(4005)
    peer = await stage.peer()
    assert loop.time() - told >= 0.2
    await peer.welcome()
    await session.ready()


async def test_a_handshake_refused_for_good_is_told(stage: Stage) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        session = Session(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "ticket", patience=QUICK)
        session.start()
        with pytest.raises(ConnectionEnded) as ended:
            await session.ready()
        assert ended.value.code == 404
        await session.close()


async def test_a_command_lost_with_its_connection_is_unknown(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    asked = asyncio.create_task(session.command({"type": "reveal", "activity_id": ACTIVITY}))
    await peer.read("reveal")
    await peer.socket.close()
    with pytest.raises(OutcomeUnknown):
        await asked


async def test_a_command_that_is_told_to_retry_is_sent_again(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    asked = asyncio.create_task(session.command({"type": "reveal", "activity_id": ACTIVITY}))
    first = await peer.read("reveal")
    await peer.send(Retry(id=first["id"], code="unavailable", message="", after_ms=10))
    second = await peer.read("reveal")
    await peer.send(Done(id=second["id"], result={"revealed": True}))
    assert await asked == {"revealed": True}


async def test_a_slow_reader_of_changes_sees_the_newest(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer = await (await stage.peer()).welcome(n=0)
    await session.ready()
    changes = session.changes()
    assert (await anext(changes))["n"] == 0
    for n in range(1, 51):
        await peer.send(delta("red", n, n + 1, n=n))
    await session.until(lambda state: state["n"] == 50)
    assert (await anext(changes))["n"] == 50
    await session.close()
    with pytest.raises(StopAsyncIteration):
        await anext(changes)


async def test_frames_from_a_later_version_are_ignored(stage: Stage, start: Callable[..., Session]) -> None:
    session = start()
    peer: Peer = await (await stage.peer()).welcome()
    await peer.send({"type": "confetti", "colour": "gold"})
    await peer.send(delta("red", 1, 2, colour="blue"))
    await session.until(lambda state: state.get("colour") == "blue")


async def test_a_command_that_was_sent_again_and_never_answered_is_unknown(stage: Stage, start: Callable[..., Session]) -> None:
    """The first try was refused, the second may have been obeyed: nobody may be told that nothing was done."""
    session = start(patience=replace(QUICK, command_seconds=1.0))
    peer = await (await stage.peer()).welcome()
    asked = asyncio.create_task(session.command({"type": "reveal", "activity_id": ACTIVITY}))
    first = await peer.read("reveal")
    await peer.send(Retry(id=first["id"], code="unavailable", message="", after_ms=10))
    await peer.read("reveal")
    with pytest.raises(OutcomeUnknown):
        await asked


@pytest.mark.parametrize("data", [{"x": object()}, {"x": float("nan")}, {"x": "half of a character: \ud800"}])
async def test_what_is_no_json_is_refused_at_the_press_and_harms_no_other(
    stage: Stage, start: Callable[..., Session], data: Any
) -> None:
    session = start()
    peer = await (await stage.peer()).welcome()
    await session.ready()
    with pytest.raises((TypeError, ValueError)):
        session.press(ACTIVITY, data)
    assert len(session.outbox) == 0
    pressed = session.press(ACTIVITY, {"selected": ["a"]})
    await peer.accept(await peer.read("submit"))
    assert (await pressed.decided()).accepted
