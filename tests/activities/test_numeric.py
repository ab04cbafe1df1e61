"""Numbers, with and without a right one."""

import random
import statistics

import pytest

from realtime.activities.contract import Sight, read_settings
from realtime.activities.numeric import TYPE
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, RESULTS_WITHOUT_KEY, REVEALED, Classroom, example_with


def test_statistics_and_key() -> None:
    room = Classroom(TYPE)
    for value, times in ((0, 1), (30, 2), (32, 3), (36, 1), (100, 1)):
        room.answer({"value": value}, times=times)
    room.answer({"abstain": True})
    assert room.view() == {
        "n": 8,
        "mean": 36.5,
        "median": 32,
        "stdev": 26.244,
        "variance": 688.75,
        "min": 0,
        "max": 100,
        "histogram": {"edges": list(range(0, 101, 10)), "counts": [1, 0, 0, 6, 0, 0, 0, 0, 0, 1]},
        "correct_fraction": 0.625,
        "mean_score": 0.6875,
        "closest": [{"participant": name, "value": 32} for name in ("p4", "p5", "p6")],
    }


def test_guesses_stay_hidden_until_the_results_are_shown() -> None:
    room = Classroom(TYPE)
    room.answer({"value": 32})
    assert room.view(COUNTS_ONLY) == {"n": 1}
    assert not {"correct_fraction", "mean_score", "closest"} & room.view(RESULTS_WITHOUT_KEY).keys()
    assert room.view(REVEALED)["correct_fraction"] == 1
    assert "closest" not in room.view(REVEALED)
    assert "closest" in room.view(Sight(host=False, counts=True, results=True, key=True, names=True))
    hidden = TYPE.public_settings(room.settings, COUNTS_ONLY)
    assert not {"correct", "tolerance", "bands", "closeness"} & hidden.keys()


def test_an_estimate_without_a_key_is_shown_live() -> None:
    room = Classroom(TYPE, {"question": "How many hours?", "decimals": 1})
    room.answer({"value": 1.5})
    room.answer({"value": -2})
    view = room.view(COUNTS_ONLY)
    assert (view["n"], view["mean"], view["min"], view["max"]) == (2, -0.25, -2, 1.5)
    assert "correct_fraction" not in room.view()
    assert room.items == {}
    assert room.kind.mark(room.settings, room.answered[0].answer) is None


@pytest.mark.parametrize(
    ("changes", "value", "score", "correct"),
    [
        ({}, 34, 1, True),
        ({}, 35, 0.5, False),
        ({}, 37, 0.5, False),
        ({}, 38, 0, False),
        ({"tolerance": {"mode": "exact"}, "bands": []}, 33, 0, False),
        ({"correct": 0, "bands": []}, 2, 1, True),
        ({"correct": 50, "tolerance": {"mode": "relative", "value": 10}, "bands": []}, 45, 1, True),
        ({"correct": 50, "tolerance": {"mode": "relative", "value": 10}, "bands": []}, 44, 0, False),
        ({"correct": 0.3, "decimals": 1, "tolerance": {"mode": "absolute", "value": 0.2}}, 0.1, 1, True),
    ],
)
def test_tolerances(changes: dict[str, object], value: float, score: float, correct: bool) -> None:
    mark = Classroom(TYPE, example_with(TYPE, **changes)).mark({"value": value})
    assert (mark.score, mark.correct) == (score, correct)


@pytest.mark.parametrize(
    ("value", "score"), [(89, 0), (90, 0.1), (95, 0.75), (100, 1), (110, 0.75), (120, 0.1), (121, 0)]
)
def test_closeness(value: int, score: float) -> None:
    settings = {"prompt": "?", "correct": 100, "closeness": {"low": 90, "high": 120}}
    assert Classroom(TYPE, settings).mark({"value": value}).score == pytest.approx(score)


def test_closeness_takes_the_widest_band() -> None:
    room = Classroom(TYPE, example_with(TYPE, closeness=True, bands=[{"within": 10, "fraction": 1}]))
    assert room.mark({"value": 37}).score == 0.75
    assert room.mark({"value": 43}).score == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1, "must be from 0 to 100"),
        (101, "must be from 0 to 100"),
        (30.5, "at most 0 decimals"),
        ("30", None),
        (True, None),
        (None, None),
    ],
)
def test_values_that_do_not_fit(value: object, reason: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        Classroom(TYPE).answer({"value": value})
    assert refused.value.code == "invalid"
    assert reason is None or refused.value.details["reason"] == reason


def test_whole_numbers_stay_whole() -> None:
    answer = Classroom(TYPE).answer({"value": 30.0})
    assert isinstance(answer.value, int)


@pytest.mark.parametrize(
    "changes",
    [
        {"min": 100},
        {"min": 0.5},
        {"correct": 101},
        {"correct": None},
        {"decimals": 7},
        {"closeness": True, "tolerance": {"mode": "exact"}, "bands": []},
        {"closeness": {"low": 40, "high": 50}},
        {"tolerance": {"mode": "vague", "value": 1}},
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        read_settings(TYPE, example_with(TYPE, **changes))


@pytest.mark.parametrize("bounds", [{}, {"min": -1_000_000_000, "max": 1_000_000_000}])
def test_sums_stay_exact_where_values_are_counted_coarsely(bounds: dict[str, int]) -> None:
    chance = random.Random(3)
    values = [round(chance.uniform(-1, 1) * 10 ** chance.randrange(9), 2) for _ in range(300)]
    room = Classroom(TYPE, {"prompt": "?", **bounds})
    for value in values:
        room.answer({"value": value})
    view = room.view()
    assert view["mean"] == pytest.approx(statistics.fmean(values), rel=1e-9)
    assert view["stdev"] == pytest.approx(statistics.pstdev(values), rel=1e-9)
    assert view["approximate"] == ["median", "min", "max", "histogram"]
    assert view["max"] == pytest.approx(max(values), rel=0.06)
    assert sum(view["histogram"]["counts"]) == 300


def test_extreme_values_keep_every_counter_small() -> None:
    room = Classroom(TYPE, {"prompt": "?", "decimals": 6})
    room.answer({"value": 1e15}, times=3)
    room.answer({"value": -1e15})
    assert max(abs(count) for count in room.tally.values()) < 10**7
    assert room.view()["mean"] == 5e14


def test_distinct_values_are_bounded() -> None:
    bounded = read_settings(TYPE, {"prompt": "?", "min": 0, "max": 10**9})
    free = read_settings(TYPE, {"prompt": "?", "decimals": 0})
    spread = range(0, 10**9, 10**5)
    assert len({bounded.bucket(units) for units in spread}) <= 5_000  # type: ignore[attr-defined]
    assert len({free.bucket(units) for units in spread}) < 1_000  # type: ignore[attr-defined]
    assert free.bucket(-12_345) == -12_000  # type: ignore[attr-defined]


def test_rows_carry_the_judgement() -> None:
    room = Classroom(TYPE)
    room.answer({"value": 36})
    assert room.rows() == [{"participant": "p1", "round": 1, "value": 36, "correct": False, "score": 0.5}]
