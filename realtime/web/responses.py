"""Responses over HTTP: give, change, take back and list answers."""

import asyncio
import json
import uuid
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from persistence.responses import ResponseRow
from realtime.commands.answering import Answering
from realtime.commands.reading import Reading
from realtime.commands.tabulating import is_hushed
from realtime.core.errors import Refusal
from realtime.core.messages import Accepted, Frame, Metadata, Submit, Withdraw
from realtime.identifiers import new_uuid
from realtime.paces import Paces
from realtime.web import bodies, documents, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json, now_text, read_timestamp
from realtime.web.shapes import page_of, response_body, summary_body


class Responses:
    """`paces` are those of sessions, shared with the sockets."""

    def __init__(self, answering: Answering, reading: Reading, paces: Paces) -> None:
        self._answering = answering
        self._reading = reading
        self._paces = paces

    async def create(self, call: Call) -> Response:
        claimed = call.query(bodies.Answering).participant_id
        if claimed is not None and claimed != call.actor.participant_id:
            raise Refusal("forbidden", "A ticket answers for its own participant only.")
        body = call.body(bodies.NewResponse)
        data, metadata = _unwrap(body.response_data)
        command = Submit(
            id=0,
            activity_id=call.id("activity_id"),
            submission_id=body.submission_id or _submission_id(call),
            data=data,
            round=body.round,
            revision=body.revision,
            expected_revision=body.expected_revision,
            entry=body.entry,
            receipt=body.receipt,
            metadata=metadata,
        )
        return await self._submit(call, command, body.response_data, 201)

    async def change(self, call: Call) -> Response:
        body = call.body(bodies.ChangedResponse)
        row = await self._reading.response(call.actor, call.id("response_id"))
        if row.entry and not row.entry.startswith("n:"):
            # The type itself says which entry an answer is, so another answer would be another response.
            raise Refusal(
                "invalid", "This contribution cannot be changed; withdraw it and send another.", details={"field": "response_id"}
            )
        data, metadata = _unwrap(body.response_data)
        command = Submit(
            id=0,
            activity_id=row.activity_id,
            submission_id=body.submission_id or _submission_id(call),
            data=data,
            round=row.round,
            revision=body.revision,
            expected_revision=body.expected_revision,
            entry=row.entry or None,
            metadata=metadata,
        )
        return await self._submit(call, command, body.response_data, 200)

    async def delete(self, call: Call) -> Response:
        row = await self._reading.response(call.actor, call.id("response_id"))
        command = Withdraw(id=0, activity_id=row.activity_id, submission_id=new_uuid(), entry=row.entry, round=row.round)
        await self._decide(call, command)
        return Response(status_code=204)

    async def browse(self, call: Call) -> Response:
        page = call.query(bodies.Page)
        rows, summary = await self._reading.response_page(call.actor, call.id("activity_id"), offset=page.offset, limit=page.limit)
        shown = await self._bodies(call, rows)
        counted = page_of(summary.total_responses, page.offset, page.limit, len(shown))
        return Json({"responses": shown, "summary": summary_body(summary), **counted})

    async def since(self, call: Call) -> Response:
        query, since = call.query(bodies.SinceTime), read_timestamp(call.request.path_params["timestamp"])
        page = await self._reading.responses_since(
            call.actor, activity_id=call.id("activity_id"), cursor=query.cursor, since=since, limit=query.limit
        )
        items = await self._bodies(call, page.pop("rows"))
        return Json({"items": items, "since": since.isoformat(), "count": len(items), **page})

    async def after(self, call: Call) -> Response:
        query = call.query(bodies.After)
        page = await self._reading.responses_since(call.actor, activity_id=None, cursor=query.cursor, since=None, limit=query.limit)
        items = await self._bodies(call, page.pop("rows"))
        return Json({"items": items, "count": len(items), **page})

    async def of_participant(self, call: Call) -> Response:
        page = call.query(bodies.Page)
        rows = await self._reading.responses_of(call.actor, call.id("participant_id"))
        return Json((await self._of(call, rows))[page.offset : page.offset + page.limit])

    async def latest_of_participant(self, call: Call) -> Response:
        """The newest response of a participant in an activity; null where there is none."""
        activity_id = call.id("activity_id")
        await self._reading.activity(call.actor, activity_id)
        rows = await self._reading.responses_of(call.actor, call.id("participant_id"), activity_id)
        shown = await self._of(call, rows[-1:])
        return Json(shown[0] if shown else None)

    async def _of(self, call: Call, rows: Iterable[ResponseRow]) -> list[dict[str, Any]]:
        """What one person answered: to himself all of it, to others what has a name."""
        if call.actor.participant_id is not None:
            return [response_body(row) for row in rows]
        return [body for body in await self._bodies(call, rows) if body["participant_id"] is not None]

    async def _bodies(self, call: Call, rows: Iterable[ResponseRow]) -> list[dict[str, Any]]:
        """Responses as a presenter may see them at this moment."""
        hidden = await self._reading.hidden_rounds(call.actor.session_id)
        unnamed = await self._reading.unnamed_activities(call.actor.session_id)
        return [
            response_body(
                row,
                withheld=row.round >= hidden.get(row.activity_id, 2**31),
                unnamed=row.activity_id in unnamed or is_hushed(json.loads(row.response_data).get("data")),
            )
            for row in rows
        ]

    async def _submit(self, call: Call, command: Submit, sent: Any, status: int) -> Response:
        accepted = await self._decide(call, command)
        now = now_text()
        return Json(
            {
                "id": accepted.response_id,
                "session_id": call.actor.session_id,
                "participant_id": call.actor.participant_id,
                "response_data": sent,
                "created_at": now,
                "updated_at": now,
                **accepted.model_dump(exclude={"id", "type"}),
            },
            200 if accepted.duplicate else status,
        )

    async def _decide(self, call: Call, command: Submit | Withdraw) -> Accepted:
        wait_ms = self._paces.take(call.actor.session_id)
        if wait_ms:
            raise Refusal("limited", after_ms=wait_ms)
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answering.submit(call.actor, command, lambda frame: None if future.done() else future.set_result(frame))
        frame = await future
        if isinstance(frame, Accepted):
            return frame
        code, message = getattr(frame, "code", "internal"), getattr(frame, "message", None)
        raise Refusal(code, message, details=getattr(frame, "details", {}), after_ms=getattr(frame, "after_ms", None))


