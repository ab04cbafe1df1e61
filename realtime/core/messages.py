"""Every frame on the wire, as one model each: commands, replies and pushes of the subprotocol `plenum.v1`.

    command   client -> server, has an `id` the client chose
    reply     server -> client, carries the same `id`
    push      server -> client, has no `id`

The same models check the traffic and generate the schemas in `docs/`. A client ignores unknown fields
and unknown pushes; the server refuses unknown fields of commands by name.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from .directions import (
    Accommodate,
    AssignTeam,
    CorrectKey,
    CreateActivity,
    Decide,
    DeleteActivity,
    Move,
    MoveSession,
    ReleaseLease,
    Remove,
    Reveal,
    TakeLease,
    UpdateActivity,
)
from .errors import Refusal
from .frames import Frame, MessageId, Position, Uuid
from .json_text import DEFAULT_LIMITS, JsonValue, Limits, decode

__all__ = [
    "COMMANDS", "PROTOCOL_VERSION", "PUSHES", "REPLIES", "SUBPROTOCOL", "Accepted", "Accommodate", "AssignTeam", "Beat",
    "ClientInfo", "Closing", "Command", "CorrectKey", "CreateActivity", "Decide", "DeleteActivity", "Done", "Frame",
    "GoingAway", "Health", "Hello", "MessageId", "Metadata", "Mine", "Move", "MoveSession", "OwnDraft", "OwnResponse", "Ping",
    "Pong", "Position", "Push", "Refused", "ReleaseLease", "Remove", "Reply", "Retry", "Reveal", "SaveDraft", "Score",
    "SecondFactor", "State", "Submit", "Sync", "Synced", "TakeLease", "UpdateActivity",
    "Uuid", "Welcome", "Withdraw", "You", "encode", "read_command",
]  # fmt: skip

SUBPROTOCOL = "plenum.v1"
PROTOCOL_VERSION = 1

# ---------------------------------------------------------------------------------------------- commands


class ClientInfo(Frame):
    name: Annotated[str, Field(max_length=64)] = "unknown"
    version: Annotated[str, Field(max_length=32)] = "0"


class Hello(Frame):
    """Must be the first frame: who is here, and how far it has got. `lease` is the token of whoever directs."""

    type: Literal["hello"] = "hello"
    id: MessageId
    ticket: Annotated[str, Field(max_length=2_048, description="a ticket, or a pass of POST /api/v1/ws-ticket")]
    protocol: Annotated[int, Field(ge=1)] = PROTOCOL_VERSION
    position: Position | None = None
    lease: Annotated[int, Field(ge=0, le=2**53)] | None = None
    client: ClientInfo = ClientInfo()


class Metadata(Frame):
    """What the client says about the press; stored with the response, never trusted."""

    client_timestamp: Annotated[str, Field(max_length=40)] | None = None
    displayed_at: Annotated[str, Field(max_length=40)] | None = None
    device_type: Annotated[str, Field(max_length=32)] | None = None
    user_agent: Annotated[str, Field(max_length=400)] | None = None


class Submit(Frame):
    """An answer. Resend it with the same submission id until it is accepted or refused, and again
    after a reconnect until it is saved."""

    type: Literal["submit"] = "submit"
    id: MessageId
    activity_id: Uuid
    submission_id: Annotated[Uuid, Field(description="made by the client once per press, before the first send; UUIDv7")]
    data: Annotated[JsonValue, Field(description='the answer as the activity type asks, or {"abstain": true}')]
    round: Annotated[int, Field(ge=1, le=32_000)] | None = None
    revision: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="the client's count of its changes to this response; highest wins")
    ] = None
    expected_revision: Annotated[
        int | None, Field(ge=0, le=1_000_000, description="refuse if the stored revision is another one; 0: no response yet")
    ] = None
    entry: Annotated[str | None, Field(max_length=80, description="which of several responses this changes")] = None
    receipt: Annotated[str | None, Field(max_length=512, description="of an earlier acceptance; admits it after closing")] = None
    metadata: Metadata | None = None


class Withdraw(Frame):
    """Take an own response back; it stops counting and stays as a tombstone."""

    type: Literal["withdraw"] = "withdraw"
    id: MessageId
    activity_id: Uuid
    submission_id: Uuid
    entry: Annotated[str, Field(max_length=80)] = ""
    round: Annotated[int, Field(ge=1, le=32_000)] | None = None
    revision: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    receipt: Annotated[str | None, Field(max_length=512, description="of an earlier acceptance of this withdrawal")] = None


class SaveDraft(Frame):
    """Keep what is written so far, for its author alone; null throws it away.

    It need not be a whole answer; a table may send changed cells alone. With `auto_submit` it is handed in
    before the round ends, unless the answer was changed after it.
    """

    type: Literal["save_draft"] = "save_draft"
    id: MessageId
    activity_id: Uuid
    data: JsonValue
    round: Annotated[int, Field(ge=1, le=32_000)] | None = None
    expected_revision: Annotated[
        int | None, Field(ge=0, le=2**53, description="refuse if the draft's revision is another one; 0: no draft yet")
    ] = None
    auto_submit: bool = False


class Sync(Frame):
    """Ask for everything after a position: sent when a delta does not start at the own offset."""

    type: Literal["sync"] = "sync"
    id: MessageId
    position: Position | None = None


class Ping(Frame):
    """The client's heartbeat; answered with `pong` and the server's time."""

    type: Literal["ping"] = "ping"
    id: MessageId


Command: TypeAlias = Annotated[
    Hello
    | Submit
    | Withdraw
    | SaveDraft
    | Sync
    | Ping
    | Move
    | Reveal
    | CreateActivity
    | UpdateActivity
    | DeleteActivity
    | MoveSession
    | Remove
    | CorrectKey
    | AssignTeam
    | TakeLease
    | ReleaseLease
    | Decide
    | Accommodate,
    Field(discriminator="type"),
]
_commands: TypeAdapter[Any] = TypeAdapter(Command)


def read_command(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> Any:
    """A checked command from one frame.

    Raises Refusal `malformed`, `unknown_message`, `invalid` and those of `json_text.decode`; its
    `details` carry `id` when the frame had a usable one, so that the reply can be matched.
    """
    document = decode(text, limits)
    try:
        return _commands.validate_python(document)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        unknown = not fault["loc"]  # no path: the frame as a whole is no command
        details: dict[str, Any] = {} if unknown else {"field": ".".join(map(str, fault["loc"][1:]))[:200], "reason": fault["msg"]}
        message_id = document.get("id") if isinstance(document, dict) else None
        if type(message_id) is int and 0 <= message_id <= 2**53:  # True is an int too, and no reply could carry it
            details["id"] = message_id
        raise Refusal("unknown_message" if unknown else "invalid", details=details) from error


# ----------------------------------------------------------------------------------------------- replies


class State(Frame):
    """Part of the session's map: a `delta` from `since`, or a `snapshot` with the reason for it.

    `set` holds present values by key, `removed` the keys that are gone or no longer to be seen.
    A client applies a delta only if `since` is its own offset and the epoch is its own.
    """

    type: Literal["delta", "snapshot"]
    epoch: str
    since: int
    offset: int
    set: dict[str, Any]
    removed: list[str] = []
    reason: str | None = None


class You(Frame):
    role: str
    participant_id: str | None = None
    nickname: str | None = None
    extra_time_percent: int = 0


class OwnResponse(Frame):
    """One of a participant's own responses, as the live store holds it."""

    response_id: str
    entry: str
    round: int
    revision: int
    submission_id: str
    offset: int
    data: Any
    withdrawn: bool = False


