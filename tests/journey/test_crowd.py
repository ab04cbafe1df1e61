"""A whole hall answers at once, and a property: stale state plus delta is a fresh snapshot."""

import asyncio
import random
import time
from typing import Any

import pytest

from tests.journey.clients import Client
from tests.journey.stages import Seat, Stage, new_id

PHONES = 500
ANSWER_SECONDS = 1.0


@pytest.mark.timeout(60)
async def test_500_phones_answer_within_a_second(stage: Stage) -> None:
    scene = await stage.session("Great hall")
    activity_id = await scene.add()
    presenter = await scene.present()
    seats = await asyncio.gather(*(scene.join(None) for _ in range(PHONES)))
    phones = [client for start in range(0, PHONES, 50) for client in await enter(stage, seats[start : start + 50])]

    started = time.monotonic()
    accepted = await asyncio.gather(
        *(
            phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["abc"[number % 3]]})
            for number, phone in enumerate(phones)
        )
    )
    seconds = time.monotonic() - started
    assert {reply["type"] for reply in accepted} == {"accepted"}
    assert {reply["duplicate"] for reply in accepted} == {False}
    assert len({reply["offset"] for reply in accepted}) == PHONES

    await asyncio.gather(*(phone.until_saved(reply) for phone, reply in zip(phones, accepted, strict=True)))
    await presenter.until(lambda: presenter.map[f"counts:{activity_id}"]["responses"] == PHONES, "the tally")
    votes = presenter.map[f"view:{activity_id}"]["vote_counts"]
    assert votes == {"a": 167, "b": 167, "c": 166}
    rows = await scene.rows(activity_id)
    assert len(rows) == PHONES
    assert len({row["participant_id"] for row in rows}) == PHONES
    assert [phone.gaps for phone in phones] == [0] * PHONES
    assert seconds < ANSWER_SECONDS, f"{seconds:.2f} s"


async def enter(stage: Stage, seats: list[Seat]) -> list[Client]:
    return list(await asyncio.gather(*(stage.enter(seat.ticket) for seat in seats)))


@pytest.mark.parametrize("seed", range(4))
async def test_stale_state_plus_delta_is_a_fresh_snapshot(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    scene = await stage.session()
    activities = [await scene.add(), await scene.add("generic", {}), await scene.add()]
    seats = [await scene.join(f"P{number}") for number in range(6)]
    writers = await enter(stage, seats[:5])
    presenter = await scene.present()
    stale: list[tuple[str, Client]] = []
    for ticket in (seats[5].ticket, scene.ticket):
        client = await stage.enter(ticket)
        await client.close()
        stale.append((ticket, client))
    sent: list[dict[str, Any]] = []
    for _ in range(40):
        writer = chance.choice(writers)
        match chance.randrange(6):
            case 0 if sent:
                await writer.ask("submit", **chance.choice(sent))
            case 1:
                await writer.ask("withdraw", activity_id=chance.choice(activities), submission_id=new_id())
            case 2:
                wanted = chance.choice(["active", "paused", "closed", "draft", "cancelled"])
                await presenter.ask("move", activity_id=chance.choice(activities), to=wanted, new_round=chance.random() < 0.3)
            case 3:
                await presenter.ask("reveal", activity_id=chance.choice(activities), revealed=chance.random() < 0.5)
            case _:
                number = chance.randrange(3)
                data: dict[str, Any] = {"any": chance.random()} if number == 1 else {"selected": [chance.choice("abc")]}
                press = {"activity_id": activities[number], "submission_id": new_id(), "data": data}
                sent.append(press)
                await writer.ask("submit", **press)
    for ticket, client in stale:
        # Both read at one offset: whatever moves meanwhile (heads, the watermark) is pushed to both.
        back, fresh = await stage.enter(ticket, after=client), await stage.enter(ticket)
        await fresh.until(lambda one=back, other=fresh: one.position == other.position, "one position")  # type: ignore[misc]
        assert fresh.welcome["state"]["type"] == "snapshot"
        assert back.map == fresh.map
        assert back.gaps == 0
