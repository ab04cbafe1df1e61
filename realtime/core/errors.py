"""Everything that can be refused, and every reason for which a connection ends.

Two families. A *refusal* answers one command and leaves the connection alone:

    Refusal                    final: the same request will be refused again
    └── Retry                  nothing is known or nothing was done: send the same submission id again

A *close code* ends a connection. Its range is the advice: 4000-4499 reconnect, 4500-4999 do not.

Both are tables, not class trees: the code is the identity, the table gives the HTTP status and the
sentence a person can act on. `docs/errors.md` is generated from them.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Reason:
    """What a code means: HTTP status for the REST front, default sentence, whether to try again."""

    status: int
    message: str
    retry: bool = False


REASONS: Final[dict[str, Reason]] = {
    # The request itself
    "bad_request": Reason(400, "The server cannot read this as one certain HTTP request."),
    "request_timeout": Reason(408, "The request took too long to arrive."),
    "address_too_long": Reason(414, "The address is longer than this server accepts."),
    "headers_too_large": Reason(431, "The header is larger than this server accepts."),
    "malformed": Reason(400, "The message is not valid JSON."),
    "unknown_message": Reason(400, "The server does not know this type of message."),
    "invalid": Reason(422, "A field is missing or has a value that is not allowed."),
    "invalid_timestamp": Reason(400, "The timestamp is not a valid ISO 8601 time."),
    "duplicate_key": Reason(422, "An object names the same key twice."),
    "nul_character": Reason(422, "Text may not contain the NUL character."),
    "lone_surrogate": Reason(422, "Text contains half of a character (a lone surrogate)."),
    "number_out_of_range": Reason(422, "A number is too large, too precise, or not a number."),
    "too_deep": Reason(422, "The document is nested too deeply."),
    "too_many_parts": Reason(422, "The document has too many keys or list entries."),
    "too_large": Reason(413, "The message is larger than this server accepts."),
    # Who may
    "unauthenticated": Reason(401, "A valid ticket is needed. Join the session again."),
    "ticket_expired": Reason(401, "The ticket has expired. Join the session again."),
    "forbidden": Reason(403, "Your ticket does not allow this."),
    "removed": Reason(403, "The presenter has removed you from this session."),
    "passcode_required": Reason(403, "This session asks newcomers for a passcode."),
    "wrong_passcode": Reason(403, "This is not the passcode of the session."),
    "second_factor_required": Reason(403, "This session asks newcomers for the number on the big screen."),
    "wrong_second_factor": Reason(403, "This is not the number on the big screen. It changes every few seconds."),
    "wrong_origin": Reason(403, "A page of another site may not do this here."),
    "not_found": Reason(404, "There is nothing here by that name."),
    "unknown_session": Reason(404, "There is no such session."),
    # One answer for all of these: a code that lets nobody in must not tell that it exists.
    "unknown_code": Reason(404, "This code lets nobody in: it may be mistyped, or the session is over, full or locked. "
                                "Check it with the presenter."),
    "unknown_activity": Reason(404, "There is no such activity in this session."),
    "unknown_participant": Reason(404, "There is no such participant in this session."),
    "unknown_response": Reason(404, "There is no such response."),
    "unknown_ticket": Reason(404, "There is no such ticket in this session."),
    "unknown_type": Reason(422, "The server does not know this activity type and accepts only known ones."),
    # What the state does not allow
    "session_ended": Reason(409, "The session has ended."),
    "session_locked": Reason(409, "The presenter has locked this session to newcomers."),
    "session_full": Reason(409, "The session is full."),
    "not_directing": Reason(409, "Somebody else directs this session now. Take over to go on."),
    "too_many_tickets": Reason(409, "This session has as many tickets as it can have. Revoke one first."),
    "nickname_taken": Reason(409, "Somebody in this session already has this name."),
    "activity_not_open": Reason(409, "This activity is not open yet. Your answer was not counted."),
    "activity_closed": Reason(409, "This activity is closed. Your answer came too late and was not counted."),
    "activity_paused": Reason(409, "This activity is paused. Your answer was not counted."),
    "wrong_round": Reason(409, "A new round has begun. Your answer belongs to an earlier one."),
    "already_answered": Reason(409, "You have already answered, and this activity takes one answer."),
    "too_many_answers": Reason(409, "You have given as many answers as this activity takes."),
    "superseded": Reason(409, "A newer answer of yours has been counted instead of this one."),
    "revision_conflict": Reason(409, "Your answer was changed elsewhere in the meantime."),
    "submission_id_conflict": Reason(409, "This submission id belongs to another answer."),
    "version_conflict": Reason(409, "Somebody else changed this in the meantime."),
    "illegal_move": Reason(409, "This cannot follow from the present state."),
    "idempotency_conflict": Reason(422, "This Idempotency-Key was used for another request."),
    "in_use": Reason(409, "This can no longer be changed: answers refer to it."),
    "activity_full": Reason(409, "This activity has taken as many contributions as it can hold."),
    # Answers that do not fit the question
    "unknown_option": Reason(422, "The answer names an option that does not exist."),
    "too_few_choices": Reason(422, "Fewer options were chosen than this activity asks for."),
    "too_many_choices": Reason(422, "More options were chosen than this activity allows."),
    "refused_words": Reason(422, "The text contains words that are not allowed here."),
    "locked_cell": Reason(422, "This cell is locked and cannot be answered."),
    # Try again
    "door_changed": Reason(503, "What newcomers must show has just changed. Try again.", retry=True),
    "under_way": Reason(409, "The same request is being worked on. Ask again in a moment.", retry=True),
    "limited": Reason(429, "Too many requests. Wait a moment and try again.", retry=True),
    "overloaded": Reason(503, "The server has more to do than it can. Your answer will be sent again.", retry=True),
    "unavailable": Reason(503, "The live store does not answer. Your answer will be sent again.", retry=True),
    "recovering": Reason(503, "The session is being restored. Your answer will be sent again.", retry=True),
    "storage_unavailable": Reason(503, "The database does not answer. Try again in a moment.", retry=True),
    "draining": Reason(503, "This server is shutting down. Connect again.", retry=True),
    "internal": Reason(500, "Something went wrong on the server. It has been logged.", retry=True),
}


class Refusal(Exception):
    """A command was understood and not done; final unless the code is a retry.

    `code` is a key of REASONS. `details` name the field at fault (`{"field": …, "reason": …}`) or
    carry what the client needs to act, such as the present version. `after_ms` is the least time
    to wait before a retry.
    """

    def __init__(
        self, code: str, message: str | None = None, *, details: dict[str, Any] | None = None, after_ms: int | None = None
    ) -> None:
        self.code = code
        self.reason = REASONS[code]
        self.message = message or self.reason.message
        self.details = details or {}
        self.after_ms = after_ms
        super().__init__(f"{code}: {self.message}")

    @property
    def retry(self) -> bool:
        return self.reason.retry


def invalid(field: str, reason: str, code: str = "invalid") -> Refusal:
    """A refusal that names the field at fault; `field` is a dotted path."""
    return Refusal(code, details={"field": field, "reason": reason})


class CloseCode(IntEnum):
    """Why a connection ended. Below 4500 the client should reconnect, from 4500 on it should not."""

    GOING_AWAY = 4000  # the server drains; the `going_away` frame gave the delay
    HELLO_TIMEOUT = 4001  # no hello in time
    SILENT = 4002  # no frame within two heartbeats
    SLOW = 4003  # the connection did not read what was sent
    OVERLOADED = 4005  # the server takes no more connections now
    UNAUTHENTICATED = 4500  # the ticket is not valid
    REMOVED = 4501  # the presenter removed this participant
    SESSION_ENDED = 4502  # the session is over and its live state is gone
    PROTOCOL = 4503  # the first frame was no hello, or frames were not JSON text again and again
    TOO_LARGE = 4504  # a frame was larger than the announced limit
    FLOOD = 4505  # more traffic than any honest client sends
    UNSUPPORTED = 4506  # this version of the protocol is no longer spoken here


FIRST_FINAL_CODE: Final = 4500  # from here on the client must not reconnect by itself

CLOSE_MEANINGS: Final[dict[CloseCode, str]] = {
    CloseCode.GOING_AWAY: "The server is restarting. Connect again after the announced delay.",
    CloseCode.HELLO_TIMEOUT: "No hello arrived in time. Connect again.",
    CloseCode.SILENT: "Nothing was heard from this connection for two heartbeats. Connect again.",
    CloseCode.SLOW: "The connection did not keep up with what was sent. Connect again to get the newest state.",
    CloseCode.OVERLOADED: "The server takes no more connections at the moment. Connect again later.",
    CloseCode.UNAUTHENTICATED: "The ticket is not valid. Join the session again.",
    CloseCode.REMOVED: "The presenter has removed this participant.",
    CloseCode.SESSION_ENDED: "The session has ended.",
    CloseCode.PROTOCOL: "The connection did not speak the protocol.",
    CloseCode.TOO_LARGE: "A frame was larger than the announced limit.",
    CloseCode.FLOOD: "The connection sent far more than the announced limits.",
    CloseCode.UNSUPPORTED: "This version of the protocol is not supported any more. Reload the page.",
}
