"""Scoring: closed activities are marked, and the ledger is brought to what the marks say.

Any process may do it, at any time, again: under a session's lock it compares what everybody should have
with what the ledger sums up to, and adds the difference as new rows. Where it stops half-way the next
run finds the rest. What is due is in PostgreSQL alone: an activity whose version, or whose decisions,
are not those that were scored.

    once it is closed and final   all that was accepted before the fence is saved
    after a correction            of the key, of a decision, of the scoring rules
    after a late answer           admitted by its receipt
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakValueDictionary

from pydantic import BaseModel

from persistence import activities, decisions, ledger, scorings, shards
from persistence.activities import ActivityRow
from persistence.documents import settings_version
from persistence.errors import STORAGE_ERRORS
from persistence.ledger import Entry, Sum
from persistence.pool import Database, Pool
from persistence.scorings import Due, ScoredRound
from realtime.activities.config import Config
from realtime.activities.contract import read_settings
from realtime.activities.reckoning import NO_ANSWER, Key, Marked, Round, ledger_meta, read_meta, reckon, round_of, scores
from realtime.activities.registry import Kind, Registry
from realtime.commands.marking import Marking
from realtime.commands.standings import MOST_ACTIVITIES, Standings
from realtime.core.errors import Refusal
from realtime.store.live import Live
from realtime.store.replicas import Replicas

log = logging.getLogger("plenum.scoring")

_MOST_DUE: Final = 200  # activities looked at per sweep; the others have their turn in the next
_MOST_SUMS: Final = 1_000  # sums of the ledger read at a time: decoding them holds the loop
_TURN: Final = 20  # participants reckoned before others have their turn on the loop
_REST_SECONDS: Final = 30.0  # a session whose marking failed is left alone for so long
_LATE_SWEEPS: Final = 10  # late answers are looked for in every tenth sweep


@dataclass(frozen=True, slots=True)
class _Rules:
    """One scoring activity as it is marked now."""

    row: ActivityRow
    kind: Kind
    config: Config
    settings: BaseModel

    def round(self, number: int) -> Round:
        return round_of(self.kind, self.config, self.settings, (self.row.id, number))


@dataclass(frozen=True, slots=True)
class _Case:
    """What one run has to mark in a session."""

    due: Sequence[_Rules]
    decided: Mapping[Key, Mapping[str, Any]]
    rounds: Sequence[Round]  # in the order they were closed
    activity_ids: Sequence[str]  # all whose points may change


class Scoring:
    """Scores sessions. `ensure` brings one to life, `hurry` makes the flusher go, `served` names those of this process."""

    def __init__(
        self, pool: Pool, live: Live, replicas: Replicas, registry: Registry, marking: Marking, standings: Standings,
        ensure: Callable[[str], Awaitable[None]], hurry: Callable[[], None], served: Callable[[], Iterable[str]], *,
        chunk: int, sweep_ms: int, fault: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._live = live
        self._replicas = replicas
        self._registry = registry
        self._marking = marking
        self._standings = standings
        self._ensure = ensure
        self._hurry = hurry
        self._served = served
        self._chunk = chunk
        self._sweep_seconds = sweep_ms / 1_000
        self._fault = fault
        self._wake = asyncio.Event()
        self._published: dict[str, str] = {}  # session -> epoch in which its board is known to be live
        self._looked_at: dict[str, int] = {}  # session -> offset up to which late answers were looked for
        self._resting: dict[str, float] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # of this process, by session
        self.rows = 0

    # --------------------------------------------------------------------------------------------- the loop

    def wake(self) -> None:
        """There may be something to score."""
        self._wake.set()

    async def remark(self, session_id: str, activity_id: str) -> None:
        """Mark an activity again; what a decision changes is due by itself, and only sooner by this."""
        await scorings.request_remark(self._pool, session_id, activity_id)
        self.wake()

    async def run(self) -> None:
        """Score what is due, in whichever session, until cancelled."""
        sweeps = 0
        while True:
            try:
                async with asyncio.timeout(self._sweep_seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass  # nobody called: look all the same
            self._wake.clear()
            sweeps += 1
            try:
                await self.sweep(late=sweeps % _LATE_SWEEPS == 0)
            except STORAGE_ERRORS as error:
                log.debug("scoring waits for the database: %s", error)

    async def sweep(self, *, late: bool = True) -> int:
        """Score everything that is due and final; returns how many rows the ledger got."""
        if late:
            await self._look_for_late()
        added = 0
        for session_id in dict.fromkeys(one.session_id for one in await scorings.due(self._pool, limit=_MOST_DUE)):
            if self._resting.get(session_id, 0) > time.monotonic():
                continue
            try:
                added += await self.score(session_id)
            except (Refusal, *STORAGE_ERRORS) as error:
                log.debug("session %s cannot be scored now: %s", session_id, error)
            except Exception:
                # A fault in one type's marking must not keep all other sessions from their points.
                log.exception("session %s could not be scored", session_id)
                self._rest(session_id)
        await self._publish_lost()
        return added

    def _rest(self, session_id: str) -> None:
        now = time.monotonic()
        self._resting = {one: until for one, until in self._resting.items() if until > now}
        self._resting[session_id] = now + _REST_SECONDS

    async def _look_for_late(self) -> None:
        served = {one: replica for one in self._served() if (replica := self._replicas.peek(one)) is not None}
        for session_id, replica in served.items():
            looked_at = self._looked_at.get(session_id, 0)
            if replica.saved > looked_at:
                await scorings.request_remark_of_late(self._pool, session_id, looked_at)
                self._looked_at[session_id] = replica.saved
        self._looked_at = {one: offset for one, offset in self._looked_at.items() if one in served}

    async def _publish_lost(self) -> None:
        """Publish again the boards of sessions that came to life without one."""
        served = {one: replica.epoch for one in self._served() if (replica := self._replicas.peek(one)) is not None}
        self._published = {one: epoch for one, epoch in self._published.items() if served.get(one) == epoch}
        fresh = served.keys() - self._published.keys()
        if not fresh:
            return
        with_points = await scorings.sessions_with_rounds(self._pool, sorted(fresh))
        for session_id in fresh:
            try:
                if session_id in with_points:
                    await self.publish(session_id)
                self._published[session_id] = served[session_id]
            except Refusal as error:
                log.debug("the board of session %s cannot be published now: %s", session_id, error)

    async def publish(self, session_id: str) -> None:
        """Publish a session's boards as the ledger has them."""
        async with self._locked(session_id) as connection:
            await self._standings.publish(connection, session_id)

    # ---------------------------------------------------------------------------------------------- scoring

    @asynccontextmanager
    async def _locked(self, session_id: str) -> AsyncIterator[Database]:
        """One run at a time per session, whichever the process; all it writes goes through the connection with the lock.

        Who waits for another of this process waits without a connection, or a few runs of one session would take them all.
        """
        number = int.from_bytes(hashlib.sha256(f"scoring {session_id}".encode()).digest()[:8], signed=True)
        turn = self._turns.get(session_id)
        if turn is None:
            turn = self._turns[session_id] = asyncio.Lock()
        async with turn, self._pool.acquire() as connection:
            await shards.lock(connection, number)
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    await shards.unlock(connection, number)

    async def score(self, session_id: str) -> int:
        """Bring a session's ledger to what its answers are worth; returns how many rows were added.

        What is not final yet stays due. Raises Refusal when the live store cannot be asked.
        """
        saved = await self._saved(session_id)
        async with self._locked(session_id) as connection:
            rows = {row.id: row for row in await activities.of_session(connection, session_id, limit=MOST_ACTIVITIES)}
            found = await scorings.due(connection, session_id, limit=_MOST_DUE)
            final = [one for one in found if one.activity_id in rows and _is_final(rows[one.activity_id], saved)]
            if not final:
                if found:
                    self._hurry()
                return 0
            # Before anything is read: what comes later is found by its higher seq.
            seqs = {one.activity_id: await scorings.max_seq(connection, one.activity_id) for one in final}
            added = await self._score(connection, session_id, rows, final, seqs)
            self._fault("scored")
            await self._standings.publish(connection, session_id)
            # Last of all: what is due is how a board that could not be published is found again.
            for one in final:
                if not await scorings.note_scored(connection, one, rows[one.activity_id], seqs[one.activity_id]):
                    self.wake()  # it changed meanwhile and is due again
        return added

    async def _saved(self, session_id: str) -> int:
        """Up to which offset everything accepted is saved."""
        meta = await self._live.meta(session_id)
        if meta.get("epoch") != self._live.incarnation.epoch_of(self._live.session(session_id).shard) or "loading" in meta:
            await self._ensure(session_id)
            meta = await self._live.meta(session_id)
        flushed_to = int(meta.get("flushed_to", 0))
        return int(meta.get("offset", 0)) if flushed_to >= int(meta.get("accepted_to", 0)) else flushed_to

    async def _score(
        self, connection: Database, session_id: str, rows: Mapping[str, ActivityRow], found: Sequence[Due], seqs: Mapping[str, int]
    ) -> int:  # fmt: skip
        known = {(one.activity_id, one.round): one for one in await scorings.rounds(connection, session_id)}
        decided = await decisions.of_session(connection, session_id)
        due: list[_Rules] = []
        gone: set[str] = set()
        fresh: dict[Key, ScoredRound] = {}
        for one in found:
            row = rows[one.activity_id]
            rules = self._rules(row)
            inputs = _inputs(row, {round: decided.get((row.id, round), {}) for round in range(1, row.round + 1)}, seqs[row.id])
            before = known.get((row.id, row.round))
            if row.state == "cancelled" or not scores(rules.config):
                gone.add(row.id)
            elif before is not None and before.inputs == inputs:
                continue  # revealed, renamed: the points stay
            else:
                closed_at = row.closed_at or row.updated_at
                for round in range(1, row.round + 1):
                    # A round that another followed at once was never seen closed.
                    earlier = known.get((row.id, round)) if round < row.round else None
                    moment = earlier.closed_at if earlier else closed_at if round == row.round else row.opened_at or closed_at
                    fresh[row.id, round] = ScoredRound(row.id, round, moment, inputs)
            due.append(rules)
        added = 0
        if due:
            order = {key: one for key, one in (known | fresh).items() if key[0] not in gone and key[0] in rows}
            in_order = sorted(order.values(), key=lambda one: (one.closed_at, one.activity_id, one.round))
            case = self._case(rows, due, decided, in_order)
            added = await self._bring_up(connection, session_id, case)
        for activity_id in gone:
            await scorings.forget_rounds(connection, activity_id)
        for scored in fresh.values():
            await scorings.note_round(connection, session_id, scored)
        return added

    def _rules(self, row: ActivityRow) -> _Rules:
        kind = self._registry.resolve(row.type)
        config = Config.model_validate_json(row.config)
        return _Rules(row, kind, config, read_settings(kind, config.settings))

    def _case(
        self, rows: Mapping[str, ActivityRow], due: Sequence[_Rules], decided: Mapping[Key, Mapping[str, Any]],
        order: Sequence[ScoredRound],
    ) -> _Case:  # fmt: skip
        rules = {one.row.id: one for one in due}
        for one in order:
            if one.activity_id not in rules:
                rules[one.activity_id] = self._rules(rows[one.activity_id])
        rounds = [rules[one.activity_id].round(one.round) for one in order]
        ids = [one.row.id for one in due]
        if any(one.scoring.streak != "none" for one in rounds):
            # A mark changes the streaks, and so the points, of whatever was closed after it.
            ids = list(dict.fromkeys([*ids, *(one.activity_id for one in order)]))
        return _Case(due, decided, [one for one in rounds if one.key[0] in ids], ids)

    async def _bring_up(self, connection: Database, session_id: str, case: _Case) -> int:
        added, last = 0, None
        size = max(1, min(self._chunk, _MOST_SUMS // max(1, len(case.rounds))))
        while True:
            people = await scorings.participant_ids(connection, session_id, after_id=last, limit=size)
            if not people:
                return added
            marks = await self._mark(connection, case, people)
            sums = await ledger.sums(connection, session_id, people, case.activity_ids)
            due = {rules.row.id for rules in case.due}
            entries: list[Entry] = []
            for number, one in enumerate(people):
                if number % _TURN == 0:
                    await asyncio.sleep(0)
                entries += _differences(one, case.rounds, due, marks.get(one, {}), sums.get(one, {}))
            added += await ledger.append(connection, session_id, entries)
            self.rows += len(entries)
            self._fault("chunk_scored")
            if len(people) < size:
                return added
            last = people[-1]

    async def _mark(self, connection: Database, case: _Case, people: Sequence[str]) -> dict[str, dict[Key, Marked]]:
        marks: dict[str, dict[Key, Marked]] = {}
        rounds = {one.key for one in case.rounds}
        for rules in case.due:
            responses = await scorings.unmarked(connection, rules.row.id, people)
            for round in sorted({response.round for response in responses}):
                if (rules.row.id, round) not in rounds:
                    continue
                settings = rules.kind.decided(rules.settings, case.decided.get((rules.row.id, round), {}))
                of_round = [response for response in responses if response.round == round]
                for participant_id, found in (await self._marking.mark(rules.kind, settings, rules.row.id, of_round)).items():
                    marks.setdefault(participant_id, {}).update(found)
        return marks


def _is_final(row: ActivityRow, saved: int) -> bool:
    """Whether nothing more will be counted: the watermark has passed the fence, which the live store has set."""
    return row.state in ("closed", "cancelled") and row.closed_offset is not None and row.closed_offset <= saved


def _inputs(row: ActivityRow, decided: Mapping[int, Any], seq: int) -> str:
    """Names all that points follow from; equal inputs, equal points."""
    said = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:16]
    return f"{row.state}:{row.round}:{row.closed_offset}:{settings_version(row)}:{said}:{seq}"


def _differences(
    participant_id: str, rounds: Sequence[Round], due: set[str], fresh: Mapping[Key, Marked], sums: Mapping[Key, Sum]
) -> list[Entry]:
    """The rows that bring one participant's ledger to what the marks are worth."""
    marks: dict[Key, Marked] = {}
    for one in rounds:
        stored = sums.get(one.key)
        marked = fresh.get(one.key) if one.key[0] in due else read_meta(stored.meta) if stored else None
        if marked is not None:
            marks[one.key] = marked
    awards = reckon(rounds, marks)
    wanted: dict[Key, tuple[int, Mapping[str, Any]]] = {
        one.key: (awards[one.key].points, ledger_meta(one, marks[one.key], awards[one.key])) for one in rounds if one.key in awards
    }
    entries: list[Entry] = []
    for key in sorted(wanted.keys() | sums.keys()):
        points, meta = wanted.get(key, (0, NO_ANSWER))
        known = sums.get(key)
        if known is not None and known.points == points and dict(known.meta) == dict(meta):
            continue
        correction, before = (known.entries, known.points) if known else (0, 0)
        entries.append(Entry(participant_id, key[0], key[1], correction, points - before, meta))
    return entries
