"""Points on a picture."""

import pytest

from realtime.activities.contract import Json
from realtime.activities.hotspot import TYPE, Region
from realtime.core.errors import Refusal
from tests.activities.classroom import COUNTS_ONLY, RESULTS_WITHOUT_KEY, REVEALED, Classroom, example_with


def picture() -> Classroom:
    room = Classroom(TYPE)
    room.answer({"points": [{"x": 0.43, "y": 0.56}]}, times=3)
    room.answer({"x": 0, "y": 1})
    return room


def test_points_are_counted_on_a_grid() -> None:
    view = picture().view()
    assert view["grid"] == {"cols": 40, "rows": 24, "cells": {"17-13": 3, "0-23": 1}}
    assert view["regions"] == {"g1": 3, "none": 1}
    assert (view["correct_fraction"], view["points"]) == (0.75, 4)


def test_where_the_answer_is_stays_hidden() -> None:
    room = picture()
    assert room.view(COUNTS_ONLY).keys() == {"grid", "points"}
    assert room.view(RESULTS_WITHOUT_KEY).keys() == {"grid", "points", "correct_fraction"}
    assert room.view(REVEALED)["regions"] == {"g1": 3, "none": 1}
    assert "regions" not in TYPE.public_settings(room.settings, COUNTS_ONLY)
    assert "regions" in TYPE.public_settings(room.settings, REVEALED)


@pytest.mark.parametrize(
    ("shape", "coords", "inside", "outside"),
    [
        ("circle", [0.5, 0.5, 0.1], (0.59, 0.5), (0.5, 0.71)),
        ("circle", [0.5, 0.5, 0.1], (0.5, 0.69), (0.61, 0.5)),  # twice as wide as high: round on the screen
        ("ellipse", [0.5, 0.5, 0.2, 0.1], (0.69, 0.5), (0.5, 0.61)),
        ("rect", [0.1, 0.2, 0.3, 0.4], (0.1, 0.4), (0.31, 0.3)),
        ("poly", [0, 0, 1, 0, 0, 1], (0.4, 0.4), (0.6, 0.6)),
    ],
)
def test_shapes(
    shape: str, coords: list[float], inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    region = Region.model_validate({"id": "g", "shape": shape, "coords": coords})
    assert region.holds(*inside, width=2_000, height=1_000)
    assert not region.holds(*outside, width=2_000, height=1_000)


def test_several_regions_are_marked_each() -> None:
    regions = [
        {"id": "a", "shape": "rect", "coords": [0, 0, 0.2, 0.2]},
        {"id": "b", "shape": "rect", "coords": [0.8, 0.8, 1, 1]},
        {"id": "trap", "shape": "rect", "coords": [0.4, 0.4, 0.6, 0.6], "correct": False},
    ]
    room = Classroom(TYPE, example_with(TYPE, regions=regions, max_points=3))
    near_a, also_a, near_b, trap = [{"x": x, "y": x} for x in (0.1, 0.15, 0.9, 0.5)]
    assert room.mark({"points": [near_a, near_b]}).score == 1
    assert room.mark({"points": [near_a, also_a]}).score == 0.5
    assert room.mark({"points": [near_a, near_b, trap]}).score == 0.5
    assert room.mark({"points": [trap]}).score == 0


def test_without_right_regions_nothing_is_marked() -> None:
    room = Classroom(TYPE, example_with(TYPE, regions=[]))
    answer = room.answer({"x": 0.5, "y": 0.5})
    assert TYPE.mark(room.settings, answer) is None
    assert "correct_fraction" not in room.view()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"points": []}, "too_few_choices"),
        ({"points": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}, "too_many_choices"),
        ({"points": [{"x": 1.01, "y": 0}]}, "invalid"),
        ({"points": [{"x": "0", "y": 0}]}, "invalid"),
        ({"points": [{"x": 0}]}, "invalid"),
    ],
)
def test_refuses(answer: Json, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        Classroom(TYPE).answer(answer)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "region",
    [
        {"shape": "circle", "coords": [0.1, 0.1]},
        {"shape": "circle", "coords": [0.1, 0.1, 0]},
        {"shape": "rect", "coords": [0.5, 0.5, 0.1, 0.1]},
        {"shape": "poly", "coords": [0, 0, 1, 1, 0.5]},
        {"shape": "star", "coords": [0, 0, 1]},
    ],
)
def test_regions_must_fit(region: dict[str, Json]) -> None:
    with pytest.raises(Refusal):
        Classroom(TYPE, example_with(TYPE, regions=[{"id": "g"} | region]))
