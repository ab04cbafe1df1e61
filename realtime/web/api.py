"""REST under /api/v1: the same commands as over the WebSocket, with HTTP's words for them."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from persistence.sessions import SessionRow
from realtime.audit import Auditor
from realtime.commands.actors import Actor, Gate
from realtime.commands.answering import Answering
from realtime.commands.directing import Directing
from realtime.commands.joining import Entrance
from realtime.commands.reading import Reading
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import Limits
from realtime.core.messages import Accepted, Frame, Metadata, Submit
from realtime.identifiers import new_uuid
from realtime.web import bodies_before as bodies
from realtime.web.requests_before import Json, read_actor, read_body, read_number

Handler = Callable[[Request], Awaitable[Response]]

_STATES: Final = {"expired": "closed", "completed": "closed"}  # the founding system's names


class Api:
    """The handlers; each reads its request, calls one command and shapes the answer."""

    def __init__(
        self, gate: Gate, entrance: Entrance, answering: Answering, directing: Directing, reading: Reading, auditor: Auditor, *, body_bytes: int,
        response_bytes: int,
    ) -> None:  # fmt: skip
        self._gate = gate
        self._entrance = entrance
        self._answering = answering
        self._directing = directing
        self._reading = reading
        self._auditor = auditor
        self._limits = Limits(max_bytes=body_bytes, max_keys=20_000, max_list_entries=20_000)
        self._response_limits = Limits(max_bytes=response_bytes)

    def routes(self) -> list[Route]:
        root = "/api/v1"
        session, activity = root + "/sessions/{session_id}", root + "/sessions/{session_id}/activities/{activity_id}"
        return [
            Route(root + "/sessions", self.create_session, methods=["POST"]),
            Route(root + "/sessions/", self.create_session, methods=["POST"]),
            Route(root + "/join", self.join, methods=["POST"]),
            Route(root + "/sessions/code/{code}", self.find_session, methods=["GET"]),
            Route(session, self.read_session, methods=["GET"]),
            Route(session + "/join", self.join_session, methods=["POST"]),
            Route(session + "/status", self.session_status, methods=["GET"]),
            Route(session + "/activities", self.create_activity, methods=["POST"]),
            Route(session + "/activities", self.list_activities, methods=["GET"]),
            Route(activity, self.read_activity, methods=["GET"]),
            Route(activity, self.update_activity, methods=["PUT"]),
            Route(activity, self.delete_activity, methods=["DELETE"]),
            Route(activity + "/status", self.activity_status, methods=["GET"]),
            Route(activity + "/transition", self.move_activity, methods=["POST"]),
            Route(activity + "/responses", self.create_response, methods=["POST"]),
            Route(activity + "/responses", self.list_responses, methods=["GET"]),
            Route(activity + "/responses/since/{timestamp}", self.responses_since, methods=["GET"]),
            Route(session + "/integrity", self.integrity, methods=["GET"]),
            Route(session + "/responses", self.responses_after, methods=["GET"]),
        ]

    # ---------------------------------------------------------------------------------------------- sessions

    async def create_session(self, request: Request) -> Response:
        body = await read_body(request, bodies.NewSession, self._limits)
        row, ticket, screen_ticket = await self._directing.create_session(
            body.title, description=body.description, max_participants=body.max_participants
        )
        answer = bodies.session_body(row)
        return Json({**answer, "session": answer, "presenter_ticket": ticket, "screen_ticket": screen_ticket}, 201, {"location": f"/api/v1/sessions/{row.id}"})

    async def find_session(self, request: Request) -> Response:
        row = await self._entrance.find(request.path_params["code"])
        return Json({"session_id": row.id, "id": row.id, "title": row.title, "status": row.state, "state": row.state})

    async def read_session(self, request: Request) -> Response:
        actor = await self._actor(request)
        return Json(bodies.session_body(await self._reading.session(actor.session_id)))

    async def session_status(self, request: Request) -> Response:
        return Json(await self._reading.session_status(await self._actor(request)))

    async def integrity(self, request: Request) -> Response:
        actor = await self._actor(request)
        actor.need("inspect")
        report = await self._auditor.verify(actor.session_id, patience_seconds=2.0)
        return Json(report.document())

    async def join(self, request: Request) -> Response:
        body = await read_body(request, bodies.NewJoin, self._limits)
        if body.code is None:
            raise invalid("code", "the code of the session is needed")
        return await self._join(request, await self._entrance.find(body.code), body)

    async def join_session(self, request: Request) -> Response:
        body = await read_body(request, bodies.NewJoin, self._limits)
        return await self._join(request, await self._reading.session(_path_id(request, "session_id", "unknown_session")), body)

    async def _join(self, request: Request, session: SessionRow, body: bodies.NewJoin) -> Response:
        join_id = body.join_id or request.headers.get("idempotency-key") or uuid.uuid4().hex
        joined = await self._entrance.join(session, body.nickname, join_id[:64])
        return Json(
            {
                "session_id": session.id,
                "participant_id": joined.participant_id,
                "nickname": joined.nickname,
                "ticket": joined.ticket,
                "session": {"id": session.id, "title": session.title, "state": joined.session["state"]},
            },
            201,
        )

    # -------------------------------------------------------------------------------------------- activities

    async def create_activity(self, request: Request) -> Response:
        actor = await self._actor(request)
        body = await read_body(request, bodies.NewActivity, self._limits)
        row = await self._directing.create_activity(
            actor, body.type, title=body.title, config=body.config, order_index=body.order_index
        )
        return Json(bodies.activity_body(row), 201)

    async def list_activities(self, request: Request) -> Response:
        actor = await self._actor(request)
        replica = await self._reading.replica(actor.session_id)
        shown = replica.maps[actor.audience].values_under("activity:")
        ordered = sorted(shown, key=lambda document: document["order_index"])
        return Json({"activities": ordered, "items": ordered, "total": len(ordered)})

    async def read_activity(self, request: Request) -> Response:
        actor = await self._actor(request)
        actor.need("inspect")
        return Json(bodies.activity_body(await self._reading.activity(actor, _activity_id(request))))

    async def update_activity(self, request: Request) -> Response:
        actor = await self._actor(request)
        body = await read_body(request, bodies.ChangedActivity, self._limits)
        row = await self._directing.update_activity(
            actor, _activity_id(request), title=body.title, config=body.config, order_index=body.order_index,
            expected_version=body.expected_version,
        )  # fmt: skip
        return Json(bodies.activity_body(row))

    async def delete_activity(self, request: Request) -> Response:
        await self._directing.delete_activity(await self._actor(request), _activity_id(request))
        return Response(status_code=204)

    async def activity_status(self, request: Request) -> Response:
        return Json(await self._reading.activity_status(await self._actor(request), _activity_id(request)))

    async def move_activity(self, request: Request) -> Response:
        actor = await self._actor(request)
        body = await read_body(request, bodies.Transition, self._limits)
        target = _STATES.get(body.target_state, body.target_state)
        if target not in ("draft", "published", "active", "paused", "closed", "cancelled"):
            raise invalid("target_state", "no such state")
        row = await self._directing.move(
            actor, _activity_id(request), target, expected_version=body.expected_version, new_round=body.new_round, force=body.force
        )
        return Json(bodies.activity_body(row))

    # --------------------------------------------------------------------------------------------- responses

    async def create_response(self, request: Request) -> Response:
        actor = await self._actor(request)
        claimed = request.query_params.get("participant_id")
        if claimed is not None and claimed != actor.participant_id:
            raise Refusal("forbidden", "A ticket answers for its own participant only.")
        body = await read_body(request, bodies.NewResponse, self._response_limits)
        data, metadata = _unwrap(body.response_data)
        command = Submit(
            id=0, activity_id=_activity_id(request), submission_id=body.submission_id or new_uuid(), data=data, round=body.round,
            revision=body.revision, expected_revision=body.expected_revision, entry=body.entry, receipt=body.receipt, metadata=metadata,
        )  # fmt: skip
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answering.submit(actor, command, lambda frame: None if future.done() else future.set_result(frame))
        frame = await future
        if not isinstance(frame, Accepted):
            code, message = getattr(frame, "code", "internal"), getattr(frame, "message", None)
            raise Refusal(code, message, details=getattr(frame, "details", {}), after_ms=getattr(frame, "after_ms", None))
        accepted = frame.model_dump(exclude={"id", "type"})
        return Json(
            {
                "id": frame.response_id, "session_id": actor.session_id, "participant_id": actor.participant_id,
                "response_data": body.response_data, **accepted,
            },
            200 if frame.duplicate else 201,
        )  # fmt: skip

    async def list_responses(self, request: Request) -> Response:
        actor = await self._actor(request)
        offset = read_number(request, "offset", 0, 0, 10_000_000)
        limit = read_number(request, "limit", 100, 1, self._reading.page_limit)
        rows, summary = await self._reading.response_page(actor, _activity_id(request), offset=offset, limit=limit)
        items = [bodies.response_body(row) for row in rows]
        return Json(
            {
                "responses": items, "summary": bodies.summary_body(summary), "total": summary.total_responses, "limit": limit,
                "offset": offset, "has_next": offset + len(items) < summary.total_responses, "has_prev": offset > 0,
            }
        )  # fmt: skip

    async def responses_since(self, request: Request) -> Response:
        actor = await self._actor(request)
        since = read_timestamp(request.path_params["timestamp"])
        page = await self._reading.responses_since(
            actor, activity_id=_activity_id(request), cursor=request.query_params.get("cursor"), since=since,
            limit=read_number(request, "limit", self._reading.page_limit, 1, 10_000),
        )  # fmt: skip
        items = [bodies.response_body(row) for row in page.pop("rows")]
        return Json({"items": items, "since": since.isoformat(), "count": len(items), **page})

    async def responses_after(self, request: Request) -> Response:
        actor = await self._actor(request)
        page = await self._reading.responses_since(
            actor, activity_id=None, cursor=request.query_params.get("cursor"), since=None,
            limit=read_number(request, "limit", 100, 1, self._reading.page_limit),
        )  # fmt: skip
        items = [bodies.response_body(row) for row in page.pop("rows")]
        return Json({"items": items, "count": len(items), **page})

    async def _actor(self, request: Request) -> Actor:
        return await read_actor(request, self._gate, _path_id(request, "session_id", "unknown_session"))


def _path_id(request: Request, name: str, code: str) -> str:
    """An id from the path, checked before it goes anywhere near a key or a statement."""
    text: str = request.path_params[name]
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise Refusal(code) from error


def _activity_id(request: Request) -> str:
    return _path_id(request, "activity_id", "unknown_activity")


def _unwrap(document: Any) -> tuple[Any, Metadata | None]:
    """The answer within an envelope {type, version, data, metadata}; a flat document is the answer itself."""
    if isinstance(document, dict) and "data" in document and document.keys() <= {"type", "version", "data", "metadata"}:
        metadata = document.get("metadata")
        known = {name: str(value) for name, value in metadata.items() if name in Metadata.model_fields} if isinstance(metadata, dict) else {}
        return document["data"], Metadata(**{name: value[:400] for name, value in known.items()}) if known else None
    return document, None


def read_timestamp(text: str) -> datetime:
    """An ISO 8601 time with or without zone (then UTC); Refusal `invalid_timestamp`."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise Refusal("invalid_timestamp", details={"field": "timestamp"}) from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not 1970 <= moment.year <= 9000:
        raise Refusal("invalid_timestamp", details={"field": "timestamp"})
    return moment.astimezone(UTC)
