"""Scores over HTTP: who leads, how I did, and what was answered beside what was expected."""

from starlette.responses import Response

from realtime.commands.reading import Reading
from realtime.commands.standings import Standings
from realtime.core.errors import Refusal
from realtime.web import bodies, documents, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json


class Scores:
    def __init__(self, standings: Standings, reading: Reading) -> None:
        self._standings = standings
        self._reading = reading

    async def leaderboard(self, call: Call) -> Response:
        page = call.query(bodies.Page)
        return Json(await self._standings.leaderboard(call.actor, offset=page.offset, limit=page.limit))

    async def own(self, call: Call) -> Response:
        """A participant's own points and rank; null before there are any to see."""
        return Json(await self._standings.own(call.actor))

    async def review(self, call: Call) -> Response:
        query, activity_id = call.query(bodies.Review), call.id("activity_id")
        row = await self._reading.activity(call.actor, activity_id)
        hidden = await self._reading.hidden_rounds(call.actor.session_id)
        if (query.round or row.round) >= hidden.get(activity_id, 2**31):
            raise Refusal("illegal_move", details={"field": "round", "reason": "its answers are hidden until the reveal"})
        page = await self._standings.review(call.actor, activity_id, round=query.round, after=query.after, limit=query.limit)
        return Json(page)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/leaderboard",
        handler=Scores.leaderboard,
        right="watch",
        summary="Who leads, as far as it is shown",
        query=bodies.Page,
        answer=documents.Leaderboard,
        shows={"entries": [], "total": 0, "teams": [], "offset": 0, "limit": 100},
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/score",
        handler=Scores.own,
        right="answer",
        summary="The own points and rank, or null",
        answer=documents.OwnScore,
        nullable=True,
        shows={"points": 1_000, "rank": 1, "of": 1},
    ),
    Endpoint(
        method="GET",
        path="/activities/{activity_id}/review",
        handler=Scores.review,
        right="inspect",
        summary="What was answered beside what was expected, marked",
        query=bodies.Review,
        answer=documents.ReviewPage,
        errors=("illegal_move",),
        shows={"settings": samples.POLL, "decisions": {}, "round": 1, "answers": [], "next": None},
    ),
)
