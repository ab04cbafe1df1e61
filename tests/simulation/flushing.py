"""The flusher, step by step as `persistence/flusher.py` takes them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from tests.simulation.postgres_model import Fenced
from tests.simulation.redis_model import Entry, Lost

if TYPE_CHECKING:
    from tests.simulation.world import World

Steps = Generator[None, None, None]
LEASE_STEPS = 80


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
        while True:
            self.batch = []
            yield
            if not self.epoch or not self.keep_lease():
                continue
            epoch, token = self.epoch, self.lease
            yield
            try:
                batch = self.call(lambda _: self.read(), epoch)
            except Lost:
                continue
            if not batch:
                continue
            self.batch = batch
            upto: dict[str, int] = {}
            for one in batch:
                offset = one.answer.offset if one.answer else 0
                upto[one.session] = max(upto.get(one.session, 0), offset)
            if not self.world.on("watermark_after_commit"):
                self.promise(upto)
            yield
            try:
                yield from self.save(batch, epoch, token)
            except Fenced:
                self.lease = 0
                if self.world.on("fenced_flusher_asks"):
                    self.lose(epoch)
                continue
            except Lost:
                continue
            yield
            try:
                self.call(self.world.redis.confirm, epoch, [one.id for one in batch], upto)
            except Lost:
                continue

    def read(self) -> list[Entry]:
        return self.world.redis.state.outbox[: self.world.random.randint(1, 6)]

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
