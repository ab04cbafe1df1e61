"""Keeping drafts: what the live store holds of them reaches PostgreSQL a moment later, and nobody waits for it.

Any process may do it, at the same time as others: the later draft wins, and one is forgotten as unstored only
while it is what was read.
"""

import asyncio
import logging
import random
import time
from typing import Final

from persistence import drafts
from persistence.drafts import DraftRow
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from realtime.store.connection import STORE_ERRORS
from realtime.store.drafts import Unsaved, Unstored

log = logging.getLogger("plenum.commands")

_AT_ONCE: Final = 100  # drafts of one statement: with the largest drafts some megabytes
_FORGET_EVERY: Final = 60  # turns of the loop after which answered drafts are forgotten
_LONGEST_WAIT_SECONDS: Final = 3_600  # for an author who never reached PostgreSQL


class Keeping:
    """Stores drafts, shard by shard."""

    def __init__(self, pool: Pool, unsaved: Unsaved, *, every_ms: int) -> None:
        self._pool = pool
        self._unsaved = unsaved
        self._every_seconds = every_ms / 1_000
        self.stored = 0

    async def run(self) -> None:
        """Store what is written, again and again, until cancelled."""
        turn = 0
        while True:
            # Several processes do this: not all of them at the same moment.
            await asyncio.sleep(self._every_seconds * random.uniform(0.7, 1.3))
            turn += 1
            try:
                for shard, number in enumerate(await self._unsaved.count()):
                    if number:
                        await self.store(shard)
                if turn % _FORGET_EVERY == 0:
                    await drafts.forget_answered(self._pool)
            except (*STORE_ERRORS, *STORAGE_ERRORS) as error:
                log.debug("drafts are stored later: %s", str(error) or type(error).__name__)

    async def store(self, shard: int) -> int:
        """Store the drafts of a shard that are not stored yet, as far as their authors are; returns how many."""
        done = 0
        while found := await self._unsaved.read(shard, most=_AT_ONCE):
            missing = await drafts.save(self._pool, [_row(one) for one in found])
            oldest_ms = (time.time() - _LONGEST_WAIT_SECONDS) * 1_000
            stored = [one for one in found if one.draft.participant_id not in missing or one.draft.at_ms < oldest_ms]
            await self._unsaved.drop(shard, stored)
            done += len(stored)
            self.stored += len(stored)
            if not stored or len(found) < _AT_ONCE:
                break
        return done


def _row(one: Unstored) -> DraftRow:
    draft = one.draft
    return DraftRow(
        one.session_id, draft.activity_id, draft.participant_id, draft.round, draft.revision, draft.base, draft.auto_submit,
        draft.at_ms, draft.data,
    )  # fmt: skip
