"""A phone in the small: an outbox that forgets only what is saved or refused, and a mirror of the session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from realtime.core.sync import Mirror
from tests.simulation.rules import Violation

if TYPE_CHECKING:
    from tests.simulation.hubs import Connection, Hub
    from tests.simulation.world import World


@dataclass(slots=True)
class Press:
    """One answer (or withdrawal: value None) on its way; `epoch` and `offset` once it is accepted."""

    activity: str
    revision: int
    value: int | None
    receipt: bool = False
    epoch: str = ""
    offset: int = 0
    sent_on: Connection | None = None  # under way on this connection


@dataclass(eq=False, slots=True)
class Client:
    world: World
    name: str
    session: str
    activities: list[str]
    outbox: dict[str, Press] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    mirror: Mirror = field(default_factory=Mirror)
    connection: Connection | None = None
    welcomed: bool = False
    gone: bool = False

    # ------------------------------------------------------------------------------------------- the user

    def press(self) -> None:
        """Answer, change or withdraw; sometimes a second device counts the same revision."""
        random = self.world.random
        activity = random.choice(self.activities)
        revision = self.revisions.get(activity, 0)
        if not revision or random.random() > 0.15:
            revision += 1
        self.revisions[activity] = revision
        value = None if revision > 1 and random.random() < 0.2 else random.randint(0, 2)
        submission = f"s{self.world.number():06d}"
        self.outbox[submission] = Press(activity, revision, value)
        self.world.watch.invoked(submission, self.name, activity, revision, value)
        self.send(submission)

    # ---------------------------------------------------------------------------------------- the network

    def connect(self, hub: Hub) -> None:
        from tests.simulation.hubs import Connection

        self.disconnect()
        self.connection = Connection(self, hub)
        position = (self.mirror.epoch, self.mirror.offset) if self.mirror.epoch else None
        self.connection.up.append(("hello", position))

    def disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.welcomed = False

    def send(self, submission: str) -> None:
        if self.connection is not None and self.welcomed:
            press = self.outbox[submission]
            press.sent_on = self.connection
            copy = Press(press.activity, press.revision, press.value, press.receipt)
            self.connection.up.append(("submit", submission, copy))

    def send_all(self) -> None:
        for submission in list(self.outbox):
            self.send(submission)

    def receive(self) -> None:
        """Take in the next frame of the connection, or see that it is closed."""
        connection = self.connection
        assert connection is not None
        if not connection.down:
            if not connection.is_open:
                self.disconnect()
            return
        frame = connection.down.pop(0)
        kind = frame[0]
        if kind in ("welcome", "frame"):
            self.follow(frame[1])
            if kind == "welcome":
                self.welcomed = True
                self.send_all()
        elif frame[1] not in self.outbox:
            return
        elif kind == "accepted":
            self.note_accepted(*frame[1:])
        elif kind == "refused":
            if frame[2] != "superseded":
                self.world.watch.refused(frame[1], frame[2])
            del self.outbox[frame[1]]
        else:
            self.outbox[frame[1]].sent_on = None  # a retry stays; `resend` sends it again after a while

    def follow(self, frame: dict[str, Any]) -> None:
        before = self.mirror.epoch
        if self.world.on("gap_check"):
            if not self.mirror.apply(frame):
                assert self.connection is not None
                self.connection.up.append(("sync", (self.mirror.epoch, self.mirror.offset)))
                return
        else:
            self.apply_blindly(frame)
        if self.mirror.epoch != before:
            for submission, press in self.outbox.items():
                if press.epoch and press.epoch != self.mirror.epoch:
                    self.send(submission)
        self.forget_saved()

    def apply_blindly(self, frame: dict[str, Any]) -> None:
        mirror = self.mirror
        if frame["type"] == "snapshot":
            mirror.map.clear()
        for key in frame["removed"]:
            mirror.map.pop(key, None)
        mirror.map.update(frame["set"])
        mirror.epoch, mirror.offset = frame["epoch"], frame["offset"]

    def note_accepted(self, submission: str, epoch: str, offset: int, duplicate: bool) -> None:
        press = self.outbox[submission]
        press.receipt, press.epoch, press.offset, press.sent_on = True, epoch, offset, None
        self.world.watch.told_accepted(submission)
        if not self.world.on("outbox_until_persisted"):
            del self.outbox[submission]
            return
        if epoch != self.mirror.epoch:
            self.send(submission)  # accepted in a life that has ended meanwhile: say it again in this one
        self.forget_saved()

    def forget_saved(self) -> None:
        saved = self.mirror.map.get("saved", 0)
        for submission, press in list(self.outbox.items()):
            if press.epoch and press.epoch == self.mirror.epoch and press.offset <= saved:
                if not self.world.watch.is_saved(submission):
                    raise Violation("P7 told saved, not in PostgreSQL at that moment")
                del self.outbox[submission]
                self.world.watch.told_saved(submission)

    def resend(self) -> None:
        """After the pause that a retry asks for: everything not counted yet."""
        for submission, press in self.outbox.items():
            if press.sent_on is not self.connection and (not press.epoch or press.epoch != self.mirror.epoch):
                self.send(submission)
