"""The pages and their files, with the headers that keep browsers safe."""

import hashlib
import io
import mimetypes
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import segno
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from realtime.core.errors import Refusal, invalid
from realtime.web.lean import Packet, Packets, pack_bytes
from realtime.web.requests import Json

STATIC: Final = Path(str(files("realtime.web").joinpath("static")))
PAGES: Final = {"/": "home", "/join": "join", "/present": "present", "/screen": "screen", "/results": "results",
    "/embed/session": "join", "/embed/results": "embed",  # inside pages of the origins that PLENUM_EMBED_ORIGINS names
}  # fmt: skip

_MOST_QR_BYTES: Final = 300  # of an address; drawing takes the loop the longer, the longer it is, and nobody needs a ticket for it

REFERENCE: Final = {  # written by docs/reference.py
    "/docs": "index.html", "/docs/messages": "messages.html", "/api/v1/openapi.json": "openapi.json",
    "/api/v1/asyncapi.json": "asyncapi.json",
}  # fmt: skip

# No inline script or style, nothing from other hosts; the socket is same-origin and so are QR images.
# They bind documents; on scripts, styles and pictures they would only weigh (half a kilobyte each, two dozen at a first load).
SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def embeddable(origins: frozenset[str]) -> dict[str, str]:
    """The headers of pages that these origins may have in a frame; everybody else may not."""
    if not origins:
        return SECURITY_HEADERS
    ancestors = f"frame-ancestors {' '.join(sorted(origins))}"
    headers = {name: value for name, value in SECURITY_HEADERS.items() if name != "x-frame-options"}
    headers["content-security-policy"] = headers["content-security-policy"].replace("frame-ancestors 'none'", ancestors)
    return headers


def static_version() -> str:
    """Names the present content of all static files, so that they can be cached for ever."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(STATIC)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Pages:
    """Serves pages (never cached) and `/static/<version>/…` (cached for ever)."""

    def __init__(self, version: str | None = None) -> None:
        self.version = version or static_version()
        self._packets = Packets()

    def routes(self) -> list[Route]:
        pages = [Route(path, self._page(f"pages/{name}.html"), methods=["GET"]) for path, name in PAGES.items()]
        pages += [Route(path, self._page(f"reference/{name}"), methods=["GET"]) for path, name in REFERENCE.items()]
        return [
            *pages,
            Route("/static/{version}/{path:path}", self.static, methods=["GET"]),
            Route("/widget.js", self.widget, methods=["GET"]),
            Route("/favicon.ico", self.icon, methods=["GET"]),
            Route("/qr.svg", self.qr_code, methods=["GET"]),
        ]

    def _page(self, file: str) -> Callable[[Request], Any]:
        async def serve(request: Request) -> Response:
            if file == "pages/home.html" and _wants_json(request):
                return Json({"message": "Plenum", "docs": "/docs", "openapi": "/api/v1/openapi.json"})
            text = (STATIC / file).read_text(encoding="utf-8")
            if file.endswith(".json"):
                return Response(text, media_type="application/json", headers={"cache-control": "no-cache"})
            packet = pack_bytes(text.replace("VERSION", self.version).encode(), ".html")
            return _answer(request, packet, "text/html; charset=utf-8", {"cache-control": "no-cache"})

        return serve

    async def static(self, request: Request) -> Response:
        try:
            path = (STATIC / request.path_params["path"]).resolve()
            is_there = STATIC.resolve() in path.parents and path.is_file()
        except (OSError, ValueError) as error:  # no file can have such a name
            raise Refusal("not_found") from error
        if not is_there or "pages" in path.relative_to(STATIC.resolve()).parts:
            raise Refusal("not_found")
        fresh = request.path_params["version"] == self.version
        kind = mimetypes.guess_type(path.name)[0]
        if path.suffix in (".js", ".mjs"):
            kind = "text/javascript"
        headers = {"cache-control": "public, max-age=31536000, immutable" if fresh else "no-cache"}
        return _answer(request, self._packets.pack(path), kind or "application/octet-stream", headers)

    async def widget(self, request: Request) -> Response:
        """The elements that other sites put into their pages, under an address that stays."""
        return _answer(request, self._packets.pack(STATIC / "widget.js"), "text/javascript", {"cache-control": "no-cache"})

    async def icon(self, request: Request) -> Response:
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml", headers={"cache-control": "public, max-age=86400"})

    async def qr_code(self, request: Request) -> Response:
        text = request.query_params.get("text", "")
        if not 1 <= len(text.encode(errors="replace")) <= _MOST_QR_BYTES:
            raise invalid("text", f"between 1 and {_MOST_QR_BYTES} bytes in UTF-8")
        return Response(_draw(text), media_type="image/svg+xml", headers={"cache-control": "public, max-age=86400"})


@lru_cache(maxsize=64)
def _draw(text: str) -> bytes:
    """A QR code as SVG, which takes some milliseconds of the loop; a room's screens all ask for the same one."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="svg", border=2, xmldecl=False, svgns=True, omitsize=True)
    return picture.getvalue()


def _answer(request: Request, packet: Packet, kind: str, headers: dict[str, str]) -> Response:
    """A packet, compressed for whoever takes that, or only the word that the known one is still right."""
    headers = {**headers, "vary": "accept-encoding", "etag": packet.etag}
    if request.headers.get("if-none-match") == packet.etag:
        return Response(status_code=304, headers=headers)
    if packet.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packet.gzipped, media_type=kind, headers={**headers, "content-encoding": "gzip"})
    return Response(packet.plain, media_type=kind, headers=headers)


def _wants_json(request: Request) -> bool:
    """The founding system's root answers programs; browsers get the page."""
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept
