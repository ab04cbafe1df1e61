"""The ASGI application: pages, API, health, and what every answer has in common."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime.core.errors import Refusal
from realtime.settings import Settings
from realtime.store.live import Cold
from realtime.web.api import Api
from realtime.web.express import Express
from realtime.web.http_guard import HttpGuard
from realtime.web.origins import Strangers, cors, read_origins
from realtime.web.pages import SECURITY_HEADERS, Pages, embeddable
from realtime.web.requests import Json, now_text, problem

log = logging.getLogger("plenum.web")

# What a file needs that no browser shows as a document of its own.
_FILE_HEADERS: Final = [(b"x-content-type-options", b"nosniff")]
_UNCACHED: Final = [(b"cache-control", b"no-store")]
_FILE_TYPES: Final = (b"text/javascript", b"text/css")
_HEALTH: Final = "/api/v1/health"
_EXPRESS: Final = frozenset({"/api/v1/join"})  # what is posted here comes from a whole hall at once


def build_site(
    api: Api, pages: Pages, health: Callable[[], Awaitable[tuple[bool, dict[str, Any]]]], settings: Settings, *,
    pages_of: frozenset[str] = frozenset(),
) -> ASGIApp:  # fmt: skip
    """Put the routes together. `health` says whether this process should get traffic, and why.

    `pages_of` are other sites whose pages may use the API.
    """
    framed_by = read_origins(settings.embed_origins, "PLENUM_EMBED_ORIGINS")
    also = settings.public_url

    async def live(request: Request) -> Response:
        return Json({"status": "alive"})

    async def ready(request: Request) -> Response:
        fit, report = await health()
        return Json({**report, "timestamp": now_text(), "version": version("plenum-live")}, 200 if fit else 503)

    routes = [
        *api.routes(),
        *pages.routes(),
        Route(_HEALTH + "/", ready),
        Route(_HEALTH + "/ready", ready),
        Route(_HEALTH + "/live", live),
    ]
    site = Starlette(routes=routes, exception_handlers=_ON)
    # The last one added hears a request first, and its answer last.
    allowed = pages_of | ({also.rstrip("/")} if also else frozenset())
    site.add_middleware(Strangers, allowed=allowed)
    if pages_of:
        site.add_middleware(CORSMiddleware, **cors(pages_of))
    site.add_middleware(Headers, framed_by=framed_by)
    if pages_of:
        return site  # other sites' pages are answered with more than the express has
    served = {("POST", route.path): route.endpoint for route in api.routes() if route.path in _EXPRESS}
    headers = [*_UNCACHED, *_encoded(SECURITY_HEADERS)]
    return Express(site, served, strangers=Strangers(site, allowed), headers=headers, answer=_answer)


def guard_of(settings: Settings) -> HttpGuard:
    """The limits of the site's HTTP."""
    return HttpGuard(
        sockets=settings.sockets,
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        stall_seconds=settings.stall_seconds,
        always=frozenset(f"{_HEALTH}{name}".encode() for name in ("/", "/ready", "/live")),
    )


class Headers:
    """Adds the security headers to every answer; pure ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp, framed_by: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._headers = _encoded(SECURITY_HEADERS)
        self._framed = _encoded(embeddable(framed_by))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        is_file, is_api = path.startswith("/static/"), path.startswith("/api/")
        whole = self._framed if path.startswith("/embed/") else self._headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                said = dict(headers)
                lean = is_file and said.get(b"content-type", b"").startswith(_FILE_TYPES)
                ours = [*(_UNCACHED if is_api else ()), *(_FILE_HEADERS if lean else whole)]
                message["headers"] = [*headers, *(one for one in ours if one[0] not in said)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return problem(error)


async def _on_cold(request: Request, error: Exception) -> Response:
    return problem(Refusal("recovering", after_ms=500))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "not_found" if error.status_code == 404 else "invalid"
    answer = problem(Refusal(code, error.detail if error.status_code != 404 else None), error.status_code)
    answer.headers.update(error.headers or {})  # Allow, at a method that a path does not know
    return answer


async def _on_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it; a client that leaves is no fault


async def _on_fault(request: Request, error: Exception) -> Response:
    log.error("a request failed: %s %s", request.method, request.scope.get("path"), exc_info=error)
    return problem(Refusal("internal", after_ms=1_000))


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


_ON: Final = {
    Refusal: _on_refusal, Cold: _on_cold, HTTPException: _on_http, ClientDisconnect: _on_gone, Exception: _on_fault,
}  # fmt: skip


async def _answer(request: Request, error: Exception) -> Response:
    """What the site answers where a handler raised this."""
    return await next(_ON[kind] for kind in type(error).__mro__ if kind in _ON)(request, error)
