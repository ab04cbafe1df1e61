"""The flusher: takes batches out of the outboxes of the shards it owns and saves them.

    read a batch → save it in one transaction, fenced → COMMIT → confirm (forget it, move the watermark)

The process may die at any line: the batch is still in the outbox, and saving it again changes nothing.
Where more waits than a batch holds, the next one is read while PostgreSQL saves this one. What was read ahead
is used only once the batch before it is saved and confirmed, else thrown away: so the watermark has no holes.
A batch that fails for reasons of the database is tried again for ever, with growing pauses; rows that
are to blame themselves have become dead letters before `save` returns.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

import asyncpg

from persistence import batch, shards
from persistence.errors import STORAGE_ERRORS, Fenced
from persistence.readahead import Ahead
from realtime.core.response import Join, Response

log = logging.getLogger("plenum.flusher")


class Pending(Protocol):
    """A batch read from a shard's outbox, in its order."""

    shard: int
    epoch: str
    joins: list[Join]
    responses: list[Response]

    @property
    def rows(self) -> int: ...


PendingT = TypeVar("PendingT", bound=Pending)


class Source(Protocol[PendingT]):
    """The outboxes, as the flusher needs them."""

    async def busy(self, shards: Sequence[int]) -> set[int]: ...
    async def read(self, shard: int, rows: int, *, after: PendingT | None = None) -> PendingT: ...
    async def confirm(self, batch: PendingT) -> None: ...
    def fenced(self, batch: PendingT) -> None: ...


_AGAIN_SECONDS: Final = 0.2
_LOOKS_BEFORE_HELP: Final = 2  # at a free shard that another is to flush; a look is a third of a lease
_QUIET_SECONDS: Final = 2.0  # without a row, after which a flusher that is told of new ones rests
_REST_SECONDS: Final = 1.0  # the longest rest
_HELP_LEASES: Final = 6.0  # lifetimes of a lease after which such a shard is offered again


class SourceAway(Exception):
    """A shard's outbox could not be read or confirmed."""


@dataclass(frozen=True, slots=True)
class Ready(Generic[PendingT]):
    """A batch in hand, packed for PostgreSQL."""

    pending: PendingT
    packed: batch.Packed


@dataclass(slots=True)
class Flushed:
    """What a flusher has done so far, for metrics."""

    rows: int = 0
    dead: int = 0
    batches: int = 0
    failures: int = 0
    last_error: str = ""
    leases: dict[int, int] = field(default_factory=dict)


