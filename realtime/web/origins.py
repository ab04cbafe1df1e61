"""Whose pages may talk to this server: its own, and those of configured sites. Programs say no origin and show a ticket."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from realtime.core.errors import Refusal
from realtime.settings import UnfitSettings
from realtime.web.requests import problem

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HEADERS: Final = (
    "Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Plenum-Lease",
)  # fmt: skip
_EXPOSED: Final = ("ETag", "Location", "Retry-After")
_PREFLIGHT_SECONDS: Final = 600


def read_origins(text: str, variable: str = "PLENUM_CORS_ORIGINS") -> frozenset[str]:
    """The origins of a setting; raises UnfitSettings, also for `*`: whoever may come is named."""
    origins = frozenset(filter(None, (part.strip().rstrip("/") for part in text.split(","))))
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise UnfitSettings(f"{variable} holds {origin!r}; an origin is like https://host.example.")
    return origins


def is_own(origin: str | None, host: str | None, allowed: frozenset[str]) -> bool:
    """Whether a page of this origin may use the server; no origin is no page. `null`, of sandboxed pages, is nobody's."""
    return origin is None or origin in allowed or (bool(host) and urlsplit(origin).netloc == host)


class Strangers:
    """Refuses what a page of another site would do here with its visitor's browser.

    There are no cookies to abuse; but a visitor's address is good for guesses at codes, and for sessions in bulk.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE and not self.may(Headers(scope=scope)):
            await problem(Refusal("wrong_origin"))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def may(self, headers: Mapping[str, str]) -> bool:
        """Whether a page, if it is one that asks, may do more here than read."""
        origin = headers.get("origin")
        if not is_own(origin, headers.get("host"), self._allowed):
            return False
        return headers.get("sec-fetch-site") != "cross-site" or origin in self._allowed


def cors(origins: frozenset[str]) -> dict[str, Any]:
    """How pages of these origins may read answers; without credentials, for there are none."""
    return {
        "allow_origins": sorted(origins), "allow_methods": _METHODS, "allow_headers": _HEADERS, "expose_headers": _EXPOSED,
        "allow_credentials": False, "max_age": _PREFLIGHT_SECONDS,
    }  # fmt: skip
