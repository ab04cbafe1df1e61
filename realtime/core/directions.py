"""The commands of those who run a session: presenters, and moderators where it says so."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .frames import Frame, Identifier, MessageId, Uuid


class Move(Frame):
    """Presenter: bring an activity into another state (open it with `active`, end it with `closed`).

    `new_round` with `active` begins the next round, of an open activity only together with `expected_version`.
    """

    type: Literal["move"] = "move"
    id: MessageId
    activity_id: Uuid
    to: Literal["draft", "published", "active", "paused", "closed", "cancelled"]
    expected_version: Annotated[int, Field(ge=1)] | None = None
    new_round: bool = False


class Reveal(Frame):
    """Presenter: show or hide an activity's results to everybody."""

    type: Literal["reveal"] = "reveal"
    id: MessageId
    activity_id: Uuid
    revealed: bool = True
    expected_version: Annotated[int, Field(ge=1)] | None = None


class CreateActivity(Frame):
    """Presenter: add an activity to the session."""

    type: Literal["create_activity"] = "create_activity"
    id: MessageId
    activity_type: Identifier
    title: Annotated[str, Field(max_length=500)] | None = None
    config: dict[str, Any] = {}
    order_index: Annotated[int, Field(ge=0, le=100_000)] | None = None


class UpdateActivity(Frame):
    """Presenter: change title, settings or place of an activity."""

    type: Literal["update_activity"] = "update_activity"
    id: MessageId
    activity_id: Uuid
    title: Annotated[str, Field(max_length=500)] | None = None
    config: dict[str, Any] | None = None
    order_index: Annotated[int, Field(ge=0, le=100_000)] | None = None
    expected_version: Annotated[int, Field(ge=1)] | None = None


class DeleteActivity(Frame):
    """Presenter: remove an activity and its responses."""

    type: Literal["delete_activity"] = "delete_activity"
    id: MessageId
    activity_id: Uuid
    expected_version: Annotated[int, Field(ge=1)] | None = None


class MoveSession(Frame):
    """Presenter: start or end the session, lock it to newcomers, or choose the activity in focus.

    `passcode` is asked of newcomers (empty: of nobody); with `second_factor` they must show a number that changes
    every ten seconds and is sent to those who show it, see `second_factor`.
    """

    type: Literal["move_session"] = "move_session"
    id: MessageId
    to: Literal["draft", "active", "completed"] | None = None
    locked: bool | None = None
    passcode: Annotated[str, Field(max_length=64)] | None = None
    second_factor: bool | None = None
    focus: Uuid | Literal[""] | None = None
    expected_version: Annotated[int, Field(ge=1)] | None = None


class Remove(Frame):
    """Presenter: remove a participant; the place is not given back."""

    type: Literal["remove"] = "remove"
    id: MessageId
    participant_id: Uuid


class Decide(Frame):
    """Presenter or moderator: judge a contribution (approve, reject, hide, pin, answer, merge …), as the activity's type allows.

    `expected_version` is that of the activity's decisions, from the last `done`.
    """

    type: Literal["decide"] = "decide"
    id: MessageId
    activity_id: Uuid
    decision: Annotated[dict[str, Any], Field(description="an `action` and what it needs")]
    expected_version: Annotated[int, Field(ge=0)] | None = None


class Accommodate(Frame):
    """Presenter: let one participant answer longer than the others, by a share of the time to answer; 0 takes it back."""

    type: Literal["accommodate"] = "accommodate"
    id: MessageId
    participant_id: Uuid
    extra_time_percent: Annotated[int, Field(ge=0, le=400)]


class CorrectKey(Frame):
    """Presenter: correct the answer key of an activity that may have answers; `settings` holds the fields to replace.

    Nothing but the key may change. All answers are marked again.
    """

    type: Literal["correct_key"] = "correct_key"
    id: MessageId
    activity_id: Uuid
    settings: dict[str, Any]
    expected_version: Annotated[int, Field(ge=1)] | None = None


class AssignTeam(Frame):
    """Presenter: put a participant into a team, or into none."""

    type: Literal["assign_team"] = "assign_team"
    id: MessageId
    participant_id: Uuid
    team: Annotated[str, Field(max_length=40)] | None = None


class TakeLease(Frame):
    """Presenter: take over. From here on only this connection directs; others are refused with `not_directing`, which
    tells who it is. The `token` of the reply goes into the `hello` of a later connection, so that it directs on.
    """

    type: Literal["take_lease"] = "take_lease"
    id: MessageId
    label: Annotated[str, Field(max_length=80)] = ""


class ReleaseLease(Frame):
    """Presenter: let everybody who may direct do so again."""

    type: Literal["release_lease"] = "release_lease"
    id: MessageId
