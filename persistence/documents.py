"""Stored rows as the live store publishes them: one shape for commands, recovery and checks."""

import json
from datetime import datetime
from typing import Any
from zlib import crc32

from persistence.activities import ActivityRow
from persistence.sessions import SessionRow


def session_document(row: SessionRow) -> dict[str, Any]:
    """The `session` key: what everybody in the session may know of it, and `director`, which only presenters get to see."""
    settings = json.loads(row.settings)
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "state": row.state,
        "join_code": row.join_code,
        "focus": settings.get("focus"),
        "locked": bool(settings.get("locked", False)),
        "passcode_required": "passcode" in settings,
        "second_factor": "factor" in settings,
        "director": _director(settings),
        "max_participants": row.max_participants,
        "version": row.version,
    }


def _director(settings: dict[str, Any]) -> dict[str, Any] | None:
    """Who directs, where somebody has taken the lease."""
    lease = settings.get("lease", {})
    return {name: lease[name] for name in ("token", "label", "role", "since_ms")} if lease.get("held") else None


def session_meta(row: SessionRow) -> dict[str, Any]:
    """What the join script checks, and the token of whoever directs."""
    settings = json.loads(row.settings)
    lease = settings.get("lease", {})
    return {
        "cap": row.max_participants,
        "locked": int(bool(settings.get("locked"))),
        "state": row.state,
        "door": door_of(settings),
        "lease": lease["token"] if lease.get("held") else 0,
    }


def door_of(settings: dict[str, Any]) -> str:
    """Names what newcomers must show at present; two processes that agree on it checked the same. `0`: nothing."""
    shown = [settings.get("passcode"), settings.get("factor")]
    return f"{crc32(json.dumps(shown).encode()):08x}" if any(shown) else "0"


def activity_document(row: ActivityRow) -> dict[str, Any]:
    """The `activity:<id>` key, with the full config; audiences get projections of it."""
    return {
        "id": row.id,
        "type": row.type,
        "title": row.title,
        "state": row.state,
        "round": row.round,
        "revealed": row.revealed,
        "version": row.version,
        "order_index": row.order_index,
        "opened_at_ms": to_ms(row.opened_at),
        "from_ms": to_ms(row.answers_from or row.opened_at),
        "deadline_ms": None if remaining_ms(row) is not None else to_ms(row.deadline_at),
        "remaining_ms": remaining_ms(row),
        "settings_version": settings_version(row),
        "config": json.loads(row.config),
    }


def settings_version(row: ActivityRow) -> int:
    """Names the rules that answers are judged by; two processes that agree on it judge alike."""
    return crc32(f"{row.type}\n{row.config}".encode())


def activity_rules(row: ActivityRow, fences_on_reveal: bool) -> dict[str, Any]:
    """What the accept script checks. Types that fence on reveal take nothing in a revealed round."""
    constraints = json.loads(row.config).get("constraints", {})
    deadline, begin = to_ms(row.deadline_at), to_ms(row.answers_from or row.opened_at) or 0
    return {
        "state": "closed" if row.revealed and fences_on_reveal and row.state == "active" else row.state,
        "round": row.round,
        "settings_version": settings_version(row),
        "changes": bool(constraints.get("allow_changes", True)),
        "until_ms": deadline + int(constraints.get("grace_ms", 2_000)) if deadline else 0,
        "from_ms": to_ms(row.answers_from) or 0,
        "limit_ms": max(0, deadline - begin) if deadline else 0,
    }


def remaining_ms(row: ActivityRow) -> int | None:
    """What is left of a paused activity's time; None where the clock runs or there is no deadline."""
    if row.state != "paused" or row.paused_at is None or row.deadline_at is None:
        return None
    return max(0, int((row.deadline_at - row.paused_at).total_seconds() * 1_000))


def to_ms(moment: datetime | None) -> int | None:
    """Unix milliseconds."""
    return None if moment is None else int(moment.timestamp() * 1_000)
