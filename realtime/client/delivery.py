"""How answers get from the outbox to the server: sent until decided, and on every connection until saved."""

from collections.abc import Callable
from typing import Any, Protocol

from realtime.client.errors import ConnectionEnded, Refused
from realtime.client.events import Kind
from realtime.client.link import encode_command
from realtime.client.outbox import Entry, Outbox
from realtime.client.patience import Budget
from realtime.client.submitted import Own, Submitted, highest_own_revision, merge_own, own_response

_ID_BYTES = 20  # the longest number of a command, which is not known when its size is checked


class Carrier(Protocol):
    """The session, as a delivery needs it."""

    def ask(self, command: dict[str, Any], waiting: str) -> None: ...
    def pump_later(self, seconds: float) -> None: ...
    def tell(self, kind: Kind, entry: Entry, *, code: str = "", duplicate: bool = False) -> None: ...


class Delivery:
    """The answers of one person: what waits, is on its way, was decided. `clock` gives monotonic seconds."""

    def __init__(self, outbox: Outbox, carrier: Carrier, clock: Callable[[], float]) -> None:
        self.outbox = outbox
        self.mine: Own = {}
        self._carrier = carrier
        self._clock = clock
        self._submitted: dict[str, Submitted] = {}
        # Of the present connection:
        self._up = False
        self._frame_bytes = 0
        self._budget = Budget(clock())
        self._unanswered: set[str] = set()
        self._confirmed: set[str] = set()
        self._postponed: dict[str, float] = {}

    def press(self, kept: Entry) -> Submitted:
        """Keep an answer, then send it if there is a connection; raises OutboxFull, or TypeError and ValueError for no JSON."""
        encode_command(kept.command(), 0)  # what cannot be sent must not be kept: it would end every next connection
        if kept.revision is None:
            # Over all entries of the activity: which one an answer is for may be for the server to say.
            pressed = self.outbox.highest_revision(kept.activity_id, kept.round)
            kept.revision = 1 + max(pressed, highest_own_revision(self.mine, kept.activity_id, kept.round))
        self.outbox.press(kept)
        submitted = self._submitted[kept.submission_id] = Submitted(kept)
        self._carrier.tell("invoke", kept)
        self.pump()
        return submitted

    def begin(self, frame_bytes: int) -> None:
        """A connection is there: everything is sent again, in the order of the presses."""
        self._up = True
        self._frame_bytes = frame_bytes
        self._budget = Budget(self._clock())
        self._unanswered.clear()
        self._confirmed.clear()
        self.pump()

    def pause(self) -> None:
        """The connection is lost."""
        self._up = False
        for submission_id in self._unanswered:
            if (entry := self.outbox.find(submission_id)) is not None:
                self._carrier.tell("info", entry, code="disconnected")
        self._unanswered.clear()

    def pump(self) -> None:
        """Send what this connection has not sent, as fast as the server takes it."""
        if not self._up:
            return
        now = self._clock()
        waits: list[float] = []
        for entry in self.outbox:
            submission_id = entry.submission_id
            if submission_id in self._unanswered or submission_id in self._confirmed:
                continue
            due = self._postponed.get(submission_id, 0.0)
            if due > now:
                waits.append(due - now)
                continue
            command = entry.command()
            size = len(encode_command(command, 0)) + _ID_BYTES
            if size > self._frame_bytes:
                # The server would end the connection, and the answer would end every next one.
                self.refuse(submission_id, Refused("too_large", "The answer is larger than the server accepts."))
                continue
            wait = self._budget.wait_seconds(size, now)
            if wait > 0:
                waits.append(wait)
                break
            self._budget.spend(size, now)
            self._postponed.pop(submission_id, None)
            self._unanswered.add(submission_id)
            self._carrier.ask(command, submission_id)
        if waits:
            self._carrier.pump_later(min(waits))

    def accept(self, frame: dict[str, Any]) -> None:
        """The server counted an answer, now or before."""
        submission_id = frame["submission_id"]
        self._unanswered.discard(submission_id)
        entry = self.outbox.accept(
            submission_id,
            epoch=frame["epoch"],
            offset=frame["offset"],
            receipt=frame["receipt"],
            in_round=frame["round"],
            revision=frame["revision"],
        )
        if entry is None:
            return
        self._confirmed.add(submission_id)
        self._carrier.tell("ok", entry, duplicate=frame["duplicate"])
        merge_own(self.mine, entry.activity_id, [own_response(frame, entry)])
        if (submitted := self._submitted.get(submission_id)) is not None:
            submitted.accept(frame)

    def refuse(self, submission_id: str, refusal: Refused) -> None:
        """The server refused an answer for good."""
        entry = self.outbox.refuse(submission_id)
        if entry is None:
            return
        self._forget(submission_id)
        self._carrier.tell("fail", entry, code=refusal.code)
        if (submitted := self._submitted.pop(submission_id, None)) is not None:
            submitted.refuse(refusal)

    def postpone(self, submission_id: str, seconds: float, code: str) -> None:
        """The server asked to send an answer again later."""
        entry = self.outbox.find(submission_id)
        self._unanswered.discard(submission_id)
        if entry is None:
            return
        self._postponed[submission_id] = self._clock() + seconds
        self._carrier.tell("info", entry, code=code)
        self.pump()

    def settle(self, epoch: str, saved: Any) -> None:
        """A state of this epoch was heard, with this watermark if any."""
        if not isinstance(saved, int) or not len(self.outbox):
            return
        for entry in self.outbox.settle(epoch, saved):
            self._forget(entry.submission_id)
            self._carrier.tell("saved", entry)
            if (submitted := self._submitted.pop(entry.submission_id, None)) is not None:
                submitted.save()

    def enter(self, epoch: str) -> None:
        """The live state is in this epoch; answers that another one counted are sent again."""
        fallen = self.outbox.enter(epoch)
        if fallen:
            self._confirmed.difference_update(entry.submission_id for entry in fallen)
            self.pump()

    def finish(self, reason: ConnectionEnded) -> None:
        """Nothing will be sent any more; entries stay in the outbox."""
        self._up = False
        submitted, self._submitted = self._submitted, {}
        for one in submitted.values():
            one.end(reason)

    def _forget(self, submission_id: str) -> None:
        self._unanswered.discard(submission_id)
        self._confirmed.discard(submission_id)
        self._postponed.pop(submission_id, None)
