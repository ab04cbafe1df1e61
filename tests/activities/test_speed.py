"""Points by speed and streak, with the table of the contract."""

import pytest

from realtime.activities.config import Scoring
from realtime.activities.contract import Mark
from realtime.activities.speed import Award, SpeedProfile, StreakRule, award, speed_points, streak_bonus

PROFILES: tuple[SpeedProfile, ...] = ("kahoot", "linear", "floor10", "none")
RIGHT, WRONG, HALF = Mark(True, 1.0), Mark(False, 0.0), Mark(False, 0.5)


@pytest.mark.parametrize(
    ("elapsed_ms", "points"),
    [
        (0, (1000, 1000, 1000, 1000)),
        (400, (1000, 980, 980, 1000)),
        (500, (988, 975, 975, 1000)),
        (5_000, (875, 750, 750, 1000)),
        (10_000, (750, 500, 500, 1000)),
        (19_000, (525, 50, 100, 1000)),
        (20_000, (500, 0, 100, 1000)),
    ],
)
def test_speed_profiles(elapsed_ms: int, points: tuple[int, ...]) -> None:
    assert tuple(speed_points(profile, 1_000, elapsed_ms, 20_000) for profile in PROFILES) == points


@pytest.mark.parametrize("profile", PROFILES)
def test_times_are_bounded_and_points_never_rise(profile: SpeedProfile) -> None:
    assert speed_points(profile, 1_000, -50, 20_000) == 1_000
    assert speed_points(profile, 1_000, 30_000, 20_000) == speed_points(profile, 1_000, 20_000, 20_000)
    assert speed_points(profile, 1_000, 30_000, None) == speed_points(profile, 1_000, 30_000, 0) == 1_000
    over_time = [speed_points(profile, 1_000, elapsed_ms, 20_000) for elapsed_ms in range(0, 20_001, 100)]
    assert over_time == sorted(over_time, reverse=True)


@pytest.mark.parametrize(
    ("rule", "bonuses"),
    [
        ("kahoot", [0, 0, 100, 200, 300, 400, 500, 500]),
        ("arsnova", [0, 0, 100, 200, 300, 500, 500, 500]),
        ("none", [0] * 8),
    ],
)
def test_streaks(rule: StreakRule, bonuses: list[int]) -> None:
    assert [streak_bonus(rule, 1_000, streak) for streak in range(8)] == bonuses


def test_awards_by_mode() -> None:
    assert award(Scoring(), RIGHT, 0, 20_000, 3) == Award(0, streak=3)
    assert award(Scoring(mode="participation"), None, 0, 20_000) == Award(1_000)
    accuracy = Scoring(mode="accuracy", speed="kahoot", negative=0.25)
    assert award(accuracy, RIGHT, 19_000, 20_000) == Award(1_000, streak=1)
    assert award(accuracy, HALF, 0, 20_000, 2) == Award(500)
    assert award(accuracy, WRONG, 0, 20_000, 2) == Award(-250)
    assert award(accuracy, None, 0, 20_000, 2) == Award(0, streak=2)


def test_speed_multiplies_with_partial_credit_and_streaks_add() -> None:
    speed = Scoring(mode="speed", speed="kahoot", streak="kahoot")
    assert award(speed, RIGHT, 5_000, 20_000, 1) == Award(975, bonus=100, streak=2)
    assert award(speed, HALF, 10_000, 20_000, 1) == Award(375)
    assert award(speed, RIGHT, None, 20_000) == Award(500, streak=1)
    multiplied = Scoring(mode="speed", speed="linear", streak="arsnova")
    assert award(multiplied, RIGHT, 10_000, 20_000, 4) == Award(750, bonus=250, streak=5)
