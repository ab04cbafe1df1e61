"""Results as a page shows them: an overview, one activity with its rounds and its course, and people by the page.

Charts are drawn from the same live view that the stage has; rounds and times come from the rows, and what is said of
them names the watermark up to which they are stored.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from persistence import activities, decisions, responses, results
from persistence.activities import ActivityRow
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from persistence.results import Given, ResultRow, Span
from realtime.activities.contract import Audience
from realtime.activities.projection import ActivityCopy, project_activity
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.reading import Reading
from realtime.commands.standings import MOST_ACTIVITIES
from realtime.commands.tabulating import Rules, is_hushed, read_response, read_rules
from realtime.core.errors import Refusal
from realtime.core.tally import RESPONSES
from realtime.store.replicas import Replica

_AT_A_TIME: Final = 4  # reports; each holds a connection to PostgreSQL for a while
_MOST_STRETCHES: Final = 60
_STRETCHES_SECONDS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)
_CHUNK_ROWS: Final = 500
_MOST_FLOWS: Final = 50
_MOST_KINDS: Final = 2_000  # different pairs of answers that are told apart
_MOST_ROUNDS: Final = 20  # the latest; each but the first is compared with the one before
_MOST_PEOPLE: Final = 100
_MOST_GIVEN: Final = 20_000
_ABSENT: Final = "—"


class Reporting:
    def __init__(self, pool: Pool, reading: Reading, registry: Registry) -> None:
        self._pool = pool
        self._reading = reading
        self._registry = registry
        self._turns = asyncio.Semaphore(_AT_A_TIME)

    async def overview(self, actor: Actor) -> dict[str, Any]:
        """Every activity with what each of its rounds brought, and whether the rows hold all that was counted."""
        actor.need("inspect")
        complete = await self._reading.settle(actor.session_id)
        replica = await self._reading.replica(actor.session_id)
        session = await self._reading.session(actor.session_id)
        hidden = await self._reading.hidden_rounds(actor.session_id)
        try:
            async with results.snapshot(self._pool) as snapshot:
                rows = await activities.of_session(snapshot, actor.session_id, limit=MOST_ACTIVITIES)
                counts = {(one.activity_id, one.round): one for one in await responses.recount(snapshot, actor.session_id)}
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        listed = []
        for rules in read_rules(rows, {}, hidden, self._registry):
            rounds = []
            for round in range(1, rules.row.round + 1):
                found = counts.get((rules.row.id, round))
                rounds.append(
                    {
                        "round": round, "responses": found.responses if found else 0,
                        "participants": found.participants if found else 0, "withdrawn": found.withdrawn if found else 0,
                        "live": _live_responses(replica, rules.row.id, round),
                    }
                )  # fmt: skip
            listed.append(_described(rules) | {"rounds": rounds})
        return {
            "session_id": session.id, "title": session.title, "state": session.state, "join_code": session.join_code,
            "created_at": session.created_at.isoformat(), "participants": replica.people["joined"], "saved": replica.saved,
            "complete": complete, "activities": listed,
        }  # fmt: skip

    async def activity(self, actor: Actor, activity_id: str, *, round: int | None = None) -> dict[str, Any]:
        """One activity: the view of a round as charts draw it, its course over time, and what changed between rounds."""
        actor.need("inspect")
        complete = await self._reading.settle(actor.session_id)
        replica = await self._reading.replica(actor.session_id)
        hidden = await self._reading.hidden_rounds(actor.session_id)
        rules = await self._rules(actor, activity_id, hidden)
        present = rules.row.round
        shown = present if round is None else round
        if not 1 <= shown <= present:
            raise Refusal("invalid", details={"field": "round", "reason": f"between 1 and {present}"})
        keys = self._view(replica, activity_id, shown)
        try:
            spans = [span for span in await results.spans(self._pool, activity_id) if span.round > present - _MOST_ROUNDS]
            async with self._turns:
                course = [await self._course(activity_id, span) for span in spans]
                changes = [] if rules.unnamed or len(spans) < 2 else await self._changes(rules)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        return {
            **_described(rules), "round": shown, **keys, "course": course, "changes": changes,
            "withheld": shown >= rules.hidden_from, "saved": replica.saved, "complete": complete,
        }  # fmt: skip

    async def people(self, actor: Actor, *, after: str | None, limit: int) -> dict[str, Any]:
        """A page of participants with their answers in words; what is anonymous is not among them."""
        actor.need("inspect")
        complete = await self._reading.settle(actor.session_id)
        hidden = await self._reading.hidden_rounds(actor.session_id)
        limit = max(1, min(limit, _MOST_PEOPLE))
        session_id = actor.session_id
        try:
            async with results.snapshot(self._pool) as snapshot:
                rows = await activities.of_session(snapshot, session_id, limit=MOST_ACTIVITIES)
                rules = read_rules(rows, await decisions.of_session(snapshot, session_id), hidden, self._registry)
                named = {one.row.id: one for one in rules if not one.unnamed}
                people = await results.people(snapshot, session_id, after_id=after, limit=limit)
                ids = [person.id for person in people]
                given = await results.given(snapshot, session_id, ids, list(named), limit=_MOST_GIVEN) if named else []
                earned = await results.points(snapshot, session_id, ids)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        answers = await asyncio.to_thread(_answers, named, given)
        listed = []
        for person in people:
            points = {activity_id: sum for (id, activity_id), sum in earned.items() if id == person.id}
            shown = {activity_id: sum for activity_id, sum in points.items() if activity_id in named}
            listed.append(
                {
                    "participant": person.id, "name": None if person.anonymous else person.nickname, "team": person.team,
                    "removed": not person.is_active, "points": sum(points.values()) if points else None,
                    "answers": answers.get(person.id, {}), "points_of": shown,
                }
            )  # fmt: skip
        return {"participants": listed, "next": people[-1].id if len(people) == limit else None, "complete": complete}

    # ---------------------------------------------------------------------------------------------- one activity

    async def _rules(self, actor: Actor, activity_id: str, hidden: Mapping[str, int]) -> Rules:
        await self._reading.activity(actor, activity_id)
        try:
            rows: list[ActivityRow] = await activities.of_session(self._pool, actor.session_id, limit=MOST_ACTIVITIES)
            known = await decisions.of_session(self._pool, actor.session_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        for rules in read_rules(rows, known, hidden, self._registry):
            if rules.row.id == activity_id:
                return rules
        raise Refusal("unknown_activity")

    def _view(self, replica: Replica, activity_id: str, round: int) -> dict[str, Any]:
        """The keys of the stage for one round: an earlier one as it was when it was over."""
        copy = replica.activities.get(activity_id)
        if copy is None or copy.document is None:
            raise Refusal("unknown_activity")
        if round < copy.document["round"]:
            over = copy.document | {"round": round, "state": "closed", "revealed": True}
            copy = replace(copy, document=over)
        keys = project_activity(copy, Audience.PRESENTERS, self._registry, saved=replica.saved, people=replica.people)
        prefix = f"view:{activity_id}"
        return {
            "activity": keys.get(f"activity:{activity_id}"),
            "counts": keys.get(f"counts:{activity_id}"),
            "view": keys.get(prefix),
            "items": {
                name.removeprefix(f"{prefix}:item:"): item for name, item in keys.items() if name.startswith(f"{prefix}:item:")
            },
        }

    async def _course(self, activity_id: str, span: Span) -> dict[str, Any]:
        """When the answers of a round came: how many in each stretch since its first."""
        length = (span.last_at - span.first_at).total_seconds()
        seconds = next((one for one in _STRETCHES_SECONDS if length / one < _MOST_STRETCHES), length / (_MOST_STRETCHES - 1))
        found = await results.over_time(self._pool, activity_id, span, seconds)
        last = min(max(found, default=0), _MOST_STRETCHES)
        counts = [0] * (last + 1)
        for stretch, number in found.items():
            counts[max(0, min(stretch, last))] += number  # a change keeps its first time, so none lies outside
        return {
            "round": span.round, "responses": span.responses, "first_at": span.first_at.isoformat(),
            "last_at": span.last_at.isoformat(), "seconds": seconds, "counts": counts,
        }  # fmt: skip

    async def _changes(self, rules: Rules) -> list[dict[str, Any]]:
        """What became of everybody's answer from each round to the next; people stream by, one at a time."""
        comparisons: dict[int, _Comparison] = {}
        async with results.snapshot(self._pool) as snapshot:
            stream = results.of_activity(snapshot, rules.row.id, order="by_person", chunk_rows=_CHUNK_ROWS)
            who: str | None = None
            held: list[ResultRow] = []
            async with contextlib.aclosing(stream) as chunks:
                async for chunk in chunks:
                    people: list[list[ResultRow]] = []
                    for row in chunk:
                        if row.participant_id != who:
                            people.append(held)
                            held, who = [], row.participant_id
                        held.append(row)
                    await asyncio.to_thread(_compare, rules, people, comparisons)
            await asyncio.to_thread(_compare, rules, [held], comparisons)
        return [comparisons[round].document(round) for round in sorted(comparisons)]


