"""Who directs a session when several may: a lease that the next presenter takes over in one call.

Each taking has a higher token, and a command must carry that of the present one. Without a lease everybody who
may direct directs, and so it is until somebody takes the first.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Final

from persistence import sessions
from persistence.documents import session_document
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from persistence.sessions import SessionRow
from realtime.commands.actors import Actor
from realtime.commands.audits import audited
from realtime.commands.publishing import Publisher
from realtime.core.errors import Refusal
from realtime.core.json_text import clean_text, encode
from realtime.store.live import Cold
from realtime.store.passes import Passes

_TRIES: Final = 5  # when others change the session at the same time


class Leasing:
    """Takes, gives back and checks the lease."""

    def __init__(self, pool: Pool, passes: Passes, publisher: Publisher, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._passes = passes
        self._publisher = publisher
        self._clock = clock

    async def check(self, actor: Actor, token: int | None) -> None:
        """Refusal `not_directing`, which tells who directs, unless the token is that of the present lease or there is none."""
        actor.need("direct")
        try:
            present = await self._passes.lease(actor.session_id)
            if present in (0, token):
                return
        except Cold:
            pass  # the live store forgot; what is stored decides
        director = (await self._session(actor.session_id))["director"]
        if director is not None and token != director["token"]:
            raise Refusal("not_directing", details={"director": director})

    async def take(self, actor: Actor, label: str) -> dict[str, Any]:
        """Take over; returns who directs now, with the token. Whoever directed before is refused from here on."""
        actor.need("lead")
        label = clean_text(label) or actor.role
        held = {"held": True, "label": label, "role": actor.role, "since_ms": int(self._clock() * 1_000)}
        row = await self._write(actor, lambda lease: {**held, "token": lease.get("token", 0) + 1})
        director: dict[str, Any] = session_document(row)["director"]
        return director

    async def release(self, actor: Actor) -> None:
        """Let everybody who may direct do so again."""
        actor.need("lead")
        await self._write(actor, lambda lease: {"held": False, "token": lease.get("token", 0)})

    async def _write(self, actor: Actor, change: Callable[[dict[str, Any]], dict[str, Any]]) -> SessionRow:
        for _ in range(_TRIES):
            async with audited(self._pool, actor) as audit:
                row = await sessions.read(audit.connection, actor.session_id)
                if row is None:
                    raise Refusal("unknown_session")
                settings = json.loads(row.settings)
                lease = settings["lease"] = change(settings.get("lease", {}))
                text = encode(settings)
                changed = await sessions.update(audit.connection, row.id, settings=text, expected_version=row.version)
                if changed is None:
                    continue
                action = "lease_taken" if lease["held"] else "lease_released"
                await audit.record(action, token=lease["token"], label=lease.get("label"))
                owed = await audit.owe("session")
            await self._publisher.pay(owed)
            return changed
        raise Refusal("under_way", after_ms=200)

    async def _session(self, session_id: str) -> dict[str, Any]:
        try:
            row = await sessions.read(self._pool, session_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None:
            raise Refusal("unknown_session")
        return session_document(row)
