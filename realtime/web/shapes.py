"""Stored rows as the documents of answers, with the founding system's names beside ours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from persistence.activities import ActivityRow
from persistence.documents import activity_document
from persistence.events import EventRow
from persistence.participants import ParticipantRow
from persistence.responses import ResponseRow, ResponseSummary
from persistence.sessions import SessionRow
from realtime.core.session import legacy_state, legacy_status

_IDLE: Final = timedelta(seconds=120)  # the founding system's limit between idle and disconnected


def page_of(total: int, offset: int, limit: int, shown: int) -> dict[str, Any]:
    """What every page says of itself; `total` counts all pages."""
    return {"total": total, "limit": limit, "offset": offset, "has_next": offset + shown < total, "has_prev": offset > 0}


def session_body(row: SessionRow, *, participants: int = 0, activities: int = 0) -> dict[str, Any]:
    settings = json.loads(row.settings)
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "status": row.state,
        "state": row.state,
        "join_code": row.join_code,
        "qr_code": row.join_code,
        "admin_code": None,
        "max_participants": row.max_participants,
        "locked": bool(settings.get("locked", False)),
        "passcode_required": "passcode" in settings,
        "second_factor": "factor" in settings,
        "focus": settings.get("focus"),
        "version": row.version,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "started_at": _text(row.started_at),
        "completed_at": _text(row.completed_at),
        "participant_count": participants,
        "activity_count": activities,
    }


def activity_body(row: ActivityRow, shown: dict[str, Any] | None = None) -> dict[str, Any]:
    """An activity; `shown` is what the asker's audience sees of it, whose config then takes the place of the whole one."""
    document = activity_document(row)
    del document["settings_version"]
    config = document["config"] if shown is None else shown["config"]
    return document | {
        "config": config,
        "session_id": row.session_id,
        "activity_type": row.type,
        "description": (config.get("display") or {}).get("description"),
        "status": legacy_status(row.state),
        "legacy_state": legacy_state(row.state),
        "paused": row.state == "paused",
        "is_active": row.state == "active",
        "closed_offset": row.closed_offset,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "started_at": _text(row.opened_at),
        "completed_at": _text(row.closed_at),
        "expires_at": _text(row.deadline_at),
    }


def response_body(row: ResponseRow, *, withheld: bool = False, unnamed: bool = False) -> dict[str, Any]:
    """A response; `withheld` leaves out what was answered, because nobody may know it before the reveal.

    `unnamed` leaves out who answered, and with what device.
    """
    data = json.loads(row.response_data)
    if unnamed:
        data = {name: value for name, value in data.items() if name in ("type", "version", "data")}
    if withheld:
        data = {name: value for name, value in data.items() if name in ("type", "version")}
    return {
        "id": row.id,
        "session_id": row.session_id,
        "activity_id": row.activity_id,
        "participant_id": None if unnamed else row.participant_id,
        "response_data": data,
        "round": row.round,
        "entry": row.entry,
        "revision": row.revision,
        "submission_id": row.submission_id,
        "seq": row.seq,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "deleted_at": _text(row.deleted_at),
        "withheld": withheld,
    }


def summary_body(summary: ResponseSummary) -> dict[str, Any]:
    return {
        "total_responses": summary.total_responses,
        "unique_participants": summary.unique_participants,
        "last_updated": _text(summary.last_updated),
    }


def participant_body(row: ParticipantRow, online: set[str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    here = row.id in online
    last_seen = now if here else row.last_seen
    return {
        "participant_id": row.id,
        "nickname": row.nickname,
        "anonymous": row.anonymous,
        "status": "online" if here else "idle" if now - last_seen < _IDLE else "disconnected",
        "joined_at": row.joined_at.isoformat(),
        "last_seen": last_seen.isoformat(),
    }


def event_body(row: EventRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "activity_id": row.activity_id,
        "actor": row.actor,
        "action": row.action,
        "meta": json.loads(row.meta),
        "created_at": row.created_at.isoformat(),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
