"""From an HTTP request to checked values, and from a refusal to a problem document (RFC 9457)."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from realtime.commands.actors import Actor, Gate
from realtime.core.errors import Refusal
from realtime.core.json_text import Limits, decode, encode


class Body(BaseModel):
    """Base of request bodies: unknown fields are errors, values are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


BodyT = TypeVar("BodyT", bound=BaseModel)


class Json(Response):
    """A JSON answer that no cache keeps."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(encode(content).encode(), status_code, {"cache-control": "no-store", **(headers or {})})


def problem(refusal: Refusal) -> JSONResponse:
    """A refusal as a problem document, which also carries the founding system's `error` object."""
    status = refusal.reason.status
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
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def read_document(request: Request, limits: Limits) -> Any:
    """The JSON body, at most as large as allowed; never more of it is kept in memory."""
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
    return decode(b"".join(chunks), limits)


async def read_body(request: Request, model: type[BodyT], limits: Limits) -> BodyT:
    """The checked body; Refusal `invalid` names the field at fault."""
    document = await read_document(request, limits)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in fault["loc"]) or "body"
        raise Refusal("invalid", details={"field": path, "reason": fault["msg"]}) from error


def read_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number from the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12 or not least <= int(text) <= most:
        raise Refusal("invalid", details={"field": name, "reason": f"a whole number from {least} to {most}"})
    return int(text)


async def read_actor(request: Request, gate: Gate, session_id: str | None = None) -> Actor:
    """The actor of the bearer ticket, of this session if given."""
    scheme, _, ticket = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 1 <= len(ticket) <= 2_048:
        raise Refusal("unauthenticated")
    return await gate.admit(ticket.strip(), session_id)
