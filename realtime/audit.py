"""Proof that counts equal rows: recounts stored responses and compares them with the live store.

A comparison is only meaningful when nothing is on its way, so it is made between two readings of the
session's watermark that agree; a session that never rests is reported as busy, not as wrong.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from persistence import accepted, activities, dead_letters, responses, scorings
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from realtime.activities.answers import recount
from realtime.activities.config import Config
from realtime.activities.contract import read_settings
from realtime.activities.registry import Registry
from realtime.core.errors import Refusal
from realtime.core.tally import PEOPLE, RESPONSES, add
from realtime.store.live import Cold, Live

log = logging.getLogger("plenum.audit")

_CHUNK_ROWS: Final = 250  # recounted in one go; a few milliseconds
_EXAMPLES: Final = 5  # of each kind of fault a report names so many


@dataclass(slots=True)
class ActivityReport:
    """One activity and round: counters that differ as name -> (live, rows)."""

    activity_id: str
    round: int
    live_responses: int = 0
    rows: int = 0
    drift: dict[str, tuple[int, int]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # accepted, but neither stored nor set aside
    differing: list[str] = field(default_factory=list)  # stored in another revision than accepted

    @property
    def sound(self) -> bool:
        return not (self.drift or self.missing or self.differing)


@dataclass(slots=True)
class Report:
    """What was found in one session. `settled` is False when it never rested long enough to compare."""

    session_id: str
    settled: bool = True
    waiting: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    activities: list[ActivityReport] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return self.settled and not self.duplicates and all(one.sound for one in self.activities)

    @property
    def drift(self) -> int:
        """By how much counters differ, summed up."""
        return sum(abs(live - rows) for one in self.activities for live, rows in one.drift.values())

    def document(self) -> dict[str, Any]:
        return asdict(self) | {"sound": self.sound, "drift": self.drift}


@dataclass(slots=True)
class _Counted:
    tally: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    rows: dict[str, tuple[int, str]] = field(default_factory=dict)  # response -> revision, submission


class Auditor:
    """Verifies sessions. `ensure` brings one to life, `hurry` makes the flusher go."""

    def __init__(
        self, pool: Pool, live: Live, registry: Registry, ensure: Callable[[str], Awaitable[None]], hurry: Callable[[], None]
    ) -> None:  # fmt: skip
        self._pool = pool
        self._live = live
        self._registry = registry
        self._ensure = ensure
        self._hurry = hurry
        self.counts_drift = 0
        self.checks = 0

    async def verify(self, session_id: str, *, patience_seconds: float = 5.0) -> Report:
        """Compare one session's live state with its rows; raises Refusal when a server cannot be asked."""
        deadline = asyncio.get_running_loop().time() + patience_seconds
        while True:
            before = await self._marks(session_id)
            if before[1] >= before[0]:
                report = await self._compare(session_id)
                if await self._marks(session_id) == before:
                    return report
            if asyncio.get_running_loop().time() > deadline:
                return Report(session_id, settled=False, waiting=max(0, before[0] - before[1]))
            self._hurry()
            await asyncio.sleep(0.02)

    async def _marks(self, session_id: str) -> tuple[int, int, str, int]:
        pending, versions = await self._keys(session_id)
        meta = await self._live.meta(session_id)
        if not meta or "loading" in meta:
            await self._ensure(session_id)
            meta = await self._live.meta(session_id)
        # While counters still follow an older answer key there is nothing to compare: as if answers were under way.
        return int(meta.get("accepted_to", 0)) + pending, int(meta.get("flushed_to", 0)), meta.get("epoch", ""), versions

    async def _keys(self, session_id: str) -> tuple[int, int]:
        try:
            return await scorings.key_state(self._pool, session_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error

    async def _compare(self, session_id: str) -> Report:
        report = Report(session_id)
        try:
            report.duplicates = await responses.count_duplicates(self._pool, session_id)
            report.dead_letters = await dead_letters.count(self._pool, session_id=session_id)
            counted = await self._recount(session_id)
            rounds = {
                (row.id, number)
                for row in await activities.of_session(self._pool, session_id)
                for number in range(1, row.round + 1)
            }
            for activity_id, round in sorted(rounds | counted.keys()):
                report.activities.append(
                    await self._compare_round(session_id, activity_id, round, counted.get((activity_id, round), _Counted()))
                )
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        return report

    async def _recount(self, session_id: str) -> dict[tuple[str, int], _Counted]:
        rules: dict[str, tuple[Any, Any] | None] = {}
        for row in await activities.of_session(self._pool, session_id):
            kind = self._registry.resolve(row.type)
            try:
                rules[row.id] = (kind, read_settings(kind, Config.model_validate_json(row.config).settings))
            except (ValidationError, Refusal):
                rules[row.id] = None  # recovery leaves it out: what was answered is in no live count
        counted: dict[tuple[str, int], _Counted] = {}
        async with contextlib.aclosing(accepted.of_session(self._pool, session_id, chunk_rows=_CHUNK_ROWS)) as chunks:
            async for chunk in chunks:
                for response in chunk:
                    if response.activity_id not in rules:
                        continue  # without foreign keys (`plenum tune`) rows may outlive their activity, and nobody shows them
                    one = counted.setdefault((response.activity_id, response.round), _Counted())
                    one.rows[response.id] = (response.revision, response.submission_id)
                    if response.deleted_at is None:
                        rule = rules[response.activity_id]
                        add(one.tally, {RESPONSES: 1} if rule is None else recount(rule[0], rule[1], response.response_data)[0])
                        one.people[response.participant_id] = one.people.get(response.participant_id, 0) + 1
                await asyncio.sleep(0)  # a big session must not hold the loop
        for one in counted.values():
            add(one.tally, {PEOPLE: len(one.people)})
        return counted

    async def _compare_round(self, session_id: str, activity_id: str, round: int, counted: _Counted) -> ActivityReport:
        report = ActivityReport(activity_id, round, rows=len(counted.rows))
        tally = await self._live.tally(session_id, activity_id, round)
        for name in tally.keys() | counted.tally.keys():
            if tally.get(name, 0) != counted.tally.get(name, 0):
                report.drift[name] = (tally.get(name, 0), counted.tally.get(name, 0))
        async for stored in self._live.answers(session_id, activity_id, round):
            report.live_responses += 1
            row = counted.rows.get(stored.response_id)
            if row is None and len(report.missing) < _EXAMPLES:
                report.missing.append(stored.submission_id)
            elif row is not None and row != (stored.revision, stored.submission_id) and len(report.differing) < _EXAMPLES:
                report.differing.append(stored.submission_id)
        return report

    async def run(self, sessions: Callable[[], Iterable[str]], *, every_seconds: float) -> None:
        """Verify one session of this process after another, for the `counts_drift` metric, until cancelled."""
        while True:
            await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))
            known = list(sessions())
            if not known:
                self.counts_drift = 0
                continue
            session_id = random.choice(known)
            try:
                report = await self.verify(session_id, patience_seconds=1.0)
            except (Refusal, Cold) as error:
                log.debug("session %s could not be verified now: %s", session_id, error)
                continue
            if report.settled:
                self.checks += 1
                self.counts_drift = report.drift
                if not report.sound:
                    log.error("session %s: counts and rows differ: %s", session_id, report.document())
