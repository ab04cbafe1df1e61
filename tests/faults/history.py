"""What clients did and heard during a run, and what was found when everything had come to rest."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from realtime.client import Event

MOST_LINES: Final = 5_000_000  # bounded: some gigabytes


@dataclass(frozen=True, slots=True)
class Line:
    """One event of one client; `client` names a device, of which a participant may have several."""

    client: str
    role: str
    event: Event


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the harness did or saw: a fault, a new incarnation of Redis, a look into PostgreSQL."""

    name: str
    ns: int
    about: str = ""
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Ack:
    """One `accepted` as it came over the wire."""

    ns: int
    client: str
    session_id: str
    participant_id: str
    activity_id: str
    submission_id: str
    round: int
    entry: str
    revision: int
    epoch: str
    offset: int
    duplicate: bool

    @property
    def place(self) -> tuple[str, str, int, str]:
        return self.activity_id, self.participant_id, self.round, self.entry

    @property
    def rank(self) -> tuple[int, str]:
        return self.revision, self.submission_id


@dataclass(frozen=True, slots=True)
class Row:
    """A response as PostgreSQL has it (or its dead letter, where `dead`)."""

    submission_id: str
    participant_id: str
    activity_id: str
    round: int
    entry: str
    revision: int
    seq: int
    epoch: str
    data: Any
    withdrawn: bool = False
    dead: bool = False

    @property
    def place(self) -> tuple[str, str, int, str]:
        return self.activity_id, self.participant_id, self.round, self.entry

    @property
    def rank(self) -> tuple[int, str]:
        return self.revision, self.submission_id


@dataclass(slots=True)
class View:
    """The map that a client holds, and at which position."""

    role: str
    epoch: str
    offset: int
    map: dict[str, Any]


@dataclass(slots=True)
class Rest:
    """One session after everything came to rest. `fences` are the offsets at which activities closed."""

    session_id: str
    activities: dict[str, str] = field(default_factory=dict)  # id -> "one" answer per person, or "many"
    rows: list[Row] = field(default_factory=list)
    tallies: dict[tuple[str, int], dict[str, int]] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)  # by client
    fresh: dict[str, View] = field(default_factory=dict)  # by role: what a newcomer is shown


class History:
    """Everything in the order in which it became known."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.marks: list[Mark] = []

    def note(self, client: str, role: str, event: Event) -> None:
        if len(self.lines) >= MOST_LINES:
            raise OverflowError(f"a history of more than {MOST_LINES} events")
        self.lines.append(Line(client, role, event))

    def mark(self, name: str, about: str = "", *, holds: bool = True) -> None:
        self.marks.append(Mark(name, time.monotonic_ns(), about, holds))

    def events(self, *kinds: str) -> Iterator[Event]:
        return (line.event for line in self.lines if line.event.kind in kinds)

    def frames_by_client(self) -> dict[str, list[dict[str, Any]]]:
        """What every client received, in order."""
        received: dict[str, list[dict[str, Any]]] = {}
        for line in self.lines:
            if line.event.kind == "frame" and line.event.frame is not None:
                received.setdefault(line.client, []).append(line.event.frame)
        return received

    def acks(self) -> list[Ack]:
        return [
            Ack(
                event.ns, line.client, event.session_id, event.participant_id, frame["activity_id"], frame["submission_id"],
                frame["round"], frame["entry"], frame["revision"], frame["epoch"], frame["offset"], frame["duplicate"],
            )
            for line in self.lines
            if (event := line.event).kind == "frame" and (frame := event.frame or {}).get("type") == "accepted"
        ]  # fmt: skip

    def dump(self, path: Path) -> None:
        """Write it as JSON lines, for whoever looks for the cause."""
        with path.open("w", encoding="utf-8") as file:
            for line in self.lines:
                told = {name: value for name, value in asdict(line.event).items() if value not in (None, "", False)}
                file.write(json.dumps({"client": line.client, **told}, ensure_ascii=False) + "\n")
            for mark in self.marks:
                file.write(json.dumps({"mark": mark.name, **asdict(mark)}, ensure_ascii=False) + "\n")
