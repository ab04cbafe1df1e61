"""PostgreSQL in the small: rows, the shard's epoch and lease, transactions that hold it, one advisory lock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.simulation.redis_model import Answer, Entry
from tests.simulation.rules import Violation


class Fenced(Exception):
    """Another epoch or another lease holder: stop."""


@dataclass(slots=True)
class Row:
    session: str
    activity: str
    participant: str
    answer: Answer
    epoch: str


@dataclass(slots=True)
class ActivityRow:
    session: str
    state: str = "active"
    version: int = 1
    closed_offset: int = 0


@dataclass(slots=True)
class PostgresModel:
    """One server. `life` counts its restarts, each of which breaks every connection."""

    without: frozenset[str]
    life: int = 1
    epoch: str = ""
    lease_token: int = 0
    lease_owner: int = -1
    lease_until: int = 0
    locked_by: int = 0  # task that holds the advisory lock
    sharing: set[int] = field(default_factory=set)  # tasks whose open transaction keeps the epoch from changing
    participants: set[str] = field(default_factory=set)
    activities: dict[str, ActivityRow] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def restart(self) -> None:
        """Die and come back; locks and open transactions are gone, what was committed stays."""
        self.life += 1
        self.locked_by = 0
        self.sharing.clear()

    def check_fence(self, epoch: str, token: int) -> None:
        if "pg_epoch_fence" not in self.without and (self.epoch != epoch or self.lease_token != token):
            raise Fenced

    def save(self, entries: Iterable[Entry]) -> None:
        """The statement of a flush: joins first, of one response the highest revision stays."""
        batch = list(entries)
        self.participants.update(one.participant for one in batch if one.answer is None)
        for one in batch:
            answer = one.answer
            if answer is None:
                continue
            if one.participant not in self.participants:
                raise Violation("P1 an answer comes before its participant and is a dead letter")
            row = Row(one.session, one.activity, one.participant, answer, one.epoch)
            stored = self.find(one.activity, one.participant)
            if stored is None or "on_conflict" in self.without:
                self.rows.append(row)
            elif (answer.revision, answer.submission) > (stored.answer.revision, stored.answer.submission):
                stored.answer, stored.epoch = answer, one.epoch

    def find(self, activity: str, participant: str) -> Row | None:
        for row in self.rows:
            if row.activity == activity and row.participant == participant:
                return row
        return None

    def of_session(self, session: str) -> list[Row]:
        return [row for row in self.rows if row.session == session]

    def recount(self, activity: str) -> dict[str, int]:
        """The tally as the rows have it."""
        sums: dict[str, int] = {}
        for row in self.rows:
            if row.activity == activity and row.answer.value is not None:
                for name in ("n", f"choice:{row.answer.value}"):
                    sums[name] = sums.get(name, 0) + 1
        return dict(sorted(sums.items()))
