"""Who is connected: one client by one wire, and the clients of one session in this process."""

import asyncio
import json
import time
from array import array
from dataclasses import dataclass, field
from typing import Protocol

from realtime.activities.contract import Audience
from realtime.core.errors import CloseCode
from realtime.core.messages import OwnDraft, OwnResponse
from realtime.store.owning import OwnState
from realtime.store.replicas import Replica


@dataclass(frozen=True, slots=True)
class Own:
    """What only one participant sees: own responses and drafts by activity, and how much longer than others he may answer.

    No `nickname`: the live store does not know him.
    """

    mine: dict[str, list[OwnResponse]] = field(default_factory=dict)
    drafts: dict[str, OwnDraft] = field(default_factory=dict)
    extra_time_percent: int = 0
    nickname: str | None = None


class Wire(Protocol):
    """The way to one client. `frame` makes bytes that can be sent to every wire of the same class."""

    def frame(self, payload: bytes) -> bytes: ...
    def send(self, framed: bytes) -> None: ...
    def buffered(self) -> int: ...
    def close(self, code: CloseCode) -> None: ...


class DirectWire(Wire, Protocol):
    """A wire to which many can be written in one call, past its transport. Whatever else writes to it sets `touched`."""

    touched: bool
    descriptor: int

    def clear(self) -> bool:
        """Clear `touched` if nothing waits in the transport and the connection is not ending."""
        ...


class Connection:
    """One client of one session: who, by which wire, and how far it has got.

    Those who have got equally far stand in one cohort, which has the position for all of them.
    """

    __slots__ = ("_epoch", "_offset", "_sent_at", "arrival", "audience", "cohort", "heard_at", "own_offset", "participant_id",
                 "role", "session_id", "ticket", "wire")  # fmt: skip

    def __init__(self, session_id: str, role: str, audience: Audience, participant_id: str | None, ticket: str, wire: Wire) -> None:
        self.session_id = session_id
        self.role = role
        self.audience = audience
        self.participant_id = participant_id
        self.ticket = ticket
        self.wire = wire
        self.cohort: Cohort | None = None
        self.arrival: tuple[str, int] | None = None  # the position to which its welcome, on the way, will bring it
        self._epoch = ""
        self._offset = 0
        self.own_offset = 0
        self._sent_at = self.heard_at = time.monotonic()

    @property
    def epoch(self) -> str:
        """Empty before its welcome."""
        return self._epoch if self.cohort is None else self.cohort.epoch

    @property
    def offset(self) -> int:
        return self._offset if self.cohort is None else self.cohort.offset

    @property
    def sent_at(self) -> float:
        return self._sent_at if self.cohort is None else max(self._sent_at, self.cohort.sent_at)

    def place(self, epoch: str, offset: int) -> None:
        """It has got as far as this, on its own."""
        self.leave()
        self._epoch, self._offset = epoch, offset

    def leave(self) -> None:
        """Stand alone, at the position of the cohort it was in."""
        cohort = self.cohort
        if cohort is not None:
            cohort.drop(self)
            self._epoch, self._offset = cohort.epoch, cohort.offset

    def send_state(self, framed: bytes, epoch: str, offset: int) -> None:
        """Send a ready frame that leads from its position to another."""
        self.wire.send(framed)
        self.place(epoch, offset)
        self._sent_at = time.monotonic()

    def push(self, payload: bytes) -> None:
        """Send one frame to this client alone."""
        self.wire.send(self.wire.frame(payload))
        self._sent_at = time.monotonic()

    def was_sent(self, now: float) -> None:
        """Something was written to it that leaves it where it is."""
        self._sent_at = now


class Order:
    """The members of a cohort in a row, with their sockets: what one call writes to."""

    __slots__ = ("connections", "descriptors", "wires")

    def __init__(self, connections: list[Connection]) -> None:
        self.connections = connections
        self.wires: list[DirectWire] = [connection.wire for connection in connections]  # type: ignore[misc]
        self.descriptors = array("i", [wire.descriptor for wire in self.wires])


