"""Who is connected: one client by one wire, and the clients of one session in this process."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Protocol

from realtime.activities.contract import Audience
from realtime.core.errors import CloseCode
from realtime.core.messages import OwnDraft, OwnResponse
from realtime.store.live import OwnState
from realtime.store.replicas import Replica


@dataclass(frozen=True, slots=True)
class Own:
    """What only one participant sees: own responses and drafts by activity, and how much longer than others he may answer."""

    mine: dict[str, list[OwnResponse]] = field(default_factory=dict)
    drafts: dict[str, OwnDraft] = field(default_factory=dict)
    extra_time_percent: int = 0


class Wire(Protocol):
    """The way to one client. `frame` makes bytes that can be sent to every wire of the same class."""

    def frame(self, payload: bytes) -> bytes: ...
    def send(self, framed: bytes) -> None: ...
    def buffered(self) -> int: ...
    def close(self, code: CloseCode) -> None: ...


class Connection:
    """One client of one session: who, by which wire, and how far it has got."""

    __slots__ = ("audience", "epoch", "heard_at", "offset", "own_offset", "participant_id", "role", "sent_at", "session_id",
                 "ticket", "wire")  # fmt: skip

    def __init__(self, session_id: str, role: str, audience: Audience, participant_id: str | None, ticket: str, wire: Wire) -> None:
        self.session_id = session_id
        self.role = role
        self.audience = audience
        self.participant_id = participant_id
        self.ticket = ticket
        self.wire = wire
        self.epoch = ""
        self.offset = 0
        self.own_offset = 0
        self.sent_at = self.heard_at = time.monotonic()

    def push(self, payload: bytes) -> None:
        """Send one frame to this client alone."""
        self.wire.send(self.wire.frame(payload))
        self.sent_at = time.monotonic()


class Room:
    """The connections of one session in this process."""

    __slots__ = ("arrived", "connections", "left", "people", "presence_at", "session_id", "stale", "task", "ticked_at")

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.connections: set[Connection] = set()
        self.people: dict[str, set[Connection]] = {}
        self.arrived: set[str] = set()
        self.left: set[str] = set()
        self.presence_at = 0.0
        self.ticked_at = 0.0
        self.stale = False
        self.task: asyncio.Task[None] | None = None


def rounds_of(replica: Replica) -> list[tuple[str, int]]:
    """The (activity, round) pairs in which a participant may have own responses to see: the present rounds."""
    return [(copy.id, copy.document["round"]) for copy in replica.activities.values() if copy.document is not None]


def own_of(state: OwnState) -> Own:
    """A participant's state as the wire shows it to him."""
    result = Own(extra_time_percent=state.extra_time_percent)
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
