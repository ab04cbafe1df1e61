"""REST under /api/v1: the same commands as over the WebSocket, with HTTP's words for them. One table, see `ENDPOINTS`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.routing import Route

from realtime.activities.registry import Registry
from realtime.audit import Auditor
from realtime.commands.answering import Answering
from realtime.commands.attending import Attendance
from realtime.commands.correcting import Correcting
from realtime.commands.directing import Directing
from realtime.commands.drafting import Drafting
from realtime.commands.exporting import Exporting
from realtime.commands.importing import Importing
from realtime.commands.moderating import Moderating
from realtime.commands.nudging import Nudging
from realtime.commands.reading import Reading
from realtime.commands.reporting import Reporting
from realtime.commands.scoring import Scoring
from realtime.commands.standings import Standings
from realtime.commands.timing import Timing
from realtime.hub import Hub
from realtime.identity import Identity
from realtime.settings import Settings
from realtime.store.idempotency import Idempotency
from realtime.web import (
    activities,
    adjustments,
    changes,
    interchange,
    participants,
    responses,
    results,
    scores,
    sessions,
    tickets,
    types,
)
from realtime.web.activities import Activities
from realtime.web.addresses import Addresses
from realtime.web.adjustments import Adjustments
from realtime.web.changes import ChangesFeed
from realtime.web.endpoints import Desk, Endpoint
from realtime.web.interchange import Interchange
from realtime.web.participants import Participants
from realtime.web.repeats import Repeats
from realtime.web.responses import Responses
from realtime.web.results import Results
from realtime.web.scores import Scores
from realtime.web.sessions import Sessions
from realtime.web.tickets import Tickets
from realtime.web.types import Types

# Where two paths could match, the more special one comes first.
ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *sessions.ENDPOINTS,
    *tickets.ENDPOINTS,
    *types.ENDPOINTS,
    *interchange.ENDPOINTS,
    *activities.ENDPOINTS,
    *adjustments.ENDPOINTS,
    *participants.ENDPOINTS,
    *responses.ENDPOINTS,
    *scores.ENDPOINTS,
    *results.ENDPOINTS,
    *changes.ENDPOINTS,
)


class Api:
    """The endpoints of the table with those who answer them."""

    def __init__(
        self,
        desk: Desk,
        sessions: Sessions,
        tickets: Tickets,
        types: Types,
        activities: Activities,
        adjustments: Adjustments,
        participants: Participants,
        responses: Responses,
        scores: Scores,
        results: Results,
        interchange: Interchange,
        changes: ChangesFeed,
    ) -> None:
        self._desk = desk
        everyone = (
            sessions, tickets, types, activities, adjustments, participants, responses, scores, results, interchange, changes,
        )  # fmt: skip
        self._nouns: dict[str, object] = {type(noun).__name__: noun for noun in everyone}

    def routes(self) -> list[Route]:
        return self._desk.routes(ENDPOINTS, self._nouns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the API is built on: the commands, and the hub that wakes those who wait."""

    identity: Identity
    answering: Answering
    directing: Directing
    moderating: Moderating
    correcting: Correcting
    timing: Timing
    scoring: Scoring
    drafting: Drafting
    standings: Standings
    reading: Reading
    reporting: Reporting
    exporting: Exporting
    importing: Importing
    attendance: Attendance
    nudging: Nudging
    auditor: Auditor
    hub: Hub
    registry: Registry
    idempotency: Idempotency
    draining: Callable[[], bool]


def build_api(parts: Parts, settings: Settings) -> Api:
    """The API with everyone who answers for it."""
    reading, directing, identity = parts.reading, parts.directing, parts.identity
    repeats = Repeats(parts.idempotency, most_bytes=settings.idempotency_bytes)
    feed = ChangesFeed(
        parts.hub,
        identity.gate,
        reading,
        parts.attendance,
        parts.draining,
        most_waiting=settings.waiting_requests,
        most_per_ticket=settings.connections_per_ticket,
        heartbeat_seconds=settings.heartbeat_ms / 1_000,
        stall_seconds=settings.stall_seconds,
    )
    return Api(
        Desk(
            identity.gate,
            identity.leasing,
            identity.requests,
            Addresses(settings.trusted_proxies),
            reading,
            repeats,
            body_bytes=settings.body_bytes,
            response_bytes=settings.response_bytes,
        ),
        Sessions(identity.entrance, directing, reading, parts.auditor, identity.creations, demands=settings.jwt_required),
        Tickets(identity.ticketing, identity.leasing, identity.numbers),
        Types(parts.registry, strict_types=settings.strict_types),
        Activities(directing, parts.moderating, reading, parts.registry),
        Adjustments(parts.correcting, parts.timing, parts.standings, parts.drafting),
        Participants(directing, reading, parts.attendance, parts.nudging),
        Responses(parts.answering, reading, parts.identity.answers),
        Scores(parts.standings, reading),
        Results(parts.reporting, parts.exporting),
        Interchange(parts.importing),
        feed,
    )
