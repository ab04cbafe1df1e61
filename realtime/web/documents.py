"""The documents of answers as models: what the reference shows and the tests check answers against."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

from realtime.core.messages import OwnDraft, OwnResponse, Position, State


class Document(BaseModel):
    """Base of answers; a client ignores fields it does not know."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # a server that starts needs none of them


class Paged(Document):
    total: int
    limit: int
    offset: int
    has_next: bool
    has_prev: bool


class Problem(Document):
    """RFC 9457, and the founding system's `error`."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(description="what happened, for programs")]
    retry: Annotated[bool, Field(description="whether the same request may succeed later")]
    after_ms: int | None
    error: dict[str, Any]


class Health(Document):
    status: str
    timestamp: AwareDatetime | None = None
    version: str | None = None
    redis: bool | None = None
    database: bool | None = None
    connections: int | None = None


class Session(Document):
    id: str
    title: str
    description: str | None
    status: str
    state: str
    join_code: str
    qr_code: Annotated[str, Field(description="the join code, under its older name")]
    admin_code: Annotated[None, Field(description="always null: presenters have tickets")] = None
    max_participants: int
    locked: bool
    passcode_required: Annotated[bool, Field(description="newcomers must show a passcode")] = False
    second_factor: Annotated[bool, Field(description="newcomers must show the number on the big screen")] = False
    focus: str | None
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    started_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    participant_count: int = 0
    activity_count: int = 0


class CreatedSession(Session):
    presenter_ticket: Annotated[str, Field(description="the owner's ticket; shown only here")]
    screen_ticket: Annotated[str, Field(description="for the big screen, which sees what participants see; shown only here")]
    session: Session


class FoundSession(Session):
    session_id: str


class Activity(Document):
    id: str
    session_id: str
    type: str
    activity_type: str
    title: str
    description: str | None
    config: dict[str, Any]
    order_index: int
    status: Annotated[str, Field(description="draft, active, completed or cancelled")]
    state: Annotated[str, Field(description="draft, published, active, paused, closed or cancelled; drives behaviour")]
    legacy_state: str
    paused: bool
    is_active: bool
    round: int
    revealed: bool
    version: int
    opened_at_ms: int | None
    deadline_ms: int | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    started_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    expires_at: AwareDatetime | None


class Participant(Document):
    participant_id: str
    nickname: str
    anonymous: bool
    status: Annotated[str, Field(description="online, idle or disconnected")]
    joined_at: AwareDatetime
    last_seen: AwareDatetime


class SessionDetail(Session):
    activities: list[Activity]
    participants: Annotated[list[Participant] | None, Field(description="for presenters and moderators only")] = None


class SessionList(Paged):
    sessions: list[Session]
    items: list[Session]


class SessionStatus(Document):
    session_id: str
    status: str
    current_activity_id: str | None
    active_activity_ids: list[str]
    participant_count: int
    online_count: int
    saved: int
    position: Position
    last_updated: AwareDatetime


class ActivityList(Paged):
    activities: list[Activity]
    items: list[Activity]


class ActivityStatus(Document):
    activity_id: str
    status: str
    state: str
    round: int
    revealed: bool
    version: int
    response_count: Annotated[int | None, Field(description="absent where the role may not see counts")] = None
    last_response_at: AwareDatetime | None = None
    last_updated: AwareDatetime


class FrameworkStatus(ActivityStatus):
    paused: bool
    expires_at: AwareDatetime | None
    activity_metadata: dict[str, Any]
    valid_transitions: list[str]
    results: dict[str, Any] | None


class Results(Document):
    activity_id: str
    type: str
    round: int
    revealed: bool
    final: Annotated[bool, Field(description="closed, and every accepted answer is stored")]
    results: Annotated[dict[str, Any], Field(description="as the type has them; what the role may not see is absent")]
    last_updated: AwareDatetime


class Decided(Document):
    activity_id: str
    round: int
    version: Annotated[int, Field(description="of the activity's decisions")]
    decided: Annotated[dict[str, Any], Field(description="what was set; null takes back")]


class Accommodated(Document):
    participant_id: str
    extra_time_percent: int


class Teamed(Document):
    participant_id: str
    team: str | None


class SavedDraft(Document):
    activity_id: str
    round: int
    revision: Annotated[int, Field(description="of the draft; 0 where it was thrown away")]
    offset: int
    saved_at_ms: int


class TypeSummary(Document):
    id: str
    name: str
    description: str
    version: str
    aliases: list[str]


class TypeList(Document):
    activity_types: list[TypeSummary]


class TypeSchema(Document):
    model_config = ConfigDict(frozen=True, protected_namespaces=())

    activity_type: str
    schema_: Annotated[dict[str, Any], Field(alias="schema", description="`settings`, `answer` and the `config` round them")]
    example: dict[str, Any]


class Validation(Document):
    valid: bool
    errors: list[str]
    warnings: list[str]
    configuration: dict[str, Any] | None = None


class Response(Document):
    id: str
    session_id: str
    activity_id: str
    participant_id: Annotated[str | None, Field(description="null where nothing may tell who answered")]
    response_data: Annotated[dict[str, Any], Field(description="without `data` where single answers are hidden until the reveal")]
    round: int
    entry: str
    revision: int
    submission_id: str
    seq: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    deleted_at: AwareDatetime | None
    withheld: bool = False


class ResponseArray(RootModel[list[Response]]):
    """In the order accepted."""


class AcceptedResponse(Document):
    """The response as it was accepted; it is in the lists once it is saved."""

    id: str
    session_id: str
    activity_id: str
    participant_id: str
    response_data: Any
    submission_id: str
    response_id: str
    entry: str
    round: int
    revision: int
    epoch: str
    offset: int
    receipt: str
    durability: str
    duplicate: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ResponseSummary(Document):
    total_responses: int
    unique_participants: int
    last_updated: AwareDatetime | None


class ResponseList(Paged):
    responses: list[Response]
    summary: ResponseSummary


class ResponseItems(Document):
    """`next_cursor` always continues where this page ended, now or later."""

    items: list[Response]
    count: int
    next_cursor: str
    has_more: bool


class ResponsesSince(ResponseItems):
    since: AwareDatetime


class ParticipantList(Paged):
    participants: list[Participant]
    total_count: int


class Missing(Document):
    participant_id: str
    nickname: str


class Unanswered(Document):
    online: int
    waiting: Annotated[int, Field(description="of those online, how many have no standing answer")]
    participants: Annotated[list[Missing], Field(description="the first 200 of them; empty where answers are anonymous")]


class Nudged(Document):
    activity_id: str
    round: int
    at_ms: int
    online: int
    waiting: int


class Joined(Document):
    session_id: str
    participant_id: str
    nickname: str
    ticket: Annotated[str, Field(description="the participant's credential")]
    session: dict[str, Any]
    session_state: dict[str, Any]


class NicknameCheck(Document):
    available: bool
    suggested_nickname: str | None


class HeartbeatReply(Document):
    status: str
    activity_context: dict[str, Any]
    updated_at: AwareDatetime


class Event(Document):
    id: int
    activity_id: str | None
    actor: str
    action: str
    meta: dict[str, Any]
    created_at: AwareDatetime


class EventList(Document):
    events: list[Event]
    items: list[Event]
    next_after: int
    has_more: bool


class Changes(State):
    """The `delta` or `snapshot` of the wire, with the own responses and the position to ask from next."""

    mine: dict[str, list[OwnResponse]] | None = None
    drafts: dict[str, OwnDraft] | None = None
    extra_time_percent: int | None = None
    position: Position


class Leaderboard(Document):
    entries: list[dict[str, Any]]
    total: int
    teams: list[dict[str, Any]]
    offset: int
    limit: int


class OwnScore(Document):
    model_config = ConfigDict(extra="allow", frozen=True)


class ReviewPage(Document):
    """A page of a round's answers, without who gave them where they are anonymous; `next`, if any, is the next page's `after`."""

    settings: dict[str, Any]
    decisions: dict[str, Any]
    round: int
    answers: list[dict[str, Any]]
    next: str | None


class Verdict(Document):
    """The recount of a session: live counts against stored rows."""

    model_config = ConfigDict(extra="allow", frozen=True)