class Flusher(Generic[PendingT]):
    """Owns shards by lease and flushes them. `fault` is a test hook called at named points."""

    def __init__(
        self, pool: asyncpg.Pool, source: Source[PendingT], shard_numbers: Sequence[int], owner: str, *, rows: int,
        age_ms: int, retry_ms: int,
        lease_seconds: float, transient: tuple[type[BaseException], ...], absent: tuple[type[BaseException], ...],
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._source = source
        self._numbers = list(shard_numbers)
        self._owner = owner
        self._rows = rows
        self._age_seconds = age_ms / 1_000
        self._retry_seconds = retry_ms / 1_000
        self._lease_seconds = lease_seconds
        # Raised for a shard that has no epoch, or another one, at the moment: recovery is at it.
        self._absent = absent
        # What reading and confirming may raise when Redis is away.
        self._faults_of_source: tuple[type[BaseException], ...] = (*transient, OSError, TimeoutError)
        self._transient: tuple[type[BaseException], ...] = (
            *self._faults_of_source,
            SourceAway,
            *STORAGE_ERRORS,
        )
        self._away_until: dict[int, float] = {}
        self._preferred = frozenset(self._numbers)
        self._looks: dict[int, int] = {}
        self._helping_since: dict[int, float] = {}
        self._full: set[int] = set()  # shards that had more than a batch when they were last read
        self._ahead: Ahead[Ready[PendingT]] | None = None
        self._fault = fault
        self._urgent = asyncio.Event()
        self._is_told = False  # somebody says when there may be something to flush
        self._resting = False
        self._quiet_since = 0.0
        self._stopped = asyncio.Event()
        self.done = Flushed()

    def prefer(self, numbers: Iterable[int]) -> None:
        """Leave the other shards to whoever prefers them, and flush them only while nobody does."""
        self._preferred = frozenset(numbers)

    def hurry(self) -> None:
        """Flush now rather than when the age is reached."""
        self._urgent.set()

    def expect_notices(self) -> None:
        """From now on somebody calls `notice` whenever something was accepted, so that rounds for nothing can be rare."""
        self._is_told = True

    def notice(self) -> None:
        """Something was accepted somewhere: it may wait for others as long as it always may."""
        self._quiet_since = time.monotonic()
        if self._resting:
            self._resting = False
            asyncio.get_running_loop().call_later(self._age_seconds, self._urgent.set)

    def stop(self) -> None:
        """Finish the round under way, flush what is left, give the leases back."""
        self._stopped.set()
        self._urgent.set()

    async def run(self) -> None:
        """Flush until stopped. Never raises for faults of Redis or PostgreSQL."""
        renewer = asyncio.create_task(self._keep_leases())
        pause = self._retry_seconds
        try:
            while True:
                stopping = self._stopped.is_set()
                self._urgent.clear()  # who hurries from here on may come too late for this round, and is given another
                try:
                    moved = await self._round()
                    pause = self._retry_seconds
                    if moved:
                        self._quiet_since = time.monotonic()
                except self._transient as error:
                    self.done.failures += 1
                    self.done.last_error = f"{type(error).__name__}: {error}"
                    log.warning("flush failed, trying again in %.1f s: %s", pause, self.done.last_error)
                    if stopping:
                        break  # what is left stays in the outbox; the next flusher takes it
                    await self._pause(pause * random.uniform(0.5, 1.5))
                    pause = min(pause * 2, self._retry_seconds * 30)
                    continue
                if stopping and not moved:
                    break
                if not moved or not self._full:
                    await self._rest()  # a batch costs much the same whether it holds one row or a hundred
        finally:
            while not renewer.done():  # a driver that is cancelled may raise an error of its own, which the renewer survives
                renewer.cancel()
                await asyncio.wait({renewer}, timeout=_AGAIN_SECONDS)
            await asyncio.gather(renewer, return_exceptions=True)
            await self._drop_ahead()
            await self._release()

    async def _rest(self) -> None:
        """Wait for rows to gather; where nothing has come for a while, until something has, or a notice may have been lost."""
        self._resting = self._is_told and time.monotonic() - self._quiet_since > _QUIET_SECONDS
        await self._wait(_REST_SECONDS if self._resting else self._age_seconds)
        self._resting = False

    async def _wait(self, seconds: float) -> None:
        if self._stopped.is_set():
            return
        try:
            await asyncio.wait_for(self._urgent.wait(), seconds)
        except TimeoutError:
            return

    async def _pause(self, seconds: float) -> None:
        """Wait after a failure: nobody can hurry this, only stopping ends it."""
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return

    async def _round(self) -> bool:
        """One batch of every owned shard; True when any had rows.

        Where a shard cannot be read or confirmed the others go on, for its server may be one of many. Raises
        that error when nothing else moved.
        """
        moved = False
        away: SourceAway | None = None
        owned = list(self.done.leases)
        busy = await self._source.busy(owned) if owned else set()
        ready = [shard for shard in owned if not await self._offer(shard) and shard in busy and not self._is_away(shard)]
        self._full.intersection_update(ready)
        for shard, following in zip(ready, [*ready[1:], *ready[:1]], strict=True):
            try:
                moved = await self._flush(shard, following) or moved
                self._away_until.pop(shard, None)
            except self._absent as error:
                log.debug("shard %d cannot be flushed now: %s", shard, error)
            except SourceAway as error:
                away = error
                self._away_until[shard] = time.monotonic() + self._retry_seconds * 5
                if self._stopped.is_set():
                    break  # there is no time to wait for the others of a server that hangs
        if away is not None:
            if not moved:
                raise away
            self.done.failures += 1
            self.done.last_error = str(away)
        return moved

    def _is_away(self, shard: int) -> bool:
        return self._away_until.get(shard, 0.0) > time.monotonic() and not self._stopped.is_set()

    async def _flush(self, shard: int, following: int) -> bool:
        """Save and confirm a batch of a shard; True when it had rows. `following` is the shard that comes next."""
        token = self.done.leases.get(shard)
        if token is None:
            return False
        self._full.discard(shard)
        try:
            ready = await self._take(shard, token)
        except self._faults_of_source as error:
            raise SourceAway(f"shard {shard}: {type(error).__name__}: {error}") from error
        pending = ready.pending
        if not pending.rows:
            return False
        if pending.rows >= self._rows:
            self._full.add(shard)
        ahead: Ahead[Ready[PendingT]] | None = None

        def read_ahead() -> None:
            nonlocal ahead
            ahead = ahead or self._begin_ahead(following, behind=pending if following == shard else None)

        try:
            if not await self._save(ready, token, read_ahead):
                return False
            self._ahead, ahead = ahead, None
        finally:
            if ahead is not None:
                await ahead.drop()
        return True

    async def _take(self, shard: int, token: int) -> Ready[PendingT]:
        """The next batch of a shard, which may be in hand; what is in hand and is not that is thrown away."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            if (ahead.shard, ahead.lease_token) == (shard, token):
                return await ahead.reading
            await ahead.drop()
        return await self._read(shard, None)

    async def _read(self, shard: int, behind: PendingT | None) -> Ready[PendingT]:
        pending = await self._source.read(shard, self._rows, after=behind)
        return Ready(pending, batch.pack(pending.joins, pending.responses))

    def _begin_ahead(self, shard: int, *, behind: PendingT | None) -> Ahead[Ready[PendingT]] | None:
        """Start to read a shard's next batch if it has a full one; else the batch had better gather a little longer."""
        token = self.done.leases.get(shard)
        if token is None or shard not in self._full:
            return None
        return Ahead(shard, token, asyncio.create_task(self._read_ahead(shard, behind)))

    async def _read_ahead(self, shard: int, behind: PendingT | None) -> Ready[PendingT]:
        ready = await self._read(shard, behind)
        self._fault("read_ahead")
        return ready

    async def _drop_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await ahead.drop()

    async def _save(self, ready: Ready[PendingT], token: int, meanwhile: Callable[[], None]) -> bool:
        """Save a batch and confirm it; False when the shard is not ours any more."""
        pending = ready.pending
        shard = pending.shard
        self._fault("before_save")
        try:
            saved = await batch.save(
                self._pool, ready.packed, shard=shard, epoch=pending.epoch, lease_token=token, meanwhile=meanwhile
            )
        except Fenced as fenced:
            # Another flusher owns the shard, or recovery began a new epoch: what was read is theirs now.
            self.done.leases.pop(shard, None)
            if fenced.epoch_over:
                self._source.fenced(pending)  # nobody else in this process would ever hear of it
            log.info("shard %d was taken over", shard)
            return False
        self._fault("after_commit")
        self.done.rows += saved.rows
        self.done.dead += saved.dead
        self.done.batches += 1
        if saved.dead:
            log.error("%d rows were refused by PostgreSQL and set aside; see `plenum dead-letters`", saved.dead)
        try:
            await self._source.confirm(pending)
        except self._faults_of_source as error:
            raise SourceAway(f"shard {shard}: {type(error).__name__}: {error}") from error
        self._fault("after_confirm")
        return True

    async def _keep_leases(self) -> None:
        """Renew the leases held and take those that are free, three times per lifetime."""
        while True:
            try:
                for number in self._numbers:
                    await self._keep_lease(number)
            except STORAGE_ERRORS as error:
                log.debug("leases could not be renewed: %s", error)
            await asyncio.sleep(self._lease_seconds / 3)

    async def _keep_lease(self, number: int) -> None:
        token = self.done.leases.get(number)
        if token is not None:
            if not await shards.renew_lease(self._pool, number, token, self._lease_seconds):
                self.done.leases.pop(number, None)
                log.info("the lease of shard %d was lost", number)
            return
        preferred = number in self._preferred
        self._looks[number] = self._looks.get(number, 0) + 1
        if not preferred and self._looks[number] <= _LOOKS_BEFORE_HELP:
            return
        token = await shards.acquire_lease(self._pool, number, self._owner, self._lease_seconds)
        if token is not None:
            if not preferred:
                self._helping_since[number] = time.monotonic()
            self.done.leases[number] = token
            self.hurry()

    async def _offer(self, shard: int) -> bool:
        """Give a shard that somebody else may prefer back now and then; if nobody takes it, so do we after some looks."""
        since = self._helping_since.get(shard)
        if since is None or time.monotonic() - since < self._lease_seconds * _HELP_LEASES:
            return False
        del self._helping_since[shard]
        self._looks[shard] = 0
        await shards.release_lease(self._pool, shard, self.done.leases.pop(shard))
        return True

    async def _release(self) -> None:
        for number, token in list(self.done.leases.items()):
            try:
                await shards.release_lease(self._pool, number, token)
            except STORAGE_ERRORS as error:
                log.debug("the lease of shard %d lapses by itself: %s", number, error)
            self.done.leases.pop(number, None)
