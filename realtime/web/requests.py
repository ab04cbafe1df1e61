"""From an HTTP request to checked values, and from a refusal to a problem document (RFC 9457)."""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from realtime.commands.actors import Actor, Gate
from realtime.core.errors import Refusal
from realtime.core.json_text import Limits, decode, encode
from realtime.jwts import MOST_BYTES, User


class Body(BaseModel):
    """Base of request bodies: unknown fields are errors, values are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Query(BaseModel):
    """Base of query parameters: text is read as what the field is, unknown ones are left to proxies and caches."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


ModelT = TypeVar("ModelT", bound=BaseModel)

# What a path parameter names, and what is answered where there is no such thing.
MISSING: Final = {
    "session_id": "unknown_session",
    "activity_id": "unknown_activity",
    "participant_id": "unknown_participant",
    "response_id": "unknown_response",
}


class Json(Response):
    """A JSON answer that no cache keeps."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(encode(content).encode(), status_code, {"cache-control": "no-store", **(headers or {})})


class ReadyJson(Response):
    """The same of a document that is JSON text already."""

    media_type = "application/json"

    def __init__(self, text: str, status_code: int = 200) -> None:
        super().__init__(text.encode(), status_code, {"cache-control": "no-store"})


class Call:
    """One checked request: who asks, about which session, with what body and query."""

    __slots__ = ("_actor", "_body", "_query", "_session_id", "address", "request", "user")

    def __init__(
        self, request: Request, actor: Actor | None, session_id: str | None, body: BaseModel | None, query: BaseModel | None,
        *, address: str = "", user: User | None = None,
    ) -> None:  # fmt: skip
        self.request = request
        self.address = address
        self.user = user  # of a host, where no ticket is needed and a token was shown
        self._actor = actor
        self._session_id = session_id
        self._body = body
        self._query = query

    @property
    def actor(self) -> Actor:
        """Who asks; only endpoints with a right have one."""
        assert self._actor is not None
        return self._actor

    @property
    def session_id(self) -> str:
        """The session of the path, else that of the ticket."""
        return self._session_id or self.actor.session_id

    def body(self, model: type[ModelT]) -> ModelT:
        assert isinstance(self._body, model)
        return self._body

    def query(self, model: type[ModelT]) -> ModelT:
        assert isinstance(self._query, model)
        return self._query

    def id(self, name: str) -> str:
        """An id of the path, checked before it goes anywhere near a key or a statement."""
        try:
            return str(uuid.UUID(self.request.path_params[name]))
        except ValueError as error:
            raise Refusal(MISSING[name]) from error

    def expected_version(self, named: int | None) -> int | None:
        """The version a change is based on: from the body, else from `If-Match`."""
        tag = self.request.headers.get("if-match", "*").removeprefix("W/").strip('"')
        if named is not None or tag == "*":
            return named
        if not tag.isascii() or not tag.isdigit() or len(tag) > 9:
            raise Refusal("invalid", details={"field": "If-Match", "reason": "the version as a quoted number"})
        return int(tag)


def conditional(request: Request, content: Any, tag: str | None = None) -> Response:
    """The document with its ETag, or 304 when the asker has it already."""
    etag = f'W/"{tag or hashlib.sha256(encode(content).encode()).hexdigest()[:24]}"'
    headers = {"etag": etag, "cache-control": "no-store", "vary": "authorization, accept"}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    return Json(content, 200, headers)


def matches(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names this ETag, compared weakly (RFC 9110 §13.1.2)."""
    wanted = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return etag.removeprefix("W/") in wanted


def problem(refusal: Refusal, status: int | None = None) -> JSONResponse:
    """A refusal as a problem document, which also carries the founding system's error fields."""
    status = status or refusal.reason.status
    headers = {"cache-control": "no-store"}
    if refusal.retry:
        headers["retry-after"] = str(max(1, -(-(refusal.after_ms or 1_000) // 1_000)))
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    body = {
        "type": f"/errors#{refusal.code}",
        "title": refusal.reason.message,
        "status": status,
        "detail": refusal.message,
        "code": refusal.code,
        "retry": refusal.retry,
        "after_ms": refusal.after_ms,
        "error": {"code": refusal.code, "message": refusal.message, "details": refusal.details},
        "error_type": refusal.code,
        "timestamp": now_text(),
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def read_bytes(request: Request, limits: Limits) -> bytes:
    """The body, at most as large as allowed; never more of it is kept in memory."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limits.max_bytes:
        raise Refusal("too_large", details={"max_bytes": limits.max_bytes})
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.max_bytes:
            raise Refusal("too_large", details={"max_bytes": limits.max_bytes})
        chunks.append(chunk)
    return b"".join(chunks)


def read_body(text: bytes, model: type[ModelT], limits: Limits) -> ModelT:
    """The checked body; Refusal `invalid` names the field at fault."""
    return _check(model, decode(text, limits))


def read_query(request: Request, model: type[ModelT]) -> ModelT:
    """The checked query parameters."""
    return _check(model, dict(request.query_params))


def _check(model: type[ModelT], document: Any) -> ModelT:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in fault["loc"]) or "body"
        raise Refusal("invalid", details={"field": path[:200], "reason": fault["msg"]}) from error


async def read_actor(request: Request, gate: Gate, session_id: str | None = None) -> Actor:
    """The actor of the bearer ticket, of this session if given."""
    ticket = _bearer(request)
    if ticket is None:
        raise Refusal("unauthenticated")
    return await gate.admit(ticket, session_id)


async def read_user(request: Request, gate: Gate) -> User | None:
    """The host's user where a token of the host was shown; it must then be a good one."""
    ticket = _bearer(request)
    return None if ticket is None or not gate.is_token(ticket) else await gate.user(ticket)


def read_lease(request: Request) -> int | None:
    """The token of whoever directs, from the header `Plenum-Lease`."""
    text = request.headers.get("plenum-lease")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refusal("invalid", details={"field": "Plenum-Lease", "reason": "the token as a number"})
    return None if text is None else int(text)


def _bearer(request: Request) -> str | None:
    scheme, _, ticket = request.headers.get("authorization", "").partition(" ")
    return ticket.strip() if scheme.lower() == "bearer" and 1 <= len(ticket) <= MOST_BYTES else None


def read_timestamp(text: str) -> datetime:
    """An ISO 8601 time with or without zone (then UTC); Refusal `invalid_timestamp`."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        if not 1970 <= moment.year <= 9000:
            raise Refusal("invalid_timestamp", details={"field": "timestamp"})
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid_timestamp", details={"field": "timestamp"}) from error


def now_text() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
