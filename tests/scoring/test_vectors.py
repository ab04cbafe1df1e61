"""Every marking rule and every speed profile, from the answer on the phone to the points in the ledger."""

import string
from typing import Any

import pytest

from tests.scoring.stage import Stage

SECONDS = (0, 0.4, 0.5, 5, 10, 19, 20)
PROFILES = {
    "kahoot": (1000, 1000, 988, 875, 750, 525, 500),
    "linear": (1000, 980, 975, 750, 500, 50, 0),
    "floor10": (1000, 980, 975, 750, 500, 100, 100),
    "none": (1000, 1000, 1000, 1000, 1000, 1000, 1000),
}


@pytest.mark.parametrize("profile", PROFILES)
async def test_speed_profiles(stage: Stage, profile: str) -> None:
    activity_id = await stage.ask(
        scoring={"mode": "speed", "speed": profile, "points": 1_000}, constraints={"time_limit": 20, "grace_ms": 2_000}
    )
    people = await stage.crowd(len(SECONDS) + 1)
    for actor, seconds in zip(people, SECONDS, strict=False):
        await stage.give(actor, activity_id, {"selected": ["a"]}, seconds=seconds)
    await stage.give(people[-1], activity_id, {"selected": ["b"]}, seconds=1)

    assert await stage.finish(activity_id) == len(people)
    points = await stage.points(activity_id)
    assert [points[str(actor.participant_id)] for actor in people] == [*PROFILES[profile], 0]
    assert (await stage.meta(people[3], activity_id))["multiplier"] == PROFILES[profile][3] / 1_000
    await stage.verify()


async def test_a_late_press_within_the_grace_counts_as_the_last_moment(stage: Stage) -> None:
    activity_id = await stage.ask(scoring={"mode": "speed", "speed": "kahoot"}, constraints={"time_limit": 20, "grace_ms": 5_000})
    ann = await stage.join()
    await stage.give(ann, activity_id, {"selected": ["a"]}, seconds=23)
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [500]


async def test_participation_and_negative_marking(stage: Stage) -> None:
    taking_part = await stage.ask(scoring={"mode": "participation", "points": 10})
    risky = await stage.ask(scoring={"mode": "accuracy", "points": 1_000, "negative": 0.25})
    ann, bob, abstainer = await stage.join("Ann"), await stage.join("Bob"), await stage.join("Eve")
    for activity_id in (taking_part, risky):
        await stage.give(ann, activity_id, {"selected": ["a"]})
        await stage.give(bob, activity_id, {"selected": ["b"]})
        await stage.give(abstainer, activity_id, {"abstain": True})
    await stage.finish(taking_part, risky)
    assert await stage.ledger(ann) == [10, 1_000]
    assert await stage.ledger(bob) == [10, -250]
    assert await stage.ledger(abstainer) == []  # neither right nor wrong
    await stage.verify()


def options(count: int) -> list[dict[str, str]]:
    return [{"id": letter, "text": letter.upper()} for letter in string.ascii_lowercase[:count]]


def choice(rule: str, key: str, count: int, **more: Any) -> dict[str, Any]:
    return {
        "question": "?", "options": options(count), "correct": list(key), "marking": rule, "min_choices": 0, "max_choices": count,
    } | more  # fmt: skip


def partial(key: str, count: int) -> dict[str, Any]:
    return choice("partial", key, count) | {"min_choices": 1}


MAPPING = {"mapped_values": {"a": 1, "b": 1, "d": -1}, "lower_bound": 0, "upper_bound": 2}
CLOSENESS = ((89, 0), (90, 0.1), (95, 0.75), (100, 1), (110, 0.75), (120, 0.1), (121, 0))
ORDER_RULES = {
    "all_or_nothing": (0, 0, 0), "absolute_position": (0.6, 0, 0.2), "relative_next_exclude_last": (0.5, 0.75, 0),
    "relative_next_include_last": (0.6, 0.6, 0), "relative_one_previous_and_next": (0.5, 0.6, 0),
    "relative_all_previous_and_next": (0.9, 0.6, 0), "longest_ordered_subset": (0.8, 0.8, 0),
    "longest_contiguous_subset": (0.6, 0.8, 0), "relative_to_correct": (0.9, 0.6, 0.4),
}  # fmt: skip