@dataclass(slots=True)
class _Comparison:
    """How answers moved from one round to the next."""

    flows: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdicts: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    both: int = 0
    same: int = 0
    only_before: int = 0
    only_after: int = 0

    def document(self, round: int) -> dict[str, Any]:
        flows = [{"from": before, "to": after, "count": count} for (before, after), count in self.flows.most_common(_MOST_FLOWS)]
        verdicts = {
            name: self.verdicts[key]
            for name, key in (("right_right", (True, True)), ("right_wrong", (True, False)), ("wrong_right", (False, True)),
                              ("wrong_wrong", (False, False)))
        }  # fmt: skip
        return {
            "from_round": round, "to_round": round + 1, "both": self.both, "same": self.same, "changed": self.both - self.same,
            "only_before": self.only_before, "only_after": self.only_after, "flows": flows,
            "verdicts": verdicts if self.verdicts else None,
        }  # fmt: skip


def _compare(rules: Rules, people: Iterable[Sequence[ResultRow]], comparisons: dict[int, _Comparison]) -> None:
    for rows in people:
        rounds: dict[int, list[tuple[str, bool | None]]] = {}
        for row in rows:
            if row.round >= rules.hidden_from or row.round <= rules.row.round - _MOST_ROUNDS:
                continue
            read = read_response(rules, row)
            if is_hushed(read.data):
                continue  # beside what the same person said under his name it would tell who it was
            mark = None if read.answer is None else rules.kind.mark(rules.marking(row.round), read.answer)
            rounds.setdefault(row.round, []).append((read.words or _ABSENT, None if mark is None else mark.correct))
        for round in rounds.keys() | {number - 1 for number in rounds if number > 1}:
            if round < rules.row.round and round + 1 < rules.hidden_from:
                _tell(comparisons.setdefault(round, _Comparison()), rounds.get(round), rounds.get(round + 1))


