"""The checker finds every broken promise in a history made by hand, and nothing in a sound one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from realtime.client import Event
from tests.faults.checker import check
from tests.faults.history import History, Mark, Rest, Row, View

SESSION, ACTIVITY, PERSON = "s", "act", "ann"
MAP = {f"counts:{ACTIVITY}": {"responses": 2}, "saved": 9}


class Story:
    """A sound run of one person's two answers; each test breaks one thing."""

    def __init__(self) -> None:
        self.history = History()
        self.ns = 0
        self.rest = Rest(SESSION, {ACTIVITY: "many"})
        for number, choice in ((1, "a"), (2, "b")):
            name = f"sub{number}"
            self.tell("invoke", submission_id=name, revision=number, data={"selected": [choice]})
            self.accept(name, number, number + 1)
            data = {"selected": [choice]}
            self.rest.rows.append(Row(name, PERSON, ACTIVITY, 1, f"n:{name}", number, number + 1, "E1", data))
        self.state("snapshot", 0, 3, dict(MAP) | {"saved": 3})
        self.tell("saved", submission_id="sub1")
        self.state("delta", 3, 9, {"saved": 9})
        self.rest.tallies[ACTIVITY, 1] = {"#n": 2, "#people": 1, "choice:a": 1, "choice:b": 1}
        self.rest.views["phone"] = View("participant", "E1", 9, dict(MAP))
        self.rest.fresh["participant"] = View("participant", "E1", 9, dict(MAP))

    def tell(self, kind: Any, client: str = "phone", **told: Any) -> None:
        self.ns += 1_000_000
        event = Event(kind, self.ns, SESSION, PERSON, activity_id=ACTIVITY, **told)
        self.history.note(client, "participant", event)

    def accept(self, name: str, revision: int, offset: int, *, epoch: str = "E1", duplicate: bool = False) -> None:
        self.tell(
            "frame",
            frame={
                "type": "accepted", "id": 1, "activity_id": ACTIVITY, "submission_id": name,
                "response_id": "r", "entry": f"n:{name}", "round": 1, "revision": revision, "epoch": epoch,
                "offset": offset, "receipt": "x", "durability": "fsync", "duplicate": duplicate,
            },
        )  # fmt: skip

    def state(
        self, kind: str, since: int, offset: int, values: dict[str, Any], *, epoch: str = "E1", client: str = "phone"
    ) -> None:
        frame = {"type": kind, "epoch": epoch, "since": since, "offset": offset, "set": values, "removed": [], "reason": None}
        self.tell("frame", client, frame=frame)

    def change_row(self, index: int, **changes: Any) -> None:
        self.rest.rows[index] = dataclasses.replace(self.rest.rows[index], **changes)


def test_a_sound_history_breaks_nothing() -> None:
    story = Story()
    assert not check(story.history, [story.rest]), str(check(story.history, [story.rest]))


def lose(story: Story) -> None:
    del story.rest.rows[1]


def lose_revision(story: Story) -> None:
    story.change_row(1, revision=1, submission_id="sub0")


def double(story: Story) -> None:
    story.rest.rows.append(dataclasses.replace(story.rest.rows[0], entry="other"))


def make_up(story: Story) -> None:
    story.rest.rows.append(dataclasses.replace(story.rest.rows[0], submission_id="nobody", entry="x"))


def change_value(story: Story) -> None:
    story.change_row(0, data={"selected": ["c"]})


def miscount(story: Story) -> None:
    story.rest.tallies[ACTIVITY, 1]["choice:a"] = 2


def miscount_people(story: Story) -> None:
    story.rest.tallies[ACTIVITY, 1]["#people"] = 2


def miscount_in_run(story: Story) -> None:
    story.state("delta", 9, 10, {f"counts:{ACTIVITY}": {"responses": 3}})
    story.rest.views["phone"].map = story.rest.fresh["participant"].map = dict(MAP)


def diverge(story: Story) -> None:
    story.rest.views["phone"].map["view:act"] = "old"


def leave_a_gap(story: Story) -> None:
    story.state("delta", 12, 13, {})


