"""Who has not answered yet, and a friendly word to them."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from realtime.activities.config import Config
from realtime.commands.actors import Actor
from realtime.core.errors import Refusal
from realtime.store.live import Live
from realtime.store.replicas import Replica

NUDGE_EVERY_MS: Final = 10_000  # between two nudges of one session, whoever gives them
MOST_NAMED: Final = 200  # of those who have not answered, how many are told by name


@dataclass(frozen=True, slots=True)
class Unanswered:
    """How many are here, how many of them have no standing answer, and who, as far as names may be told."""

    online: int
    waiting: int
    people: list[dict[str, str]]


class Nudging:
    """`replica` gives an up-to-date copy of a session."""

    def __init__(
        self, live: Live, replica: Callable[[str], Awaitable[Replica]], *, clock: Callable[[], float] = time.time
    ) -> None:  # fmt: skip
        self._live = live
        self._replica = replica
        self._clock = clock

    async def unanswered(self, actor: Actor, activity_id: str) -> Unanswered:
        """Who is here and has not answered. Of an anonymous activity the number alone: who is missing tells who is not."""
        actor.need("inspect")
        replica = await self._replica(actor.session_id)
        document = self._document(replica, activity_id)
        named = not Config.model_validate(document["config"]).unnamed
        online, waiting, ids = await self._live.unanswered(
            actor.session_id, activity_id, document["round"], most=MOST_NAMED if named else 0
        )
        names = await self._live.nicknames_of(actor.session_id, ids)
        people = [{"participant_id": one, "nickname": name} for one, name in zip(ids, names, strict=True) if name is not None]
        return Unanswered(online, waiting, sorted(people, key=lambda one: one["nickname"].casefold()))

    async def nudge(self, actor: Actor, activity_id: str) -> dict[str, Any]:
        """Ask those who have not answered to do so: one key of the state, which only their pages show.

        Refuses `activity_not_open`, and `limited` while the last nudge is fresh.
        """
        actor.need("direct")
        replica = await self._replica(actor.session_id)
        document = self._document(replica, activity_id)
        if document["state"] != "active":
            raise Refusal("activity_not_open")
        now_ms = int(self._clock() * 1_000)
        since_ms = now_ms - replica.nudged_at_ms
        if 0 <= since_ms < NUDGE_EVERY_MS:
            raise Refusal("limited", "They were asked just now. Give them a moment.", after_ms=NUDGE_EVERY_MS - since_ms)
        online, waiting, _ = await self._live.unanswered(actor.session_id, activity_id, document["round"], most=0)
        word = {"activity_id": activity_id, "round": document["round"], "at_ms": now_ms}
        if waiting:
            await self._live.write_value(actor.session_id, "nudge", now_ms, word)
        return {**word, "online": online, "waiting": waiting}

    def _document(self, replica: Replica, activity_id: str) -> dict[str, Any]:
        copy = replica.activities.get(activity_id)
        if copy is None or copy.document is None:
            raise Refusal("unknown_activity")
        return copy.document
