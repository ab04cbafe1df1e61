"""One person's connection to one session, as an integrator uses it.

    async with connect(url, ticket) as session:
        answer = await session.submit(activity_id, {"selected": ["a"]})
        await answer.saved()

It reconnects by itself and resumes from its position; every unsaved answer is sent again until a watermark
covers it. The state is a map that is brought up to date in place: whoever looks sees the newest.
"""

import asyncio
import contextlib
import random as randomness
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from realtime.client.delivery import Delivery
from realtime.client.errors import ConnectionEnded, OutcomeUnknown, Refused
from realtime.client.events import Event, Kind
from realtime.client.lifeline import HELLO, PING, Lifeline, Waiting
from realtime.client.outbox import Entry, Outbox
from realtime.client.patience import Patience
from realtime.client.submitted import Own, Submitted, merge_own
from realtime.core.messages import PROTOCOL_VERSION
from realtime.core.sync import Mirror
from realtime.identifiers import new_uuid

_REQUESTS_LIMIT: Final = 100  # commands that may wait for a reply
_SYNC: Final = "sync"
_CLOSED_HERE: Final = 1_000

Hear = Callable[[dict[str, Any], Waiting | None], None]


class Session:
    """A session as one ticket sees it; `connect` makes one and waits for its first state.

    `position` is the (epoch, offset) to resume from: `state` then holds only what changed since. `random`
    gives numbers from 0 up to 1, `clock` monotonic seconds. `on_event` hears everything, for histories.
    """

    def __init__(
        self,
        url: str,
        ticket: str,
        *,
        position: tuple[str, int] | None = None,
        outbox: Outbox | None = None,
        patience: Patience | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = randomness.random,
        source_address: str | None = None,
        tls: ssl.SSLContext | None = None,
        client_name: str = "plenum-python",
    ) -> None:
        self.you: dict[str, Any] = {}
        self.session_id = ""
        self.durability = ""
        self._ticket = ticket
        self._patience = patience or Patience()
        self._random = random
        self._on_event = on_event
        self._client_name = client_name
        self._mirror = Mirror(*position) if position is not None else Mirror()
        self._delivery = Delivery(Outbox() if outbox is None else outbox, self, clock)
        self._lifeline = Lifeline(
            url,
            self,
            patience=self._patience,
            clock=clock,
            random=random,
            source_address=source_address,
            tls=tls,
        )
        self._changed = asyncio.Event()
        self._version = 0
        self._hears: dict[str, Hear] = {
            "welcome": self._hear_welcome,
            "delta": self._hear_state,
            "snapshot": self._hear_state,
            "beat": self._hear_beat,
            "synced": self._hear_synced,
            "mine": self._hear_mine,
            "accepted": self._hear_accepted,
            "done": self._hear_done,
            "refused": self._hear_refused,
            "retry": self._hear_retry,
        }

    # ------------------------------------------------------------------------------------ for integrators

    @property
    def state(self) -> Mapping[str, Any]:
        """The session's map, live: `activity:<id>`, `counts:<id>`, `view:<id>`, `saved` and so on."""
        return self._mirror.map

    @property
    def position(self) -> tuple[str, int]:
        """The (epoch, offset) of the state; epoch is empty before the first state."""
        return self._mirror.epoch, self._mirror.offset

    @property
    def mine(self) -> Own:
        """The participant's own responses by activity id."""
        return self._delivery.mine

    @property
    def outbox(self) -> Outbox:
        return self._delivery.outbox

    @property
    def online(self) -> bool:
        return self._lifeline.online.is_set() and self._lifeline.ended is None

    @property
    def trouble(self) -> Exception | None:
        """Why the last attempt found no server; None while one is there."""
        return self._lifeline.trouble

    def start(self) -> None:
        self._lifeline.start()

    async def ready(self) -> None:
        """Wait for the first welcome, or for the next after a loss; raises ConnectionEnded."""
        await self._lifeline.online.wait()
        if self._lifeline.ended is not None:
            raise self._lifeline.ended

    async def close(self) -> None:
        """End the connection for good. What is not saved stays in the outbox."""
        await self._lifeline.stop()

    def drop(self) -> None:
        """Give the present connection up, as if the network had failed; a new one is made."""
        self._lifeline.drop()

    def press(
        self,
        activity_id: str,
        data: Any,
        *,
        revision: int | None = None,
        entry: str | None = None,
        in_round: int | None = None,
        withdraw: bool = False,
        metadata: dict[str, str] | None = None,
    ) -> Submitted:
        """Keep an answer and send it, now or on the next connection; raises OutboxFull, ConnectionEnded.

        TypeError or ValueError says that `data` is no JSON: nothing was kept then.
        Without `revision` it is one above all that this client knows of the person's responses to the
        activity. Without `in_round` it is for the round that this client sees.
        """
        if self._lifeline.ended is not None:
            raise self._lifeline.ended
        if in_round is None:
            in_round = self._mirror.map.get(f"activity:{activity_id}", {}).get("round")
        kept = Entry(new_uuid(), activity_id, data, in_round, revision, entry, withdraw, metadata)
        return self._delivery.press(kept)

    async def submit(
        self,
        activity_id: str,
        data: Any,
        *,
        revision: int | None = None,
        entry: str | None = None,
        in_round: int | None = None,
    ) -> Submitted:
        """Press, and wait until the answer is accepted or refused, however many connections it takes.

        A caller that stops waiting leaves the answer in the outbox, from where it is still sent. Raises
        OutboxFull, ConnectionEnded.
        """
        pressed = self.press(activity_id, data, revision=revision, entry=entry, in_round=in_round)
        return await pressed.decided()

    async def withdraw(self, activity_id: str, *, entry: str = "") -> Submitted:
        """Take an own response back, and wait until that is accepted or refused."""
        return await self.press(activity_id, None, entry=entry, withdraw=True).decided()

    async def changes(self) -> AsyncIterator[Mapping[str, Any]]:
        """The state, now and after changes: whoever is slow sees the newest, and not what was between.

        Ends when this side closes; raises ConnectionEnded when the server ended the connection.
        """
        seen = -1
        while True:
            ended = self._lifeline.ended
            if self._version != seen:
                seen = self._version
                if self._mirror.epoch:
                    yield self._mirror.map
            elif ended is None:
                await self._changed.wait()
            elif ended.code == _CLOSED_HERE:
                return
            else:
                raise ended

    async def until(self, holds: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """Wait for a state; raises ConnectionEnded when none can come any more."""
        async for state in self.changes():
            if holds(state):
                return state
        raise ConnectionEnded(_CLOSED_HERE, "closed by this side")

    async def command(self, frame: Mapping[str, Any]) -> dict[str, Any]:
        """A presenter's command such as {"type": "move", "activity_id": …, "to": "active"}; its result.

        Raises Refused, ConnectionEnded, or OutcomeUnknown when no reply came.
        """
        refusal: Refused | None = None
        try:
            async with asyncio.timeout(self._patience.command_seconds):
                for _ in range(self._patience.command_tries):
                    refusal = None  # of the try before: what becomes of this one is not known until its reply is here
                    reply = await self._request(frame)
                    if reply["type"] == "done":
                        result: dict[str, Any] = reply["result"]
                        return result
                    refusal = _read_refusal(reply)
                    if refusal.after_ms is None:
                        break
                    await asyncio.sleep(refusal.after_ms / 1_000 * (1 + self._random() / 2))
        except TimeoutError as error:
            raise refusal or OutcomeUnknown("no reply in time") from error
        raise refusal or OutcomeUnknown("never sent")

    async def _request(self, frame: Mapping[str, Any]) -> dict[str, Any]:
        await self.ready()
        if self._lifeline.pending_count >= _REQUESTS_LIMIT + len(self.outbox):
            raise Refused("limited", "Too many commands wait for a reply.", after_ms=200)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._lifeline.ask(frame, future)
        return await future

    # ------------------------------------------------------------------------------- the lifeline's calls

    def greeting(self) -> dict[str, Any]:
        epoch, offset = self.position
        return {
            "type": "hello",
            "ticket": self._ticket,
            "protocol": PROTOCOL_VERSION,
            "position": {"epoch": epoch, "offset": offset} if epoch else None,
            "client": {"name": self._client_name, "version": "1"},
        }

    def lost(self, close_code: int, waiting: list[Waiting]) -> None:
        _fail(waiting, OutcomeUnknown("the connection was lost before the reply"))
        self._delivery.pause()
        self._tell("offline", code=str(close_code))

    def finished(self, reason: ConnectionEnded, waiting: list[Waiting]) -> None:
        _fail(waiting, reason)
        self._delivery.finish(reason)
        self._rouse()

    def heard(self, frame: dict[str, Any], waiting: Waiting | None) -> None:
        """What the frame says; one that this version does not know is ignored."""
        if self._on_event is not None:
            self._tell("frame", frame=frame)
        hear = self._hears.get(frame.get("type", ""))
        if hear is not None:
            hear(frame, waiting)

    # ------------------------------------------------------------------------------- what the server says

    def _hear_welcome(self, frame: dict[str, Any], waiting: Waiting | None) -> None:
        self.you, self.session_id, self.durability = frame["you"], frame["session_id"], frame["durability"]
        self._delivery.mine = frame["mine"]
        self._tell("online")
        self._hear_state(frame["state"], waiting)
        self._delivery.begin(frame["limits"]["frame_bytes"])

    def _hear_state(self, frame: dict[str, Any], _waiting: Waiting | None) -> None:
        if not self._mirror.apply(frame):
            self._sync()
            return
        if frame["type"] == "snapshot":
            self._delivery.enter(self._mirror.epoch)
        self._settle()

    def _hear_synced(self, frame: dict[str, Any], _waiting: Waiting | None) -> None:
        self._delivery.mine = frame["mine"]
        if not self._mirror.apply(frame["state"]):
            self._mirror = Mirror()  # asking again would give the same; the next hello gets a snapshot
            self.drop()
            return
        self._delivery.enter(self._mirror.epoch)
        self._settle()

    def _hear_beat(self, frame: dict[str, Any], _waiting: Waiting | None) -> None:
        if frame["epoch"] != self._mirror.epoch or frame["offset"] > self._mirror.offset:
            self._sync()

    def _hear_mine(self, frame: dict[str, Any], _waiting: Waiting | None) -> None:
        for activity_id, responses in frame["mine"].items():
            merge_own(self._delivery.mine, activity_id, responses)
        self._wake()

    def _hear_accepted(self, frame: dict[str, Any], _waiting: Waiting | None) -> None:
        self._delivery.accept(frame)
        if frame["epoch"] != self._mirror.epoch:
            self._sync()  # which of the two epochs is the newer one, only the server knows
        self._settle()

    def _hear_done(self, frame: dict[str, Any], waiting: Waiting | None) -> None:
        if isinstance(waiting, asyncio.Future) and not waiting.done():
            waiting.set_result(frame)

    def _hear_refused(self, frame: dict[str, Any], waiting: Waiting | None) -> None:
        if isinstance(waiting, asyncio.Future):
            self._hear_done(frame, waiting)
        elif waiting == _SYNC:
            self.drop()
        elif waiting is not None and waiting not in (HELLO, PING):
            self._delivery.refuse(waiting, _read_refusal(frame))

    def _hear_retry(self, frame: dict[str, Any], waiting: Waiting | None) -> None:
        seconds = frame["after_ms"] / 1_000 * (1 + self._random() / 2)
        if isinstance(waiting, asyncio.Future):
            self._hear_done(frame, waiting)
        elif waiting == _SYNC:
            self._lifeline.later("sync", seconds, self._sync)
        elif waiting is not None and waiting not in (HELLO, PING):
            self._delivery.postpone(waiting, seconds, frame["code"])

    # -------------------------------------------------------------------------------- the delivery's calls

    def ask(self, command: dict[str, Any], submission_id: str) -> None:
        self._lifeline.ask(command, submission_id)

    def pump_later(self, seconds: float) -> None:
        self._lifeline.later("pump", seconds, self._delivery.pump)

    def tell(self, kind: Kind, entry: Entry, *, code: str = "", duplicate: bool = False) -> None:
        if self._on_event is not None:
            known = ("activity_id", "submission_id", "round", "revision", "entry", "epoch", "offset", "receipt")
            told = {name: getattr(entry, name) for name in known}
            self._tell(kind, **told, data=entry.data, code=code, duplicate=duplicate)

    # -------------------------------------------------------------------------------------------- insides

    def _tell(self, kind: Kind, **told: Any) -> None:
        if self._on_event is not None:
            who = self.you.get("participant_id") or ""
            self._on_event(Event(kind, time.monotonic_ns(), self.session_id, who, **told))

    def _sync(self) -> None:
        if self._lifeline.is_open and not self._lifeline.awaits(_SYNC):
            epoch, offset = self.position
            position = {"epoch": epoch, "offset": offset} if epoch else None
            self._lifeline.ask({"type": "sync", "position": position}, _SYNC)

    def _settle(self) -> None:
        self._delivery.settle(self._mirror.epoch, self._mirror.map.get("saved"))
        self._wake()

    def _wake(self) -> None:
        self._version += 1
        self._rouse()

    def _rouse(self) -> None:
        self._changed.set()  # everybody who waits is woken, and the next to come waits again
        self._changed.clear()


def _fail(waiting: list[Waiting], error: Exception) -> None:
    for each in waiting:
        if isinstance(each, asyncio.Future) and not each.done():
            each.set_exception(error)


def _read_refusal(frame: Mapping[str, Any]) -> Refused:
    return Refused(frame["code"], frame["message"], frame["details"], after_ms=frame.get("after_ms"))


@contextlib.asynccontextmanager
async def connect(url: str, ticket: str, **options: Any) -> AsyncIterator[Session]:
    """A session that has its first state; options are those of `Session`. Raises ConnectionEnded.

    Waits as long as the server cannot be reached: put an `asyncio.timeout` around it to give up.
    """
    session = Session(url, ticket, **options)
    session.start()
    try:
        await session.ready()
        yield session
    finally:
        await session.close()
