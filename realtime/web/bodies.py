"""The bodies and query parameters of HTTP requests, with the founding system's names beside ours."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field

from realtime.core.messages import Uuid
from realtime.web.requests import Body, Query

LegacyStatus = Literal["draft", "active", "completed", "cancelled"]
TARGETS = {"expired": "closed", "completed": "closed"}  # the founding system's names of our states

Text = Annotated[str, Field(max_length=2_000)]
TypeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
Title = Annotated[str, Field(max_length=500)]
Place = Annotated[int, Field(ge=0, le=100_000)]
Version = Annotated[int, Field(ge=1, le=2_147_483_647)]


# ------------------------------------------------------------------------------------------------ bodies


class NewSession(Body):
    title: Annotated[str, Field(min_length=1, max_length=255)]
    description: Text | None = None
    max_participants: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    passcode: Annotated[str, Field(min_length=4, max_length=64)] | None = None


class ChangedSession(Body):
    """What is given changes. `focus` is an activity's id, or empty for none; so is `passcode`."""

    title: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    description: Text | None = None
    max_participants: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    status: Literal["draft", "active", "completed"] | None = None
    locked: bool | None = None
    passcode: Annotated[str, Field(max_length=64)] | None = None
    second_factor: bool | None = None
    focus: Uuid | Literal[""] | None = None
    expected_version: Version | None = None


class NewJoin(Body):
    """`join_id` is made by the client before the first try, so that a retry is the same join."""

    code: Annotated[str, Field(max_length=40)] | None = None
    nickname: Annotated[str, Field(max_length=200)] | None = None
    join_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")] | None = None
    passcode: Annotated[str, Field(max_length=64)] | None = None
    second_factor: Annotated[str, Field(max_length=8)] | None = None


class NewTicket(Body):
    """`subject` gives the role to a user of the host, who then needs no ticket of ours."""

    role: Literal["presenter", "moderator", "display"]
    label: Annotated[str, Field(max_length=80)] = ""
    subject: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class NewLease(Body):
    label: Annotated[str, Field(max_length=80)] = ""


class NewActivity(Body):
    model_config = ConfigDict(populate_by_name=True)

    type: Annotated[TypeName, Field(validation_alias=AliasChoices("type", "activity_type"))]
    title: Title | None = None
    config: dict[str, Any] = Field(default={}, validation_alias=AliasChoices("config", "configuration"))
    order_index: Place | None = None
    status: LegacyStatus | None = None


class FrameworkActivity(Body):
    """The founding system's form; `activity_metadata.duration_seconds` is the time limit."""

    activity_type: TypeName
    title: Annotated[str, Field(min_length=1, max_length=500)]
    description: Text | None = None
    configuration: dict[str, Any] = {}
    activity_metadata: dict[str, Any] | None = None
    order_index: Place = 0


class ChangedActivity(Body):
    """What is given changes. The type of an activity is fixed; its status moves as by a transition."""

    model_config = ConfigDict(populate_by_name=True)

    type: Annotated[TypeName | None, Field(validation_alias=AliasChoices("type", "activity_type"))] = None
    title: Title | None = None
    config: dict[str, Any] | None = Field(default=None, validation_alias=AliasChoices("config", "configuration"))
    order_index: Place | None = None
    status: LegacyStatus | None = None
    expected_version: Version | None = None


class CheckedConfig(Body):
    activity_type: TypeName
    configuration: dict[str, Any]


class Transition(Body):
    """`target_state` accepts the founding system's `expired` for `closed`."""

    target_state: Literal["draft", "published", "active", "paused", "closed", "cancelled", "expired", "completed"]
    reason: Annotated[str, Field(max_length=500)] | None = None
    force: bool = False
    new_round: bool = False
    expected_version: Version | None = None


class Reveal(Body):
    revealed: bool = True
    expected_version: Version | None = None


class Decision(Body):
    """What a type's own rules know: approve, hide, pin, group, a final estimate …"""

    decision: dict[str, Any]
    expected_version: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None


class AnswerKey(Body):
    """`settings` holds the fields of the key to replace; for a survey the `items` with those of theirs, by their ids."""

    settings: dict[str, Any]
    expected_version: Version | None = None


class Accommodation(Body):
    extra_time_percent: Annotated[int, Field(ge=0, le=400, description="of the time to answer; 0: as everybody")]


class Team(Body):
    team: Annotated[str, Field(max_length=100)] | None


class Draft(Body):
    """`data` need not be a whole answer; a table may send changed cells alone. `auto_submit`: handed in before the round ends."""

    data: dict[str, Any] | None
    round: Annotated[int, Field(ge=1, le=32_000)] | None = None
    expected_revision: Annotated[int, Field(ge=0, le=2**53)] | None = None
    auto_submit: bool = False


class NewResponse(Body):
    """An answer over HTTP. Without `submission_id` the server makes one, and a retry may count as a change."""

    response_data: Any
    submission_id: Uuid | None = None
    round: Annotated[int, Field(ge=1, le=32_000)] | None = None
    revision: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    expected_revision: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    entry: Annotated[str, Field(max_length=80)] | None = None
    receipt: Annotated[str, Field(max_length=512)] | None = None


class ChangedResponse(Body):
    response_data: Any
    submission_id: Uuid | None = None
    revision: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    expected_revision: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Heartbeat(Body):
    activity_context: dict[str, Any] | None = None


# --------------------------------------------------------------------------------------- query parameters


def _digits(value: Any) -> Any:
    """Only plain digits are a number here; Python reads more than HTTP writes."""
    if isinstance(value, str):
        if not value.isascii() or not value.isdigit() or len(value) > 16:
            raise ValueError("a whole number is needed")
        return int(value)
    return value


def number(least: int, most: int) -> Any:
    """The type of a whole number in the query."""
    return Annotated[int, BeforeValidator(_digits), Field(ge=least, le=most)]


Offset = Annotated[int, BeforeValidator(_digits), Field(ge=0, le=10_000_000)]
Limit = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=1_000)]
LongLimit = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=10_000)]
Cursor = Annotated[str, Field(max_length=100)]


class Page(Query):
    offset: Offset = 0
    limit: Limit = 100


class ActivityPage(Page):
    status: LegacyStatus | None = None


class SinceTime(Query):
    cursor: Cursor | None = None
    limit: LongLimit = 1_000


class After(Query):
    cursor: Cursor | None = None
    limit: Limit = 100


class AfterEvent(Query):
    after: Annotated[int, BeforeValidator(_digits), Field(ge=0, le=2**53)] = 0
    limit: Limit = 100


class Review(Query):
    """`after` is the `next` of the page before."""

    round: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=32_000)] | None = None
    after: Uuid | None = None
    limit: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=200)] = 50


class Code(Query):
    """`admin` finds nothing: who presents shows a ticket, and never in a path."""

    code_type: Literal["qr", "admin"] = "qr"


class Nickname(Query):
    nickname: Annotated[str, Field(min_length=1, max_length=50)]


class Status(Query):
    status: LegacyStatus


class Answering(Query):
    participant_id: Annotated[str, Field(max_length=64, description="the ticket's own participant, if given")] | None = None


class Since(Query):
    """A position, and how many seconds to wait for something newer."""

    epoch: Annotated[str, Field(max_length=64)] = ""
    since: Annotated[int, BeforeValidator(_digits), Field(ge=0, le=2**53)] | None = None
    wait: Annotated[float, Field(ge=0, le=25)] = 0