def differ_at_one_position(story: Story) -> None:
    story.state("snapshot", 0, 9, dict(MAP) | {"people": 7}, client="other")


def leak_another_session(story: Story) -> None:
    story.state("delta", 9, 10, {"activity:foreign": {}})


def leak_to_participants(story: Story) -> None:
    story.tell("frame", frame={"type": "health", "live": True, "saving": True, "waiting": 3, "lag_ms": 0})


def say_what_nobody_knows(story: Story) -> None:
    story.tell("frame", frame={"type": "gossip"})


def move_watermark_back(story: Story) -> None:
    story.state("delta", 9, 10, {"saved": 2})


def say_saved_too_early(story: Story) -> None:
    story.history.mark("witness", "sub2", holds=False)


def give_an_offset_twice(story: Story) -> None:
    story.tell("invoke", submission_id="sub3", data={"selected": ["a"]})
    story.accept("sub3", 3, 3)


def accept_twice(story: Story) -> None:
    story.accept("sub1", 1, 8)


def store_what_was_refused(story: Story) -> None:
    story.tell("invoke", submission_id="sub3", data={"selected": ["a"]})
    story.tell("fail", submission_id="sub3", code="activity_closed")
    story.rest.rows.append(dataclasses.replace(story.rest.rows[0], submission_id="sub3", entry="n:sub3"))


def refuse_what_was_accepted(story: Story) -> None:
    story.tell("fail", submission_id="sub1", code="activity_closed")


def count_after_closing(story: Story) -> None:
    story.rest.fences[ACTIVITY] = 2


def repeat_an_epoch(story: Story) -> None:
    story.state("snapshot", 0, 9, dict(MAP), epoch="E0")
    story.state("snapshot", 0, 9, dict(MAP))


def accept_in_a_dead_epoch(story: Story) -> None:
    story.history.marks.append(Mark("incarnation", story.ns + 1))
    story.ns += 2_000_000_000
    story.accept("sub1", 1, 2, duplicate=True)


@pytest.mark.parametrize(
    ("harm", "promise"),
    [
        (lose, "P1 accepted answer lost"), (lose_revision, "P1 accepted answer lost"), (double, "P1 stored twice"),
        (make_up, "P2"), (change_value, "P2"), (miscount, "P3 tally"), (miscount_people, "P3 tally"), (miscount_in_run, "P3 count"),
        (diverge, "P4"), (leave_a_gap, "P5"), (differ_at_one_position, "P6"), (move_watermark_back, "P7 watermark"),
        (say_saved_too_early, "P7 told saved"), (give_an_offset_twice, "P8 two"), (accept_twice, "P8 accepted twice"),
        (store_what_was_refused, "P9"), (refuse_what_was_accepted, "P1"), (count_after_closing, "P10"),
        (repeat_an_epoch, "P11 epoch"), (accept_in_a_dead_epoch, "P11 accepted"), (leak_another_session, "P12"),
        (leak_to_participants, "P12"), (say_what_nobody_knows, "P12"),
    ],
)  # fmt: skip
def test_broken_promise_is_named(harm: Callable[[Story], None], promise: str) -> None:
    story = Story()
    harm(story)
    verdict = check(story.history, [story.rest])
    assert any(sentence.startswith(promise) for sentence in verdict.sentences), f"{promise} is not in: {verdict}"


def test_later_revision_in_the_same_place_is_not_a_loss() -> None:
    story = Story()
    story.history.lines.clear()
    story.rest.tallies[ACTIVITY, 1] = {"#n": 1, "#people": 1, "choice:b": 1}
    for number, choice in ((1, "a"), (2, "b")):
        story.tell("invoke", submission_id=f"sub{number}", revision=number, data={"selected": [choice]})
        story.accept(f"sub{number}", number, number + 1)
        frame = story.history.lines[-1].event.frame
        assert frame is not None
        frame["entry"] = ""
    story.rest.rows = [dataclasses.replace(story.rest.rows[1], entry="")]
    assert not check(story.history, [story.rest]), str(check(story.history, [story.rest]))