def pick(letters: str) -> dict[str, Any]:
    return {"selected": list(letters)}


def table(expected: str) -> dict[str, Any]:
    editable = {"cellType": "editable", "expectedAnswer": expected, "acceptsEquivalentPhrasing": True}
    return {"rows": 2, "columns": 2, "headers": ["A", "B"], "cells": [{"rowIndex": 0, "colIndex": 0, **editable}]}


def written(text: str) -> dict[str, Any]:
    return {"value": {"studentAnswers": {"0-0": text}}, "final": True}


# kind, settings, then answers with the share of the points they earn
VECTORS: dict[str, tuple[str, dict[str, Any], list[tuple[dict[str, Any], float]]]] = {
    "partial": ("quiz", partial("abc", 4), [(pick("ab"), 0.5), (pick("abc"), 1), (pick("abcd"), 0.5), (pick("d"), 0)]),
    "partial of five": ("quiz", partial("a", 5), [(pick("b"), 0.2)]),
    "kprim": (
        "quiz", choice("kprim", "abcd", 4), [(pick("abcd"), 1), (pick("abc"), 0.5), (pick("ab"), 0), (pick("a"), 0), (pick(""), 0)],
    ),
    "per option": ("quiz", choice("per_option", "abc", 4), [(pick("ab"), 0.75)]),
    "mapping": (
        "quiz", choice("mapping", "ab", 4, mapping=MAPPING, min_choices=1), [(pick("ad"), 0), (pick("d"), 0), (pick("ab"), 1)],
    ),
    "spelling": (
        "short_answer", {"prompt": "?", "answers": ["receive", "photosynthesis", "cat"], "spelling": "h5p"},
        [({"text": "recieve"}, 1), ({"text": "photosyntesys"}, 1), ({"text": "cut"}, 0)],
    ),
    "fractions": (
        "short_answer",
        {"prompt": "?", "answers": [{"text": "chlorophyll"}, {"text": "chloroph*", "fraction": 0.5}], "wildcards": True},
        [({"text": "Chlorophyl"}, 0.5), ({"text": "chlorophyll"}, 1), ({"text": "carotene"}, 0)],
    ),
    "table": (
        "table_completion", table("photosynthesis"),
        [
            (written("fotosynthesis"), 1), (written("photosynthesi"), 1), (written("photo"), 0), (written(" Photosynthesis "), 1),
            (written(""), 0),
        ],
    ),
    "closeness": (
        "numeric", {"prompt": "?", "min": 0, "max": 200, "correct": 100, "closeness": {"low": 90, "high": 120}},
        [({"value": value}, share) for value, share in CLOSENESS],
    ),
} | {
    f"ordering {rule}": (
        "ordering", {"prompt": "?", "items": options(5), "correct_order": list("abcde"), "marking": rule},
        [({"order": list(order)}, share) for order, share in zip(("bacde", "bcdea", "edcba"), shares, strict=True)],
    )
    for rule, shares in ORDER_RULES.items()
}  # fmt: skip


async def test_marking_rules(stage: Stage) -> None:
    people = await stage.crowd(max(len(answers) for _, _, answers in VECTORS.values()))
    asked = {name: await stage.ask(kind, settings) for name, (kind, settings, _) in VECTORS.items()}
    for name, (_, _, answers) in VECTORS.items():
        for actor, (answer, _) in zip(people, answers, strict=False):
            await stage.give(actor, asked[name], answer)
    await stage.finish(*asked.values())

    for name, (_, _, answers) in VECTORS.items():
        points = await stage.points(asked[name])
        found = [points[str(actor.participant_id)] for actor, _ in zip(people, answers, strict=False)]
        assert found == [round(1_000 * share) for _, share in answers], name
    await stage.verify()
