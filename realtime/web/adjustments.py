"""Adjustments over HTTP: a corrected answer key, more time for one participant, a team, and one's own draft."""

from typing import Any, Final

from starlette.responses import Response

from realtime.commands.correcting import Correcting
from realtime.commands.drafting import Drafting
from realtime.commands.standings import Standings
from realtime.commands.timing import Timing
from realtime.core.messages import SaveDraft
from realtime.web import bodies, documents, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json
from realtime.web.shapes import activity_body


class Adjustments:
    def __init__(self, correcting: Correcting, timing: Timing, standings: Standings, drafting: Drafting) -> None:
        self._correcting = correcting
        self._timing = timing
        self._standings = standings
        self._drafting = drafting

    async def correct_key(self, call: Call) -> Response:
        body = call.body(bodies.AnswerKey)
        row = await self._correcting.correct_key(
            call.actor, call.id("activity_id"), body.settings, expected_version=call.expected_version(body.expected_version)
        )
        return Json(activity_body(row), 200, {"etag": f'"{row.version}"'})

    async def accommodate(self, call: Call) -> Response:
        body = call.body(bodies.Accommodation)
        return Json(await self._timing.accommodate(call.actor, call.id("participant_id"), body.extra_time_percent))

    async def assign_team(self, call: Call) -> Response:
        participant_id = call.id("participant_id")
        team = await self._standings.assign_team(call.actor, participant_id, call.body(bodies.Team).team)
        return Json({"participant_id": participant_id, "team": team})

    async def save_draft(self, call: Call) -> Response:
        body = call.body(bodies.Draft)
        command = SaveDraft(
            id=0, activity_id=call.id("activity_id"), data=body.data, round=body.round, expected_revision=body.expected_revision,
            auto_submit=body.auto_submit,
        )  # fmt: skip
        return Json(await self._drafting.save(call.actor, command))


_PERSON = "/sessions/{session_id}/participants/{participant_id}"
_KEY: Final[dict[str, Any]] = {
    "method": "PUT", "handler": Adjustments.correct_key, "right": "direct", "body": bodies.AnswerKey, "answer": documents.Activity,
    "summary": "Correct the answer key: everybody is marked again", "errors": ("version_conflict", "in_use"),
    "example": {"settings": {"correct": ["b"]}, "expected_version": 2}, "shows": samples.ACTIVITY,
}  # fmt: skip

ENDPOINTS = (
    Endpoint(path="/sessions/{session_id}/activities/{activity_id}/answer-key", **_KEY),
    Endpoint(path="/activities/{activity_id}/answer-key", **_KEY),
    Endpoint(
        method="PUT",
        path=f"{_PERSON}/accommodation",
        handler=Adjustments.accommodate,
        right="direct",
        summary="Give a participant more time than the others, in percent",
        body=bodies.Accommodation,
        answer=documents.Accommodated,
        example={"extra_time_percent": 25},
        shows={"participant_id": samples.PARTICIPANT_ID, "extra_time_percent": 25},
    ),
    Endpoint(
        method="PUT",
        path=f"{_PERSON}/team",
        handler=Adjustments.assign_team,
        right="direct",
        summary="Put a participant into a team, or into none",
        body=bodies.Team,
        answer=documents.Teamed,
        example={"team": "Red"},
        shows={"participant_id": samples.PARTICIPANT_ID, "team": "Red"},
    ),
    Endpoint(
        method="PUT",
        path="/sessions/{session_id}/activities/{activity_id}/draft",
        handler=Adjustments.save_draft,
        right="answer",
        summary="Keep what is written and not sent, for its author alone; null throws it away",
        body=bodies.Draft,
        answer=documents.SavedDraft,
        answers_only=True,
        errors=("activity_not_open", "activity_closed", "wrong_round", "revision_conflict", "activity_full", "overloaded"),
        example={"data": {"selected": ["a"]}, "auto_submit": True},
        shows={"activity_id": samples.ACTIVITY_ID, "round": 1, "revision": 1, "offset": 17, "saved_at_ms": 1_760_000_000_000},
    ),
)
