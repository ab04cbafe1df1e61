"""The way of requests that a whole hall sends at once: past the router and the layers around it.

Handler, refusals, headers and the check of whose page asks are the site's own; only the machinery between is left out.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from realtime.core.errors import Refusal
from realtime.web.http_wire import WHOLE
from realtime.web.origins import Strangers


class Express:
    """In front of a site. `served` are handlers by method and path, `answer` makes of what one raised the response to it."""

    def __init__(
        self, site: ASGIApp, served: Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]], *,
        strangers: Strangers, headers: Sequence[tuple[bytes, bytes]],
        answer: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:  # fmt: skip
        self._site = site
        self._served = served
        self._strangers = strangers
        self._headers = headers
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serve = self._served.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if serve is None:
            await self._site(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            if not self._strangers.may(request.headers):
                raise Refusal("wrong_origin")
            response = await serve(request)
        except Exception as error:  # noqa: BLE001 - as everywhere in the site: each kind has its answer, and what is none is logged
            response = await self._answer(request, error)
        said = {name for name, _ in response.raw_headers}
        headers = [*response.raw_headers, *(one for one in self._headers if one[0] not in said)]
        whole = scope.get(WHOLE)
        if whole is not None and whole(response.status_code, headers, bytes(response.body)):
            return
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
