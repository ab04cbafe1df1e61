"""What presenters and moderators decide about contributions: kept in PostgreSQL first, then shown (or hidden) at once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from persistence import decisions, events
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from realtime.activities.projection import live_of
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.publishing import Publisher
from realtime.commands.warmth import do_warm
from realtime.core.errors import Refusal
from realtime.core.json_text import Limits, check, encode
from realtime.core.session import VISIBLE
from realtime.store.replicas import Replica, Replicas

_LIMITS = Limits(max_bytes=65_536)


class Moderating:
    """Takes decisions. `decided`, where it is set, is called after each: marks may follow from it."""

    def __init__(
        self, pool: Pool, replicas: Replicas, registry: Registry, publisher: Publisher, ensure: Callable[[str], Awaitable[None]], *,
        most_decisions: int,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._replicas = replicas
        self._registry = registry
        self._publisher = publisher
        self._ensure = ensure
        self._most_decisions = most_decisions
        self.decided: Callable[[], None] | None = None

    async def decide(
        self, actor: Actor, activity_id: str, decision: Mapping[str, Any], *, expected_version: int | None = None
    ) -> dict[str, Any]:
        """Take one decision; returns what was set (None: taken back) and the new version of the activity's decisions.

        Deciders wait for one another, so that of two who judge one contribution neither is lost. Raises what
        the type's own rules refuse, `version_conflict` with the present decisions, `activity_full`.
        """
        actor.need("moderate")
        check(dict(decision), _LIMITS)
        replica = await self._replica(actor.session_id)
        copy = replica.activities.get(activity_id)
        if copy is None or copy.document is None:
            raise Refusal("unknown_activity")
        kind, _, settings = copy.rules(self._registry)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                row = await decisions.lock_activity(connection, activity_id)
                if row is None or row.session_id != actor.session_id:
                    raise Refusal("unknown_activity")
                if row.opened_at is None and row.state not in VISIBLE:
                    raise Refusal("activity_not_open")
                known = await decisions.of_round(connection, activity_id, row.round)
                if expected_version is not None and expected_version != row.decisions_version:
                    raise Refusal("version_conflict", details={"version": row.decisions_version, "present": known})
                if row.round != copy.document["round"]:
                    raise Refusal("wrong_round")
                live = replace(live_of(copy, settings, replica.people), decisions=known, revealed=row.revealed)
                changes = dict(kind.decide(live, decision))
                if len(known.keys() | changes.keys()) > self._most_decisions:
                    raise Refusal("activity_full", details={"most_decisions": self._most_decisions})
                row = await decisions.decide(connection, activity_id, row.round, changes, actor=actor.name)
                meta = {"decision": dict(decision), "round": row.round, "keys": sorted(changes)}
                await events.record(
                    connection, session_id=actor.session_id, actor=actor.name, action="activity_decided", activity_id=activity_id,
                    meta=encode(meta),
                )  # fmt: skip
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        await self._publisher.publish(actor.session_id, activity_id)
        if self.decided is not None:
            self.decided()
        return {"activity_id": activity_id, "round": row.round, "version": row.decisions_version, "decided": changes}

    async def _replica(self, session_id: str) -> Replica:
        return (await do_warm(self._ensure, session_id, lambda: self._replicas.refresh(session_id)))[0]
