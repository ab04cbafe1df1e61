"""Sessions over HTTP: create, find, read, change, end, and what happened in them."""

import uuid
from typing import Any

from starlette.responses import Response

from persistence.sessions import SessionRow
from realtime.audit import Auditor
from realtime.commands.directing import Directing
from realtime.commands.doors import Shown
from realtime.commands.joining import ASKED, Entrance, Joined, Newcomer
from realtime.commands.reading import Reading
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import encode
from realtime.jwts import User
from realtime.paces import Paces
from realtime.web import bodies, documents, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json, ReadyJson, conditional
from realtime.web.shapes import activity_body, event_body, page_of, participant_body, session_body


class Sessions:
    """`demands`: from whom a token of the host is asked, see the setting jwt_required."""

    def __init__(
        self, entrance: Entrance, directing: Directing, reading: Reading, auditor: Auditor, creations: Paces, *, demands: str
    ) -> None:
        self._entrance = entrance
        self._directing = directing
        self._reading = reading
        self._auditor = auditor
        self._creations = creations
        self._demands = demands

    async def create(self, call: Call) -> Response:
        body = call.body(bodies.NewSession)
        user = call.user
        if self._demands != "nobody":
            _need(user)
            if user is not None and not user.presents:
                raise Refusal("forbidden", "Your host does not let you present.")
        wait_ms = self._creations.take(call.address)
        if wait_ms:
            raise Refusal("limited", after_ms=wait_ms)
        row, ticket, screen_ticket = await self._directing.create_session(
            body.title, description=body.description, max_participants=body.max_participants, passcode=body.passcode,
            user=user if user is not None and user.presents else None,
        )  # fmt: skip
        answer = session_body(row)
        return Json(
            {**answer, "session": answer, "presenter_ticket": ticket, "screen_ticket": screen_ticket},
            201,
            {"location": f"/api/v1/sessions/{row.id}"},
        )

    async def browse(self, call: Call) -> Response:
        """A ticket is of one session, so the list has that one."""
        page = call.query(bodies.Page)
        row = await self._reading.session(call.actor.session_id)
        shown = [await self._counted(row)] if page.offset == 0 else []
        return Json({"sessions": shown, "items": shown, **page_of(1, page.offset, page.limit, len(shown))})

    async def find(self, call: Call) -> Response:
        if call.query(bodies.Code).code_type == "admin":
            raise Refusal("unknown_code")  # presenters have tickets, and no ticket belongs into a path
        row = await self._entrance.find(call.request.path_params["code"], call.address)
        return Json(session_body(row) | {"session_id": row.id})

    async def read(self, call: Call) -> Response:
        actor = call.actor
        row = await self._reading.session(actor.session_id)
        answer = await self._counted(row)
        answer["activities"] = [activity_body(*one) for one in await self._reading.shown_activities(actor)]
        if actor.role in ("owner", "presenter", "moderator"):
            people, _, online = await self._reading.participants(actor, offset=0, limit=self._reading.page_limit)
            answer["participants"] = [participant_body(person, online) for person in people]
        return Json(answer)

    async def change(self, call: Call) -> Response:
        body = call.body(bodies.ChangedSession)
        row = await self._directing.move_session(
            call.actor,
            to=body.status,
            locked=body.locked,
            passcode=body.passcode,
            second_factor=body.second_factor,
            focus=body.focus,
            title=body.title,
            description=body.description,
            max_participants=body.max_participants,
            expected_version=call.expected_version(body.expected_version),
        )
        return Json(await self._counted(row), headers={"etag": f'"{row.version}"'})

    async def delete(self, call: Call) -> Response:
        await self._directing.delete_session(call.actor)
        return Response(status_code=204)

    async def status(self, call: Call) -> Response:
        return conditional(call.request, await self._reading.session_status(call.actor))

    async def events(self, call: Call) -> Response:
        query = call.query(bodies.AfterEvent)
        rows = await self._reading.events(call.actor, after=query.after, limit=query.limit + 1)
        shown = [event_body(row) for row in rows[: query.limit]]
        after = shown[-1]["id"] if shown else query.after
        return Json({"events": shown, "items": shown, "next_after": after, "has_more": len(rows) > query.limit})

    async def verify(self, call: Call) -> Response:
        report = await self._auditor.verify(call.actor.session_id, patience_seconds=2.0)
        return Json(report.document())

    async def join_by_code(self, call: Call) -> Response:
        body = call.body(bodies.NewJoin)
        if body.code is None:
            raise invalid("code", "the code of the session is needed")
        row, joined = await self._entrance.join_by_code(body.code, self._newcomer(call, body))
        return ReadyJson(await self._seat(row, joined), 201)

    async def join(self, call: Call) -> Response:
        """The founding system answers 200 here, and so do we. Who has the id is told why it does not let him in."""
        row = await self._reading.session(call.session_id)
        joined = await self._entrance.join(row, self._newcomer(call, call.body(bodies.NewJoin)))
        return ReadyJson(await self._seat(row, joined))

    def _newcomer(self, call: Call, body: bodies.NewJoin) -> Newcomer:
        if self._demands == "everybody":
            _need(call.user)
        key = call.request.headers.get("idempotency-key")
        # The same key is the same join even where the answer of the first time was forgotten.
        join_id = body.join_id or (uuid.uuid5(uuid.NAMESPACE_OID, key).hex if key else uuid.uuid4().hex)
        name = body.nickname if body.nickname is not None or call.user is None else call.user.name
        return Newcomer(name, join_id, call.address, Shown(body.passcode, body.second_factor), call.user)

    async def _seat(self, session: SessionRow, joined: Joined) -> str:
        """The answer as JSON text: what all newcomers are told is encoded once for many of them."""
        room = await self._reading.room(session.id)
        head = {
            "session_id": session.id,
            "participant_id": joined.participant_id,
            "nickname": joined.nickname,
            "ticket": joined.ticket,
            "session": {"id": session.id, "title": session.title, "state": joined.state},
            "session_state": {"session_id": session.id, "session_title": session.title, "session_status": session.state},
        }
        return f"{encode(head)[:-2]},{room[1:]}}}"

    async def _counted(self, row: SessionRow) -> dict[str, Any]:
        counts = await self._reading.sizes(row.id)
        return session_body(row, participants=counts["participants"], activities=counts["activities"])


