"""Answers that are not yet known to be in the database. Pure: no clock, no network.

    press     an answer is kept before it is first sent
    accept    it was counted at an offset of an epoch; its receipt admits it later, even after closing
    settle    a `saved` value of that same epoch has reached the offset: the answer is forgotten
    refuse    final: the answer is forgotten
    enter     the live state began anew: what an earlier epoch counted waits to be sent again

On every connect all entries are sent again, in the order of the presses. `static/app/outbox.js` has the
same rules.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from realtime.client.errors import OutboxFull

OUTBOX_LIMIT: Final = 200


@dataclass(slots=True)
class Entry:
    """One press of "send". `entry` None: the type decides; `epoch` and `offset` are of the acceptance."""

    submission_id: str
    activity_id: str
    data: Any
    round: int | None
    revision: int | None
    entry: str | None = None
    withdraw: bool = False
    metadata: dict[str, str] | None = None
    receipt: str | None = None
    epoch: str | None = None
    offset: int | None = None
    state: Literal["waiting", "counted"] = "waiting"

    def command(self) -> dict[str, Any]:
        """The command that carries this entry, without its `id`."""
        kept = {"activity_id": self.activity_id, "submission_id": self.submission_id}
        known = {"round": self.round, "revision": self.revision}
        if self.withdraw:
            return {"type": "withdraw", **kept, "entry": self.entry or "", **known, "receipt": self.receipt}
        # In the order, and without what is not said, by which the server knows an ordinary press at a glance.
        said = {**known, "entry": self.entry, "receipt": self.receipt, "metadata": self.metadata}
        return {"type": "submit", **kept, **{name: value for name, value in said.items() if value is not None}, "data": self.data}


class Outbox:
    """The entries of one participant, in the order of the presses.

    `on_change` is called after every change, for those who keep `dump()` where it survives the process;
    it is called before the first send of a press.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        *,
        limit: int = OUTBOX_LIMIT,
        on_change: Callable[["Outbox"], None] | None = None,
    ) -> None:
        self._entries = {entry.submission_id: entry for entry in entries}
        self._limit = limit
        self._on_change = on_change

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, submission_id: str) -> Entry | None:
        """The entry of a press that is not settled yet."""
        return self._entries.get(submission_id)

    def press(self, entry: Entry) -> None:
        """Keep an answer; raises OutboxFull."""
        if len(self._entries) >= self._limit:
            raise OutboxFull(f"{self._limit} answers wait to be saved")
        self._entries[entry.submission_id] = entry
        self._changed()

    def accept(self, submission_id: str, *, epoch: str, offset: int, receipt: str, in_round: int, revision: int) -> Entry | None:
        """Remember where an answer was counted; None when it is not here any more."""
        entry = self._entries.get(submission_id)
        if entry is None:
            return None
        # The receipt is signed over the round, so a resend must name the one that was counted.
        entry.epoch, entry.offset, entry.receipt, entry.round = epoch, offset, receipt, in_round
        entry.revision = entry.revision or revision
        entry.state = "counted"
        self._changed()
        return entry

    def refuse(self, submission_id: str) -> Entry | None:
        """Forget an answer that was refused for good; None when it is not here any more."""
        entry = self._entries.pop(submission_id, None)
        if entry is not None:
            self._changed()
        return entry

    def settle(self, epoch: str, saved: int) -> list[Entry]:
        """Forget, and return, what a watermark of this epoch covers."""
        covered = [
            entry
            for entry in self._entries.values()
            if entry.state == "counted" and entry.epoch == epoch and entry.offset is not None and entry.offset <= saved
        ]
        for entry in covered:
            del self._entries[entry.submission_id]
        if covered:
            self._changed()
        return covered

    def enter(self, epoch: str) -> list[Entry]:
        """The live state is in this epoch: what another one counted waits again, and is returned."""
        fallen = [each for each in self._entries.values() if each.state == "counted" and each.epoch != epoch]
        for entry in fallen:
            entry.state = "waiting"
        if fallen:
            self._changed()
        return fallen

    def highest_revision(self, activity_id: str, in_round: int | None) -> int:
        """The highest revision pressed here in a round of an activity, whatever entry it was for."""
        revisions = [
            entry.revision or 0
            for entry in self._entries.values()
            if entry.activity_id == activity_id and entry.round in (in_round, None)
        ]
        return max(revisions, default=0)

    def dump(self) -> str:
        """The entries as JSON text."""
        return json.dumps([asdict(entry) for entry in self._entries.values()], ensure_ascii=False)

    @classmethod
    def load(cls, text: str, *, limit: int = OUTBOX_LIMIT, on_change: Callable[["Outbox"], None] | None = None) -> "Outbox":
        """An outbox from what `dump` wrote; raises ValueError for anything else."""
        try:
            return cls((Entry(**document) for document in json.loads(text)), limit=limit, on_change=on_change)
        except TypeError as error:
            raise ValueError(f"not the entries of an outbox: {error}") from error

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self)
