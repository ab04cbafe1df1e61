"""Example documents for the reference; the tests check each against its model."""

from typing import Any, Final

MOMENT: Final = "2026-03-02T09:00:00+00:00"
SESSION_ID: Final = "0195a7c0-1111-7000-8000-000000000001"
ACTIVITY_ID: Final = "0195a7c0-2222-7000-8000-000000000002"
PARTICIPANT_ID: Final = "0195a7c0-3333-5000-8000-000000000003"
RESPONSE_ID: Final = "0195a7c0-4444-7000-8000-000000000004"
SUBMISSION_ID: Final = "0195a7c0-5555-7000-8000-000000000005"
EPOCH: Final = "b3f1c2d4e5a60718"

PAGE: Final[dict[str, Any]] = {"total": 1, "limit": 100, "offset": 0, "has_next": False, "has_prev": False}
POLL: Final[dict[str, Any]] = {
    "question": "Which topic next?",
    "options": [{"id": "a", "text": "Light reactions"}, {"id": "b", "text": "Calvin cycle"}],
}
SESSION: Final[dict[str, Any]] = {
    "id": SESSION_ID,
    "title": "Biology, week 3",
    "description": None,
    "status": "active",
    "state": "active",
    "join_code": "K7MQ2X",
    "qr_code": "K7MQ2X",
    "admin_code": None,
    "max_participants": 300,
    "locked": False,
    "passcode_required": False,
    "second_factor": False,
    "focus": None,
    "version": 1,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "started_at": MOMENT,
    "completed_at": None,
    "participant_count": 1,
    "activity_count": 1,
}
TICKET: Final[dict[str, Any]] = {
    "id": "9f" * 32,
    "role": "moderator",
    "label": "Ben, at the back",
    "own": False,
    "created_at": MOMENT,
    "revoked_at": None,
}
PASS: Final[dict[str, Any]] = {"ticket": "ws.…", "expires_in_ms": 30_000}
DIRECTOR: Final[dict[str, Any]] = {"token": 3, "label": "Ann, front row", "role": "presenter", "since_ms": 1_772_442_000_000}
CREATED_SESSION: Final[dict[str, Any]] = SESSION | {
    "presenter_ticket": f"pt.{SESSION_ID}.…",
    "screen_ticket": f"pt.{SESSION_ID}.…",
    "session": SESSION,
}
ACTIVITY: Final[dict[str, Any]] = {
    "id": ACTIVITY_ID,
    "session_id": SESSION_ID,
    "type": "poll",
    "activity_type": "poll",
    "title": "Next topic",
    "description": None,
    "config": {"version": 1, "settings": POLL},
    "order_index": 0,
    "status": "active",
    "state": "active",
    "legacy_state": "active",
    "paused": False,
    "is_active": True,
    "round": 1,
    "revealed": False,
    "version": 2,
    "opened_at_ms": 1_772_442_000_000,
    "deadline_ms": None,
    "closed_offset": None,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "started_at": MOMENT,
    "completed_at": None,
    "expires_at": None,
}
PARTICIPANT: Final[dict[str, Any]] = {
    "participant_id": PARTICIPANT_ID,
    "nickname": "Ann",
    "anonymous": False,
    "status": "online",
    "joined_at": MOMENT,
    "last_seen": MOMENT,
}
POSITION: Final[dict[str, Any]] = {"epoch": EPOCH, "offset": 42}
SESSION_STATUS: Final[dict[str, Any]] = {
    "session_id": SESSION_ID,
    "status": "active",
    "current_activity_id": ACTIVITY_ID,
    "active_activity_ids": [ACTIVITY_ID],
    "participant_count": 1,
    "online_count": 1,
    "saved": 41,
    "position": POSITION,
    "last_updated": MOMENT,
}
ACTIVITY_STATUS: Final[dict[str, Any]] = {
    "activity_id": ACTIVITY_ID,
    "status": "active",
    "state": "active",
    "round": 1,
    "revealed": False,
    "version": 2,
    "response_count": 1,
    "last_response_at": MOMENT,
    "last_updated": MOMENT,
}
VIEW: Final[dict[str, Any]] = {
    "vote_counts": {"a": 0, "b": 1},
    "percentages": {"a": 0.0, "b": 100.0},
    "most_popular": ["b"],
    "total_responses": 1,
}
FRAMEWORK_STATUS: Final[dict[str, Any]] = ACTIVITY_STATUS | {
    "paused": False,
    "expires_at": None,
    "activity_metadata": {"duration_seconds": None},
    "valid_transitions": ["cancelled", "closed", "paused"],
    "results": VIEW,
}
RESULTS: Final[dict[str, Any]] = {
    "activity_id": ACTIVITY_ID,
    "type": "poll",
    "round": 1,
    "revealed": False,
    "final": False,
    "results": VIEW,
    "last_updated": MOMENT,
}
DECIDED: Final[dict[str, Any]] = {
    "activity_id": ACTIVITY_ID,
    "round": 1,
    "version": 1,
    "decided": {f"item:{RESPONSE_ID}": {"status": "approved"}},
}
ENVELOPE: Final[dict[str, Any]] = {"type": "poll", "version": 1, "data": {"selected": ["b"]}, "metadata": {"device_type": "phone"}}
RESPONSE: Final[dict[str, Any]] = {
    "id": RESPONSE_ID,
    "session_id": SESSION_ID,
    "activity_id": ACTIVITY_ID,
    "participant_id": PARTICIPANT_ID,
    "response_data": ENVELOPE,
    "round": 1,
    "entry": "",
    "revision": 1,
    "submission_id": SUBMISSION_ID,
    "seq": 41,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "deleted_at": None,
    "withheld": False,
}
NEW_RESPONSE: Final[dict[str, Any]] = {"response_data": ENVELOPE, "submission_id": SUBMISSION_ID}
ACCEPTED: Final[dict[str, Any]] = {
    "activity_id": ACTIVITY_ID,
    "submission_id": SUBMISSION_ID,
    "response_id": RESPONSE_ID,
    "entry": "",
    "round": 1,
    "revision": 1,
    "epoch": EPOCH,
    "offset": 41,
    "receipt": "k1.b3f1c2d4e5a60718.41.1.…",
    "durability": "fsync",
    "duplicate": False,
}
ACCEPTED_RESPONSE: Final[dict[str, Any]] = ACCEPTED | {
    "id": RESPONSE_ID,
    "session_id": SESSION_ID,
    "participant_id": PARTICIPANT_ID,
    "response_data": ENVELOPE,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
SUMMARY: Final[dict[str, Any]] = {"total_responses": 1, "unique_participants": 1, "last_updated": MOMENT}
ITEMS: Final[dict[str, Any]] = {"items": [RESPONSE], "count": 1, "next_cursor": "MTo0MQ", "has_more": False}
JOINED: Final[dict[str, Any]] = {
    "session_id": SESSION_ID,
    "participant_id": PARTICIPANT_ID,
    "nickname": "Ann",
    "ticket": "k1.….…",
    "session": {"id": SESSION_ID, "title": "Biology, week 3", "state": "active"},
    "session_state": {
        "session_id": SESSION_ID,
        "session_title": "Biology, week 3",
        "session_status": "active",
        "current_activity": None,
        "active_activity_ids": [],
        "participant_count": 1,
    },
}
EVENT: Final[dict[str, Any]] = {
    "id": 7,
    "activity_id": ACTIVITY_ID,
    "actor": "owner:9f86d081884c",
    "action": "activity_active",
    "meta": {"round": 1},
    "created_at": MOMENT,
}
OWN: Final[dict[str, Any]] = {
    ACTIVITY_ID: [
        {
            "response_id": RESPONSE_ID,
            "entry": "",
            "round": 1,
            "revision": 1,
            "submission_id": SUBMISSION_ID,
            "offset": 41,
            "data": {"selected": ["b"]},
            "withdrawn": False,
        }
    ]
}
DELTA: Final[dict[str, Any]] = {
    "type": "delta",
    "epoch": EPOCH,
    "since": 40,
    "offset": 42,
    "set": {"people": {"joined": 1, "online": 1}, "saved": 41},
    "removed": [],
    "reason": None,
}
CHANGES: Final[dict[str, Any]] = DELTA | {"mine": OWN, "position": POSITION}
