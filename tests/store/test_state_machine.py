"""Random commands against a model: after each of them the live store is what the model says, at every position."""

import asyncio
import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from realtime.activities.contract import Audience, read_answer, read_settings
from realtime.activities.registry import installed
from realtime.core.sync import Mirror
from realtime.core.tally import add
from realtime.identifiers import new_uuid
from realtime.store.intake import Verdict
from realtime.store.live import Joining
from realtime.store.outbox import Batch
from realtime.store.replicas import Replica
from tests.store.stage import Hall, code_of, make_row, open_hall

CROWD = 4
# A poll, a planning poker whose view tells how many joined, a brainstorm with items and several entries each.
CONFIGS = {
    name: {"settings": dict(installed().resolve(name).example["settings"])} for name in ("poll", "planning_poker", "brainstorm")
}


def example_item(name: str) -> dict[str, Any]:
    """The item of the first example answer that has one."""
    kind = installed().resolve(name)
    chosen = read_settings(kind, kind.example["settings"])
    answers = (read_answer(kind, chosen, data) for data in kind.example["answers"])
    return next(item for item in (kind.item(chosen, answer) for answer in answers if answer is not None) if item)


IDEA = example_item("brainstorm")
people = st.integers(0, CROWD - 1)
activities = st.sampled_from(sorted(CONFIGS))
entries = st.sampled_from(["", "", "q:1", "q:2", "v:1"])


class Stands:
    """What the model knows of one response."""

    def __init__(self) -> None:
        self.revision = 0
        self.submission_id = ""
        self.counters: dict[str, int] | None = None
        self.response_id = ""
        self.item = False


