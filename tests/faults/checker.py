"""Whether a run kept the promises: every violation is a sentence that begins with the property it breaks.

P1 to P3 and P7 to P11 are here, what clients see (P4 to P6, P12) is in views.py, the rest needs the
processes and is asserted by the harness (P14 connections, P15 shutdown, P16 availability).
"""

from collections import Counter, defaultdict
from typing import Final

from realtime.core.tally import PEOPLE, RESPONSES
from tests.faults.history import Ack, History, Rest, Row
from tests.faults.views import check_views

_MOST_OF_A_KIND: Final = 5
_LATE_ACK_NS: Final = 500_000_000  # what was on its way when Redis died is read by then

LOST: Final = "P1 accepted answer lost"
TWICE: Final = "P1 stored twice"
MADE_UP: Final = "P2 row that nobody sent"
TALLY: Final = "P3 tally differs from rows"
BACKWARDS: Final = "P7 watermark went backwards"
NOT_SAVED: Final = "P7 told saved, but is not"
OFFSET_TWICE: Final = "P8 two acceptances at one offset"
COUNTED_TWICE: Final = "P8 accepted twice"
REFUSED_STORED: Final = "P9 refused, but stored"
AFTER_FENCE: Final = "P10 counted after closing without a receipt"
EPOCH_AGAIN: Final = "P11 epoch came back"
OLD_EPOCH: Final = "P11 accepted in the epoch of a dead incarnation"
STUCK: Final = "P1 outbox not empty at rest"


