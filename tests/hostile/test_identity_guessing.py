"""Faults 40 and 41: codes guessed, and joins by the thousand. Failures are limited, a hall behind one address is not."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.hostile.crowds import Crowd
from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage, bearer, new_id, open_stage
from tests.waiting import eventually

JOIN = "/api/v1/join"
PROXY = {"PLENUM_TRUSTED_PROXIES": "127.0.0.0/8"}  # so that a test can come from many addresses


@pytest.fixture(scope="module")
def proxied_hub(start_hub: Callable[..., Server]) -> Iterator[Server]:
    hub = start_hub(**PROXY)
    yield hub
    hub.end()


@pytest.fixture
async def proxied(proxied_hub: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(proxied_hub.url, proxied_hub.database_url)
    yield opened
    await opened.close()


_addresses = iter(range(1, 250))


def new_address() -> dict[str, str]:
    """The header of an address that no test has come from."""
    return {"x-forwarded-for": f"203.0.113.{next(_addresses)}"}


async def try_code(stage: Stage, code: str, address: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return await stage.http.post(JOIN, json={"code": code, "nickname": "Guest", **fields}, headers=address or {})


async def fail_often(stage: Stage, address: dict[str, str], times: int = 20) -> list[httpx.Response]:
    return [await try_code(stage, f"WRNG{number:03d}", address) for number in range(times)]


async def test_twenty_wrong_codes_slow_an_address_down_and_not_the_hall_behind_it(proxied: Stage) -> None:
    """Fault 40: join-code brute force."""
    scene, other = await proxied.session(), await proxied.session()
    hall = new_address()
    assert (await try_code(proxied, scene.code, hall)).status_code == 201
    answers = await fail_often(proxied, hall, 22)
    assert [one.status_code for one in answers[:20]] == [404] * 20
    slowed = answers[20]
    assert (slowed.status_code, slowed.json()["code"]) == (429, "limited")
    assert int(slowed.headers["retry-after"]) >= 1
    assert 0 < slowed.json()["after_ms"] <= 1_000
    # A right code that was not shown from here before is no better than a wrong one: nothing can be found out faster.
    assert (await try_code(proxied, other.code, hall)).status_code == 429
    assert (await proxied.http.get(f"/api/v1/sessions/code/{other.code}", headers=hall)).status_code == 429
    joined = await asyncio.gather(*(try_code(proxied, scene.code, hall) for _ in range(200)))
    assert {one.status_code for one in joined} == {201}, "who has the code of the hall's session comes in"
    assert (await try_code(proxied, other.code, new_address())).status_code == 201, "nobody else is slowed down"

    async def let_in() -> bool:
        return (await try_code(proxied, other.code, hall)).status_code == 201

    assert await eventually(let_in, "after the delay one more try", 10)


async def test_a_hundred_thousand_guesses_would_take_years(proxied: Stage) -> None:
    """From one address: what is let through in a burst of guesses, whatever their number, is twenty and one."""
    scene = await proxied.session()
    thief = new_address()
    guesses = [{"code": f"Z{number:05d}", "nickname": "Guest"} for number in range(2_000)]
    outcomes = Counter(status for status, _ in await Crowd(proxied.url, JOIN, **thief).post_all(guesses))
    assert outcomes[404] <= 30, outcomes
    assert outcomes[404] + outcomes[429] == 2_000
    assert (await try_code(proxied, scene.code, new_address())).status_code == 201


async def test_an_ipv6_household_is_one_address(proxied: Stage) -> None:
    answers = [
        await try_code(proxied, f"SIXES{number:02d}", {"x-forwarded-for": f"2001:db8:7:7::{number:x}"}) for number in range(21)
    ]
    assert [one.status_code for one in answers] == [404] * 20 + [429]
    assert (await try_code(proxied, "SIXES99", {"x-forwarded-for": "2001:db8:7:8::1"})).status_code == 404


async def test_forwarded_addresses_are_believed_from_configured_proxies_only(make_hub: Callable[..., Server]) -> None:
    """Fault 47: with a made-up X-Forwarded-For for each guess, to a hub that has no proxy before it."""
    hub = make_hub()
    stage = await open_stage(hub.url, hub.database_url)
    outcomes = [(await try_code(stage, f"SPOOF{number:02d}", new_address())).status_code for number in range(40)]
    await stage.close()
    assert outcomes.count(404) <= 20
    assert 429 in outcomes


async def test_unknown_closed_locked_and_full_codes_cannot_be_told_apart(proxied: Stage) -> None:
    kinds: dict[str, Scene | None] = {"unknown": None}
    for kind in ("ended", "locked", "full"):
        kinds[kind] = await proxied.session(max_participants=1)
    ended, locked, full = (kinds[one] for one in ("ended", "locked", "full"))
    assert ended is not None and locked is not None and full is not None  # noqa: PT018 - for the type checker
    await full.join()
    await (await ended.present()).ask("move_session", to="completed")
    await (await locked.present()).ask("move_session", locked=True)
    bodies, seconds = {}, {}
    for kind, scene in kinds.items():
        took = []
        for number in range(5):
            begun = time.monotonic()
            answer = await try_code(proxied, f"NONE{number}X" if scene is None else scene.code, new_address())
            took.append(time.monotonic() - begun)
            document = answer.json()
            document.pop("timestamp")
            bodies[kind] = answer.status_code, document, {name for name in answer.headers if name != "date"}
        seconds[kind] = statistics.median(took)
    assert bodies["unknown"][0] == 404
    assert all(one == bodies["unknown"] for one in bodies.values()), bodies
    assert min(seconds.values()) >= 0.09, "every failure is told after the same time"
    assert max(seconds.values()) < 2 * min(seconds.values()), seconds


@pytest.mark.timeout(180)
async def test_five_thousand_join_from_one_address(stage: Stage) -> None:
    """Fault 41, the honest side: a lecture hall behind one address, all at once; who is told to retry does so."""
    scene = await stage.session()
    joins = [{"code": scene.code, "nickname": f"P{number}", "join_id": f"storm-{number:05d}"} for number in range(5_000)]
    answers = await Crowd(stage.url, JOIN).post_all(joins, patiently=True)
    outcomes = Counter(status for status, _ in answers)
    assert outcomes[201] == 5_000, outcomes
    assert set(outcomes) <= {201, 429, 503}
    assert (await scene.get("/status")).json()["participant_count"] == 5_000


async def test_newcomers_of_a_session_are_paced(make_hub: Callable[..., Server]) -> None:
    """Fault 41, the dishonest side: bots with a valid code come no faster than the session takes newcomers."""
    hub = make_hub(PLENUM_JOINS_PER_SECOND="5", PLENUM_JOIN_BURST="20")
    stage = await open_stage(hub.url, hub.database_url)
    try:
        scene, other = await stage.session(), await stage.session()
        answers = await asyncio.gather(*(try_code(stage, scene.code) for _ in range(100)))
        outcomes = Counter(one.status_code for one in answers)
        assert 20 <= outcomes[201] <= 60, outcomes
        assert all(500 <= one.json()["after_ms"] <= 3_000 for one in answers if one.status_code == 429)
        assert (await try_code(stage, other.code)).status_code == 201, "another session has its own pace"

        async def let_in() -> bool:
            return (await try_code(stage, scene.code)).status_code == 201

        assert await eventually(let_in, "paced with retry", 10)
    finally:
        await stage.close()


async def test_passcode_is_asked_for_checked_and_slowed_down(proxied: Stage) -> None:
    scene = await proxied.session(passcode="tulip-47")
    hall, thief = new_address(), new_address()
    asked = await try_code(proxied, scene.code, hall)
    assert (asked.status_code, asked.json()["code"]) == (403, "passcode_required")
    assert (await try_code(proxied, scene.code, hall, passcode="tulip-47")).status_code == 201
    wrong = [await try_code(proxied, scene.code, thief, passcode=f"guess-{number}") for number in range(21)]
    assert [one.json()["code"] for one in wrong] == ["wrong_passcode"] * 20 + ["limited"]
    assert (await try_code(proxied, scene.code, thief, passcode="tulip-47")).status_code == 429
    more = await asyncio.gather(*(try_code(proxied, scene.code, hall, passcode="tulip-47") for _ in range(50)))
    assert {one.status_code for one in more} == {201}
    by_id = await proxied.http.post(f"{scene.path}/join", json={"nickname": "X"}, headers=hall)
    assert by_id.json()["code"] == "passcode_required", "the session's id is no way around it"
    stored = await proxied.database.fetchval("SELECT settings::text FROM sessions WHERE id = $1", scene.id)
    assert "tulip-47" not in stored
    shown = (await scene.get()).json()
    assert shown["passcode_required"] is True
    assert "passcode" not in shown


async def test_a_new_passcode_counts_at_once_on_every_hub(proxied: Stage, stage: Stage) -> None:
    scene = await proxied.session()
    seat = await scene.join("Early")
    assert (await try_code(stage, scene.code)).status_code == 201, "the other hub knows the session without a passcode"
    changed = await (await scene.present()).ask("move_session", passcode="rose-1234")
    assert changed["type"] == "done"
    assert "rose-1234" not in str(changed)
    refused = await try_code(stage, scene.code)
    assert refused.json()["code"] == "passcode_required"
    assert (await try_code(stage, scene.code, passcode="rose-1234")).status_code == 201
    assert (await stage.enter(seat.ticket)).welcome["session_id"] == scene.id, "who is in stays in"
    await (await scene.present()).ask("move_session", passcode="")
    assert (await try_code(stage, scene.code)).status_code == 201


async def test_the_rotating_number_is_shown_to_the_room_and_asked_of_newcomers(proxied: Stage) -> None:
    made = (await proxied.http.post("/api/v1/sessions", json={"title": "Under attack"})).json()
    scene = Scene(proxied, made["id"], made["join_code"], made["presenter_ticket"])
    presenter, screen = await scene.present(), await proxied.enter(made["screen_ticket"])
    phone = await scene.enter(await scene.join("Early"))
    await presenter.ask("move_session", second_factor=True)
    shown = [await one.until(lambda one=one: numbers(one), "the number") for one in (presenter, screen)]
    assert shown[0][-1] == shown[1][-1]
    assert (await scene.get("/second-factor")).json()["number"] in {shown[0][-1], numbers(presenter)[-1]}
    hall, thief = new_address(), new_address()
    asked = await try_code(proxied, scene.code, hall)
    assert (asked.status_code, asked.json()["code"]) == (403, "second_factor_required")

    async def join() -> bool:
        number = (await scene.get("/second-factor")).json()["number"]
        return (await try_code(proxied, scene.code, hall, second_factor=number)).status_code == 201

    assert await join()
    present = {(await scene.get("/second-factor")).json()["number"], *numbers(presenter)}
    guesses = [f"{number:04d}" for number in range(0, 10_000, 397) if f"{number:04d}" not in present]
    wrong = [await try_code(proxied, scene.code, thief, second_factor=one) for one in guesses[:21]]
    assert [one.json()["code"] for one in wrong].count("wrong_second_factor") >= 18
    assert wrong[-1].json()["code"] in ("limited", "wrong_second_factor")
    assert numbers(phone) == [], "participants are not told"
    assert all(number not in str(phone.frames) for number in present)
    assert (await scene.get("/second-factor", (await scene_seat(scene, hall)))).status_code == 403
    await presenter.ask("move_session", second_factor=False)
    await presenter.until(lambda: numbers(presenter)[-1] is None, "no number any more")
    assert (await try_code(proxied, scene.code, hall)).status_code == 201


def numbers(client: Any) -> list[str | None]:
    return [frame["number"] for frame in client.frames if frame["type"] == "second_factor"]


async def scene_seat(scene: Scene, hall: dict[str, str]) -> str:
    """The ticket of somebody who came in by the present number."""
    number = (await scene.get("/second-factor")).json()["number"]
    ticket: str = (await try_code(scene.stage, scene.code, hall, second_factor=number)).json()["ticket"]
    return ticket


async def test_answers_of_a_session_are_paced_over_both_ways(make_hub: Callable[..., Server]) -> None:
    """However many people a session has: what it may take of the process is bounded, and others do not notice."""
    hub = make_hub(PLENUM_ANSWERS_PER_SECOND="5")
    stage = await open_stage(hub.url, hub.database_url)
    try:
        busy, quiet = await stage.session(), await stage.session()
        activity_id, other_id = await busy.add(), await quiet.add()
        seats = [await busy.join(f"P{number}") for number in range(16)]
        phones = [await busy.enter(seat) for seat in seats]
        data = {"selected": ["a"]}
        asked = [one.ask("submit", activity_id=activity_id, submission_id=new_id(), data=data) for one in phones]
        replies = await asyncio.gather(*asked)
        soft = [one for one in replies if one["type"] == "retry"]
        assert len(soft) >= 3
        assert {one["code"] for one in soft} == {"limited"}
        assert all(one["after_ms"] >= 1 for one in soft)
        posted = await asyncio.gather(*(busy.answer(activity_id, seat, data) for seat in seats))
        assert 429 in {one.status_code for one in posted}
        assert (await quiet.answer(other_id, await quiet.join(), data)).status_code == 201
    finally:
        await stage.close()


async def test_polling_is_limited_by_ticket_and_not_by_address(make_hub: Callable[..., Server]) -> None:
    hub = make_hub(
        PLENUM_REQUESTS_PER_SECOND="5", PLENUM_REQUEST_BURST="20", PLENUM_COMMANDS_PER_SECOND="5", PLENUM_COMMAND_BURST="20"
    )
    stage = await open_stage(hub.url, hub.database_url)
    try:
        scene = await stage.session()
        eager, calm = await scene.join("Eager"), await scene.join("Calm")
        answers = await asyncio.gather(*(stage.http.get(f"{scene.path}/status", headers=bearer(eager.ticket)) for _ in range(60)))
        refused = [one for one in answers if one.status_code == 429]
        assert len(refused) >= 20
        assert refused[0].json()["code"] == "limited"
        assert refused[0].json()["after_ms"] >= 1
        assert (await stage.http.get(f"{scene.path}/status", headers=bearer(calm.ticket))).status_code == 200
        phone, tablet, other = await scene.enter(eager), await scene.enter(eager), await scene.enter(calm)
        replies = await asyncio.gather(*(one.ask("ping") for _ in range(30) for one in (phone, tablet)))
        soft = [one for one in replies if one["type"] == "retry"]
        assert len(soft) >= 20, "two sockets of one ticket share its pace"
        assert {one["code"] for one in soft} == {"limited"}
        assert (await other.ask("ping"))["type"] == "pong"
        assert not phone.closed
        # Answers like one that was judged go another way through the server, at the same pace.
        activity_id = await scene.add()
        quick = await scene.enter(await scene.join("Quick"))
        asked = [
            quick.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]}) for _ in range(40)
        ]
        told = [one["type"] for one in await asyncio.gather(*asked)]
        assert told[0] == "accepted"
        assert told.count("retry") >= 10
    finally:
        await stage.close()
