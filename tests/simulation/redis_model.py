"""The live store in the small: the scripts of `realtime/store/*.lua` as methods, atomic as they are."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HISTORY = 12  # writes that a restart may take back


class Lost(Exception):
    """The connection broke, or another life of the store answered."""


class EpochLost(Exception):
    """The store lives in another epoch than the caller."""


class Cold(Exception):
    """The session is not live, or another loader took over."""


@dataclass(slots=True)
class Answer:
    revision: int
    submission: str
    response: str
    offset: int
    value: int | None  # None: withdrawn


@dataclass(slots=True)
class Entry:
    """One line of the outbox: a join (no activity) or a response."""

    id: int
    session: str
    epoch: str
    participant: str
    activity: str = ""
    answer: Answer | None = None


@dataclass(slots=True)
class Rules:
    """What `accept` checks of an activity."""

    state: str
    version: int
    closed_offset: int


@dataclass(slots=True)
class LiveSession:
    epoch: str
    offset: int = 0
    loading: str = ""
    loading_at: int = 0
    accepted_to: int = 0
    flushed_to: int = 0
    hidden_at: int = 0
    saved: int = 0
    people: set[str] = field(default_factory=set)
    rules: dict[str, Rules] = field(default_factory=dict)
    seen: dict[str, Answer] = field(default_factory=dict)
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    items: dict[str, dict[str, int]] = field(default_factory=dict)
    stamps: dict[str, int] = field(default_factory=dict)

    def move(self, activity: str, value: int | None, amount: int) -> None:
        if value is None:
            return
        counters = self.tally.setdefault(activity, {})
        for name in ("n", f"choice:{value}"):
            counters[name] = counters.get(name, 0) + amount
            if counters[name] == 0:
                del counters[name]


@dataclass(slots=True)
class State:
    """All that a restart may keep, take back or forget."""

    epoch: str = ""
    epoch_run: int = 0
    next_id: int = 1
    outbox: list[Entry] = field(default_factory=list)
    sessions: dict[str, LiveSession] = field(default_factory=dict)


@dataclass(slots=True)
class Accepted:
    """What the script says of one answer; `code` 1 counted, 2 was counted, or the name of a refusal."""

    code: int | str
    offset: int = 0
    revision: int = 0
    response: str = ""


class RedisModel:
    """One server; `run` names its present life."""

    def __init__(self, without: frozenset[str]) -> None:
        self.run = 1
        self.state = State()
        self.without = without
        self.history: list[bytes] = []
        self.down = False

    def restart(self, mode: str, writes: int = 0) -> None:
        """Die and come back with everything, with the last writes missing, or with nothing."""
        self.run += 1
        if mode == "rollback" and self.history:
            self.state = pickle.loads(self.history[-min(writes + 1, len(self.history))])
        elif mode == "empty":
            self.state = State()
        self.history = []
        self.wrote()

    def wrote(self) -> None:
        self.history.append(pickle.dumps(self.state))
        del self.history[:-HISTORY]

    def session(self, epoch: str, name: str) -> LiveSession:
        """What every script checks first."""
        if self.state.epoch != epoch:
            raise EpochLost
        live = self.state.sessions.get(name)
        if live is None or live.epoch != epoch or live.loading:
            raise Cold
        return live

    # ------------------------------------------------------------------------------------------- the scripts

    def accept(
        self, epoch: str, name: str, activity: str, participant: str, submission: str, revision: int, value: int | None,
        response: str, by_receipt: bool, tear: Callable[[], bool],
    ) -> Accepted:  # fmt: skip
        live = self.session(epoch, name)
        rules = live.rules.get(activity)
        if rules is None:
            raise Lost  # settings unknown: judge again later
        answers = live.answers.setdefault(activity, {})
        seen = live.seen.get(submission)
        old = answers.get(participant)
        if "dedup" in self.without:
            seen = None
            old = None
        if seen is not None:
            return Accepted(2, seen.offset, seen.revision, seen.response)
        if participant not in live.people:
            return Accepted("unknown")
        if rules.state != "active" and not by_receipt:
            return Accepted("activity_closed")
        if old is not None and (revision, submission) <= (old.revision, old.submission):
            return Accepted(2, old.offset, revision, old.response) if by_receipt else Accepted("superseded")
        lives = old is not None and old.value is not None
        first_again = by_receipt and "withdrawal_first" not in self.without
        if value is None and not lives and not first_again:
            return Accepted("unknown_response")
        live.offset += 1
        answer = Answer(revision, submission, old.response if old else response, live.offset, value)
        live.seen[submission] = answer
        answers[participant] = answer
        if "atomic_script" in self.without and tear():
            self.wrote()
            raise Lost
        live.move(activity, old.value if old else None, -1)
        live.move(activity, value, 1)
        live.accepted_to = live.offset
        live.stamps[f"tally:{activity}"] = live.offset
        items = live.items.setdefault(activity, {})
        if value is not None:
            items[answer.response] = value
        else:
            items.pop(answer.response, None)
        live.stamps[f"item:{activity}:{answer.response}"] = live.offset
        self.state.outbox.append(Entry(self._new_id(), name, epoch, participant, activity, answer))
        self.wrote()
        return Accepted(1, live.offset, revision, answer.response)

    def join(self, epoch: str, name: str, participant: str) -> None:
        live = self.session(epoch, name)
        if participant in live.people:
            return
        live.people.add(participant)
        live.offset += 1
        live.stamps["people"] = live.offset
        self.state.outbox.append(Entry(self._new_id(), name, epoch, participant))
        self.wrote()

    def changes(self, epoch: str, name: str, since: int) -> tuple[int, int, list[tuple[str, int, Any]]]:
        """(offset, hidden at, keys stamped later with their values; None is gone)."""
        live = self.session(epoch, name)
        found = sorted((stamp, key) for key, stamp in live.stamps.items() if stamp > since)
        return live.offset, live.hidden_at, [(key, stamp, self._value(live, key)) for stamp, key in found]

    def write_activity(self, epoch: str, name: str, activity: str, version: int, state: str) -> int:
        """Publish a state; returns the offset at which the activity is closed, or 0."""
        live = self.session(epoch, name)
        rules = live.rules.get(activity)
        if rules is not None and rules.version >= version:
            return rules.closed_offset
        saved_all = live.flushed_to >= live.accepted_to
        live.offset += 1
        live.rules[activity] = Rules(state, version, live.offset if state == "closed" else 0)
        live.stamps[f"activity:{activity}"] = live.offset
        if saved_all:
            live.saved = live.offset
            live.stamps["saved"] = live.offset
        self.wrote()
        return live.rules[activity].closed_offset

    def confirm(self, epoch: str, ids: list[int], upto: dict[str, int]) -> None:
        guarded = "epoch_guarded_trim" not in self.without
        if guarded and self.state.epoch != epoch:
            raise EpochLost
        for name, offset in upto.items():
            live = self.state.sessions.get(name)
            if live is None or (guarded and live.epoch != epoch):
                continue
            self.move_watermark(live, offset)
        gone = set(ids) if guarded else range(max(ids) + 1)
        self.state.outbox = [one for one in self.state.outbox if one.id not in gone]
        self.wrote()

    def move_watermark(self, live: LiveSession, upto: int) -> None:
        if upto <= live.flushed_to:
            return
        live.saved = live.offset if upto >= live.accepted_to else upto
        live.flushed_to = upto
        live.offset += 1
        live.stamps["saved"] = live.offset

    # --------------------------------------------------------------------------------------------- loading

    def load_begin(self, epoch: str, name: str, token: str, now: int, claim_steps: int) -> int:
        """1 claimed, 2 live already, 3 another loader is at it."""
        if self.state.epoch != epoch:
            raise EpochLost
        live = self.state.sessions.get(name)
        if live is not None and live.epoch == epoch:
            if not live.loading:
                return 2
            if live.loading != token and now - live.loading_at < claim_steps:
                return 3
        if "rebuild_from_pg" in self.without and live is not None:
            live.epoch, live.loading, live.loading_at = epoch, token, now
        else:
            self.state.sessions[name] = LiveSession(epoch, loading=token, loading_at=now)
        self.wrote()
        return 1

    def load_part(self, epoch: str, name: str, token: str, now: int, write: Callable[[LiveSession], None]) -> None:
        if self.state.epoch != epoch:
            raise EpochLost
        live = self.state.sessions.get(name)
        if live is None or live.loading != token:
            raise Cold
        live.loading_at = now
        write(live)
        self.wrote()

    def _new_id(self) -> int:
        self.state.next_id += 1
        return self.state.next_id

    @staticmethod
    def _value(live: LiveSession, key: str) -> Any:
        name, _, rest = key.partition(":")
        if name == "people":
            return len(live.people)
        if name == "saved":
            return live.saved
        if name == "activity":
            rules = live.rules[rest]
            return [rules.state, rules.closed_offset]
        if name == "tally":
            return dict(sorted(live.tally.get(rest, {}).items()))
        activity, _, response = rest.partition(":")
        return live.items.get(activity, {}).get(response)
