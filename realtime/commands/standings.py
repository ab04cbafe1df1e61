"""Who stands where: the published leaderboard, everybody's own points, teams, and marked answers side by side.

Two boards are kept. Presenters see all points. Participants see those of activities that show them their
results (and the key, unless it never is shown), so no board tells what the stage still hides.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from persistence import activities, decisions, ledger, scorings
from persistence.activities import ActivityRow
from persistence.errors import STORAGE_ERRORS
from persistence.ledger import Standing, Sum
from persistence.pool import Database, Pool
from persistence.scorings import ScoredRound
from realtime.activities.config import Config
from realtime.activities.contract import read_answer, read_settings
from realtime.activities.reckoning import shows_points
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.audits import audited
from realtime.commands.newcomers import require_participant
from realtime.commands.publishing import Publisher
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text
from realtime.store.boards import Boards
from realtime.store.live import Live

MOST_ACTIVITIES: Final = 10_000  # the highest that the setting max_activities can be
_MOST_TEAMS: Final = 200
_MOST_TEAM_NAME: Final = 40
_MOST_RESULTS: Final = 100  # latest rounds in a participant's own score
_PAGE: Final = 200
_MOST_SUMS: Final = 1_000  # sums of the ledger read at a time: decoding them holds the loop
_TURN: Final = 20  # own scores made before others have their turn on the loop


class Standings:
    """Reads the ledger, and publishes what may be seen of it."""

    def __init__(
        self, pool: Pool, live: Live, boards: Boards, registry: Registry, publisher: Publisher, *, top: int, page_limit: int
    ) -> None:
        self._pool = pool
        self._live = live
        self._boards = boards
        self._registry = registry
        self._publisher = publisher
        self._top = top
        self._page_limit = page_limit

    # ------------------------------------------------------------------------------------------- publishing

    async def publish(self, database: Database, session_id: str) -> None:
        """Publish the boards as the ledger has them. The caller holds the session's scoring lock."""
        version = await ledger.next_board_version(database)
        rounds = sorted(await scorings.rounds(database, session_id), key=_order)
        shown = await self._shown(database, session_id, rounds)
        board = await self._board(database, session_id, rounds)
        public = await self._board(database, session_id, shown)
        own = await self._own_scores(database, session_id, shown, version)
        document = board | {"version": version, "shown": public | {"version": version}}
        await self._publisher.warm(session_id, lambda: self._boards.publish(session_id, version, document, own))

    async def _shown(self, database: Database, session_id: str, rounds: Sequence[ScoredRound]) -> list[ScoredRound]:
        """Those of some rounds whose points participants may see now."""
        rows = await activities.of_session(database, session_id, limit=MOST_ACTIVITIES) if rounds else []
        showing = {row.id for row in rows if _shows(row)}
        return [one for one in rounds if one.activity_id in showing]

    async def _board(self, database: Database, session_id: str, rounds: Sequence[ScoredRound]) -> dict[str, Any]:
        ids = _activity_ids(rounds)
        best = await ledger.standings(database, session_id, ids, last=_last(rounds), limit=self._top)
        teams = await ledger.teams(database, session_id, ids, limit=_MOST_TEAMS)
        return {
            "entries": await self._entries(database, session_id, best, rounds),
            "total": best[0].total if best else 0,
            "teams": [asdict(team) for team in teams],
            "activity_ids": ids,
        }

    async def _entries(
        self, database: Database, session_id: str, page: Sequence[Standing], rounds: Sequence[ScoredRound]
    ) -> list[dict[str, Any]]:
        """One page as it is shown; a streak is what the last round left."""
        last = _last(rounds)
        people = [one.participant_id for one in page]
        sums = await ledger.sums(database, session_id, people, [last[0]]) if last and people else {}
        entries = []
        for one in page:
            latest = sums.get(one.participant_id, {}).get(last) if last else None
            entries.append(
                {
                    "participant": one.participant_id,
                    "name": one.nickname,
                    "team": one.team,
                    "points": one.points,
                    "rank": one.rank,
                    "previous_rank": one.previous_rank,
                    "streak": int(latest.meta.get("streak", 0)) if latest else 0,
                }
            )
        return entries

    async def _own_scores(
        self, database: Database, session_id: str, rounds: Sequence[ScoredRound], version: int
    ) -> dict[str, dict[str, Any]]:
        ids, scores, offset = _activity_ids(rounds), dict[str, dict[str, Any]](), 0
        size = max(1, min(_PAGE, _MOST_SUMS // max(1, len(rounds))))
        while ids:
            page = await ledger.standings(database, session_id, ids, last=_last(rounds), limit=size, offset=offset)
            offset += len(page)
            sums = await ledger.sums(database, session_id, [one.participant_id for one in page], ids)
            for number, one in enumerate(page):
                if number % _TURN == 0:
                    await asyncio.sleep(0)
                scores[one.participant_id] = _own_score(one, sums.get(one.participant_id, {}), rounds) | {"version": version}
            if len(page) < size:
                break
        return scores

    # ---------------------------------------------------------------------------------------------- reading

    async def leaderboard(self, actor: Actor, *, offset: int = 0, limit: int = 100) -> dict[str, Any]:
        """A page of everybody who may be seen, in one call: `entries`, `total`, `teams`, `offset`, `limit`."""
        actor.need("watch")
        limit, offset = max(1, min(limit, self._page_limit)), max(0, offset)
        try:
            rounds = await self._rounds(actor)
            ids = _activity_ids(rounds)
            page = await ledger.standings(self._pool, actor.session_id, ids, last=_last(rounds), limit=limit, offset=offset)
            teams = await ledger.teams(self._pool, actor.session_id, ids, limit=_MOST_TEAMS)
            entries = await self._entries(self._pool, actor.session_id, page, rounds)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        total = page[0].total if page else 0
        return {"entries": entries, "total": total, "teams": [asdict(team) for team in teams], "offset": offset, "limit": limit}

    async def own(self, actor: Actor) -> dict[str, Any] | None:
        """A participant's own rank, points and results, as far as they are shown; None before there are any."""
        actor.need("answer")
        assert actor.participant_id is not None
        try:
            if not await self._rounds(actor):
                return None
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        return (await self._boards.scores(actor.session_id, [actor.participant_id])).get(actor.participant_id)

    async def _rounds(self, actor: Actor) -> list[ScoredRound]:
        """The rounds whose points the actor may see, in the order they were closed."""
        rounds = sorted(await scorings.rounds(self._pool, actor.session_id), key=_order)
        if actor.audience.value == "presenters":
            return rounds
        return await self._shown(self._pool, actor.session_id, rounds)

    async def review(
        self, actor: Actor, activity_id: str, *, round: int | None = None, after: str | None = None, limit: int = 50
    ) -> dict[str, Any]:  # fmt: skip
        """What participants answered beside what was expected, marked with what was decided: `settings`, `answers`, `next`.

        For a table every answer has its cells with state, marks and expected answer; `fuzzy` ones wait for review.
        """
        actor.need("inspect")
        limit = max(1, min(limit, 200))
        try:
            row = await activities.read(self._pool, activity_id)
            if row is None or row.session_id != actor.session_id:
                raise Refusal("unknown_activity")
            round = round or row.round
            config = Config.model_validate_json(row.config)
            responses = await scorings.to_review(self._pool, activity_id, round, after_id=after, limit=limit)
            people = [] if config.unnamed else [response.participant_id for response in responses]
            names = await scorings.nicknames(self._pool, people)
            decided = await decisions.of_round(self._pool, activity_id, round)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        kind = self._registry.resolve(row.type)
        plain = read_settings(kind, config.settings)
        settings = kind.decided(plain, decided)
        answers = []
        for response in responses:
            answer = read_answer(kind, plain, json.loads(response.response_data).get("data"))
            mark = None if answer is None else kind.mark(settings, answer)
            answers.append(
                {
                    "participant": None if config.unnamed else response.participant_id,
                    "name": names.get(response.participant_id),
                    "answer": None if answer is None else answer.model_dump(mode="json"),
                    "mark": None if mark is None else {"correct": mark.correct, "score": mark.score, **mark.detail},
                }
            )
        following = responses[-1].id if len(responses) == limit else None
        return {"settings": config.settings, "decisions": decided, "round": round, "answers": answers, "next": following}

    # ------------------------------------------------------------------------------------------------ teams

    async def assign_team(self, actor: Actor, participant_id: str, team: str | None) -> str | None:
        """Put a participant into a team, or into none; returns the team's name as it is kept."""
        actor.need("direct")
        name = None if team is None else clean_text(team)
        if name is not None and not 1 <= len(name) <= _MOST_TEAM_NAME:
            raise invalid("team", f"between 1 and {_MOST_TEAM_NAME} characters")
        await require_participant(self._pool, self._live, actor.session_id, participant_id)
        async with audited(self._pool, actor) as audit:
            if not await ledger.set_team(audit.connection, actor.session_id, participant_id, name):
                raise Refusal("unknown_participant")
            await audit.record("participant_assigned", participant_id=participant_id, team=name)
            owed = await audit.owe("board")
        await self._publisher.pay(owed)
        return name


def _shows(row: ActivityRow) -> bool:
    return shows_points(Config.model_validate_json(row.config).reveal, row.state, row.revealed)


def _order(one: ScoredRound) -> tuple[Any, ...]:
    return one.closed_at, one.activity_id, one.round


def _activity_ids(rounds: Sequence[ScoredRound]) -> list[str]:
    return list(dict.fromkeys(one.activity_id for one in rounds))


def _last(rounds: Sequence[ScoredRound]) -> tuple[str, int] | None:
    return (rounds[-1].activity_id, rounds[-1].round) if rounds else None


def _own_score(standing: Standing, sums: Mapping[tuple[str, int], Sum], rounds: Sequence[ScoredRound]) -> dict[str, Any]:
    results = []
    for one in rounds[-_MOST_RESULTS:]:
        known = sums.get((one.activity_id, one.round))
        if known is None or known.meta.get("void"):
            continue
        told = {name: known.meta.get(name) for name in ("correct", "score", "elapsed_ms", "streak", "marks") if name in known.meta}
        results.append({"activity_id": one.activity_id, "round": one.round, "points": known.points, **told})
    return {
        "points": standing.points, "rank": standing.rank, "previous_rank": standing.previous_rank, "of": standing.total,
        "team": standing.team, "results": results,
    }  # fmt: skip
