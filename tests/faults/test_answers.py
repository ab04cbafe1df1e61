"""Answers that come twice, in the wrong order, from the wrong people, or at the last instant."""

import asyncio
import itertools

import pytest

from realtime.client import Outbox
from tests.faults.cluster import Cluster
from tests.faults.phones import CHOICES, Phone
from tests.journey.clients import Client
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_row_26_one_press_sent_a_hundred_times_over_two_hubs(cluster: Cluster) -> None:
    room = await cluster.room(5)
    phone = room.crowd.phones[0]
    tabs = [await Client.enter(hub.url, phone.ticket) for hub in cluster.hubs]
    for activity_id in room.activities:
        pressed = await phone.session.submit(activity_id, {"selected": ["a"]})
        again = {
            "activity_id": activity_id, "submission_id": pressed.submission_id, "data": {"selected": ["a"]},
            "revision": pressed.entry.revision,
        }  # fmt: skip
        replies = await asyncio.gather(*(tabs[number % 2].ask("submit", **again) for number in range(100)))
        assert {reply["type"] for reply in replies} == {"accepted"}
        assert all(reply["duplicate"] for reply in replies)
        assert len({reply["offset"] for reply in replies}) == 1, "the same offset every time"
        # A double tap with a new value under the same submission id is still the first one.
        changed = await tabs[0].ask("submit", **(again | {"data": {"selected": ["b"]}}))
        assert changed["duplicate"]
    for tab in tabs:
        await tab.close()
    await cluster.rest()
    rows = (await cluster.collect(room)).rows
    assert [row.data for row in rows] == [{"selected": ["a"]}] * 2


async def test_row_26_two_tabs_press_the_same_at_once_before_any_reply(cluster: Cluster) -> None:
    room = await cluster.room(8)
    for phone in room.crowd.phones:
        tabs = [await Client.enter(hub.url, phone.ticket) for hub in cluster.hubs]
        pressed = phone.session.press(room.many, {"selected": ["c"]})
        again = {"activity_id": room.many, "submission_id": pressed.submission_id, "data": {"selected": ["c"]}, "revision": 1}
        replies = await asyncio.gather(*(tab.ask("submit", **again) for tab in tabs * 3), pressed.decided())
        fresh = [reply for reply in replies[:-1] if not reply["duplicate"]]  # type: ignore[index,union-attr]
        assert len(fresh) <= 1
        for tab in tabs:
            await tab.close()
    await cluster.rest()


async def test_row_27_revisions_arrive_in_every_order(cluster: Cluster) -> None:
    room = await cluster.room(24, kinds=("one",))
    second = [
        Phone(f"{phone.name}-second", cluster.url, room.id, phone.ticket, "participant", phone.participant_id, cluster.history)
        for phone in room.crowd.phones
    ]
    for device in second:
        device.session.start()
        await device.session.ready()
    orders = itertools.permutations((1, 2, 3, 4))
    for phone, other, order in zip(room.crowd.phones, second, orders, strict=True):
        for number, revision in enumerate(order):
            device = phone if number % 2 else other
            device.press(room.one, CHOICES[revision % 3], revision=revision)
            await eventually(lambda device=device: _decided(device), "decided")
    room.crowd.phones += second
    await cluster.rest()
    rows = (await cluster.collect(room)).rows
    assert [row.revision for row in rows] == [4] * 24, "the highest revision stands, whatever came last"


def _decided(device: Phone) -> bool:
    return all(entry.state == "counted" for entry in device.session.outbox)


