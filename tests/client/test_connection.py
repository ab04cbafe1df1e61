"""The client against the real server: answers survive, in order and once, whatever happens between."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from realtime import demo
from realtime.client import (
    ConnectionEnded,
    Event,
    Joined,
    Patience,
    Refused,
    Session,
    Submitted,
    connect,
    create_session,
    join,
)
from tests.journey.servers import Server

pytestmark = pytest.mark.timeout(120)
PATIENCE = Patience(base_seconds=0.05, cap_seconds=0.5)
OPTIONS = [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}, {"id": "c", "text": "C"}]


class Room:
    """A session with one open poll and its presenter."""

    def __init__(self, url: str, host: Session, code: str, poll_id: str) -> None:
        self.url = url
        self.host = host
        self.code = code
        self.poll_id = poll_id

    async def poll(self, **config: Any) -> str:
        """A further poll, opened."""
        command = {"type": "create_activity", "activity_type": "poll", "title": "Poll"}
        settings = {"settings": {"question": "Which?", "options": OPTIONS}, **config}
        done = await self.host.command({**command, "config": settings})
        activity_id: str = done["activity"]["id"]
        await self.move(activity_id, "active")
        return activity_id

    async def move(self, activity_id: str, to: str) -> None:
        await self.host.command({"type": "move", "activity_id": activity_id, "to": to})

    async def votes(self, expected: dict[str, int], activity_id: str | None = None) -> None:
        """Wait until the presenter sees these counts."""
        key = f"view:{activity_id or self.poll_id}"
        await self.host.until(lambda state: state.get(key, {}).get("vote_counts") == expected)

    async def phone(self, stack: AsyncExitStack, **options: Any) -> Session:
        joined = await join(self.url, self.code)
        return await stack.enter_async_context(connect(self.url, joined.ticket, patience=PATIENCE, **options))


@asynccontextmanager
async def open_room(url: str) -> AsyncIterator[Room]:
    made = await create_session(url, "Client tests")
    async with connect(url, made.presenter_ticket, patience=PATIENCE) as host:
        room = Room(url, host, made.session["join_code"], "")
        room.poll_id = await room.poll()
        yield room


@pytest.fixture
async def room(server: Server) -> AsyncIterator[Room]:
    async with open_room(server.url) as room:
        yield room


async def seen(session: Session, activity_id: str) -> None:
    await session.until(lambda state: state.get(f"activity:{activity_id}", {}).get("state") == "active")


async def test_an_answer_is_accepted_shown_and_saved(room: Room) -> None:
    async with AsyncExitStack() as stack:
        phone = await room.phone(stack)
        await seen(phone, room.poll_id)
        answer = await phone.submit(room.poll_id, {"selected": ["a"]})
        assert answer.acceptance is not None
        assert answer.acceptance["revision"] == 1
        await room.votes({"a": 1, "b": 0, "c": 0})
        await answer.saved()
        assert len(phone.outbox) == 0
        changed = await phone.submit(room.poll_id, {"selected": ["b"]})
        assert changed.accepted
        (own,) = phone.mine[room.poll_id]
        assert (own["revision"], own["data"]["selected"]) == (2, ["b"])
        await room.votes({"a": 0, "b": 1, "c": 0})
        assert (await phone.withdraw(room.poll_id)).accepted
        await room.votes({"a": 0, "b": 0, "c": 0})


async def test_a_refusal_says_why(room: Room) -> None:
    async with AsyncExitStack() as stack:
        phone = await room.phone(stack)
        answer = await phone.submit(room.poll_id, {"selected": ["nothing"]})
        assert answer.refusal is not None
        assert answer.refusal.code == "unknown_option"
        await room.move(room.poll_id, "closed")
        late = await phone.submit(room.poll_id, {"selected": ["a"]})
        assert late.refusal is not None
        assert late.refusal.code == "activity_closed"
        with pytest.raises(Refused) as refused:
            await phone.command({"type": "move", "activity_id": room.poll_id, "to": "active"})
        assert refused.value.code == "forbidden"


async def test_another_device_of_the_same_person_sees_the_answer(room: Room) -> None:
    joined = await join(room.url, room.code, "Ann")
    async with connect(room.url, joined.ticket) as one, connect(room.url, joined.ticket) as other:
        await one.submit(room.poll_id, {"selected": ["c"]})
        await other.until(lambda _: room.poll_id in other.mine)
        assert other.mine[room.poll_id][0]["data"]["selected"] == ["c"]
        assert other.you["nickname"] == "Ann"


async def test_joining_twice_with_one_join_id_is_one_person(room: Room) -> None:
    first, second = [await join(room.url, room.code, "Bo", "the-same-join-id") for _ in range(2)]
    assert first.participant_id == second.participant_id


async def test_doors_that_stay_shut(room: Room) -> None:
    with pytest.raises(Refused) as unknown:
        await join(room.url, "ZZZZZZ")
    assert unknown.value.code == "unknown_code"
    with pytest.raises(ConnectionEnded) as ended:
        async with connect(room.url, "no-ticket"):
            pass
    assert ended.value.code == 4500


async def test_a_removed_participant_is_told_for_good(room: Room) -> None:
    joined: Joined = await join(room.url, room.code)
    async with connect(room.url, joined.ticket) as phone:
        await room.host.command({"type": "remove", "participant_id": joined.participant_id})
        with pytest.raises(ConnectionEnded) as ended:
            await phone.until(lambda _: False)
        assert ended.value.code == 4501


async def test_presses_over_a_network_that_keeps_failing_count_once_each(room: Room) -> None:
    dice = random.Random(7)
    events: list[Event] = []
    async with AsyncExitStack() as stack:
        phones = [await room.phone(stack, on_event=events.append) for _ in range(20)]

        async def answer(phone: Session) -> Submitted:
            await seen(phone, room.poll_id)
            last = phone.press(room.poll_id, {"selected": ["a"]})
            for choice in ("b", "c", "b"):
                if dice.random() < 0.7:
                    phone.drop()
                last = phone.press(room.poll_id, {"selected": [choice]})
                if dice.random() < 0.5:
                    await last.decided()
            return last

        last = await asyncio.gather(*(answer(phone) for phone in phones))
        await asyncio.gather(*(submitted.saved() for submitted in last))
        await room.votes({"a": 0, "b": 20, "c": 0})
        await asyncio.gather(*(phone.until(lambda _, phone=phone: not len(phone.outbox)) for phone in phones))
        for phone in phones:
            (own,) = phone.mine[room.poll_id]
            assert (own["revision"], own["data"]["selected"]) == (4, ["b"])
    places = {(event.epoch, event.offset): event.submission_id for event in events if event.kind == "ok"}
    accepted = {event.submission_id for event in events if event.kind == "ok"}
    assert set(places.values()) == accepted  # no two answers share a place
    assert len({event.submission_id for event in events if event.kind == "invoke"}) == 80


async def test_a_client_that_comes_back_resumes_with_a_delta(room: Room) -> None:
    events: list[Event] = []
    async with AsyncExitStack() as stack:
        phone = await room.phone(stack, on_event=events.append)
        phone.drop()
        await phone.submit(room.poll_id, {"selected": ["a"]})
        states = [event.frame["state"] for event in events if event.frame and event.frame["type"] == "welcome"]
        assert [state["type"] for state in states] == ["snapshot", "delta"]


async def test_a_crash_of_the_whole_server_loses_and_doubles_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server(tmp_path_factory.mktemp("crash"), PLENUM_RECONNECT_WINDOW_MS="100")
    try:
        server.start()
        async with open_room(server.url) as room, AsyncExitStack() as stack:
            phones = [await room.phone(stack) for _ in range(10)]
            for phone in phones:
                await seen(phone, room.poll_id)
            before = room.host.position[0]
            pressed = [phone.press(room.poll_id, {"selected": ["a"]}) for phone in phones[:5]]
            await asyncio.gather(*(each.decided() for each in pressed))
            unheard = [phone.press(room.poll_id, {"selected": ["b"]}) for phone in phones[5:]]
            await asyncio.to_thread(server.end)  # as kill -9: no goodbye, no flush
            offline = [phones[0].press(room.poll_id, {"selected": ["c"]})]
            await asyncio.to_thread(server.start)
            everything = [*pressed, *unheard, *offline]
            await asyncio.gather(*(each.decided() for each in everything))
            await asyncio.gather(*(each.saved() for each in everything if each.refusal is None))
            assert {each.refusal.code for each in everything if each.refusal} <= {"superseded"}
            await room.votes({"a": 4, "b": 5, "c": 1})
            assert room.host.position[0] != before
            assert all(not len(phone.outbox) for phone in phones)
    finally:
        server.end()


async def test_the_audience_of_the_demo_answers(server: Server) -> None:
    said: list[str] = []
    made = await demo.prepare(server.url)
    tally = await demo.run_audience(server.url, made.session["join_code"], phones=12, seconds=4, seed=3)
    assert tally.joined == 12
    assert tally.accepted > 6
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await demo.perform(server.url, "http://hall", phones=5, seconds=1.5, say=said.append)
    assert any(line.strip().startswith("Watch it live  http://hall/present#session=") for line in said)
    assert any("answers are in" in line for line in said)
