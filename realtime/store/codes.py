"""What the scripts answer: numbers here, names in `core.errors`."""

from typing import Final

ALREADY_ACCEPTED: Final = 2

REFUSED_BY_HUB: Final = -40  # with the refusal the hub had prepared

STRANGER: Final = -41  # not known here, and not removed: to be let in again by the ticket

REFUSALS: Final[dict[int, str]] = {
    -2: "removed",
    -3: "activity_not_open",
    -4: "activity_closed",
    -5: "wrong_round",
    -6: "activity_paused",
    -7: "already_answered",
    -8: "superseded",
    -9: "revision_conflict",
    -10: "too_many_answers",
    -12: "submission_id_conflict",
    -13: "unknown_response",
    -14: "activity_full",
    -20: "overloaded",
    -30: "session_full",
    -31: "session_locked",
    -32: "session_ended",
    -33: "nickname_taken",
    -34: "door_changed",
}