class OwnDraft(Frame):
    """What its author has written and not sent. `auto_submit`: it is handed in before the round ends."""

    round: int
    revision: int
    auto_submit: bool
    saved_at_ms: int
    data: Any


class Welcome(Frame):
    """Reply to `hello`: who you are, what the server's limits are, and the state you missed."""

    type: Literal["welcome"] = "welcome"
    id: MessageId
    protocol: int = PROTOCOL_VERSION
    session_id: str
    you: You
    durability: Literal["fsync", "second", "memory"]
    server_time_ms: int
    heartbeat_ms: int
    reconnect_window_ms: int
    limits: dict[str, int]
    mine: dict[str, list[OwnResponse]]
    drafts: dict[str, OwnDraft] = {}
    state: State


class Accepted(Frame):
    """Reply to `submit` and `withdraw`: recorded once, counted once, ordered at `offset` of `epoch`.

    Keep the answer until a `saved` value of the same epoch reaches `offset`. `duplicate` says that
    this submission had been accepted before.
    """

    type: Literal["accepted"] = "accepted"
    id: MessageId
    activity_id: str
    submission_id: str
    response_id: str
    entry: str
    round: int
    revision: int
    epoch: str
    offset: int
    receipt: str
    durability: Literal["fsync", "second", "memory"]
    duplicate: bool = False


