"""The outbox's promise: an answer leaves it by a watermark of its own epoch or by a refusal, and by nothing else."""

import json

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from realtime.client import Entry, Outbox, OutboxFull

EPOCHS = ["red", "green", "blue"]
IDS = [f"s{number}" for number in range(8)]

ids = st.sampled_from(IDS)
epochs = st.sampled_from(EPOCHS)
offsets = st.integers(1, 9)


def make_entry(submission_id: str, revision: int | None = 1) -> Entry:
    return Entry(submission_id, "activity", {"selected": ["a"]}, 1, revision)


def accept(outbox: Outbox, submission_id: str, epoch: str = "red", offset: int = 5) -> Entry | None:
    receipt = f"{submission_id}@{epoch}.{offset}"
    return outbox.accept(submission_id, epoch=epoch, offset=offset, receipt=receipt, in_round=1, revision=1)


class Departures(RuleBasedStateMachine):
    """Any order of what the server may say, repeated and late, against what may have left."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()
        self.order: list[str] = []
        self.refused: set[str] = set()
        self.saved: set[str] = set()
        self.accepted_at: dict[str, tuple[str, int]] = {}
        self.receipts: set[str] = set()

    @rule(submission_id=ids)
    def press(self, submission_id: str) -> None:
        if submission_id not in self.order:  # a submission id is made once per press
            self.order.append(submission_id)
            self.outbox.press(make_entry(submission_id))

    @rule(submission_id=ids, epoch=epochs, offset=offsets)
    def accept(self, submission_id: str, epoch: str, offset: int) -> None:
        if accept(self.outbox, submission_id, epoch, offset) is not None:
            self.accepted_at[submission_id] = (epoch, offset)
            self.receipts.add(submission_id)

    @rule(submission_id=ids)
    def refuse(self, submission_id: str) -> None:
        if self.outbox.refuse(submission_id) is not None:
            self.refused.add(submission_id)

    @rule(epoch=epochs, saved=offsets)
    def settle(self, epoch: str, saved: int) -> None:
        for entry in self.outbox.settle(epoch, saved):
            counted_epoch, offset = self.accepted_at[entry.submission_id]
            assert counted_epoch == epoch
            assert offset <= saved
            self.saved.add(entry.submission_id)

    @rule(epoch=epochs)
    def enter(self, epoch: str) -> None:
        self.outbox.enter(epoch)
        assert all(entry.epoch == epoch for entry in self.outbox if entry.state == "counted")

    @rule()
    def die_and_come_back(self) -> None:
        self.outbox = Outbox.load(self.outbox.dump())

    @invariant()
    def only_saved_and_refused_ones_are_gone(self) -> None:
        gone = self.refused | self.saved
        assert [entry.submission_id for entry in self.outbox] == [each for each in self.order if each not in gone]

    @invariant()
    def receipts_are_kept(self) -> None:
        assert all(entry.receipt for entry in self.outbox if entry.submission_id in self.receipts)


TestDepartures = Departures.TestCase


def test_a_watermark_of_another_epoch_forgets_nothing() -> None:
    outbox = Outbox([make_entry("s1")])
    accept(outbox, "s1", "red", 5)
    assert outbox.settle("green", 100) == []
    assert outbox.settle("red", 4) == []
    assert [entry.submission_id for entry in outbox.settle("red", 5)] == ["s1"]
    assert len(outbox) == 0


def test_a_new_epoch_makes_counted_answers_wait_and_keeps_their_receipts() -> None:
    outbox = Outbox([make_entry("s1")])
    accept(outbox, "s1", "red", 5)
    (fallen,) = outbox.enter("green")
    assert (fallen.state, fallen.receipt) == ("waiting", "s1@red.5")
    assert outbox.settle("red", 100) == []
    assert fallen.command()["receipt"] == "s1@red.5"
    assert outbox.enter("green") == []


def test_an_outbox_is_bounded() -> None:
    outbox = Outbox([make_entry("s1")], limit=2)
    outbox.press(make_entry("s2"))
    with pytest.raises(OutboxFull):
        outbox.press(make_entry("s3"))
    assert [entry.submission_id for entry in outbox] == ["s1", "s2"]


def test_whoever_keeps_the_outbox_hears_of_a_press_before_anything_else() -> None:
    kept: list[str] = []
    outbox = Outbox(on_change=lambda changed: kept.append(changed.dump()))
    outbox.press(make_entry("s1"))
    accept(outbox, "s1")
    outbox.settle("red", 5)
    assert [len(json.loads(text)) for text in kept] == [1, 1, 0]


def test_an_acceptance_after_the_departure_brings_nothing_back() -> None:
    outbox = Outbox([make_entry("s1")])
    outbox.refuse("s1")
    assert accept(outbox, "s1") is None
    assert len(outbox) == 0


def test_a_withdrawal_carries_no_answer() -> None:
    entry = Entry("s1", "activity", None, 2, 3, "v:x", withdraw=True)
    assert entry.command() == {
        "type": "withdraw", "activity_id": "activity", "submission_id": "s1", "entry": "v:x", "round": 2, "revision": 3,
        "receipt": None,
    }  # fmt: skip


def test_the_next_revision_looks_at_the_same_activity_and_round_only() -> None:
    outbox = Outbox([make_entry("s1", 3), Entry("s2", "other", {}, 1, 8), Entry("s3", "activity", {}, 2, 9)])
    assert outbox.highest_revision("activity", 1) == 3
    assert outbox.highest_revision("activity", 5) == 0


@pytest.mark.parametrize("text", ["", "5", "[5]", '["s1"]', '[{"colour": "blue"}]', "[{}]"])
def test_other_text_is_no_outbox(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Outbox.load(text)
