"""What the clock does: deadlines, closing when all have answered, extra time, and publishing what a dead process left.

Every process runs the loop. Who is first raises the activity's version in PostgreSQL, and the others find
that it is another than they have seen, so each closing happens once. While PostgreSQL is away nothing is
closed, but the accept script knows the deadline and takes nothing after it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from persistence import timing, unpublished
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from realtime.activities.projection import ActivityCopy
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.audits import audited
from realtime.commands.directing import Directing
from realtime.commands.newcomers import require_participant
from realtime.commands.publishing import Publisher
from realtime.core.errors import Refusal, invalid
from realtime.core.tally import PEOPLE
from realtime.store.live import Cold, Live
from realtime.store.replicas import Replica, Replicas

log = logging.getLogger("plenum.commands")

MOST_EXTRA_PERCENT: Final = 400
_MOST_DUE: Final = 100  # activities closed in one turn of the loop
_UNPUBLISHED_SECONDS: Final = 3.0  # after this time nobody can still be at it
_HEAL_EVERY: Final = 5  # turns of the loop


class Timing:
    """Runs the clock of all activities and gives people extra time. `sessions` are those with connections here."""

    def __init__(
        self, pool: Pool, live: Live, replicas: Replicas, registry: Registry, directing: Directing, publisher: Publisher,
        sessions: Callable[[], Iterable[str]], *, clock_ms: int,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._live = live
        self._replicas = replicas
        self._registry = registry
        self._directing = directing
        self._publisher = publisher
        self._sessions = sessions
        self._clock_seconds = clock_ms / 1_000
        self._looked: dict[str, int] = {}  # activity -> offset of the copy at which somebody was still to answer
        self.closed = 0

    async def accommodate(self, actor: Actor, participant_id: str, extra_time_percent: int) -> dict[str, int | str]:
        """Let one participant answer longer than the others, in percent of the time to answer (0: as everybody)."""
        actor.need("direct")
        if not 0 <= extra_time_percent <= MOST_EXTRA_PERCENT:
            raise invalid("extra_time_percent", f"between 0 and {MOST_EXTRA_PERCENT}")
        await require_participant(self._pool, self._live, actor.session_id, participant_id)
        async with audited(self._pool, actor) as audit:
            if await timing.set_extra_time(audit.connection, participant_id, extra_time_percent) is None:
                raise Refusal("unknown_participant")
            await audit.record("participant_accommodated", participant_id=participant_id, extra_time_percent=extra_time_percent)
            owed = await audit.owe("participant", participant_id)
        await self._publisher.pay(owed)
        return {"participant_id": participant_id, "extra_time_percent": extra_time_percent}

    # ------------------------------------------------------------------------------------------------- the loop

    async def run(self) -> None:
        """Do what is due, again and again, until cancelled."""
        turn = 0
        while True:
            await asyncio.sleep(self._clock_seconds)
            turn += 1
            try:
                await self.close_due()
                if turn % _HEAL_EVERY == 0:
                    await self.publish_left()
                    await self.close_left()
                await self.look_for_whole()
            except STORAGE_ERRORS as error:
                log.debug("the clock waits for the database: %s", error)
            except Exception:
                # The boundary: what one turn meets must not stop the clock.
                log.exception("the clock stumbled and goes on")

    async def close_due(self) -> None:
        """Close what is past its deadline for everybody."""
        for row in await timing.due(self._pool, limit=_MOST_DUE):
            if await self._act(row.session_id, row.id, row.version, "closed"):
                self.closed += 1
                log.info("activity %s closed at its deadline", row.id)

    async def publish_left(self) -> None:
        """Publish what was written and never reached the live store, because a process died in between."""
        left = await timing.unpublished(self._pool, limit=_MOST_DUE, older_than_seconds=_UNPUBLISHED_SECONDS)
        for session_id, activity_id in left:
            try:
                await self._publisher.publish(session_id, activity_id)
            except Refusal as refusal:
                log.debug("activity %s is published later: %s", activity_id, refusal)
        for owed in await unpublished.left(self._pool, limit=_MOST_DUE, older_than_seconds=_UNPUBLISHED_SECONDS):
            try:
                await self._publisher.pay(owed)
            except Refusal as refusal:
                if refusal.retry:
                    log.debug("%s %s of session %s is published later: %s", owed.kind, owed.subject, owed.session_id, refusal)
                else:  # the session is gone, from the live store as well
                    await unpublished.forget(self._pool, owed)

    async def close_left(self) -> None:
        """Close what is still open in a session that is over, because a process died in between or one was opened just then."""
        for row in await timing.left_open(self._pool, limit=_MOST_DUE, older_than_seconds=_UNPUBLISHED_SECONDS):
            if await self._act(row.session_id, row.id, row.version, "closed"):
                log.info("activity %s closed with its session", row.id)

    async def look_for_whole(self) -> None:
        """Close, or reveal, what everybody who is here has answered and what is to end with that."""
        candidates: dict[str, int] = {}
        for session_id in list(self._sessions()):
            replica = self._replicas.peek(session_id)
            for copy in list(replica.activities.values()) if replica is not None else ():
                assert replica is not None
                try:
                    to = self._when_whole(replica, copy)
                except Exception:
                    # The boundary: a type whose rules break must not stop the clock of all other activities.
                    log.exception("whether activity %s is to end cannot be told", copy.id)
                    continue
                if to is None or copy.document is None:
                    continue
                offset, version = replica.offset, copy.document["version"]
                if self._looked.get(copy.id) == offset or not await self._is_whole(session_id, copy):
                    candidates[copy.id] = offset  # nothing is different before the copy is
                elif await self._act(session_id, copy.id, version, to):
                    log.info("activity %s: everybody has answered (%s)", copy.id, to)
        self._looked = candidates

    def _when_whole(self, replica: Replica, copy: ActivityCopy) -> str | None:
        """What happens to an activity once everybody has answered, where the counts say that this may be so."""
        document = copy.document
        if document is None or document["state"] != "active":
            return None
        answered = copy.tallies.get(document["round"], {}).get(PEOPLE, 0)
        if not answered >= replica.people["online"] > 0:
            return None
        kind, config, settings = copy.rules(self._registry)
        if config.constraints.autoclose_when_all:
            return "closed"
        return "revealed" if kind.reveals_when_all(settings) and not document["revealed"] else None

    async def _is_whole(self, session_id: str, copy: ActivityCopy) -> bool:
        assert copy.document is not None
        try:
            online, missing = await self._live.count_unanswered(session_id, copy.id, copy.document["round"])
        except (Refusal, Cold) as error:
            log.debug("who has answered %s is looked up later: %s", copy.id, error)
            return False
        return online > 0 and missing == 0

    async def _act(self, session_id: str, activity_id: str, version: int, to: str) -> bool:
        """Move or reveal; False where somebody else was first, or it has to be tried again, or cannot be done."""
        try:
            if to == "revealed":
                await self._directing.reveal_by_clock(session_id, activity_id, version=version)
            else:
                await self._directing.move_by_clock(session_id, activity_id, to, version=version)
        except Refusal as refusal:
            log.debug("activity %s was not %s by the clock: %s", activity_id, to, refusal)
            return False
        except Exception:
            # The boundary: one activity that cannot be moved must not stop the clock of all that are due after it.
            log.exception("activity %s cannot be %s by the clock", activity_id, to)
            return False
        return True