async def test_row_28_tickets_that_are_not_theirs(cluster: Cluster) -> None:
    room, other = await cluster.room(4), await cluster.room(2)
    phone, kicked = room.crowd.phones[:2]
    hub = cluster.hubs[0]
    forged = [phone.ticket[:-4] + "AAAA", phone.ticket[::-1], "", phone.ticket + "x"]
    for ticket in forged:
        raw = await Client.open(hub.url)
        assert (await raw.ask("hello", ticket=ticket))["type"] == "refused"
        await raw.until_closed()
    guest = await Client.enter(hub.url, phone.ticket)
    foreign = await guest.ask(
        "submit", activity_id=other.many, submission_id="01890000-0000-7000-8000-000000000001", data={"selected": ["a"]}
    )
    assert foreign["type"] == "refused", "a ticket is good for its own session only"
    await guest.close()
    answer = await cluster.rooms[0].host.session.command({"type": "remove", "participant_id": kicked.participant_id})
    assert answer is not None
    await eventually(lambda: not kicked.session.online, "the removed participant's socket is closed", 3)
    raw = await Client.open(hub.url)
    assert (await raw.ask("hello", ticket=kicked.ticket))["type"] == "refused", "and the ticket is good for nothing any more"
    await raw.until_closed()
    room.crowd.phones.remove(kicked)
    await kicked.session.close()
    await room.press(seconds=0.5)
    await cluster.rest()


async def test_row_52_a_thousand_answers_at_the_closing_instant(cluster: Cluster) -> None:
    room = await cluster.room(50)
    for turn in range(20):
        for phone in room.crowd.phones:
            phone.press(room.many if turn % 4 else room.one, CHOICES[turn % 3])
        if turn == 10:
            closing = asyncio.create_task(cluster.move(room, room.many, "closed"))
        await asyncio.sleep(0)
    await closing
    await cluster.rest()
    refused = sum(event.code == "activity_closed" for event in cluster.history.events("fail"))
    accepted = len({ack.submission_id for ack in cluster.history.acks()})
    assert accepted
    assert refused + accepted >= 950, f"{refused} refused, {accepted} accepted"


async def test_row_52_accepted_before_the_fence_and_lost_by_redis_counts_after_it(cluster: Cluster) -> None:
    """Receipts: what Redis forgot was accepted before closing; it is resent after closing and must count."""
    room = await cluster.room(20, kinds=("many",))
    for hub in cluster.hubs:
        hub.database.blackhole()  # nothing gets saved
    await room.press(rate=60, seconds=1)
    await eventually(lambda: all(_decided(phone) for phone in room.crowd.phones), "everything is accepted")
    accepted = {ack.submission_id for ack in cluster.history.acks()}
    async with cluster.redis() as redis:
        await redis.flushall()
    for hub in cluster.hubs:
        hub.database.reset()
    await cluster.database.execute("UPDATE activities SET state = 'closed', version = version + 1 WHERE id = $1", room.many)
    for hub in cluster.hubs:
        hub.database.heal()
    await eventually(
        lambda: all(len(phone.session.outbox) == 0 for phone in room.crowd.phones), room.crowd.unrest, 25
    )
    rows = (await cluster.collect(room)).rows
    assert {row.submission_id for row in rows} >= accepted, "P1: every accepted answer is counted, by its receipt"
    await cluster.rest()


async def test_an_outbox_survives_the_page(cluster: Cluster) -> None:
    """The phone is closed with unsaved answers and opened again with what it had kept."""
    room = await cluster.room(6, kinds=("many",))
    for hub in cluster.hubs:
        hub.database.blackhole()
    for phone in room.crowd.phones:
        phone.press(room.many, "a")
    await eventually(lambda: all(_decided(phone) for phone in room.crowd.phones), "everything is accepted")
    async with cluster.redis() as redis:
        await redis.flushall()
    for number, phone in enumerate(room.crowd.phones):
        kept = phone.session.outbox.dump()
        await phone.session.close()
        name = f"{phone.name}-again"
        again = Phone(name, cluster.url, room.id, phone.ticket, "participant", phone.participant_id, cluster.history)
        again.restore(Outbox.load(kept))
        again.session.start()
        room.crowd.phones[number] = again
    for hub in cluster.hubs:
        hub.database.reset()
        hub.database.heal()
    await cluster.rest()
