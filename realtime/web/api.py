"""REST under /api/v1: the same commands as over the WebSocket, with HTTP's words for them. One table, see `ENDPOINTS`."""

from typing import Final

from starlette.routing import Route

from realtime.web import activities, changes, participants, responses, sessions, types
from realtime.web.activities import Activities
from realtime.web.changes import ChangesFeed
from realtime.web.endpoints import Desk, Endpoint
from realtime.web.participants import Participants
from realtime.web.responses import Responses
from realtime.web.sessions import Sessions
from realtime.web.types import Types

# Where two paths could match, the more special one comes first.
ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *sessions.ENDPOINTS,
    *types.ENDPOINTS,
    *activities.ENDPOINTS,
    *participants.ENDPOINTS,
    *responses.ENDPOINTS,
    *changes.ENDPOINTS,
)


class Api:
    """The endpoints of the table with those who answer them."""

    def __init__(
        self,
        desk: Desk,
        sessions: Sessions,
        types: Types,
        activities: Activities,
        participants: Participants,
        responses: Responses,
        changes: ChangesFeed,
    ) -> None:
        self._desk = desk
        everyone = (sessions, types, activities, participants, responses, changes)
        self._nouns: dict[str, object] = {type(noun).__name__: noun for noun in everyone}

    def routes(self) -> list[Route]:
        return self._desk.routes(ENDPOINTS, self._nouns)
