"""The flusher, step by step as `persistence/flusher.py` takes them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulation.postgres_model import Fenced
from tests.simulation.redis_model import Entry, Lost

if TYPE_CHECKING:
    from tests.simulation.world import World

Steps = Generator[None, None, None]
LEASE_STEPS = 80


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read, under which lease and in which epoch."""

    token: int
    epoch: str
    entries: list[Entry]

    def upto(self) -> dict[str, int]:
        highest: dict[str, int] = {}
        for one in self.entries:
            offset = one.answer.offset if one.answer else 0
            highest[one.session] = max(highest.get(one.session, 0), offset)
        return highest


class Flushing:
    """The part of a hub that saves what the outbox holds."""

    world: World
    number: int
    epoch: str
    lease: int
    batch: list[Entry]

    def call(self, script: Any, *arguments: Any) -> Any:
        raise AssertionError("the hub has one")

    def lose(self, epoch: str) -> None:
        raise AssertionError("the hub has one")

    def save(self, entries: list[Entry], epoch: str, token: int) -> Steps:
        raise AssertionError("the recovery has one")

    def flush(self) -> Steps:
        """Flush for ever."""
        ahead: Batch | None = None
        while True:
            self.batch = []
            yield
            if not self.epoch or not self.keep_lease():
                continue
            in_hand, ahead = ahead, None
            try:
                batch = yield from self.take(in_hand)
            except Lost:
                continue
            if not batch.entries:
                continue
            self.batch = batch.entries
            if not self.world.on("watermark_after_commit"):
                self.promise(batch.upto())
            yield
            following = self.read_ahead(batch)
            if not self.world.on("ahead_falls_with_it"):
                ahead = following
            try:
                yield from self.save(batch.entries, batch.epoch, batch.token)
                yield
                self.call(self.world.redis.confirm, batch.epoch, [one.id for one in batch.entries], batch.upto())
            except Fenced:
                self.lease = 0
                if self.world.on("fenced_flusher_asks"):
                    self.lose(batch.epoch)
                continue
            except Lost:
                continue
            ahead = following

    def take(self, in_hand: Batch | None) -> Generator[None, None, Batch]:
        """The next batch: what is in hand, or what the outbox has now."""
        epoch, token = self.epoch, self.lease
        if in_hand is not None and in_hand.token == token:
            return in_hand
        yield
        return Batch(token, epoch, self.call(lambda _: self.read(0), epoch))

    def read_ahead(self, present: Batch) -> Batch | None:
        """What comes behind a batch that is being saved, in the same epoch and under the same lease."""
        if self.world.random.random() < 0.5:
            return None
        last = present.entries[-1].id
        try:
            return Batch(present.token, present.epoch, self.call(lambda _: self.read(last), present.epoch))
        except Lost:
            return None

    def read(self, last: int) -> list[Entry]:
        """Some entries behind the last one in hand."""
        entries = [one for one in self.world.redis.state.outbox if one.id > last]
        return entries[: self.world.random.randint(1, 6)]

    def promise(self, upto: dict[str, int]) -> None:
        """What the rule forbids: say `saved` before COMMIT returned."""
        redis = self.world.redis
        for session, offset in upto.items():
            live = redis.state.sessions.get(session)
            if live is not None and live.epoch == self.epoch and not live.loading:
                redis.move_watermark(live, offset)
        redis.wrote()

    def keep_lease(self) -> bool:
        """Hold the shard's lease: renew it, or take it where it is free or has lapsed."""
        postgres, now = self.world.postgres, self.world.now
        if self.lease:
            if postgres.lease_token != self.lease:
                self.lease = 0
                return False
            postgres.lease_until = now + LEASE_STEPS
            return True
        if postgres.lease_owner in (-1, self.number) or postgres.lease_until < now:
            postgres.lease_token += 1
            postgres.lease_owner, postgres.lease_until = self.number, now + LEASE_STEPS
            self.lease = postgres.lease_token
        return bool(self.lease)