class Refused(Frame):
    """Reply: understood and not done, for good. `id` is null when the frame could not be read."""

    type: Literal["refused"] = "refused"
    id: MessageId | None
    code: str
    message: str
    details: dict[str, Any] = {}


class Retry(Frame):
    """Reply: nothing is known or nothing was done. Send the same again after `after_ms`."""

    type: Literal["retry"] = "retry"
    id: MessageId | None
    code: str
    message: str
    after_ms: int
    details: dict[str, Any] = {}


class Done(Frame):
    """Reply to a presenter's command: what it changed, with the new version."""

    type: Literal["done"] = "done"
    id: MessageId
    result: dict[str, Any]


class Pong(Frame):
    type: Literal["pong"] = "pong"
    id: MessageId
    server_time_ms: int


class Synced(Frame):
    """Reply to `sync`."""

    type: Literal["synced"] = "synced"
    id: MessageId
    mine: dict[str, list[OwnResponse]]
    drafts: dict[str, OwnDraft] = {}
    state: State


# ------------------------------------------------------------------------------------------------ pushes


class Mine(Frame):
    """Push to one participant: own responses, drafts or time changed, perhaps from another device."""

    type: Literal["mine"] = "mine"
    mine: dict[str, list[OwnResponse]]
    drafts: dict[str, OwnDraft] = {}
    extra_time_percent: int = 0


class Score(Frame):
    """Push to one participant: own `points`, `rank`, `of` how many, and `results` by activity, as far as results are
    shown. It holds for as long as the `leaderboard` key is there, and a newer one replaces it."""

    type: Literal["score"] = "score"
    score: dict[str, Any]


class SecondFactor(Frame):
    """Push to presenters and the big screen: the `number` that newcomers must show until about `until_ms`; null when
    they need none any more."""

    type: Literal["second_factor"] = "second_factor"
    number: str | None
    until_ms: int


class Beat(Frame):
    """Push when nothing else was sent for a heartbeat: the connection lives, and this is the position."""

    type: Literal["beat"] = "beat"
    epoch: str
    offset: int
    server_time_ms: int


class Health(Frame):
    """Push when it changes: whether answers can be counted now (`live`), and for presenters whether and
    how far behind they are being saved."""

    type: Literal["health"] = "health"
    live: bool
    saving: bool | None = None
    waiting: int | None = None
    lag_ms: int | None = None


class GoingAway(Frame):
    """Push before a drain: reconnect after `delay_ms`, drawn for each connection."""

    type: Literal["going_away"] = "going_away"
    delay_ms: int


class Closing(Frame):
    """Push: the reason, before the server closes the connection with `close_code`."""

    type: Literal["closing"] = "closing"
    close_code: int
    code: str
    message: str
    reconnect: bool


Reply: TypeAlias = Welcome | Accepted | Refused | Retry | Done | Pong | Synced
Push: TypeAlias = State | Mine | Score | SecondFactor | Beat | Health | GoingAway | Closing

COMMANDS: tuple[type[Frame], ...] = (
    Hello, Submit, Withdraw, SaveDraft, Sync, Ping, Move, Reveal, CreateActivity, UpdateActivity, DeleteActivity, MoveSession,
    Remove, Decide, Accommodate, CorrectKey, AssignTeam, TakeLease, ReleaseLease,
)  # fmt: skip
REPLIES: tuple[type[Frame], ...] = (Welcome, Accepted, Refused, Retry, Done, Pong, Synced)
PUSHES: tuple[type[Frame], ...] = (State, Mine, Score, SecondFactor, Beat, Health, GoingAway, Closing)


def encode(frame: Frame) -> bytes:
    """The frame's JSON text as UTF-8, ready for the wire."""
    return frame.model_dump_json(exclude_none=False).encode()