class Machine(RuleBasedStateMachine):
    url = ""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.opened = open_hall(self.url)
        self.hall: Hall = self.run(self.opened.__aenter__())
        self.ids = [new_uuid() for _ in range(CROWD)]
        self.here: set[str] = set()
        self.removed: set[str] = set()
        self.online: set[str] = set()
        self.rows = {name: make_row(self.hall.session_id, name, config) for name, config in CONFIGS.items()}
        self.stands: dict[tuple[str, int, str, str], Stands] = {}
        self.seen: dict[str, tuple[str, str, int]] = {}  # submission -> participant, activity, offset
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.waiting: list[int] = []  # offsets accepted and not confirmed, in order
        self.waiting_joins = 0
        self.accepted: list[int] = []
        self.flushed = 0
        self.epoch = self.hall.epoch
        self.batch: Batch | None = None
        # Clients of two processes: positions and maps of each audience, followed at different times.
        self.copies = [Replica(self.hall.session_id, installed()) for _ in range(2)]
        self.positions: dict[Audience, list[tuple[int, dict[str, Any]]]] = {audience: [] for audience in Audience}
        for row in self.rows.values():
            self.run(self.hall.publish(row))
        self.offset = self.run(self.hall.offset())

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.run(self.opened.__aexit__(None, None, None))
            self.loop.close()

    # ------------------------------------------------------------------------------------------------ people

    @rule(who=people)
    def join(self, who: int) -> None:
        one = self.ids[who]
        (name,) = self.run(self.hall.live.join(self.hall.session_id, [Joining(one, "Ada", False)]))
        if one in self.removed:
            assert name.code == "removed"
        else:
            assert name.startswith("Ada")
            self.waiting_joins += one not in self.here
            self.here.add(one)

    @rule(who=people)
    def remove(self, who: int) -> None:
        one = self.ids[who]
        self.run(self.hall.live.remove(self.hall.session_id, one))
        self.removed.add(one)
        self.here.discard(one)
        self.online.discard(one)

    @rule(present=st.sets(people), left=st.sets(people))
    def presence(self, present: set[int], left: set[int]) -> None:
        here = [self.ids[one] for one in present - left]
        gone = [self.ids[one] for one in left]
        self.online = (self.online | (self.here & set(here))) - set(gone)
        assert self.run(self.hall.live.presence(self.hall.session_id, here, gone)) == len(self.online)

    # ---------------------------------------------------------------------------------------------- commands

    def move(self, name: str, **changes: Any) -> None:
        row = self.rows[name]
        values = {field: getattr(row, field) for field in type(row).__dataclass_fields__}
        self.rows[name] = type(row)(**(values | {"version": row.version + 1} | changes))
        written, offset, closed = self.run(self.hall.publish(self.rows[name]))
        assert written
        assert (closed > 0) == (self.rows[name].state == "closed")
        assert closed <= offset

    @rule(name=activities, state=st.sampled_from(["active", "active", "active", "paused", "closed", "draft"]))
    def change_state(self, name: str, state: str) -> None:
        self.move(name, state=state)

    @rule(name=activities)
    def reveal_or_hide(self, name: str) -> None:
        self.move(name, revealed=not self.rows[name].revealed)

    @rule(name=activities)
    def begin_round(self, name: str) -> None:
        self.move(name, state="active", round=self.rows[name].round + 1, revealed=False)

    @rule(name=activities)
    def publish_an_older_version(self, name: str) -> None:
        written, _, _ = self.run(self.hall.publish(self.rows[name]))
        assert not written

    # ----------------------------------------------------------------------------------------------- answers

    def judge(self, one: str, name: str, values: dict[str, Any], verdict: Verdict) -> None:
        """Compare a verdict with what the model says, and let the model follow."""
        row, code = self.rows[name], code_of(verdict)
        submission_id, withdrawn = values["submission_id"], values["counters"] is None
        if submission_id in self.seen:
            participant, activity, offset = self.seen[submission_id]
            same = (participant, activity) == (one, name)
            assert (code, verdict.offset) == ((None, offset) if same else ("submission_id_conflict", 0))
            assert verdict.duplicate == same
            return
        key = (name, row.round, one, values["entry"])
        stands = self.stands.get(key) or Stands()
        revision = values["revision"] or stands.revision + 1
        if one not in self.here:
            wanted: str | None = "removed" if one in self.removed else "stranger"
        elif row.state != "active":
            wanted = {"draft": "activity_not_open", "paused": "activity_paused"}.get(row.state, "activity_closed")
        elif stands.revision and (revision, submission_id) <= (stands.revision, stands.submission_id):
            wanted = "superseded"
        elif withdrawn and stands.counters is None:
            wanted = "unknown_response"
        elif self.over_limit(key, values, stands):
            wanted = "too_many_answers"
        else:
            wanted = None
        assert code == wanted
        if wanted is None:
            assert verdict.offset > (self.accepted[-1] if self.accepted else 0)
            assert verdict.response_id == stands.response_id or not stands.response_id
            stands.revision, stands.submission_id, stands.response_id = revision, submission_id, verdict.response_id
            stands.counters = None if withdrawn else values["counters"]
            stands.item = not withdrawn and values["item"] is not None
            self.stands[key] = stands
            self.seen[submission_id] = (one, name, verdict.offset)
            self.accepted.append(verdict.offset)
            self.waiting.append(verdict.offset)

    def over_limit(self, key: tuple[str, int, str, str], values: dict[str, Any], stands: Stands) -> bool:
        name, round, one, entry = key
        if values["counters"] is None or stands.counters is not None or not entry or not values["entry_limit"]:
            return False
        kind = entry.partition(":")[0]
        same = [
            other for other, found in self.stands.items()
            if other[:3] == (name, round, one) and other[3].partition(":")[0] == kind and found.counters is not None
        ]  # fmt: skip
        return len(same) >= values["entry_limit"]

    @rule(
        data=st.lists(
            st.tuples(
                people, entries, st.sampled_from(["change", "change", "withdraw", "again"]), st.integers(0, 3),
                st.dictionaries(st.sampled_from(["#n", "choice:a", "choice:b", "sum"]), st.integers(-3, 3), max_size=3),
                st.integers(0, 2), st.booleans(), st.integers(0, 10**6),
            ),
            min_size=1, max_size=6,
        ),
        name=activities,
    )  # fmt: skip
    def answer(self, data: list[tuple[Any, ...]], name: str) -> None:
        """Several people at once, which makes one batch."""
        turn: list[tuple[str, str, dict[str, Any], asyncio.Future[Verdict]]] = []

        async def send() -> None:
            for who, entry, what, revision, counters, limit, has_item, draw in data:
                one = self.ids[who]
                if what == "again" and self.sent:
                    one, other, values = self.sent[draw % len(self.sent)]
                    if other != name:
                        continue  # one call is for one activity; another turn sends it
                else:
                    withdrawn = what == "withdraw"
                    item = IDEA | {"text": f"idea {draw}"} if has_item and entry and name == "brainstorm" else None
                    values = {
                        "entry": entry, "revision": revision, "counters": None if withdrawn else counters,
                        "payload": {"data": counters}, "entry_limit": limit,
                        "item": None if withdrawn else item, "submission_id": new_uuid(),
                    }  # fmt: skip
                    self.sent.append((one, name, values))
                row = self.rows[name]
                future = self.hall.send(
                    one, activity_id=row.id, round=row.round, settings_version=json_version(row), **dict(values)
                )
                turn.append((one, name, values, future))
            await asyncio.gather(*(future for *_, future in turn))

        self.run(send())
        for one, activity, values, future in turn:
            self.judge(one, activity, values, future.result())

    # ------------------------------------------------------------------------------------------------- outbox

    @rule(rows=st.integers(1, 8))
    def read_outbox(self, rows: int) -> None:
        self.batch = self.run(self.hall.outbox.read(self.hall.names.shard, rows))
        offsets = [one.offset for one in self.batch.responses]
        assert offsets == self.waiting[: len(offsets)]
        assert {one.epoch for one in self.batch.responses} <= {self.epoch}

    @precondition(lambda self: self.batch is not None)
    @rule(times=st.integers(1, 2))
    def confirm(self, times: int) -> None:
        """Once, or twice because the reply was lost; perhaps a batch that another flusher has confirmed."""
        assert self.batch is not None
        for _ in range(times):
            self.run(self.hall.outbox.confirm(self.batch))
        offsets = [one.offset for one in self.batch.responses]
        fresh = [offset for offset in offsets if offset in self.waiting]
        self.waiting = [offset for offset in self.waiting if offset not in offsets]
        self.flushed = max([self.flushed, *fresh])
        if self.batch.joins and self.batch.ids[0] not in getattr(self, "gone", set()):
            self.gone = getattr(self, "gone", set()) | set(self.batch.ids)

    # --------------------------------------------------------------------------------------------- invariants

    @invariant()
    def the_tally_is_a_recount(self) -> None:
        if not hasattr(self, "hall"):
            return
        for (name, row), round in itertools.product(self.rows.items(), (1, 2)):
            counted: dict[str, int] = {}
            persons = set()
            for (activity, number, one, _), stands in self.stands.items():
                if (activity, number) == (name, round) and stands.counters is not None:
                    add(counted, stands.counters)
                    persons.add(one)
            if persons:
                counted["#people"] = len(persons)
            assert self.run(self.hall.live.tally(self.hall.session_id, row.id, round)) == counted

    @invariant()
    def offsets_only_grow(self) -> None:
        if not hasattr(self, "hall"):
            return
        offset = self.run(self.hall.offset())
        assert offset >= max([self.offset, *self.accepted])
        assert self.accepted == sorted(set(self.accepted))
        self.offset = offset

    @invariant()
    def the_watermark_is_contiguous(self) -> None:
        if not hasattr(self, "hall"):
            return
        saved = self.run(self.hall.saved())
        assert not [offset for offset in self.waiting if offset <= saved]
        if not self.waiting and self.accepted:
            assert saved >= self.accepted[-1]

    @invariant()
    def the_outbox_holds_what_is_not_confirmed(self) -> None:
        if not hasattr(self, "hall"):
            return
        batch = self.run(self.hall.outbox.read(self.hall.names.shard, 10**6))
        assert [one.offset for one in batch.responses] == self.waiting
        assert int(self.run(self.hall.redis.hget(self.hall.shard.epoch, "pending"))) == batch.rows

    @invariant()
    def own_responses_are_what_stands(self) -> None:
        if not hasattr(self, "hall"):
            return
        rounds = [(row.id, number) for row in self.rows.values() for number in range(1, row.round + 1)]
        names = {row.id: name for name, row in self.rows.items()}
        for one in self.ids:
            own = self.run(self.hall.live.own(self.hall.session_id, one, rounds))
            assert {
                (names[each.activity_id], each.round, one, each.entry): (each.revision, each.submission_id, each.withdrawn)
                for each in own
            } == {
                key: (stands.revision, stands.submission_id, stands.counters is None)
                for key, stands in self.stands.items() if key[2] == one
            }  # fmt: skip

    @rule(which=st.integers(0, 1))
    def follow(self, which: int) -> None:
        """One process reads what changed; its clients of both audiences stand at the new position."""
        self.catch_up(which)

    def catch_up(self, which: int) -> None:
        copy = self.copies[which]
        since = copy.offset if copy.epoch == self.epoch else 0
        copy.absorb(self.run(self.hall.live.changes(self.hall.session_id, since)))
        for audience in Audience:
            mirror = Mirror()
            assert mirror.apply(json.loads(copy.state(audience, None)))
            self.positions[audience].append((mirror.offset, mirror.map))

    @rule()
    def every_position_leads_to_the_present(self) -> None:
        """Whoever was at any position, with whichever process, gets to the same state at either of them."""
        fresh = Replica(self.hall.session_id, installed())
        fresh.absorb(self.run(self.hall.live.changes(self.hall.session_id, 0)))
        for which in (0, 1):
            self.catch_up(which)
        for audience in Audience:
            now = json.loads(fresh.state(audience, None))
            for copy in (fresh, *self.copies):
                for offset, known in self.positions[audience]:
                    mirror = Mirror(self.epoch, offset, dict(known))
                    assert mirror.apply(json.loads(copy.state(audience, offset)))
                    assert (mirror.offset, mirror.map) == (now["offset"], now["set"])


def json_version(row: Any) -> int:
    from persistence.documents import settings_version

    return settings_version(row)


@pytest.mark.timeout(120)
def test_the_live_store_is_what_the_model_says(redis_url: str) -> None:
    Machine.url = redis_url
    chosen = settings(
        max_examples=40, stateful_step_count=30, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )  # fmt: skip
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Machine, settings=chosen)
