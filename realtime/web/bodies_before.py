"""The bodies of HTTP requests and the documents of answers, with the founding system's names beside ours."""

import json
from typing import Annotated, Any

from pydantic import AliasChoices, ConfigDict, Field

from persistence.activities import ActivityRow
from persistence.documents import activity_document
from persistence.responses import ResponseRow, ResponseSummary
from persistence.sessions import SessionRow
from realtime.core.messages import Uuid
from realtime.core.session import legacy_state, legacy_status
from realtime.web.requests_before import Body


class NewSession(Body):
    title: Annotated[str, Field(min_length=1, max_length=255)]
    description: Annotated[str, Field(max_length=2_000)] | None = None
    max_participants: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class NewJoin(Body):
    """`join_id` is made by the client before the first try, so that a retry is the same join."""

    code: Annotated[str, Field(max_length=40)] | None = None
    nickname: Annotated[str, Field(max_length=200)] | None = None
    join_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")] | None = None


class NewActivity(Body):
    model_config = ConfigDict(populate_by_name=True)

    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$", validation_alias=AliasChoices("type", "activity_type"))]
    title: Annotated[str, Field(max_length=500)] | None = None
    config: dict[str, Any] = Field(default={}, validation_alias=AliasChoices("config", "configuration"))
    order_index: Annotated[int, Field(ge=0, le=100_000)] | None = None


class ChangedActivity(Body):
    title: Annotated[str, Field(max_length=500)] | None = None
    config: dict[str, Any] | None = Field(default=None, validation_alias=AliasChoices("config", "configuration"))
    order_index: Annotated[int, Field(ge=0, le=100_000)] | None = None
    expected_version: Annotated[int, Field(ge=1)] | None = None


class Transition(Body):
    """`target_state` accepts the founding system's `expired` for `closed`."""

    target_state: Annotated[str, Field(max_length=20)]
    reason: Annotated[str, Field(max_length=500)] | None = None
    force: bool = False
    new_round: bool = False
    expected_version: Annotated[int, Field(ge=1)] | None = None


class NewResponse(Body):
    """An answer over HTTP. Without `submission_id` the server makes one, and a retry may count as a change."""

    response_data: Any
    submission_id: Uuid | None = None
    round: Annotated[int, Field(ge=1, le=32_000)] | None = None
    revision: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    expected_revision: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    entry: Annotated[str, Field(max_length=80)] | None = None
    receipt: Annotated[str, Field(max_length=512)] | None = None


def session_body(row: SessionRow) -> dict[str, Any]:
    settings = json.loads(row.settings)
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "status": row.state,
        "state": row.state,
        "join_code": row.join_code,
        "qr_code": row.join_code,
        "max_participants": row.max_participants,
        "locked": bool(settings.get("locked", False)),
        "focus": settings.get("focus"),
        "version": row.version,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "started_at": row.started_at.isoformat() if row.started_at else None,
        "completed_at": row.completed_at.isoformat() if row.completed_at else None,
    }


def activity_body(row: ActivityRow) -> dict[str, Any]:
    document = activity_document(row)
    del document["settings_version"]
    return document | {
        "session_id": row.session_id,
        "status": legacy_status(row.state),
        "legacy_state": legacy_state(row.state),
        "closed_offset": row.closed_offset,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


def response_body(row: ResponseRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "session_id": row.session_id,
        "activity_id": row.activity_id,
        "participant_id": row.participant_id,
        "response_data": json.loads(row.response_data),
        "round": row.round,
        "entry": row.entry,
        "revision": row.revision,
        "submission_id": row.submission_id,
        "seq": row.seq,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "deleted_at": row.deleted_at.isoformat() if row.deleted_at else None,
    }


def summary_body(summary: ResponseSummary) -> dict[str, Any]:
    return {
        "total_responses": summary.total_responses,
        "unique_participants": summary.unique_participants,
        "last_updated": summary.last_updated.isoformat() if summary.last_updated else None,
    }
