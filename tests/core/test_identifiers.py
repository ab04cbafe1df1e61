"""New names: ordered by time where an index grows, readable where people type."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.identifiers import CODE_ALPHABET, new_join_code, new_uuid, read_join_code


@given(st.integers(0, 2**48 - 1))
def test_a_uuid_is_of_version_seven_and_holds_its_time(now_ms: int) -> None:
    made = uuid.UUID(new_uuid(now_ms))
    assert str(made) == new_uuid(now_ms)[:13] + str(made)[13:]
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now_ms


def test_uuids_differ_and_are_ordered_by_time() -> None:
    assert len({new_uuid(1) for _ in range(10_000)}) == 10_000
    assert new_uuid(1) < new_uuid(2) < new_uuid(2**48 - 1)
    assert new_uuid() > new_uuid(1_700_000_000_000)
    # All 74 random bits are drawn.
    seen = 0
    for _ in range(200):
        seen |= uuid.UUID(new_uuid(0)).int
    assert seen == 0x7FFF << 64 | 0xBFFF_FFFF_FFFF_FFFF


@pytest.mark.parametrize("length", [4, 6, 12])
def test_a_join_code_has_no_letters_that_look_alike(length: int) -> None:
    codes = {new_join_code(length) for _ in range(300)}
    assert {len(code) for code in codes} == {length}
    assert set("".join(codes)) <= set(CODE_ALPHABET)
    assert not set(CODE_ALPHABET) & set("0O1IL")
    assert len(codes) > 290


@pytest.mark.parametrize("typed", ["abc234", "ABC-234", " abc 234 ", "a.b.c/2-3-4", "ABC\u00a0234"])
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert read_join_code(typed) == "ABC234"
