"""Participants over HTTP: who is here, is a name free, I am still here, go."""

from starlette.responses import Response

from realtime.commands.attending import Attendance
from realtime.commands.directing import Directing
from realtime.commands.nudging import Nudging
from realtime.commands.reading import Reading
from realtime.core.errors import Refusal
from realtime.web import bodies, documents, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json, now_text
from realtime.web.shapes import page_of, participant_body


class Participants:
    def __init__(self, directing: Directing, reading: Reading, attendance: Attendance, nudging: Nudging) -> None:
        self._directing = directing
        self._reading = reading
        self._attendance = attendance
        self._nudging = nudging

    async def browse(self, call: Call) -> Response:
        page = call.query(bodies.Page)
        people, total, online = await self._reading.participants(call.actor, offset=page.offset, limit=page.limit)
        shown = [participant_body(person, online) for person in people]
        return Json({"participants": shown, "total_count": total, **page_of(total, page.offset, page.limit, len(shown))})

    async def check_nickname(self, call: Call) -> Response:
        free = await self._attendance.free_nickname(call.session_id, call.query(bodies.Nickname).nickname)
        return Json({"available": free.available, "suggested_nickname": free.suggestion})

    async def heartbeat(self, call: Call) -> Response:
        if call.id("participant_id") != call.actor.participant_id:
            raise Refusal("forbidden", "A ticket speaks for its own participant only.")
        await self._attendance.note(call.actor)
        context = call.body(bodies.Heartbeat).activity_context or {}
        return Json({"status": "online", "activity_context": context, "updated_at": now_text()})

    async def unanswered(self, call: Call) -> Response:
        found = await self._nudging.unanswered(call.actor, call.id("activity_id"))
        return Json({"online": found.online, "waiting": found.waiting, "participants": found.people})

    async def nudge(self, call: Call) -> Response:
        return Json(await self._nudging.nudge(call.actor, call.id("activity_id")))

    async def remove(self, call: Call) -> Response:
        participant_id = call.id("participant_id")
        await self._reading.participant(call.actor, participant_id)
        await self._directing.remove(call.actor, participant_id)
        return Response(status_code=204)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/nicknames/validate",
        handler=Participants.check_nickname,
        right=None,
        summary="Whether a nickname is free",
        query=bodies.Nickname,
        answer=documents.NicknameCheck,
        shows={"available": False, "suggested_nickname": "Ann 2"},
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/participants",
        handler=Participants.browse,
        right="inspect",
        summary="Who is in the session",
        query=bodies.Page,
        answer=documents.ParticipantList,
        shows={"participants": [samples.PARTICIPANT], "total_count": 1, **samples.PAGE},
    ),
    Endpoint(
        method="POST",
        path="/participants/{participant_id}/heartbeat",
        handler=Participants.heartbeat,
        right="answer",
        summary="Say that a participant is still here",
        body=bodies.Heartbeat,
        answer=documents.HeartbeatReply,
        example={"activity_context": {"page": 2}},
        shows={"status": "online", "activity_context": {"page": 2}, "updated_at": samples.MOMENT},
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/activities/{activity_id}/unanswered",
        handler=Participants.unanswered,
        right="inspect",
        summary="Who is here and has not answered; the number alone where answers are anonymous",
        answer=documents.Unanswered,
        shows={
            "online": 30, "waiting": 1, "participants": [{"participant_id": samples.PARTICIPANT_ID, "nickname": "Ann"}],
        },
    ),
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/activities/{activity_id}/nudge",
        handler=Participants.nudge,
        right="direct",
        summary="Ask those who have not answered to do so, not oftener than every ten seconds",
        answer=documents.Nudged,
        errors=("activity_not_open", "limited"),
        shows={"activity_id": samples.ACTIVITY_ID, "round": 1, "at_ms": 1_760_000_000_000, "online": 30, "waiting": 1},
    ),
    Endpoint(
        method="DELETE",
        path="/participants/{participant_id}",
        handler=Participants.remove,
        right="moderate",
        summary="Remove a participant for good",
        status=204,
    ),
)
