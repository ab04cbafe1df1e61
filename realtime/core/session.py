"""The states of sessions and activities, and which moves between them are legal."""

from typing import Final, Literal, TypeAlias

from .errors import Refusal

ActivityState: TypeAlias = Literal["draft", "published", "active", "paused", "closed", "cancelled"]
SessionState: TypeAlias = Literal["draft", "active", "completed"]

# Requirements §5.6: one state drives behaviour, the founding system's two status fields are derived.
MOVES: Final[dict[str, frozenset[str]]] = {
    "draft": frozenset({"published", "active", "cancelled"}),
    "published": frozenset({"draft", "active", "cancelled"}),
    "active": frozenset({"paused", "closed", "cancelled"}),
    "paused": frozenset({"active", "closed", "cancelled"}),
    "closed": frozenset({"active", "cancelled"}),
    "cancelled": frozenset({"draft"}),
}
SESSION_MOVES: Final[dict[str, frozenset[str]]] = {
    "draft": frozenset({"active", "completed"}),
    "active": frozenset({"completed"}),
    "completed": frozenset({"active"}),
}

_LEGACY_STATUS: Final = {"published": "draft", "paused": "active", "closed": "completed"}
_LEGACY_STATE: Final = {"paused": "active", "closed": "expired", "cancelled": "expired"}

VISIBLE: Final = frozenset({"published", "active", "paused", "closed"})


def check_move(present: str, to: str, *, force: bool = False) -> bool:
    """Whether a move changes anything; Refusal `illegal_move` where the states do not follow.

    Asking for the present state is no move: a repeated command must not fail (False).
    """
    if present == to:
        return False
    if not force and to not in MOVES[present]:
        raise Refusal("illegal_move", details={"state": present, "to": to, "allowed": sorted(MOVES[present])})
    return True


def check_session_move(present: str, to: str) -> bool:
    """As `check_move`, for a session."""
    if present == to:
        return False
    if to not in SESSION_MOVES[present]:
        raise Refusal("illegal_move", details={"state": present, "to": to, "allowed": sorted(SESSION_MOVES[present])})
    return True


def legacy_status(state: str) -> str:
    """The founding system's `status` of an activity."""
    return _LEGACY_STATUS.get(state, state)


def legacy_state(state: str) -> str:
    """The founding system's `state` of an activity."""
    return _LEGACY_STATE.get(state, state)