class Verdict:
    """The violations found; of each kind only the first few are kept, all are counted."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.sentences: list[str] = []

    def add(self, promise: str, what: str) -> None:
        self.found[promise] += 1
        if self.found[promise] <= _MOST_OF_A_KIND:
            self.sentences.append(f"{promise}: {what}")

    def __bool__(self) -> bool:
        return bool(self.sentences)

    def __str__(self) -> str:
        return "\n".join([*self.sentences, *(f"{number} x {promise}" for promise, number in self.found.items())])


def check(history: History, rests: list[Rest]) -> Verdict:
    """All properties of a run over some sessions that have come to rest."""
    verdict = Verdict()
    acks = history.acks()
    for rest in rests:
        own = [ack for ack in acks if ack.session_id == rest.session_id]
        check_kept(verdict, history, rest, own)
        check_origin(verdict, history, rest)
        check_tallies(verdict, rest)
        check_offsets(verdict, own)
        check_refused(verdict, history, rest, own)
        check_fences(verdict, history, rest, own)
        check_views(verdict.add, history, rest)
    check_watermarks(verdict, history)
    check_epochs(verdict, history, acks)
    return verdict


def check_kept(verdict: Verdict, history: History, rest: Rest, acks: list[Ack]) -> None:
    """P1: what was accepted is stored once, or a later revision of it is."""
    by_place: dict[tuple[str, str, int, str], list[Row]] = defaultdict(list)
    for row in rest.rows:
        by_place[row.place].append(row)
    times = Counter(row.submission_id for row in rest.rows)
    for submission_id, number in times.items():
        if number > 1:
            verdict.add(TWICE, f"{submission_id} has {number} rows")
    for place, rows in by_place.items():
        if sum(not row.dead for row in rows) > 1:
            verdict.add(TWICE, f"{place} has {len(rows)} rows")
    accepted = {ack.submission_id: ack for ack in acks}
    for ack in accepted.values():
        if not any(row.rank >= ack.rank for row in by_place[ack.place]):
            stored = [row.rank for row in by_place[ack.place]]
            verdict.add(LOST, f"{ack.submission_id} revision {ack.revision} at {ack.offset} of {ack.epoch}; stored: {stored}")
    somewhere = {row.submission_id for row in rest.rows} | accepted.keys()
    for event in history.events("saved"):
        if event.session_id == rest.session_id and event.submission_id not in somewhere:
            verdict.add(LOST, f"{event.submission_id} was said to be saved and is nowhere")


def check_origin(verdict: Verdict, history: History, rest: Rest) -> None:
    """P2: every row was sent, by whom it says, as it says."""
    sent = {event.submission_id: event for event in history.events("invoke")}
    for row in rest.rows:
        event = sent.get(row.submission_id)
        if event is None:
            verdict.add(MADE_UP, row.submission_id)
        elif (event.participant_id, event.activity_id) != (row.participant_id, row.activity_id):
            verdict.add(MADE_UP, f"{row.submission_id} was sent by {event.participant_id} to {event.activity_id}")
        elif event.data != row.data and not row.withdrawn:
            verdict.add(MADE_UP, f"{row.submission_id} says {row.data}, sent was {event.data}")


def check_tallies(verdict: Verdict, rest: Rest) -> None:
    """P3 at rest: counters are what adding up the rows gives (poll answers: `selected`)."""
    counted: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    people: dict[tuple[str, int], set[str]] = defaultdict(set)
    for row in rest.rows:
        if not row.withdrawn:
            place = row.activity_id, row.round
            counted[place][RESPONSES] += 1
            counted[place].update(f"choice:{choice}" for choice in row.data["selected"])
            people[place].add(row.participant_id)
    for place, who in people.items():
        counted[place][PEOPLE] = len(who)
    for place in counted.keys() | rest.tallies.keys():
        live = {name: value for name, value in rest.tallies.get(place, {}).items() if value}
        rows = dict(counted[place])
        if live != rows:
            verdict.add(TALLY, f"activity {place[0]} round {place[1]}: live {live}, rows {rows}")


def check_offsets(verdict: Verdict, acks: list[Ack]) -> None:
    """P8: an offset belongs to one acceptance, a submission is accepted anew once per epoch."""
    at: dict[tuple[str, int], str] = {}
    anew: dict[tuple[str, str], int] = {}
    for ack in acks:
        if ack.duplicate:
            continue
        other = at.setdefault((ack.epoch, ack.offset), ack.submission_id)
        if other != ack.submission_id:
            verdict.add(OFFSET_TWICE, f"{other} and {ack.submission_id} at {ack.offset} of {ack.epoch}")
        before = anew.setdefault((ack.epoch, ack.submission_id), ack.offset)
        if before != ack.offset:
            verdict.add(COUNTED_TWICE, f"{ack.submission_id} at {before} and {ack.offset} of {ack.epoch}")


def check_refused(verdict: Verdict, history: History, rest: Rest, acks: list[Ack]) -> None:
    """P9: a refused submission is not stored, unless it had been accepted."""
    stored = {row.submission_id for row in rest.rows}
    accepted = {ack.submission_id for ack in acks}
    for event in history.events("fail"):
        if event.session_id == rest.session_id and event.submission_id in stored - accepted:
            verdict.add(REFUSED_STORED, f"{event.submission_id}: {event.code}")
        if event.session_id == rest.session_id and event.submission_id in accepted and event.code != "superseded":
            verdict.add(LOST, f"{event.submission_id} was accepted, then refused: {event.code}")


def check_fences(verdict: Verdict, history: History, rest: Rest, acks: list[Ack]) -> None:
    """P10: after an activity closed at C only what shows an acceptance from before C gets an offset above C."""
    early = {ack.submission_id for ack in acks if ack.offset <= rest.fences.get(ack.activity_id, ack.offset)}
    for ack in acks:
        fence = rest.fences.get(ack.activity_id)
        if fence is not None and ack.offset > fence and ack.submission_id not in early:
            verdict.add(AFTER_FENCE, f"{ack.submission_id} at {ack.offset}, closed at {fence}")
    for row in rest.rows:
        fence = rest.fences.get(row.activity_id)
        if fence is not None and row.seq > fence and row.submission_id not in early:
            verdict.add(AFTER_FENCE, f"row {row.submission_id} at {row.seq}, closed at {fence}")


def check_watermarks(verdict: Verdict, history: History) -> None:
    """P7: a watermark only rises in an epoch, and what it covers was in PostgreSQL when it was heard of."""
    for client, frames in history.frames_by_client().items():
        highest: dict[str, tuple[int, int]] = {}
        for frame in frames:
            state = frame.get("state", frame)
            saved = state.get("set", {}).get("saved")
            if not isinstance(saved, int):
                continue
            epoch, offset = state["epoch"], state["offset"]
            last_offset, last_saved = highest.get(epoch, (0, 0))
            if offset >= last_offset and saved < last_saved:
                verdict.add(BACKWARDS, f"{client} saw {last_saved}, then {saved} in {epoch}")
            if offset >= last_offset:
                highest[epoch] = (offset, max(saved, last_saved))
    for mark in history.marks:
        if mark.name == "witness" and not mark.holds:
            verdict.add(NOT_SAVED, mark.about)


def check_epochs(verdict: Verdict, history: History, acks: list[Ack]) -> None:
    """P11: an epoch never comes back, and each incarnation of Redis has its own."""
    for client, frames in history.frames_by_client().items():
        left: set[str] = set()
        now = ""
        for frame in frames:
            state = frame.get("state", frame)
            if state.get("type") == "snapshot" and (epoch := state["epoch"]) != now:
                if epoch in left:
                    verdict.add(EPOCH_AGAIN, f"{client} was in {epoch} before")
                left.add(now)
                now = epoch
    for mark in history.marks:
        if mark.name != "incarnation":
            continue
        before = {ack.epoch for ack in acks if ack.ns < mark.ns}
        for ack in acks:
            if ack.ns > mark.ns + _LATE_ACK_NS and ack.epoch in before:
                verdict.add(OLD_EPOCH, f"{ack.submission_id} in {ack.epoch}, {(ack.ns - mark.ns) // 1_000_000} ms after")