def _submission_id(call: Call) -> str:
    """The same Idempotency-Key is the same submission, also where the answer of the first time was forgotten."""
    key = call.request.headers.get("idempotency-key")
    return new_uuid() if key is None else str(uuid.uuid5(uuid.NAMESPACE_OID, f"{call.actor.key}\n{key}"))


def _unwrap(document: Any) -> tuple[Any, Metadata | None]:
    """The answer within an envelope {type, version, data, metadata}; a flat document is the answer itself."""
    if isinstance(document, dict) and "data" in document and document.keys() <= {"type", "version", "data", "metadata"}:
        metadata = document.get("metadata")
        known = (
            {name: str(value) for name, value in metadata.items() if name in Metadata.model_fields}
            if isinstance(metadata, dict)
            else {}
        )
        longest = {"client_timestamp": 40, "displayed_at": 40, "device_type": 32, "user_agent": 400}
        return document["data"], Metadata(**{name: value[: longest[name]] for name, value in known.items()}) if known else None
    return document, None


_ACTIVITY = "/sessions/{session_id}/activities/{activity_id}"
_REFUSED = (
    "activity_not_open",
    "activity_closed",
    "activity_paused",
    "wrong_round",
    "already_answered",
    "too_many_answers",
    "superseded",
    "revision_conflict",
    "submission_id_conflict",
    "activity_full",
    "unknown_option",
    "too_few_choices",
    "too_many_choices",
    "refused_words",
    "locked_cell",
    "removed",
)
_CREATE: dict[str, Any] = {
    "method": "POST",
    "handler": Responses.create,
    "right": "answer",
    "summary": "Answer an activity",
    "query": bodies.Answering,
    "body": bodies.NewResponse,
    "answer": documents.AcceptedResponse,
    "status": 201,
    "also": (200,),
    "creates": True,
    "makes": "response_id",
    "answers_only": True,
    "errors": _REFUSED,
    "example": samples.NEW_RESPONSE,
    "shows": samples.ACCEPTED_RESPONSE,
}

ENDPOINTS = (
    Endpoint(path=_ACTIVITY + "/responses", **_CREATE),
    Endpoint(path="/activities/{activity_id}/responses", **_CREATE),
    Endpoint(
        method="GET",
        path=_ACTIVITY + "/responses",
        handler=Responses.browse,
        right="inspect",
        summary="The responses, newest first, with a summary of the whole activity",
        query=bodies.Page,
        answer=documents.ResponseList,
        shows={"responses": [samples.RESPONSE], "summary": samples.SUMMARY, **samples.PAGE},
    ),
    Endpoint(
        method="GET",
        path=_ACTIVITY + "/responses/since/{timestamp}",
        handler=Responses.since,
        right="inspect",
        summary="What was saved, changed or withdrawn at or after a time",
        query=bodies.SinceTime,
        answer=documents.ResponsesSince,
        errors=("invalid_timestamp",),
        shows=samples.ITEMS | {"since": samples.MOMENT},
    ),
    Endpoint(
        method="GET",
        path=_ACTIVITY + "/responses/{participant_id}",
        handler=Responses.latest_of_participant,
        right="watch",
        self_or="inspect",
        summary="A participant's newest response, or null",
        answer=documents.Response,
        nullable=True,
        shows=samples.RESPONSE,
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/participants/{participant_id}/responses",
        handler=Responses.of_participant,
        right="watch",
        self_or="inspect",
        summary="A participant's responses",
        query=bodies.Page,
        answer=documents.ResponseArray,
        shows=[samples.RESPONSE],
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/responses",
        handler=Responses.after,
        right="inspect",
        summary="Everything new, changed or withdrawn after a cursor; misses nothing",
        query=bodies.After,
        answer=documents.ResponseItems,
        shows=samples.ITEMS,
    ),
    Endpoint(
        method="PUT",
        path="/responses/{response_id}",
        handler=Responses.change,
        right="answer",
        summary="Change an own response",
        body=bodies.ChangedResponse,
        answer=documents.AcceptedResponse,
        answers_only=True,
        errors=_REFUSED,
        example={"response_data": {"selected": ["a"]}},
        shows=samples.ACCEPTED_RESPONSE,
    ),
    Endpoint(
        method="DELETE",
        path="/responses/{response_id}",
        handler=Responses.delete,
        right="answer",
        summary="Take an own response back",
        status=204,
        errors=_REFUSED,
    ),
)
