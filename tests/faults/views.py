"""What clients see: P3 during the run, P4 convergence, P5 gaps, P6 equal positions, P12 only what is theirs."""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from realtime.core.messages import Push, Reply
from realtime.core.sync import Mirror
from tests.faults.history import History, Rest, View

COUNT_IN_RUN: Final = "P3 count differs from the acceptances up to its offset"
DIVERGED: Final = "P4 view differs from a fresh snapshot"
GAP: Final = "P5 gap that nothing filled"
UNEQUAL: Final = "P6 different states at one position"
LEAK: Final = "P12 frame that is not theirs"

_FRAMES: Final[TypeAdapter[Any]] = TypeAdapter(Annotated[Reply | Push, Field(discriminator="type")])
_HOSTS_ONLY: Final = ("saving", "waiting", "lag_ms")

Add = Callable[[str, str], None]


def check_views(add: Add, history: History, rest: Rest) -> None:
    """All properties of views of one session."""
    roles = {
        line.client: line.role for line in history.lines if line.event.session_id == rest.session_id
    }  # fmt: skip
    states: dict[tuple[str, str, int], tuple[int, str]] = {}
    received = history.frames_by_client()
    newest = next(iter(rest.fresh.values()), None)
    counted = [activity_id for activity_id, kind in rest.activities.items() if kind == "many"]
    accepted = {} if newest is None else {one: _Accepted.of(rest, one, newest.epoch) for one in counted}
    for client, role in roles.items():
        frames = received.get(client, [])
        for epoch, offset, shown in _positions(add, client, frames):
            if newest is not None and epoch == newest.epoch:
                _check_counts(add, client, accepted, epoch, offset, shown)
            text = hash(json.dumps(shown, sort_keys=True))
            known, who = states.setdefault((role, epoch, offset), (text, client))
            if known != text:
                add(UNEQUAL, f"{who} and {client} at {offset} of {epoch}")
        _check_theirs(add, client, role, rest, frames)
    for client, view in rest.views.items():
        _check_fresh(add, client, view, rest.fresh.get(view.role))


def _positions(add: Add, client: str, frames: list[dict[str, Any]]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Follow the frames by the rules; the state after each one that was applied."""
    mirror = Mirror()
    open_gap = ""
    for frame in frames:
        state = frame.get("state", frame)
        if state.get("type") not in ("delta", "snapshot"):
            continue
        before = mirror.offset
        if mirror.apply(state):
            if frame is not state or state["type"] == "snapshot" or mirror.offset > before:
                open_gap = ""
            if state["offset"] == mirror.offset:
                yield mirror.epoch, mirror.offset, mirror.map
        else:
            open_gap = f"{client} at {mirror.offset} of {mirror.epoch} was sent a delta from {state['since']} of {state['epoch']}"
    if open_gap:
        add(GAP, open_gap)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """An activity's rows as the last epoch counts them: those of earlier epochs, and the offsets of its own in order."""

    before: int
    offsets: list[int]

    @classmethod
    def of(cls, rest: Rest, activity_id: str, epoch: str) -> "_Accepted":
        rows = [row for row in rest.rows if row.activity_id == activity_id]
        return cls(sum(row.epoch != epoch for row in rows), sorted(row.seq for row in rows if row.epoch == epoch))

    def up_to(self, offset: int) -> int:
        return self.before + bisect_right(self.offsets, offset)


def _check_counts(
    add: Add, client: str, accepted: Mapping[str, _Accepted], epoch: str, offset: int, shown: dict[str, Any]
) -> None:
    """In the last epoch: what is shown at N is what had been accepted up to N."""
    for activity_id, known in accepted.items():
        counts = shown.get(f"counts:{activity_id}")
        if counts is None:
            continue
        expected = known.up_to(offset)
        if counts.get("responses") != expected:
            add(COUNT_IN_RUN, f"{client} saw {counts.get('responses')} at {offset} of {epoch}, accepted were {expected}")


def _check_fresh(add: Add, client: str, view: View, fresh: View | None) -> None:
    if fresh is None:
        return
    if (view.epoch, view.map) != (fresh.epoch, fresh.map):
        keys = {key for key in view.map.keys() | fresh.map.keys() if view.map.get(key) != fresh.map.get(key)}
        told = [f"{key} is {view.map.get(key)}, fresh {fresh.map.get(key)}" for key in sorted(keys)[:3]]
        add(DIVERGED, f"{client} at {view.offset} of {view.epoch}, fresh {fresh.offset} of {fresh.epoch}: {'; '.join(told)}")


def _check_theirs(add: Add, client: str, role: str, rest: Rest, frames: list[dict[str, Any]]) -> None:
    """Every frame is one that the protocol knows, about this session, without what only hosts may see."""
    for frame in frames:
        try:
            _FRAMES.validate_python(frame)
        except ValidationError as error:
            add(LEAK, f"{client}: {error.errors(include_url=False)[0]}")
            return
        if frame["type"] == "health" and role == "participant" and any(frame.get(name) is not None for name in _HOSTS_ONLY):
            add(LEAK, f"{client} was told about saving: {frame}")
        for key in frame.get("state", frame).get("set", {}):
            _, _, rest_of_key = key.partition(":")
            if rest_of_key and rest_of_key.partition(":")[0] not in rest.activities:
                add(LEAK, f"{client} was sent {key}")
