"""The waits of a client: spread enough for a hall, bounded, and never a flood."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.client import Patience
from realtime.client.patience import Backoff, Budget
from realtime.web.wire import BURST_BYTES, RATE_BYTES_PER_SECOND

chances = st.floats(0, 1, exclude_max=True)


@given(st.lists(chances, min_size=1, max_size=40))
def test_waits_double_up_to_the_cap_and_use_the_whole_time(draws: list[float]) -> None:
    patience = Patience(base_seconds=0.5, cap_seconds=8)
    drawn = iter(draws)
    backoff = Backoff(patience, lambda: next(drawn))
    for failures, chance in enumerate(draws):
        assert backoff.again_seconds() == chance * min(8, 0.5 * 2**failures)


def test_a_rest_starts_over_and_a_least_wait_is_kept() -> None:
    backoff = Backoff(Patience(base_seconds=1, cap_seconds=100), lambda: 0.5)
    waits = [backoff.again_seconds() for _ in range(3)]
    backoff.rest()
    assert [*waits, backoff.again_seconds(), backoff.again_seconds(least=3)] == [0.5, 1, 2, 0.5, 4]


@given(chances, st.floats(0, 60))
def test_the_announced_window_is_used_after_a_crash(chance: float, window_seconds: float) -> None:
    wait = Backoff(Patience(base_seconds=0.5), lambda: chance).spread_seconds(window_seconds)
    assert 0 <= wait <= max(0.5, window_seconds)


@given(st.lists(st.tuples(st.integers(1, 60_000), st.floats(0, 3)), max_size=60))
def test_whoever_keeps_to_the_budget_is_never_taken_for_a_flood(frames: list[tuple[int, float]]) -> None:
    now = 0.0
    budget = Budget(now)
    left, at = float(BURST_BYTES), now  # as the server counts
    for size, thinking_seconds in frames:
        now += thinking_seconds
        now += budget.wait_seconds(size, now)
        budget.spend(size, now)
        left = min(BURST_BYTES, left + (now - at) * RATE_BYTES_PER_SECOND) - size
        at = now
        assert left >= 0
