"""Everything together: chance picks who takes the next step and which fault comes, from one seed."""

import random
import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from tests.simulation.clients import Client
from tests.simulation.hubs import Connection, Hub
from tests.simulation.postgres_model import ActivityRow, PostgresModel
from tests.simulation.redis_model import RedisModel
from tests.simulation.rules import Violation
from tests.simulation.watch import Watch

WARM_UP_ROUNDS: Final = 30
STEPS: Final = 2_500
QUIET_ROUNDS: Final = 260
HUBS: Final = 2
MOST_TASKS: Final = 60
MOST_PRESSES: Final = 6


@dataclass(eq=False, slots=True)
class Task:
    steps: Generator[None, None, None]
    hub: Hub
    name: str
    activity: str = ""
    connection: Connection | None = None


class World:
    """One run. `trace` prints what happens."""

    def __init__(self, seed: int, without: frozenset[str] = frozenset(), *, trace: bool = False) -> None:
        self.random = random.Random(seed)
        self.without = without
        self.trace = trace
        self.now = 0
        self._number = 0
        self.faulty = False
        self.resting = False
        self.fault_rate = self.random.choice((0.1, 0.2, 0.4))
        self.redis = RedisModel(without)
        self.postgres = PostgresModel(without)
        self.watch = Watch(self)
        self.tasks: list[Task] = []
        self.hubs: list[Hub] = []
        self.wanted: dict[str, str] = {}
        self.clients: list[Client] = []
        for number in range(self.random.choice((1, 1, 2))):
            session = f"session{number}"
            activities = [f"{session}.a{index}" for index in range(2)]
            for name in activities:
                self.postgres.activities[name] = ActivityRow(session)
            self.clients += [Client(self, f"{session}.p{index}", session, activities) for index in range(2 if number else 3)]
        for _ in range(HUBS):
            self.start_hub()

    def on(self, rule: str) -> bool:
        return rule not in self.without

    def number(self) -> int:
        self._number += 1
        return self._number

    def fate(self) -> str:
        """Of a transaction."""
        return self.random.choice(("ok", "ok", "ok", "fail", "unknown", "late")) if self.faulty else "ok"

    def say(self, text: str) -> None:
        if self.trace:
            redis, postgres = self.redis, self.postgres
            epochs = f"epoch {redis.state.epoch or '-':5} in redis, {postgres.epoch or '-':5} in postgres"
            sizes = f"run {redis.run} outbox {len(redis.state.outbox):2} rows {len(postgres.rows)}"
            sys.stdout.write(f"{self.now:5} {text:60} {epochs} {sizes}\n")

    # ------------------------------------------------------------------------------------------------- hubs

    def start_hub(self) -> None:
        hub = Hub(self, self.number())
        self.hubs.append(hub)
        for name, steps in (("recover", hub.recover()), ("flush", hub.flush()), ("tick", hub.tick())):
            self.tasks.append(Task(steps, hub, name))

    def kill_hub(self, hub: Hub) -> None:
        self.say(f"kill -9 hub {hub.number}")
        self.hubs.remove(hub)
        for task in [task for task in self.tasks if task.hub is hub]:
            self.tasks.remove(task)
            task.steps.close()
        for client in self.clients:
            if client.connection is not None and client.connection.hub is hub:
                client.disconnect()

    def serve(self, connection: Connection) -> None:
        """The hub takes the next frame of a connection."""
        hub = connection.hub
        if not connection.up or hub.paused or not connection.is_open:
            return
        frame = connection.up.pop(0)
        if frame[0] == "hello":
            steps = hub.greet(connection, frame[1])
        elif frame[0] == "sync":
            steps = hub.sync(connection, frame[1])
        else:
            steps = hub.submit(connection, frame[1], frame[2])
        self.tasks.append(Task(steps, hub, frame[0], connection=connection))

    def advance(self, task: Task) -> None:
        if task.hub.paused:
            return
        self.say(f"hub {task.hub.number} {task.name} {task.activity}")
        try:
            next(task.steps)
        except StopIteration:
            if task in self.tasks:
                self.tasks.remove(task)

    def direct(self, activity: str) -> None:
        """The presenter asks for what is wanted, again and again until it is done."""
        if any(task.activity == activity for task in self.tasks) or not self.hubs:
            return
        wanted = self.wanted.get(activity)
        if wanted is None or self.watch.done.get(activity) == wanted:
            return
        hub = self.random.choice(self.hubs)
        self.watch.done.pop(activity, None)
        self.tasks.append(Task(hub.direct(activity, wanted), hub, f"direct {wanted}", activity))

    # ------------------------------------------------------------------------------------------------ chance

    def step(self) -> None:
        """Somebody does something."""
        self.now += 1
        client = self.random.choice(self.clients)
        if client.gone:
            client = self.clients[0]
        connected = client.connection is not None
        kind = self.draw(task=64, serve=10, receive=12, press=5.5, resend=1.5, connect=2.5, fault=4.5)
        if kind == "task" and self.tasks:
            self.advance(self.random.choice(self.tasks))
        elif kind == "serve" and client.connection is not None:
            self.serve(client.connection)
        elif kind == "receive" and connected:
            client.receive()
        elif kind == "press" and len(client.outbox) < MOST_PRESSES:
            client.press()
        elif kind == "resend" and connected and len(self.tasks) < MOST_TASKS:
            client.resend()
        elif kind == "connect" and not connected and self.hubs:
            client.connect(self.random.choice(self.hubs))
        elif kind == "fault" and self.faulty and self.random.random() < self.fault_rate:
            self.fault(client)

    def draw(self, **weights: float) -> str:
        """One of the names, by weight."""
        (name,) = self.random.choices(list(weights), list(weights.values()))
        return name

    def make_zombie(self) -> None:
        """Stop a hub in the middle of what a fence is for, and let the others go on without it."""
        chance = self.random
        recovering = [hub for hub in self.hubs if hub.lock and not hub.paused]
        flushing = [hub for hub in self.hubs if hub.batch and not hub.paused]
        if recovering:
            hub = chance.choice(recovering)
            hub.paused = True
            self.postgres.restart()
            self.say(f"hub {hub.number} stops while it recovers, postgres restarts")
        elif flushing:
            hub = chance.choice(flushing)
            hub.paused = True
            self.say(f"hub {hub.number} stops while it flushes")
            self.restart_redis(chance.choice(("rollback", "empty")))
            owners = [one for one in self.clients[1:] if one.outbox and not one.gone]
            if owners and chance.random() < 0.5:
                self.leave(chance.choice(owners))

    def leave(self, client: Client) -> None:
        if sum(not one.gone for one in self.clients) > 2:
            self.say(f"{client.name} leaves for good")
            client.disconnect()
            client.gone = True

    def fault(self, client: Client) -> None:
        """Something breaks, or a part of it comes back."""
        if self.redis.down and self.random.random() < 0.5:
            self.redis.down = False
            return
        kind = self.draw(network=20, redis=20, postgres=6, kill=8, start=10, pause=8, leave=5, zombie=7, direct=14)
        hub = self.random.choice(self.hubs) if self.hubs else None
        if kind == "network":
            self.say(f"{client.name} loses the network")
            client.disconnect()
        elif kind == "redis":
            self.restart_redis(self.random.choice(("intact", "rollback", "rollback", "empty")))
        elif kind == "postgres":
            self.say("postgres restarts")
            self.postgres.restart()
        elif kind == "kill" and hub is not None:
            self.kill_hub(hub)
        elif kind == "start" and len(self.hubs) < HUBS:
            self.start_hub()
        elif kind == "pause" and hub is not None:
            hub.paused = not hub.paused
            self.say(f"hub {hub.number} {'stops' if hub.paused else 'goes on'}")
        elif kind == "leave" and client is not self.clients[0]:
            self.leave(client)
        elif kind == "zombie":
            self.make_zombie()
        elif kind == "direct":
            self.change_mind()

    def restart_redis(self, mode: str) -> None:
        self.redis.restart(mode, self.random.randint(1, 10))
        self.redis.down = self.random.random() < 0.15
        self.say(f"redis restarts: {mode}")

    def change_mind(self) -> None:
        """The presenter wants an activity closed, or open again."""
        activity = self.random.choice(sorted(self.postgres.activities))
        if not any(task.activity == activity for task in self.tasks):
            close = self.wanted.get(activity) != "closed" and self.random.random() < 0.7
            self.wanted[activity] = "closed" if close else "active"
            if not close:
                self.watch.closed[activity] = False
        self.direct(activity)

    # -------------------------------------------------------------------------------------------------- rest

    def quiesce(self) -> None:
        """No more faults; everybody comes back, and all work is done."""
        self.faulty = False
        self.resting = True
        self.redis.down = False
        for hub in self.hubs:
            hub.paused = False
        while len(self.hubs) < HUBS:
            self.start_hub()
        quiet = 0
        for _ in range(QUIET_ROUNDS):
            self.now += 1
            self.advance_all()
            for activity in sorted(self.postgres.activities):
                self.direct(activity)
            quiet = quiet + 1 if self.at_rest() else 0
            if quiet > 12:
                return

    def advance_all(self) -> None:
        for client in self.clients:
            if client.gone:
                continue
            if client.connection is None and self.hubs and self.resting:
                client.connect(self.random.choice(self.hubs))
            if client.connection is not None:
                self.serve(client.connection)
            for _ in range(3):
                if client.connection is not None:
                    client.receive()
            if self.now % 40 == 0:
                client.resend()
        for task in list(self.tasks):
            self.advance(task)
            if task.name in ("recover", "flush") and task in self.tasks:
                self.advance(task)

    def at_rest(self) -> bool:
        served = all(client.gone or (client.welcomed and not client.outbox) for client in self.clients)
        return served and not self.redis.state.outbox and len(self.tasks) == 3 * len(self.hubs)


def run(seed: int, without: frozenset[str] = frozenset(), *, trace: bool = False) -> None:
    """Play one seed; raises Violation where a promise breaks."""
    world = World(seed, without, trace=trace)
    world.clients[0].connect(world.hubs[0])
    for _ in range(WARM_UP_ROUNDS):
        world.advance_all()
    world.faulty = True
    for _ in range(STEPS):
        world.step()
    world.quiesce()
    world.watch.check_at_rest()


def find_violation(without: frozenset[str], seeds: range) -> tuple[int, str] | None:
    """The first seed of a range that breaks a promise, and which."""
    for seed in seeds:
        try:
            run(seed, without)
        except Violation as violation:
            return seed, str(violation)
    return None
