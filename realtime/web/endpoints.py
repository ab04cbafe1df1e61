"""What an endpoint of the API is: one line of the table that routes, documents and the authorisation matrix are made from."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from realtime.commands.actors import ALLOWED, Actor, Gate
from realtime.commands.leasing import Leasing
from realtime.commands.reading import Reading
from realtime.core.errors import Refusal
from realtime.core.json_text import Limits
from realtime.paces import Paces
from realtime.web.addresses import Addresses
from realtime.web.repeats import Repeats
from realtime.web.requests import Body, Call, Query, read_actor, read_body, read_bytes, read_lease, read_query, read_user

ROOT: Final = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path. `right` is a key of ALLOWED; None needs no ticket.

    `self_or`: a participant may ask only about himself, everybody else needs this right. `answer` is the
    model of the document that comes with `status` (`files` are its media types where it is a file), `also` are
    further statuses of success. `creates`: takes an Idempotency-Key. `makes`: the parameter of paths that what
    it makes is known by. `takes_user`: needs no ticket, and takes the token of a host. `example` and `shows`
    are an example body and answer.
    """

    method: str
    path: str
    handler: Callable[[Any, Call], Awaitable[Response]]
    summary: str
    right: str | None
    answer: type[BaseModel] | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    body: type[Body] | None = None
    query: type[Query] | None = None
    example: Mapping[str, Any] | None = None
    shows: Any = None
    errors: tuple[str, ...] = ()
    self_or: str | None = None
    creates: bool = False
    makes: str | None = None
    takes_user: bool = False
    answers_only: bool = False
    nullable: bool = False
    streams: bool = False
    files: tuple[str, ...] = ()
    slash: bool = False

    @property
    def noun(self) -> str:
        return self.handler.__qualname__.partition(".")[0]

    @property
    def verb(self) -> str:
        return self.handler.__name__

    def parameters(self) -> list[str]:
        """The names of the path's parameters."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


class Desk:
    """Does for every endpoint what all have in common: who, whether, and what was sent."""

    def __init__(
        self, gate: Gate, leasing: Leasing, paces: Paces, addresses: Addresses, reading: Reading, repeats: Repeats, *,
        body_bytes: int, response_bytes: int,
    ) -> None:  # fmt: skip
        self._gate = gate
        self._leasing = leasing
        self._paces = paces
        self._addresses = addresses
        self._reading = reading
        self._repeats = repeats
        self._limits = Limits(max_bytes=body_bytes, max_keys=20_000, max_list_entries=20_000)
        self._response_limits = Limits(max_bytes=response_bytes)

    def routes(self, endpoints: Iterable[Endpoint], nouns: Mapping[str, object]) -> list[Route]:
        """The routes of a table; `nouns` has an instance of each class whose methods the table names."""
        routes: list[Route] = []
        for endpoint in endpoints:
            serve = self._serve(endpoint, getattr(nouns[endpoint.noun], endpoint.verb))
            paths = (endpoint.path, endpoint.path + "/") if endpoint.slash else (endpoint.path,)
            routes += [Route(ROOT + path, serve, methods=[endpoint.method]) for path in paths]
        return routes

    def _serve(self, endpoint: Endpoint, handle: Callable[[Call], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        limits = self._response_limits if endpoint.answers_only else self._limits

        async def serve(request: Request) -> Response:
            session_id = await self._session_id(request)
            actor = None if endpoint.right is None else await self._admit(endpoint, request, session_id)
            user = await read_user(request, self._gate) if endpoint.takes_user else None
            query = None if endpoint.query is None else read_query(request, endpoint.query)
            text, body = b"", None
            if endpoint.body is not None:
                text = await read_bytes(request, limits)
                body = read_body(text, endpoint.body, limits)
            call = Call(request, actor, session_id, body, query, address=self._addresses.of(request), user=user)
            key = request.headers.get("idempotency-key") if endpoint.creates else None
            if key is None:
                return await handle(call)
            asker = actor.key if actor is not None else "" if user is None else f"{user.issuer}\n{user.subject}"
            return await self._repeats.once(key, asker, request.url.path, text, lambda: handle(call))

        return serve

    async def _admit(self, endpoint: Endpoint, request: Request, session_id: str | None) -> Actor:
        """Who asks, if he may, not too often, and where somebody directs only if it is he who does."""
        actor = await read_actor(request, self._gate, session_id)
        _authorize(endpoint, actor, request)
        wait_ms = self._paces.take(actor.key)
        if wait_ms:
            raise Refusal("limited", after_ms=wait_ms)
        if endpoint.right == "direct":
            await self._leasing.check(actor, read_lease(request))
        return actor

    async def _session_id(self, request: Request) -> str | None:
        text = request.path_params.get("session_id")
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) <= 9:  # an id of the founding system
            return (await self._reading.session_of_legacy_id(int(text))).id
        return Call(request, None, None, None, None).id("session_id")


def _authorize(endpoint: Endpoint, actor: Actor, request: Request) -> None:
    assert endpoint.right is not None
    actor.need(endpoint.right)
    if endpoint.self_or is None or actor.role in ALLOWED[endpoint.self_or]:
        return
    if actor.participant_id is None or request.path_params.get("participant_id", actor.participant_id) != actor.participant_id:
        raise Refusal("forbidden", details={"role": actor.role})