class Cohort:
    """Connections of one audience that are at the same position, nearly always all of them."""

    __slots__ = ("_order", "epoch", "members", "moves", "offset", "sent_at")

    def __init__(self) -> None:
        self.epoch = ""
        self.offset = 0
        self.sent_at = 0.0
        self.members: dict[Connection, None] = {}
        self.moves = False  # its members are being sent, part by part, what leads to another position
        self._order: Order | None = None

    def add(self, connection: Connection) -> None:
        connection.cohort = self
        self.members[connection] = None
        self._order = None

    def drop(self, connection: Connection) -> None:
        connection.cohort = None
        del self.members[connection]
        self._order = None

    def keeps(self, order: Order) -> bool:
        """Whether nobody came or went since this order."""
        return self._order is order

    @property
    def order(self) -> Order:
        """The members in a row; another object after every change of the membership."""
        if self._order is None:
            self._order = Order(list(self.members))
        return self._order


class Room:
    """The connections of one session in this process: a cohort for each audience, and those who are not as far as it."""

    __slots__ = ("arrived", "behind", "connections", "entered", "front", "left", "owes", "people", "presence_at", "session_id",
                 "spent_seconds", "stale", "task", "ticked_at", "told_at", "whole_at")  # fmt: skip

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.connections: set[Connection] = set()
        self.front = {audience: Cohort() for audience in Audience}
        self.behind: set[Connection] = set()
        self.people: dict[str, set[Connection]] = {}
        self.arrived: set[str] = set()
        self.left: set[str] = set()
        self.entered = 0  # connections since the last tick
        self.presence_at = 0.0
        self.ticked_at = 0.0
        self.told_at = 0.0  # when phones were last told the counts
        self.whole_at = 0.0  # when phones were last told all that had changed
        self.owes = False  # some were not told of a minor change yet
        self.spent_seconds = 0.0  # what its last push took of the loop's time
        self.stale = False
        self.task: asyncio.Task[None] | None = None

    @property
    def is_watched(self) -> bool:
        """Whether somebody who runs the session is here."""
        return bool(self.front[Audience.PRESENTERS].members)

    def is_behind(self, participant_id: str, stamp: int) -> bool:
        """Whether one of a participant's devices lacks what was changed for him by then."""
        return any(mate.own_offset < stamp for mate in self.people.get(participant_id, ()))

    def settle(self, connection: Connection) -> None:
        """Let a connection stand where its position belongs; only ordinary sockets can stand in a cohort."""
        front = self.front[connection.audience]
        if connection.cohort is front:
            return
        # Who comes while the others are on their way would be taken for one of them, and never get what they got.
        if connection.epoch and not front.moves and hasattr(connection.wire, "descriptor"):
            if not front.members:
                front.epoch, front.offset = connection.epoch, connection.offset
            if (front.epoch, front.offset) == (connection.epoch, connection.offset):
                self.behind.discard(connection)
                front.add(connection)
                return
        self.behind.add(connection)

    def forget(self, connection: Connection) -> None:
        connection.leave()
        self.behind.discard(connection)
        self.connections.discard(connection)


def rounds_of(replica: Replica) -> list[tuple[str, int]]:
    """The (activity, round) pairs in which a participant may have own responses to see: the present rounds."""
    return [(copy.id, copy.document["round"]) for copy in replica.activities.values() if copy.document is not None]


def own_of(state: OwnState) -> Own:
    """A participant's state as the wire shows it to him."""
    result = Own(extra_time_percent=state.extra_time_percent, nickname=state.nickname)
    for draft in state.drafts:
        result.drafts[draft.activity_id] = OwnDraft(
            round=draft.round, revision=draft.revision, auto_submit=draft.auto_submit, saved_at_ms=draft.at_ms,
            data=json.loads(draft.data),
        )  # fmt: skip
    for one in state.stored:
        result.mine.setdefault(one.activity_id, []).append(
            OwnResponse(
                response_id=one.response_id, entry=one.entry, round=one.round, revision=one.revision,
                submission_id=one.submission_id, offset=one.offset, data=json.loads(one.payload)["data"], withdrawn=one.withdrawn,
            )
        )  # fmt: skip
    return result