def _tell(
    found: _Comparison, before: Sequence[tuple[str, bool | None]] | None, after: Sequence[tuple[str, bool | None]] | None
) -> None:  # fmt: skip
    if not before or not after:
        found.only_before += bool(before)
        found.only_after += bool(after)
        return
    found.both += 1
    first, second = (" + ".join(sorted(words for words, _ in each)) for each in (before, after))
    found.same += first == second
    flow = (first[:200], second[:200])
    if flow in found.flows or len(found.flows) < _MOST_KINDS:
        found.flows[flow] += 1
    right = [any(verdict for _, verdict in each) for each in (before, after)]
    if before[0][1] is not None and after[0][1] is not None:
        found.verdicts[right[0], right[1]] += 1


def _answers(named: Mapping[str, Rules], given: Iterable[Given]) -> dict[str, dict[str, dict[str, Any]]]:
    """By person and activity: the latest round's answer in words, whether it was right, how often they answered."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in given:
        rules = named[one.activity_id]
        if one.round >= rules.hidden_from:
            continue
        row = ResultRow(None, one.participant_id, one.round, "", 1, one.response_data, None, None, False, None, True, None)
        read = read_response(rules, row)
        if is_hushed(read.data):
            continue
        mark = None if read.answer is None else rules.kind.mark(rules.marking(one.round), read.answer)
        known = found.setdefault(one.participant_id, {}).get(one.activity_id)
        if known is not None and known["round"] > one.round:
            continue
        again = known is not None and known["round"] == one.round
        words = f"{known['text']} + {read.words}" if known is not None and again else read.words
        found[one.participant_id][one.activity_id] = {
            "round": one.round, "text": words[:500], "correct": None if mark is None else mark.correct,
            "score": None if mark is None else round(mark.score, 6),
        }  # fmt: skip
    return found


def _described(rules: Rules) -> dict[str, Any]:
    return {
        "activity_id": rules.row.id, "number": rules.number, "question": rules.question,
        "title": rules.title, "type": rules.row.type, "state": rules.row.state,
        "revealed": rules.row.revealed, "present_round": rules.row.round, "anonymous": rules.unnamed,
    }  # fmt: skip


def _live_responses(replica: Replica, activity_id: str, round: int) -> int | None:
    copy: ActivityCopy | None = replica.activities.get(activity_id)
    return None if copy is None else copy.tallies.get(round, {}).get(RESPONSES, 0)
