"""The WebSocket endpoint: frames in, commands called, replies out."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from realtime.commands.actors import Actor
from realtime.commands.answering import Answering
from realtime.commands.drafting import Drafting
from realtime.core import json_text
from realtime.core.errors import CloseCode, Refusal
from realtime.core.messages import (
    PROTOCOL_VERSION,
    Accepted,
    Accommodate,
    AssignTeam,
    CorrectKey,
    CreateActivity,
    DeleteActivity,
    Done,
    Frame,
    Hello,
    Move,
    MoveSession,
    Ping,
    Pong,
    ReleaseLease,
    Reveal,
    SaveDraft,
    Submit,
    Sync,
    TakeLease,
    UpdateActivity,
    Withdraw,
    encode,
    read_command,
)
from realtime.core.presses import Press, pong_text, read_ping, read_press
from realtime.core.refusals import refusal_frame
from realtime.hub import Hub
from realtime.identity import Identity
from realtime.rooms import Connection, Own
from realtime.web.greetings import Greetings
from realtime.web.orders import Orders
from realtime.web.origins import is_own
from realtime.web.wire import SocketWire

log = logging.getLogger("plenum.socket")

PATH: Final = "/ws"
_MOST_TASKS: Final = 8  # commands of one connection under way at a time; answers need none
_MOST_FAULTS: Final = 20  # unreadable frames after which a connection is closed
# Commands of whoever directs: where somebody has taken the lease, of nobody else.
_DIRECTS: Final = (
    Move, Reveal, CreateActivity, UpdateActivity, DeleteActivity, MoveSession, Accommodate, CorrectKey, AssignTeam
)  # fmt: skip


class Sockets:
    """Lets connections in and knows what their commands need."""

    def __init__(
        self, hub: Hub, answering: Answering, orders: Orders, drafting: Drafting, identity: Identity, *,
        origins: frozenset[str], durability: str,
        frame_bytes: int, response_bytes: int, stall_seconds: float, hello_seconds: float, heartbeat_ms: int,
        reconnect_window_ms: int, greetings: int, greetings_waiting: int, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.identity = identity
        self.gate = identity.gate
        self.hub = hub
        self.answering = answering
        self.orders = orders
        self.drafting = drafting
        self.frame_bytes = frame_bytes
        self.stall_seconds = stall_seconds
        self.hello_seconds = hello_seconds
        self.heartbeat_ms = heartbeat_ms
        self.limits = json_text.Limits(max_bytes=frame_bytes)
        self.clock = clock
        self.greetings = Greetings(most_at_once=greetings, most_waiting=greetings_waiting)
        self.draining = False
        self._origins = origins
        self._welcome: dict[str, Any] = {
            "durability": durability,
            "heartbeat_ms": heartbeat_ms,
            "reconnect_window_ms": reconnect_window_ms,
            "limits": {"frame_bytes": frame_bytes, "response_bytes": response_bytes},
        }

    def refuse(self, path: str, origin: str | None, host: str | None) -> HTTPStatus | None:
        """The answer to a handshake that may not become a connection, or None.

        A browser always says its origin; a page of another site must not use a participant's network
        position. Programs send none.
        """
        if path != PATH:
            return HTTPStatus.NOT_FOUND
        if self.draining:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if not is_own(origin, host, self._origins):
            return HTTPStatus.FORBIDDEN
        return None

    def enter(self, wire: SocketWire) -> "Socket":
        return Socket(self, wire)

    def welcome(self, hello: Hello, actor: Actor, own: Own, state: bytes) -> bytes:
        """The reply to a hello; `state` is a ready frame that many newcomers may share."""
        head = json_text.encode(
            {
                "type": "welcome",
                "id": hello.id,
                "protocol": PROTOCOL_VERSION,
                "session_id": actor.session_id,
                "you": {
                    "role": actor.role,
                    "participant_id": actor.participant_id,
                    "nickname": actor.nickname,
                    "extra_time_percent": own.extra_time_percent,
                },
                "server_time_ms": int(self.clock() * 1_000),
                **self._welcome,
                **own_document(own),
            }
        )
        return head[:-1].encode() + b',"state":' + state + b"}"


def own_document(own: Own) -> dict[str, Any]:
    """`mine` and `drafts`, as they stand in a welcome and beside a state."""
    return {
        "mine": {activity_id: [one.model_dump() for one in responses] for activity_id, responses in own.mine.items()},
        "drafts": {activity_id: draft.model_dump() for activity_id, draft in own.drafts.items()},
    }


class Socket:
    """One connection: before its hello nobody, afterwards an actor."""

    def __init__(self, sockets: Sockets, wire: SocketWire) -> None:
        self._sockets = sockets
        self._wire = wire
        self._actor: Actor | None = None
        self._connection: Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._greeted = False
        self._lease: int | None = None
        self._faults = 0
        self._deadline: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(
            sockets.hello_seconds, wire.close, CloseCode.HELLO_TIMEOUT
        )

    def lost(self) -> None:
        self._cancel_deadline()
        for task in self._tasks:
            task.cancel()
        if self._connection is not None:
            self._sockets.hub.detach(self._connection)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def received(self, text: bytes) -> None:
        """One text frame. Whatever is in it, this does not raise."""
        connection = self._connection
        if connection is None:
            self._hear_newcomer(text)
            return
        connection.heard_at = time.monotonic()
        press = read_press(text)
        if press is not None:
            if not self._take_press(connection, press):
                self._hear(connection, text, press)
            return
        ping = read_ping(text)
        if ping is not None and not self._pace(connection, answers=False):
            connection.push(pong_text(ping, int(self._sockets.clock() * 1_000)))
            return
        self._hear(connection, text, None)

    def _hear_newcomer(self, text: bytes) -> None:
        """A frame of somebody who is not let in yet."""
        try:
            command = read_command(text, self._sockets.limits)
        except Refusal as refusal:
            self._complain(refusal)
            return
        if self._greeted:
            again = Refusal("invalid", "This connection has said hello already.")
            # Commands right behind the hello are welcome once it is answered.
            early = Refusal("limited", "Wait for the welcome.", after_ms=200)
            self.reply(refusal_frame(command.id, again if isinstance(command, Hello) else early))
        elif isinstance(command, Hello):
            self._greeted = True
            self._cancel_deadline()
            self._start(self._greet(command), command.id)
        else:
            self.reply(refusal_frame(command.id, Refusal("unauthenticated", "The first frame must be a hello.")))
            self._wire.close(CloseCode.PROTOCOL)

    def _hear(self, connection: Connection, text: bytes, press: Press | None) -> None:
        """A command of somebody who is here; as a press it has been paced already."""
        assert self._actor is not None
        try:
            command = read_command(text, self._sockets.limits)
        except Refusal as refusal:
            self._complain(refusal)
            return
        answers = type(command) is Submit or type(command) is Withdraw
        wait_ms = 0 if press is not None else self._pace(connection, answers=answers)
        if wait_ms:
            self.reply(refusal_frame(command.id, Refusal("limited", after_ms=wait_ms)))
        elif answers:
            self._sockets.answering.submit(self._actor, command, self.reply, data=press.data if press else b"")
        elif isinstance(command, Hello):
            self.reply(refusal_frame(command.id, Refusal("invalid", "This connection has said hello already.")))
        elif isinstance(command, Ping):
            self.reply(Pong(id=command.id, server_time_ms=int(self._sockets.clock() * 1_000)))
        else:
            self._start(self._obey(command) if not isinstance(command, _DIRECTS) else self._direct(command), command.id)

    def _take_press(self, connection: Connection, press: Press) -> bool:
        """Whether an answer was dealt with: counted like one that was judged before, or told to wait."""
        assert self._actor is not None
        wait_ms = self._pace(connection, answers=True)
        if wait_ms:
            self.reply(refusal_frame(press.id, Refusal("limited", after_ms=wait_ms)))
            return True
        return self._sockets.answering.press(self._actor, press, self)

    def _pace(self, connection: Connection, *, answers: bool) -> int:
        """How many ms this ticket, or with an answer its whole session, has to wait; 0 for not at all."""
        identity = self._sockets.identity
        return identity.commands.take(connection.ticket) or (identity.answers.take(connection.session_id) if answers else 0)

    def _complain(self, refusal: Refusal) -> None:
        self._faults += 1
        message_id = refusal.details.get("id")
        # `true` is an int to Python, and not an id.
        self.reply(refusal_frame(message_id if type(message_id) is int and message_id >= 0 else None, refusal))
        if self._faults >= _MOST_FAULTS or (not self._greeted):
            self._wire.close(CloseCode.PROTOCOL)

    def reply(self, frame: Frame) -> None:
        connection = self._connection
        if connection is None:
            self._wire.send(self._wire.frame(encode(frame)))
            return
        if isinstance(frame, Accepted):
            connection.own_offset = max(connection.own_offset, frame.offset)
        connection.push(encode(frame))

    def acknowledge(self, offset: int, text: bytes) -> None:
        """The ready reply to an accepted answer: it goes out with all that were accepted in the same call."""
        connection = self._connection
        assert connection is not None
        connection.own_offset = max(connection.own_offset, offset)
        self._sockets.hub.replies.add(connection, text)

    def _start(self, work: Any, message_id: int) -> None:
        if len(self._tasks) >= _MOST_TASKS:
            work.close()
            self.reply(refusal_frame(message_id, Refusal("limited", "Too many commands at once.", after_ms=200)))
            return
        task = asyncio.get_running_loop().create_task(self._run(work, message_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Any, message_id: int) -> None:
        try:
            await work
        except Refusal as refusal:
            self.reply(refusal_frame(message_id, refusal))
        except Exception:
            # The boundary: a fault in one command must not take the connection or the process with it.
            log.exception("a command failed")
            self.reply(refusal_frame(message_id, Refusal("internal", after_ms=1_000)))

    async def _greet(self, hello: Hello) -> None:
        sockets = self._sockets
        try:
            async with sockets.greetings.turn(returning=hello.position is not None):
                await self._welcome(hello)
        except Refusal as refusal:
            self.reply(refusal_frame(hello.id, refusal))
            self._wire.close(_close_code(refusal))

    async def _welcome(self, hello: Hello) -> None:
        sockets = self._sockets
        if hello.protocol > PROTOCOL_VERSION:
            raise Refusal("invalid", "This server speaks an older protocol.", details={"protocol": PROTOCOL_VERSION})
        actor, connection, state, own = await self._come_in(hello)
        self._actor, self._connection, self._lease = actor, connection, hello.lease
        if self._wire.disconnected:
            sockets.hub.detach(connection)
            return
        connection.push(sockets.welcome(hello, actor, own, state))
        sockets.hub.settle(connection)
        health = sockets.hub.health(connection.audience)
        if b'"live":true' not in health or b'"saving":false' in health:
            connection.push(health)  # somebody who comes in the middle of a fault is told

    async def _come_in(self, hello: Hello) -> tuple[Actor, Connection, bytes, Own]:
        """Take the connection into its room. A participant whom the live store knows is asked for once, with all that is his."""
        actor = self._sockets.gate.recognise(hello.ticket)
        if actor is not None:
            try:
                connection, state, own = await self._attach(hello, actor)
            except Refusal as refusal:
                raise Refusal("unauthenticated") if refusal.code == "unknown_session" else refusal from refusal
            if own.nickname is not None:
                return (actor if actor.nickname == own.nickname else replace(actor, nickname=own.nickname)), connection, state, own
            self._sockets.hub.detach(connection)
        actor = await self._sockets.gate.admit(hello.ticket, by_socket=True)
        connection, state, own = await self._attach(hello, actor)
        try:
            await self._sockets.gate.confirm(actor)
        except BaseException:
            self._sockets.hub.detach(connection)
            raise
        return actor, connection, state, own

    async def _attach(self, hello: Hello, actor: Actor) -> tuple[Connection, bytes, Own]:
        connection = Connection(actor.session_id, actor.role, actor.audience, actor.participant_id, actor.key, self._wire)
        position = hello.position
        state, own = await self._sockets.hub.attach(
            connection, position.epoch if position else "", position.offset if position else None,
            crowded=self._sockets.greetings.waiting > 0,
        )  # fmt: skip
        return connection, state, own

    async def _direct(self, command: Any) -> None:
        """Obey whoever directs."""
        assert self._actor is not None
        await self._sockets.identity.leasing.check(self._actor, self._lease)
        await self._obey(command)

    async def _obey(self, command: Any) -> None:
        actor, connection = self._actor, self._connection
        assert actor is not None
        assert connection is not None
        result: dict[str, Any]
        match command:
            case Sync():
                position = command.position
                state, own = await self._sockets.hub.resync(
                    connection, position.epoch if position else "", position.offset if position else None
                )
                head = json_text.encode({"type": "synced", "id": command.id, **own_document(own)})
                connection.push(head[:-1].encode() + b',"state":' + state + b"}")
                return
            case TakeLease() | ReleaseLease():
                result = await self._lead(actor, command)
            case SaveDraft():
                result = await self._sockets.drafting.save(actor, command)
                # This device has what it sent; only the others are to be told.
                connection.own_offset = max(connection.own_offset, result["offset"])
            case _:
                result = await self._sockets.orders.obey(actor, command)
        self.reply(Done(id=command.id, result=result))

    async def _lead(self, actor: Actor, command: TakeLease | ReleaseLease) -> dict[str, Any]:
        """Take over, or let everybody direct."""
        leasing = self._sockets.identity.leasing
        if isinstance(command, ReleaseLease):
            await leasing.release(actor)
            return {"director": None}
        director = await leasing.take(actor, command.label)
        self._lease = director["token"]
        return {"director": director}


_CLOSES: Final[dict[str, CloseCode]] = {
    "unauthenticated": CloseCode.UNAUTHENTICATED,
    "ticket_expired": CloseCode.UNAUTHENTICATED,
    "forbidden": CloseCode.UNAUTHENTICATED,
    "removed": CloseCode.REMOVED,
    "session_ended": CloseCode.SESSION_ENDED,
    "unknown_session": CloseCode.SESSION_ENDED,
    "invalid": CloseCode.UNSUPPORTED,
    "limited": CloseCode.OVERLOADED,
}


def _close_code(refusal: Refusal) -> CloseCode:
    return _CLOSES.get(refusal.code, CloseCode.OVERLOADED)
