"""Every move between states: the legal ones are these, all others are refused with what is allowed."""

import itertools

import pytest

from realtime.core.errors import Refusal
from realtime.core.session import MOVES, SESSION_MOVES, VISIBLE, check_move, check_session_move, legacy_state, legacy_status

LEGAL = {
    ("draft", "published"), ("draft", "active"), ("draft", "cancelled"), ("published", "draft"), ("published", "active"),
    ("published", "cancelled"), ("active", "paused"), ("active", "closed"), ("active", "cancelled"), ("paused", "active"),
    ("paused", "closed"), ("paused", "cancelled"), ("closed", "active"), ("closed", "cancelled"), ("cancelled", "draft"),
}  # fmt: skip
SESSION_LEGAL = {("draft", "active"), ("draft", "completed"), ("active", "completed"), ("completed", "active")}


@pytest.mark.parametrize(("present", "to"), list(itertools.product(sorted(MOVES), repeat=2)))
def test_moves_of_an_activity(present: str, to: str) -> None:
    if present == to:
        assert check_move(present, to) is False
        assert check_move(present, to, force=True) is False
    elif (present, to) in LEGAL:
        assert check_move(present, to) is True
    else:
        with pytest.raises(Refusal) as caught:
            check_move(present, to)
        assert caught.value.code == "illegal_move"
        assert caught.value.details == {"state": present, "to": to, "allowed": sorted(MOVES[present])}
        assert check_move(present, to, force=True) is True


@pytest.mark.parametrize(("present", "to"), list(itertools.product(sorted(SESSION_MOVES), repeat=2)))
def test_moves_of_a_session(present: str, to: str) -> None:
    if present == to:
        assert check_session_move(present, to) is False
    elif (present, to) in SESSION_LEGAL:
        assert check_session_move(present, to) is True
    else:
        with pytest.raises(Refusal, match="illegal_move"):
            check_session_move(present, to)


def test_every_state_can_be_left_and_reached() -> None:
    assert set().union(*MOVES.values()) == set(MOVES)
    assert all(MOVES.values())
    assert {"published", "active", "paused", "closed"} == VISIBLE


def test_the_founding_systems_words() -> None:
    assert {state: legacy_status(state) for state in MOVES} == {
        "draft": "draft", "published": "draft", "active": "active", "paused": "active", "closed": "completed",
        "cancelled": "cancelled",
    }  # fmt: skip
    assert {state: legacy_state(state) for state in MOVES} == {
        "draft": "draft", "published": "published", "active": "active", "paused": "active", "closed": "expired",
        "cancelled": "expired",
    }  # fmt: skip
