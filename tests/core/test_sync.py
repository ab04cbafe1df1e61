"""A stale state plus a delta is the fresh snapshot: over any history, and on the same files as the browser's code."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.core.sync import Mirror, StampedMap

GOLDEN = sorted((Path(__file__).parents[1] / "wire" / "sync").glob("*.json"))
CASES = [(path.stem, case) for path in GOLDEN for case in json.loads(path.read_text(encoding="utf-8"))]

keys = st.sampled_from(["session", "view:a", "view:a:item:1", "view:a:item:2", "view:ab", "counts:a", "counts:b"])
writes = st.lists(st.tuples(keys, st.none() | st.integers(0, 2), st.integers(0, 3)), max_size=30)


def delta(stamped: StampedMap, since: int, offset: int) -> dict[str, Any]:
    changed, removed = stamped.changes(since)
    values = {"set": json.loads(changed), "removed": json.loads(removed)}
    return {"type": "delta", "epoch": "e", "since": since, "offset": offset} | values


def snapshot(stamped: StampedMap, offset: int) -> dict[str, Any]:
    return {"type": "snapshot", "epoch": "e", "since": 0, "offset": offset, "set": json.loads(stamped.snapshot()), "removed": []}


@given(writes)
def test_every_stale_state_plus_its_delta_is_the_fresh_snapshot(history: list[tuple[str, int | None, int]]) -> None:
    stamped, plain, offset = StampedMap(), {}, 0
    stale: list[tuple[int, Mirror]] = []
    for key, value, step in history:
        offset += step  # several writes may share a stamp
        mirror = Mirror()
        assert mirror.apply(snapshot(stamped, offset - 1 if step else offset))
        if step:
            stale.append((offset - 1, mirror))
        if value is None:
            under = [name for name in plain if name == key or name.startswith(f"{key}:")]
            assert stamped.remove(key, offset) == bool(under)
            for name in under:
                del plain[name]
        else:
            assert stamped.put(key, json.dumps(value), offset) == (plain.get(key) != value)
            plain[key] = value
    assert json.loads(stamped.snapshot()) == plain
    assert {key: json.loads(text) for key, text in stamped.present()} == plain
    for since, mirror in stale:
        frame = delta(stamped, since, offset)
        assert mirror.apply(frame)
        assert (mirror.offset, mirror.map) == (offset, plain)
        assert mirror.apply(frame), "values are absolute: a second time changes nothing"
        assert mirror.map == plain


@given(writes)
def test_a_client_that_hears_every_delta_is_up_to_date(history: list[tuple[str, int | None, int]]) -> None:
    stamped, follower = StampedMap(), Mirror("e", 0)
    for offset, (key, value, _) in enumerate(history, start=1):
        if value is None:
            stamped.remove(key, offset)
        else:
            stamped.put(key, json.dumps(value), offset)
        assert follower.apply(delta(stamped, offset - 1, offset))
        assert follower.map == json.loads(stamped.snapshot())


def test_a_value_that_stays_the_same_gets_no_new_stamp() -> None:
    stamped = StampedMap()
    assert stamped.put("a", "1", 1)
    assert not stamped.put("a", "1", 5)
    assert stamped.changes(1) == ("{}", "[]")
    assert stamped.put("a", "2", 6)
    assert stamped.changes(1) == ('{"a":2}', "[]")


def test_what_went_and_came_back_is_only_told_as_present() -> None:
    stamped = StampedMap()
    stamped.put("view:a", "1", 1)
    stamped.remove("view", 2)
    assert stamped.changes(0) == ("{}", '["view:a"]')
    stamped.put("view:a", "1", 3)
    assert stamped.changes(0) == ('{"view:a":1}', "[]")
    assert not stamped.remove("view:b", 4)


def test_entries_loaded_with_stamps_of_the_past_are_sorted() -> None:
    stamped = StampedMap(floor=2)
    stamped.put("late", "1", 9)
    stamped.put("early", "1", 3)
    stamped.sort()
    assert stamped.changes(4) == ('{"late":1}', "[]")
    assert stamped.floor == 2


def test_keys_and_values_under_a_prefix() -> None:
    stamped = StampedMap()
    for number, key in enumerate(["view:a", "view:b", "counts:a"]):
        stamped.put(key, str(number), number)
    stamped.remove("view:b", 9)
    assert stamped.keys_under("view:") == ["view:a"]
    assert stamped.values_under("") == [0, 2]


def test_the_golden_files_are_there() -> None:
    assert {path.stem for path in GOLDEN} >= {"delta", "gap", "removed", "resume", "snapshot"}


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{stem}: {case['name']}" for stem, case in CASES])
def test_the_golden_cases(case: dict[str, Any]) -> None:
    start = case.get("start") or {}
    mirror = Mirror(start.get("epoch", ""), start.get("offset", 0), dict(start.get("map", {})))
    applied = [mirror.apply(frame) for frame in case["frames"]]
    expect = case["expect"]
    if expect == "gap":
        assert not applied[-1]
    else:
        assert (mirror.epoch, mirror.offset, mirror.map) == (expect["epoch"], expect["offset"], expect["map"])
        assert applied[-1]
