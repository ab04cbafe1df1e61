"""Who knows the truth: what was pressed, counted and told, and whether the promises hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.copies import Copy
from tests.simulation.rules import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Pressed:
    participant: str
    activity: str
    revision: int
    value: int | None


class Watch:
    """Notes what happens; raises Violation at once where a promise can be checked at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pressed: dict[str, Pressed] = {}
        self.acked: set[str] = set()
        self.final_refusals: set[str] = set()
        self.told: set[str] = set()
        self.closed_to: set[str] = set()
        self.reopened_to: set[str] = set()
        self.closed: dict[str, bool] = {}
        self.done: dict[str, str] = {}
        self.runs_of_epochs: dict[str, int] = {}
        self.offsets: dict[tuple[str, str], int] = {}

    # ------------------------------------------------------------------------------------------ during a run

    def invoked(self, submission: str, participant: str, activity: str, revision: int, value: int | None) -> None:
        self.pressed[submission] = Pressed(participant, activity, revision, value)

    def accepted(self, epoch: str, submission: str, activity: str, offset: int, *, by_receipt: bool) -> None:
        """The live store has counted an answer that it did not know."""
        run = self.runs_of_epochs.setdefault(epoch, self.world.redis.run)
        if run != self.world.redis.run:
            raise Violation("P11 an epoch went on although Redis restarted")
        if self.closed.get(activity) and not by_receipt:
            raise Violation("P10 counted after the fence without a receipt")
        if submission in self.closed_to:
            self.reopened_to.add(submission)  # a frame that a stopped hub held back until the activity was open again
        if self.offsets.setdefault((epoch, submission), offset) != offset:
            raise Violation("P8 one submission was counted at two offsets of one epoch")

    def told_accepted(self, submission: str) -> None:
        self.acked.add(submission)

    def judged_closed(self, submission: str) -> None:
        self.closed_to.add(submission)

    def refused(self, submission: str, code: str) -> None:
        if submission in self.acked:
            raise Violation(f"P1 accepted answer lost: its resend was refused for good ({code})")
        self.final_refusals.add(submission)

    def told_saved(self, submission: str) -> None:
        self.told.add(submission)

    def published(self, activity: str, state: str) -> None:
        """The live store has the state: from here a fence stands, until somebody asks to open again."""
        if state == "closed" and self.world.wanted.get(activity) == "closed":
            self.closed[activity] = True

    def directed(self, activity: str, to: str) -> None:
        self.done[activity] = to

    def is_saved(self, submission: str) -> bool:
        """Whether the answer, or one that supersedes it, is committed."""
        pressed = self.pressed[submission]
        row = self.world.postgres.find(pressed.activity, pressed.participant)
        return row is not None and (row.answer.revision, row.answer.submission) >= (pressed.revision, submission)

    # ----------------------------------------------------------------------------------------------- at rest

    def check_at_rest(self) -> None:
        self._check_rows()
        for client in self.world.clients:
            if not client.gone and client.outbox:
                raise Violation("P1 an outbox never drains")
        lost = [one for one in sorted(self.acked) if not self.is_saved(one) and not self._is_excused(one)]
        if lost:
            raise Violation("P1 accepted answer lost")
        for activity in self.world.postgres.activities:
            self._check_tally(activity)
        for client in self.world.clients:
            if not client.gone:
                self._check_view(client.session, client.mirror.map)

    def _is_excused(self, submission: str) -> bool:
        """The one case of the statement: a phone that never came back and was never told `saved`."""
        participant = self.pressed[submission].participant
        gone = any(client.gone and client.name == participant for client in self.world.clients)
        return gone and submission not in self.told

    def _check_rows(self) -> None:
        rows = self.world.postgres.rows
        identities = [(row.activity, row.participant) for row in rows]
        submissions = [row.answer.submission for row in rows]
        if len(set(identities)) < len(identities) or len(set(submissions)) < len(submissions):
            raise Violation("P1 a row is there twice")
        for row in rows:
            pressed = self.pressed.get(row.answer.submission)
            if pressed != Pressed(row.participant, row.activity, row.answer.revision, row.answer.value):
                raise Violation("P2 a row is not what was sent")
            if row.answer.submission in self.final_refusals - self.reopened_to:
                raise Violation("P9 a refused answer is in PostgreSQL")

    def _check_tally(self, activity: str) -> None:
        row = self.world.postgres.activities[activity]
        live = self.world.redis.state.sessions.get(row.session)
        if live is None or live.epoch != self.world.redis.state.epoch or live.loading:
            return
        if dict(sorted(live.tally.get(activity, {}).items())) != self.world.postgres.recount(activity):
            raise Violation("P3 tally is not a recount of the rows")
        rules = live.rules[activity]
        if rules.state != row.state:
            raise Violation("P10 the live store and PostgreSQL disagree on a state")
        if row.state == "closed" and not 0 < rules.closed_offset <= live.saved:
            raise Violation("P7 a closed and saved activity never becomes final")

    def _check_view(self, session: str, seen: dict[str, object]) -> None:
        copy = Copy(frozenset())
        redis = self.world.redis
        copy.absorb(redis.state.epoch, redis.changes(redis.state.epoch, session, 0))
        if seen != copy.frame("", None)["set"]:
            raise Violation("P4 a client's view does not converge")
