"""A server process in the small: every method that waits is a generator, and every `yield` lets others go first."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.copies import Copy
from tests.simulation.flushing import Flushing
from tests.simulation.recovering import Recovering
from tests.simulation.redis_model import Accepted, Cold, Entry, EpochLost, Lost

if TYPE_CHECKING:
    from tests.simulation.clients import Client, Press
    from tests.simulation.world import World

Steps = Generator[None, None, None]
MOST_JUDGEMENTS = 4


@dataclass(eq=False, slots=True)
class Connection:
    """One socket: what travels each way, and how far the hub believes its client has got."""

    client: Client
    hub: Hub
    up: list[tuple[Any, ...]] = field(default_factory=list)
    down: list[tuple[Any, ...]] = field(default_factory=list)
    is_open: bool = True
    epoch: str = ""
    offset: int = 0

    def close(self) -> None:
        self.is_open = False
        self.hub.connections.discard(self)
        self.up.clear()


class Hub(Recovering, Flushing):
    """`epoch` is empty while the shard has none in this process; `run` is the life of Redis it belongs to."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.epoch = ""
        self.run = 0
        self.lease = 0
        self.lock = 0
        self.batch: list[Entry] = []
        self.paused = False
        self.copies: dict[str, Copy] = {}
        self.connections: set[Connection] = set()

    def call(self, script: Any, *arguments: Any) -> Any:
        """Use a connection that belongs to the known life of Redis; a new one that does not is refused."""
        redis = self.world.redis
        if redis.down:
            raise Lost
        if self.run != redis.run and self.world.on("epoch_on_restart"):
            self.epoch = ""
            raise Lost
        if not self.epoch:
            raise Lost
        try:
            return script(*arguments)
        except EpochLost:
            self.lose(arguments[0])
            raise Lost from None

    def lose(self, epoch: str) -> None:
        if self.epoch == epoch:
            self.epoch = ""

    # ----------------------------------------------------------------------------------------------- clients

    def greet(self, connection: Connection, position: tuple[str, int] | None) -> Steps:
        """Admit a client: a ticket holder whom the live store does not know joins again."""
        client = connection.client
        try:
            yield
            live = self.world.redis.state.sessions.get(client.session)
            if self.world.redis.down or not self.epoch:
                raise Lost
            if live is None or client.name not in live.people:
                yield from self.join(client)
            yield
            copy = yield from self.fresh(client.session)
        except (Lost, Cold):
            connection.close()
            return
        if not connection.is_open:
            return
        frame = copy.frame(*position) if position else copy.frame("", None)
        connection.epoch, connection.offset = copy.epoch, copy.offset
        self.connections.add(connection)
        connection.down.append(("welcome", frame))

    def join(self, client: Client) -> Steps:
        yield from self.ensure(client.session)
        yield
        self.call(self.world.redis.join, self.epoch, client.session, client.name)

    def sync(self, connection: Connection, position: tuple[str, int]) -> Steps:
        try:
            yield
            copy = yield from self.fresh(connection.client.session)
        except (Lost, Cold):
            connection.close()
            return
        if connection.is_open:
            connection.down.append(("frame", copy.frame(*position)))
            connection.epoch, connection.offset = copy.epoch, copy.offset

    def submit(self, connection: Connection, submission: str, press: Press) -> Steps:
        """Judge, put into the intake, reply: the reply is a step of its own, so that a kill can fall before it."""
        yield
        reply: tuple[Any, ...] = ("retry", submission)
        for _ in range(MOST_JUDGEMENTS):
            epoch = self.epoch
            try:
                verdict = self.accept(connection.client, epoch, submission, press)
                if verdict.code == "unknown" and self.world.on("readmit_holder"):
                    yield from self.join(connection.client)
                    continue
            except Cold:
                yield
                try:
                    yield from self.ensure(connection.client.session)
                except (Lost, Cold):
                    break
                continue
            except Lost:
                break
            if isinstance(verdict.code, str):
                if verdict.code == "activity_closed":
                    self.world.watch.judged_closed(submission)
                reply = ("refused", submission, verdict.code)
            else:
                reply = ("accepted", submission, epoch, verdict.offset, verdict.code == 2)
            break
        yield
        if connection.is_open:
            connection.down.append(reply)

    def accept(self, client: Client, epoch: str, submission: str, press: Press) -> Accepted:
        world = self.world
        by_receipt = press.receipt and world.on("receipts")
        if press.value is None and not world.on("withdrawal_receipts"):
            by_receipt = False
        verdict: Accepted = self.call(
            world.redis.accept, epoch, client.session, press.activity, client.name, submission, press.revision, press.value,
            f"r{submission}", by_receipt, lambda: world.random.random() < 0.1,
        )  # fmt: skip
        world.say(f"  {submission} r{press.revision} of {client.name} in {press.activity}: {verdict.code} at {verdict.offset}")
        if verdict.code == 1:
            world.watch.accepted(epoch, submission, press.activity, verdict.offset, by_receipt=by_receipt)
        return verdict

    # ------------------------------------------------------------------------------------------------ copies

    def fresh(self, session: str) -> Generator[None, None, Copy]:
        """The copy, brought up to date; a cold session is loaded first."""
        for _ in range(2):
            epoch = self.epoch
            copy = self.copies.setdefault(session, Copy(self.world.without))
            since = copy.offset if copy.epoch == epoch else 0
            try:
                changes = self.call(self.world.redis.changes, epoch, session, since)
            except Cold:
                yield from self.ensure(session)
                yield
                continue
            copy.absorb(epoch, changes)
            return copy
        raise Lost

    def tick(self) -> Steps:
        """Bring everybody up to date, for ever."""
        while True:
            yield
            for session in sorted({connection.client.session for connection in self.connections}):
                try:
                    copy = yield from self.fresh(session)
                except (Lost, Cold):
                    continue
                self.push(session, copy)

    def push(self, session: str, copy: Copy) -> None:
        for connection in sorted(self.connections, key=lambda one: one.client.name):
            if connection.client.session != session or (connection.epoch, connection.offset) == (copy.epoch, copy.offset):
                continue
            connection.down.append(("frame", copy.frame(connection.epoch, connection.offset)))
            connection.epoch, connection.offset = copy.epoch, copy.offset

    # -------------------------------------------------------------------------------------------- presenting

    def direct(self, activity: str, to: str) -> Steps:
        """Close or reopen: PostgreSQL first, then the live store, then the closing offset is noted."""
        world = self.world
        row = world.postgres.activities[activity]
        yield
        first = world.on("status_first")
        if row.state != to and first:
            row.state, row.version, row.closed_offset = to, row.version + 1, 0
        yield
        version, state = (row.version, row.state) if first else (row.version + (row.state != to), to)
        yield
        for _ in range(2):
            try:
                closed = self.call(world.redis.write_activity, self.epoch, row.session, activity, version, state)
                break
            except Cold:
                yield
                try:
                    yield from self.ensure(row.session)
                except (Lost, Cold):
                    return
            except Lost:
                return
        else:
            return
        world.watch.published(activity, state)
        yield
        if not first and row.state != to:
            row.state, row.version = to, version
        if closed and row.state == "closed":
            row.closed_offset = closed
        world.watch.directed(activity, to)
