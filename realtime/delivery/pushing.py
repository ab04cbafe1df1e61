"""Bringing connections up to date: one ready frame to all who are equally far, one to each of the others.

Nobody has a queue. Who has not read what he was sent last stays behind at his position, and gets the newest
values once he has.
"""

import asyncio
import time
from array import array
from typing import Final, TypeAlias

from realtime.activities.contract import Audience
from realtime.core.messages import Beat, encode
from realtime.delivery.fanout import FanOut
from realtime.rooms import Cohort, Connection, Order, Room
from realtime.store.replicas import Replica

_MINOR: Final = frozenset({"people", "saved"})  # how many are here, and how far PostgreSQL is
_HALL: Final = 500  # connections of a room from which on phones are not told every step of these
MINOR_SECONDS: Final = 1.0  # how long they may be behind by these alone
_COUNTS: Final = ("counts:", "view:")
AT_ONCE: Final = 1_000  # sockets written to in one go, some 3 ms; then it is the turn of whoever waits for the loop

_Frames: TypeAlias = dict[tuple[Audience, int | None, type], bytes | None]


class Delivery:
    """Sends state and heartbeats to rooms; `frames_sent` counts them."""

    def __init__(self, fan_out: FanOut, *, buffer_bytes: int, heartbeat_seconds: float) -> None:
        self._fan_out = fan_out
        self._buffer_bytes = buffer_bytes
        self._heartbeat_seconds = heartbeat_seconds
        self.frames_sent = 0

    async def push(self, room: Room, replica: Replica, *, counts: bool = True) -> float:
        """Bring everybody of a room to where the copy is; returns the seconds for which this kept the loop busy.

        Without `counts` phones that are behind only by these are left behind, and the room stays stale.
        """
        spent, now = 0.0, time.monotonic()
        waits = _Waits(len(room.connections) >= _HALL and now - room.whole_at < MINOR_SECONDS, not counts)
        room.owes = False
        if not waits.minor:
            room.whole_at = now
        for audience in (Audience.PRESENTERS, Audience.PARTICIPANTS):  # who watches the room before those who fill it
            spent += await self._push_front(room, room.front[audience], replica, waits=waits)
        started = time.perf_counter()
        self._push_behind(room, replica, waits=waits)
        return spent + time.perf_counter() - started

    async def _push_front(self, room: Room, cohort: Cohort, replica: Replica, *, waits: "_Waits") -> float:
        epoch, offset = replica.epoch, replica.offset
        if not cohort.members or (cohort.epoch, cohort.offset) == (epoch, offset):
            return 0.0
        started = time.perf_counter()
        first = next(iter(cohort.members))
        if waits.leave(room, replica, first):
            return time.perf_counter() - started
        framed = self._frame(replica, first, cohort.offset if cohort.epoch == epoch else None)
        spent = time.perf_counter() - started
        if framed is None:
            return spent
        cohort.moves = True
        try:
            spent += await self.spread(room, cohort, framed)
        finally:
            cohort.moves = False
        cohort.epoch, cohort.offset, cohort.sent_at = epoch, offset, time.monotonic()
        return spent

    async def spread(self, room: Room, cohort: Cohort, framed: bytes) -> float:
        """One frame to all of a cohort; who cannot take it leaves the cohort, at its position."""
        order = cohort.order
        spent = 0.0
        for start in range(0, len(order.connections), AT_ONCE):
            if start:
                await asyncio.sleep(0)
            started = time.perf_counter()
            part = self._choose(room, cohort, order, start)
            failed = self._fan_out(part, framed)
            for index, taken in failed:
                # The transport keeps the rest, or finds out that the connection is broken.
                order.wires[start + index].send(framed[max(taken, 0) :])
            self.frames_sent += len(part)
            spent += time.perf_counter() - started
        return spent

    def _choose(self, room: Room, cohort: Cohort, order: Order, start: int) -> "array[int]":
        """The sockets of one part of a cohort that may be written to."""
        part = order.descriptors[start : start + AT_ONCE]
        wires = order.wires[start : start + AT_ONCE]
        if not cohort.keeps(order):  # somebody came or went meanwhile
            for index, connection in enumerate(order.connections[start : start + AT_ONCE]):
                if connection.cohort is not cohort:
                    part[index] = -1
        for index in [index for index, wire in enumerate(wires) if wire.touched]:
            connection = order.connections[start + index]
            if connection.cohort is cohort and not wires[index].clear():
                connection.leave()
                room.behind.add(connection)
                part[index] = -1
        return part

    def _push_behind(self, room: Room, replica: Replica, *, waits: "_Waits") -> None:
        frames: _Frames = {}
        epoch, offset = replica.epoch, replica.offset
        for connection in list(room.behind):
            if not connection.epoch:
                continue  # its welcome is still on the way and will carry the state
            if (connection.epoch, connection.offset) != (epoch, offset):
                if connection.wire.buffered() > self._buffer_bytes:
                    continue  # left behind: it gets the newest values once it has read the old ones
                since = connection.offset if connection.epoch == epoch else None
                key = (connection.audience, since, type(connection.wire))
                if key not in frames:
                    frames[key] = None if waits.leave(room, replica, connection) else self._frame(replica, connection, since)
                framed = frames[key]
                if framed is None:
                    continue
                connection.send_state(framed, epoch, offset)
                self.frames_sent += 1
            room.settle(connection)

    def _frame(self, replica: Replica, connection: Connection, since: int | None) -> bytes | None:
        """One frame for everybody at the same position; None when nothing changed that this audience sees."""
        if since is not None and replica.map_of(connection.audience).changes(since) == ("{}", "[]"):
            return None
        payload = replica.state(connection.audience, since, reason=None if since is not None else "epoch")
        return connection.wire.frame(payload)

    async def beat(self, room: Room, now: float) -> None:
        """A heartbeat to all who were sent nothing for a while.

        The position told is the client's own: a beat must never make it skip a delta.
        """
        due = now - self._heartbeat_seconds * 0.7
        for cohort in room.front.values():
            if cohort.members and cohort.sent_at <= due:
                cohort.sent_at = now
                first = next(iter(cohort.members))
                await self.spread(room, cohort, first.wire.frame(_beat(first)))
        for connection in list(room.behind):
            if connection.epoch and connection.sent_at <= due:
                connection.push(_beat(connection))


class _Waits:
    """What phones need not be told by this push: minor changes, counts."""

    def __init__(self, minor: bool, counts: bool) -> None:
        self.minor = minor
        self.counts = counts

    def leave(self, room: Room, replica: Replica, connection: Connection) -> bool:
        """Whether a connection is behind by nothing else; then it is noted that the room must be looked at again."""
        if not (self.minor or self.counts) or connection.audience is not Audience.PARTICIPANTS:
            return False
        if connection.epoch != replica.epoch:
            return False
        by_counts = False
        for key in replica.map_of(connection.audience).keys_after(connection.offset):
            if self.counts and key.startswith(_COUNTS):
                by_counts = True
            elif key not in _MINOR:
                return False
        if self.minor and not by_counts:
            room.owes = True
        else:
            room.stale = True
        return True


def _beat(connection: Connection) -> bytes:
    server_time_ms = time.time_ns() // 1_000_000
    return encode(Beat(epoch=connection.epoch, offset=connection.offset, server_time_ms=server_time_ms))
