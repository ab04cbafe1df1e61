"""Guesses are slowed down, right codes never: the table of failures by itself, on a clock that the test moves."""

import asyncio

import pytest

from realtime.commands.guarding import Guard
from realtime.core.errors import Refusal
from realtime.paces import _FORGOTTEN_AFTER, Paces


class Clock:
    """Time that goes by when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def guard(clock: Clock, *, per_second: float = 1_000.0) -> Guard:
    return Guard(failures=20, window_seconds=600, failures_per_second=per_second, answer_seconds=0, clock=clock)


async def guess(guard: Guard, code: str, *, right: bool = False, address: str = "192.0.2.1") -> str | int:
    """What a try comes to: in, the code of the refusal, or the ms to wait before trying."""
    try:
        async with guard.attempt(address, code):
            if not right:
                raise Refusal("unknown_code")
    except Refusal as refusal:
        return refusal.code if refusal.code != "limited" else refusal.after_ms or 0
    return "in"


async def test_twenty_failures_are_free_and_then_the_delay_doubles(clock: Clock) -> None:
    watch = guard(clock)
    assert [await guess(watch, f"WRONG{number}") for number in range(20)] == ["unknown_code"] * 20
    waits = []
    for number in range(8):
        wait_ms = await guess(watch, f"MORE{number}")
        assert isinstance(wait_ms, int)
        waits.append(wait_ms)
        clock.now += wait_ms / 1_000
        assert await guess(watch, f"MORE{number}") == "unknown_code", "one try per delay"
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000]
    assert await guess(watch, "ELSEWHERE", address="192.0.2.2") == "unknown_code", "another address is not touched"


async def test_failures_are_forgotten_after_the_window(clock: Clock) -> None:
    watch = guard(clock)
    for number in range(20):
        await guess(watch, f"WRONG{number}")
    assert isinstance(await guess(watch, "NEXT"), int)
    clock.now += 601
    assert await guess(watch, "NEXT") == "unknown_code"


async def test_a_right_code_is_never_slowed_down_where_it_was_shown_before(clock: Clock) -> None:
    watch = guard(clock)
    assert await guess(watch, "RIGHT", right=True) == "in"
    for number in range(25):
        await guess(watch, f"WRONG{number}")
    assert isinstance(await guess(watch, "ANOTHER", right=True), int), "who comes with another code waits like the guesser"
    assert [await guess(watch, "RIGHT", right=True) for _ in range(5_000)] == ["in"] * 5_000


async def test_a_hall_that_finds_its_session_closed_is_not_taken_for_guessing(clock: Clock) -> None:
    watch = guard(clock)
    await guess(watch, "HALL", right=True)
    assert [await guess(watch, "HALL") for _ in range(100)] == ["unknown_code"] * 100
    assert await guess(watch, "OTHER", right=True) == "in"


async def test_guesses_at_the_same_time_count_before_they_are_judged(clock: Clock) -> None:
    watch = guard(clock)
    judged = asyncio.Event()

    async def slow(code: str) -> str:
        try:
            async with watch.attempt("192.0.2.1", code):
                await judged.wait()
                raise Refusal("unknown_code")
        except Refusal as refusal:
            return refusal.code

    different = [asyncio.create_task(slow(f"WRONG{number}")) for number in range(500)]
    same = [asyncio.create_task(slow("WRONG0")) for number in range(500)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    judged.set()
    outcomes = await asyncio.gather(*different)
    assert (outcomes.count("unknown_code"), outcomes.count("limited")) == (20, 480)
    assert set(await asyncio.gather(*same)) == {"unknown_code"}, "many who type the same are one guess"


async def test_many_addresses_together_share_what_one_would_have(clock: Clock) -> None:
    watch = guard(clock, per_second=5)
    await guess(watch, "RIGHT", right=True, address="198.51.100.7")
    outcomes = [await guess(watch, f"WRONG{number}", address=f"10.0.{number // 250}.{number % 250}") for number in range(1_000)]
    assert outcomes.count("unknown_code") < 100
    assert await guess(watch, "RIGHT", right=True, address="198.51.100.7") == "in"


def test_a_pace_lets_a_burst_through_and_then_the_rate(clock: Clock) -> None:
    pace = Paces(per_second=10, burst=5, most=2, clock=clock)
    assert [pace.take("a") for _ in range(6)] == [0, 0, 0, 0, 0, 101]
    clock.now += 0.101
    assert pace.take("a") == 0
    assert pace.take("b") == pace.take("c") == 0, "others have their own"
    assert [pace.take("a") for _ in range(5)] == [0] * 5, "whoever was pushed out of the table begins anew"


def test_a_table_of_paces_is_as_large_as_the_crowd_of_the_last_moments(clock: Clock) -> None:
    pace = Paces(per_second=10, burst=5, most=10_000, clock=clock)
    for number in range(3_000):
        pace.take(f"guest {number}")
        clock.now += 0.01
    assert len(pace._buckets) <= 20 + 2 * _FORGOTTEN_AFTER
    assert [pace.take("greedy") for _ in range(6)][-1] > 0
    clock.now += 0.05
    for number in range(100):
        pace.take(f"late {number}")
    assert pace.take("greedy") > 0, "who has used his up is not forgotten for others"
