"""Tickets over HTTP: further ones for those who help, passes for sockets, and the lease of who directs."""

import re
from typing import Any, Final

from starlette.responses import Response

from persistence.tickets import TicketRow
from realtime.commands.actors import Actor
from realtime.commands.leasing import Leasing
from realtime.commands.ticketing import Ticketing
from realtime.core.errors import Refusal
from realtime.numbers import Numbers
from realtime.web import bodies, credentials, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json

_ID: Final = re.compile(r"[0-9a-f]{64}")


class Tickets:
    def __init__(self, ticketing: Ticketing, leasing: Leasing, numbers: Numbers) -> None:
        self._ticketing = ticketing
        self._leasing = leasing
        self._numbers = numbers

    async def issue(self, call: Call) -> Response:
        body = call.body(bodies.NewTicket)
        row, ticket = await self._ticketing.issue(call.actor, body.role, label=body.label, subject=body.subject)
        return Json({**_ticket_body(row, call.actor), "ticket": ticket}, 201)

    async def browse(self, call: Call) -> Response:
        rows = await self._ticketing.browse(call.actor)
        return Json({"tickets": [_ticket_body(row, call.actor) for row in rows]})

    async def revoke(self, call: Call) -> Response:
        name = call.request.path_params["ticket_id"]
        if not _ID.fullmatch(name):
            raise Refusal("unknown_ticket")
        await self._ticketing.revoke(call.actor, name)
        return Response(status_code=204)

    async def make_pass(self, call: Call) -> Response:
        ticket, lifetime_ms = await self._ticketing.make_pass(call.actor)
        return Json({"ticket": ticket, "expires_in_ms": lifetime_ms}, 201)

    async def take_lease(self, call: Call) -> Response:
        return Json({"director": await self._leasing.take(call.actor, call.body(bodies.NewLease).label)})

    async def release_lease(self, call: Call) -> Response:
        await self._leasing.release(call.actor)
        return Response(status_code=204)

    async def second_factor(self, call: Call) -> Response:
        shown = await self._numbers.present(call.actor.session_id)
        return Json({"number": shown.number, "until_ms": shown.until_ms})


def _ticket_body(row: TicketRow, actor: Actor) -> dict[str, Any]:
    return {
        "id": row.sha256,
        "role": row.role,
        "label": row.label,
        "own": row.sha256 == actor.key,
        "created_at": row.created_at.isoformat(),
        "revoked_at": None if row.revoked_at is None else row.revoked_at.isoformat(),
    }


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/tickets",
        handler=Tickets.issue,
        right="own",
        summary="Give out a ticket for a presenter, a moderator or a big screen",
        body=bodies.NewTicket,
        answer=credentials.IssuedTicket,
        status=201,
        creates=True,
        makes="ticket_id",
        errors=("too_many_tickets", "in_use"),
        example={"role": "moderator", "label": "Ben, at the back"},
        shows=samples.TICKET | {"ticket": f"pt.{samples.SESSION_ID}.…"},
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/tickets",
        handler=Tickets.browse,
        right="own",
        summary="Every ticket that was given out, without its secret",
        answer=credentials.TicketList,
        shows={"tickets": [samples.TICKET]},
    ),
    Endpoint(
        method="DELETE",
        path="/sessions/{session_id}/tickets/{ticket_id}",
        handler=Tickets.revoke,
        right="own",
        summary="Take a ticket back; its connections end within a second",
        status=204,
        errors=("in_use",),
    ),
    Endpoint(
        method="POST",
        path="/ws-ticket",
        handler=Tickets.make_pass,
        right="watch",
        summary="A ticket that opens one socket within half a minute",
        answer=credentials.Pass,
        status=201,
        shows=samples.PASS,
    ),
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/ws-ticket",
        handler=Tickets.make_pass,
        right="watch",
        summary="The same, for a token of a host, which does not say which session",
        answer=credentials.Pass,
        status=201,
        shows=samples.PASS,
    ),
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/lease",
        handler=Tickets.take_lease,
        right="lead",
        summary="Take over: from here on only who shows this token directs",
        body=bodies.NewLease,
        answer=credentials.Lease,
        errors=("under_way",),
        example={"label": "Ann, front row"},
        shows={"director": samples.DIRECTOR},
    ),
    Endpoint(
        method="DELETE",
        path="/sessions/{session_id}/lease",
        handler=Tickets.release_lease,
        right="lead",
        summary="Let everybody who may direct do so again",
        status=204,
        errors=("under_way",),
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/second-factor",
        handler=Tickets.second_factor,
        right="show",
        summary="The number that newcomers must show now",
        answer=credentials.SecondFactorNow,
        shows={"number": "4071", "until_ms": 1_772_442_010_000},
    ),
)
