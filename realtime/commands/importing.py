"""Activities from files, and back: read and judged first, then created one by one; a bad one spoils no other."""

import asyncio
import json
from collections.abc import Collection
from typing import Any, Final

from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.directing import Directing
from realtime.commands.reading import Reading
from realtime.core.errors import Refusal
from realtime.interchange.bundle import make_bundle
from realtime.interchange.drafts import ENGLISH, Draft, Findings, Unreadable, Words
from realtime.interchange.reading import Format, read_file

_READERS: Final = 2  # files read at a time; each is a thread's work
_ALL_LEFT_OUT: Final = frozenset({"storage_unavailable", "unavailable", "forbidden", "unknown_session", "recovering", "draining"})


class Importing:
    def __init__(
        self, directing: Directing, reading: Reading, registry: Registry, *, strict_types: bool, max_activities: int
    ) -> None:  # fmt: skip
        self._directing = directing
        self._reading = reading
        self._registry = registry
        self._strict_types = strict_types
        self._max_activities = max_activities
        self._turns = asyncio.Semaphore(_READERS)

    async def bundle(self, actor: Actor) -> dict[str, Any]:
        """The session's activities as one document that `read` takes back."""
        actor.need("inspect")
        session = await self._reading.session(actor.session_id)
        rows = [row for row, _ in await self._reading.shown_activities(actor)]
        return make_bundle(session.title, [(row.type, row.title, json.loads(row.config)) for row in rows])

    async def read(self, content: bytes, format: Format | None, words: Words = ENGLISH) -> tuple[Format, Findings]:
        """What a file holds and what is wrong with it; nothing is created. Refusal `invalid` where it cannot be read at all."""
        async with self._turns:
            try:
                return await asyncio.to_thread(read_file, content, format, self._registry, words=words, strict=self._strict_types)
            except Unreadable as error:
                details = {"field": "content", "reason": error.message, "code": error.code, "values": error.values}
                raise Refusal("invalid", details=details) from error

    async def create(self, actor: Actor, findings: Findings, only: Collection[int] | None = None) -> dict[int, str]:
        """Create the drafts, all or those of the given places in the list; returns the new ids by place.

        What one draft meets is put beside it as a problem; what would meet all of them (no database) ends the import.
        """
        actor.need("direct")
        created: dict[int, str] = {}
        for place, draft in enumerate(findings.drafts):
            if only is not None and place not in only:
                continue
            try:
                row = await self._directing.create_activity(actor, draft.type, title=draft.title, config=dict(draft.config))
                created[place] = row.id
            except Refusal as refusal:
                if refusal.code in _ALL_LEFT_OUT and not created:
                    raise
                self._note(findings, draft, refusal)
                if refusal.code in _ALL_LEFT_OUT or refusal.code == "limited":
                    break
        return created

    def _note(self, findings: Findings, draft: Draft, refusal: Refusal) -> None:
        if refusal.code == "limited":
            findings.report(draft.place, "limited", draft.line, most=self._max_activities)
            return
        reason = str(refusal.details.get("reason") or refusal.message).rstrip(".")
        findings.report(draft.place, "unfit", draft.line, field=str(refusal.details.get("field") or draft.type), reason=reason)