def _need(user: User | None) -> None:
    if user is None:
        raise Refusal("unauthenticated", "A token of your host is needed.")


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/sessions",
        handler=Sessions.create,
        right=None,
        summary="Create a session and get its owner's ticket",
        body=bodies.NewSession,
        answer=documents.CreatedSession,
        status=201,
        creates=True,
        makes="session_id",
        takes_user=True,
        slash=True,
        example={"title": "Biology, week 3", "max_participants": 300},
        shows=samples.CREATED_SESSION,
    ),
    Endpoint(
        method="GET",
        path="/sessions",
        handler=Sessions.browse,
        right="inspect",
        summary="The session of the presented ticket",
        query=bodies.Page,
        answer=documents.SessionList,
        slash=True,
        shows={"sessions": [samples.SESSION], "items": [samples.SESSION], **samples.PAGE},
    ),
    Endpoint(
        method="GET",
        path="/sessions/code/{code}",
        handler=Sessions.find,
        right=None,
        summary="Find a session by its join code",
        query=bodies.Code,
        answer=documents.FoundSession,
        errors=("unknown_code",),
        shows=samples.SESSION | {"session_id": samples.SESSION_ID},
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}",
        handler=Sessions.read,
        right="watch",
        summary="A session with its activities",
        answer=documents.SessionDetail,
        shows=samples.SESSION | {"activities": [samples.ACTIVITY], "participants": [samples.PARTICIPANT]},
    ),
    Endpoint(
        method="PUT",
        path="/sessions/{session_id}",
        handler=Sessions.change,
        right="direct",
        summary="Rename, start, end or lock a session, or choose its focus",
        body=bodies.ChangedSession,
        answer=documents.Session,
        errors=("illegal_move", "version_conflict", "unknown_activity"),
        example={"status": "completed", "expected_version": 1},
        shows=samples.SESSION,
    ),
    Endpoint(
        method="DELETE",
        path="/sessions/{session_id}",
        handler=Sessions.delete,
        right="own",
        summary="Delete a session with everything in it",
        status=204,
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/status",
        handler=Sessions.status,
        right="watch",
        summary="What is going on, cheap enough to poll",
        answer=documents.SessionStatus,
        also=(304,),
        shows=samples.SESSION_STATUS,
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/events",
        handler=Sessions.events,
        right="inspect",
        summary="Who did what, oldest first",
        query=bodies.AfterEvent,
        answer=documents.EventList,
        shows={"events": [samples.EVENT], "items": [samples.EVENT], "next_after": 7, "has_more": False},
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/integrity",
        handler=Sessions.verify,
        right="inspect",
        summary="Prove that live counts equal stored rows",
        answer=documents.Verdict,
        shows={"sound": True, "drift": 0},
    ),
    Endpoint(
        method="POST",
        path="/join",
        handler=Sessions.join_by_code,
        right=None,
        summary="Join a session by its code",
        body=bodies.NewJoin,
        answer=documents.Joined,
        status=201,
        creates=True,
        makes="participant_id",
        takes_user=True,
        errors=("unknown_code", "nickname_taken", "door_changed", *ASKED),
        example={"code": "K7MQ2X", "nickname": "Ann", "join_id": "c2f0a9d4b6e84f0f"},
        shows=samples.JOINED,
    ),
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/join",
        handler=Sessions.join,
        right=None,
        summary="Join a session by its id",
        body=bodies.NewJoin,
        answer=documents.Joined,
        creates=True,
        makes="participant_id",
        takes_user=True,
        errors=("session_full", "session_locked", "session_ended", "nickname_taken", "door_changed", *ASKED),
        example={"nickname": "Ann"},
        shows=samples.JOINED,
    ),
)
