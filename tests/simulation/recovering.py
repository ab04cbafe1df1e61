"""Epochs and loads, step by step as `realtime/recovery.py` and `realtime/store/loading.py` take them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from tests.simulation.postgres_model import Fenced, Row
from tests.simulation.redis_model import Cold, Entry, LiveSession, Lost, Rules

if TYPE_CHECKING:
    from tests.simulation.world import World

Steps = Generator[None, None, None]
CLAIM_STEPS = 60
RECOVERY_BATCH = 4
LATE_STEPS = 20  # that the reply to a COMMIT may take


class Recovering:
    """The part of a hub that brings shards and sessions to life."""

    world: World
    number: int
    epoch: str
    run: int
    lock: int

    def call(self, script: Any, *arguments: Any) -> Any:
        raise AssertionError("the hub has one")

    def recover(self) -> Steps:
        """Establish the epoch whenever it is lost, for ever."""
        while True:
            yield
            if self.epoch:
                continue
            try:
                yield from self.establish()
            except Lost:
                continue
            except Fenced:
                if not self.world.on("fenced_recovery_retries"):
                    return

    def establish(self) -> Steps:
        world, redis, postgres = self.world, self.world.redis, self.world.postgres
        if redis.down:
            raise Lost
        run = redis.run
        yield
        me, life = world.number(), 0
        while postgres.locked_by:
            yield
        postgres.locked_by, life = me, postgres.life
        self.lock = me
        try:
            yield
            stored = postgres.epoch
            yield
            if redis.down:
                raise Lost
            known = redis.state
            same_run = known.epoch_run == run or not world.on("epoch_on_restart")
            if known.epoch and same_run and known.epoch == stored:
                epoch = known.epoch
            else:
                epoch = yield from self.renew(run)
            yield
            if redis.run != run or redis.down:
                raise Lost
            self.run, self.epoch = run, epoch
        finally:
            self.lock = 0
            if postgres.life == life and postgres.locked_by == me:
                postgres.locked_by = 0

    def renew(self, run: int) -> Generator[None, None, str]:
        """Take the epoch away, begin a new one in PostgreSQL, save what the outbox holds, install the new one."""
        world, redis, postgres = self.world, self.world.redis, self.world.postgres
        redis.state.epoch = ""
        redis.wrote()
        yield
        epoch = f"e{world.number()}"
        while postgres.sharing:
            yield  # a flush under way holds the shard's row
        postgres.epoch = epoch
        yield
        postgres.lease_token += 1
        token = postgres.lease_token
        postgres.lease_owner, postgres.lease_until = -2, world.now + 600
        yield
        try:
            yield from self.drain(epoch, token)
        except (Fenced, Lost):
            if world.on("fenced_recovery_lets_go"):
                self.let_go(token)
            raise
        self.let_go(token)
        yield
        if redis.down:
            raise Lost
        redis.state.epoch, redis.state.epoch_run = epoch, run
        redis.wrote()
        return epoch

    def drain(self, epoch: str, token: int) -> Steps:
        redis = self.world.redis
        while batch := redis.state.outbox[:RECOVERY_BATCH]:
            yield
            yield from self.save(batch, epoch, token)
            yield
            ids = {one.id for one in batch}
            redis.state.outbox = [one for one in redis.state.outbox if one.id not in ids]
            redis.wrote()
            yield

    def let_go(self, token: int) -> None:
        postgres = self.world.postgres
        if postgres.lease_token == token:
            postgres.lease_owner, postgres.lease_token = -1, token + 1

    def save(self, entries: list[Entry], epoch: str, token: int) -> Steps:
        """One transaction, fenced; it may fail, and COMMIT may succeed while its reply is lost, or comes late."""
        world, postgres = self.world, self.world.postgres
        life, me = postgres.life, world.number()
        postgres.check_fence(epoch, token)
        if world.on("pg_epoch_fence"):
            postgres.sharing.add(me)
        try:
            yield
            if postgres.life != life:
                raise Lost
            fate = world.fate()
            if fate == "fail":
                raise Lost
            postgres.save(entries)
        finally:
            postgres.sharing.discard(me)
        for _ in range(LATE_STEPS if fate == "late" else 1):
            yield
        if fate == "unknown":
            raise Lost

    # --------------------------------------------------------------------------------------------- loading

    def ensure(self, session: str) -> Steps:
        """Make a session live if it is not."""
        for _ in range(3):
            try:
                yield from self.load(session)
            except Cold:
                continue
            return
        raise Lost

    def load(self, session: str) -> Steps:
        world, redis = self.world, self.world.redis
        token = f"t{world.number()}"
        for _ in range(CLAIM_STEPS * 2):
            claimed = self.call(redis.load_begin, self.epoch, session, token, world.now, CLAIM_STEPS)
            if claimed == 2:
                return
            if claimed == 1:
                break
            yield
        else:
            raise Lost
        yield
        people = {name for name in world.postgres.participants if name.startswith(f"{session}.")}
        yield
        rules = {
            name: Rules(row.state, row.version, row.closed_offset)
            for name, row in world.postgres.activities.items()
            if row.session == session
        }
        yield
        rows = [Row(r.session, r.activity, r.participant, r.answer, r.epoch) for r in world.postgres.of_session(session)]
        rows.sort(key=lambda row: row.answer.offset)

        def write_first(live: LiveSession) -> None:
            live.people |= people
            live.rules |= rules
            live.stamps |= dict.fromkeys((f"activity:{name}" for name in rules), 0)
            live.stamps |= dict.fromkeys((f"tally:{name}" for name in rules), 0)

        self.load_part(session, token, write_first)
        yield
        middle = len(rows) // 2
        if world.on("rebuild_from_pg"):
            for part in (rows[:middle], rows[middle:]):
                self.load_part(session, token, lambda live, part=part: write_rows(live, part))
                yield
        floors = [row.answer.offset for row in rows]
        if world.on("closed_offset_floor"):
            floors += [rule.closed_offset for rule in rules.values()]
        self.load_part(session, token, lambda live: self.finish(live, max(floors, default=0) + 1))

    def load_part(self, session: str, token: str, write: Any) -> None:
        self.call(self.world.redis.load_part, self.epoch, session, token, self.world.now, write)

    def finish(self, live: LiveSession, offset: int) -> None:
        """Stamp everything and make the session live; offsets go on from here."""
        if not self.world.on("rebuild_from_pg"):
            offset = max(offset, live.offset + 1)
        else:
            for activity, answers in live.answers.items():
                for answer in answers.values():
                    live.move(activity, answer.value, 1)
        if self.world.on("closed_offset_made_up"):
            for rule in live.rules.values():
                if rule.state == "closed" and not rule.closed_offset:
                    rule.closed_offset = offset
        live.stamps = dict.fromkeys([*live.stamps, "people", "saved"], offset)
        live.offset = live.saved = live.accepted_to = live.flushed_to = live.hidden_at = offset
        live.loading = ""


def write_rows(live: LiveSession, rows: list[Row]) -> None:
    for row in rows:
        live.answers.setdefault(row.activity, {})[row.participant] = row.answer
        live.seen[row.answer.submission] = row.answer
        if row.answer.value is not None:
            live.items.setdefault(row.activity, {})[row.answer.response] = row.answer.value
            live.stamps[f"item:{row.activity}:{row.answer.response}"] = 0
