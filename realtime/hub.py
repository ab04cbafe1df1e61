"""The hub: who is connected to this process, how far each has got, and the tick that brings them up to date.

It hears only the store. A poke marks a session; a tick reads what changed and sends every connection
the one frame that leads from its position to the present. A connection is one number: whoever is slow
is left behind and gets the newest values later; nobody has a queue.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from realtime.activities.contract import Audience
from realtime.core.errors import CloseCode, Refusal
from realtime.core.messages import Health, Mine, encode
from realtime.delivery.fanout import Writers
from realtime.delivery.pushing import MINOR_SECONDS, Delivery
from realtime.delivery.replies import Replies
from realtime.rooms import Connection, Own, Room, own_of, rounds_of
from realtime.store.live import Cold, Live
from realtime.store.replicas import Replica, Replicas

log = logging.getLogger("plenum.hub")

_MOST_STRETCH: Final = 9.0  # under load a tick takes at most ten times its ordinary time
_CROWD: Final = 8  # connections to a room since its last tick that make a crowd
_PRESENT_AT_ONCE: Final = 5_000  # people whose presence is noted in one call
_ROOMS_AT_ONCE: Final = 64  # whose presence is noted side by side
_PERSONAL_BATCH: Final = 200  # participants whose own responses are read per round trip of a tick


class Hub:
    """All rooms of this process. `ensure` brings a session to life."""

    def __init__(
        self, live: Live, replicas: Replicas, ensure: Callable[[str], Awaitable[None]], *, tick_ms: int, slow_tick_ms: int,
        heartbeat_ms: int, presence_ms: int, buffer_bytes: int, connections: int, connections_per_ticket: int,
        condition: Callable[[], dict[str, Any]], writers: Writers, push_share: float, lag_ms: int,
    ) -> None:  # fmt: skip
        self._live = live
        self._replicas = replicas
        self._ensure = ensure
        self._tick_seconds = tick_ms / 1_000
        self._slow_tick_seconds = slow_tick_ms / 1_000
        self._heartbeat_seconds = heartbeat_ms / 1_000
        self._presence_seconds = presence_ms / 1_000
        self._buffer_bytes = buffer_bytes
        self._push_share = push_share
        self._most_lag_seconds = lag_ms / 1_000
        self._lag_seconds = 0.0
        self.replies = Replies(writers.hand_out)
        self._delivery = Delivery(writers.fan_out, buffer_bytes=buffer_bytes, heartbeat_seconds=heartbeat_ms / 1_000)
        self._most_connections = connections
        self._most_per_ticket = connections_per_ticket
        self._condition = condition
        self._told: dict[Audience, bytes] = {}
        self._rooms: dict[str, Room] = {}
        self.connected = 0
        self.ticks = 0

    @property
    def frames_sent(self) -> int:
        return self._delivery.frames_sent

    @property
    def rooms(self) -> dict[str, Room]:
        return self._rooms

    # ------------------------------------------------------------------------------------------ connections

    async def attach(self, connection: Connection, epoch: str, since: int | None, *, crowded: bool = False) -> tuple[bytes, Own]:
        """Take a connection in; returns its state frame (delta or snapshot) and its own responses.

        `crowded`: many wait to be let in, so a state that the next tick completes is good enough. Raises Refusal.
        Nothing else is sent to it before `settle`, which is called when the frame was; then every change reaches it.
        """
        if self.connected >= self._most_connections:
            raise Refusal("overloaded", after_ms=2_000)
        room = self._rooms.get(connection.session_id)
        if room is None:
            room = self._rooms[connection.session_id] = Room(connection.session_id)
            self._replicas.pin(connection.session_id)
        mates = room.people.get(connection.participant_id or "", set())
        if len(mates) >= self._most_per_ticket:
            raise Refusal("limited", "This ticket is connected too many times.", after_ms=5_000)
        # Registered before its own responses are read: a change meanwhile marks it as behind.
        self._register(room, connection)
        try:
            replica = await self._known(room, since, crowded=crowded)
            connection.own_offset = replica.offset
            own = await self._own(replica, connection)
        except BaseException:  # cancelled too, when the phone is gone already
            self.detach(connection)
            raise
        replica = self._replicas.peek(connection.session_id) or replica
        frame = self._state(replica, connection, epoch, since)
        connection.arrival = replica.epoch, replica.offset
        return frame, own

    def settle(self, connection: Connection) -> None:
        """What brings it to its position was sent: from now on it goes with the others."""
        room = self._rooms.get(connection.session_id)
        if room is None or connection not in room.connections:
            return
        if connection.arrival is not None:
            epoch, offset = connection.arrival
            connection.arrival = None
            connection.place(epoch, offset)
            replica = self._replicas.peek(connection.session_id)
            if replica is not None and (replica.epoch, replica.offset) != (epoch, offset):
                self.poke(connection.session_id)  # the others went on while it was let in
        room.settle(connection)

    def detach(self, connection: Connection) -> None:
        """Let a connection go; may be called more than once."""
        room = self._rooms.get(connection.session_id)
        if room is None or connection not in room.connections:
            return
        room.forget(connection)
        self.connected -= 1
        participant_id = connection.participant_id
        if participant_id is not None:
            mates = room.people.get(participant_id, set())
            mates.discard(connection)
            if not mates:
                room.people.pop(participant_id, None)
                room.arrived.discard(participant_id)
                room.left.add(participant_id)

    def _register(self, room: Room, connection: Connection) -> None:
        room.connections.add(connection)
        room.behind.add(connection)
        room.entered += 1
        self.connected += 1
        if connection.participant_id is not None:
            mates = room.people.setdefault(connection.participant_id, set())
            if not mates:
                room.arrived.add(connection.participant_id)
                room.left.discard(connection.participant_id)
            mates.add(connection)

    def state(self, connection: Connection, epoch: str, since: int | None) -> bytes:
        """The frame that brings a client from a position to where the copy is now."""
        replica = self._replicas.peek(connection.session_id)
        if replica is None:
            raise Refusal("recovering", after_ms=200)
        frame = self._state(replica, connection, epoch, since)
        connection.place(replica.epoch, replica.offset)
        self.settle(connection)
        return frame

    async def resync(self, connection: Connection, epoch: str, since: int | None) -> tuple[bytes, Own]:
        """The state after a position, read afresh, and the own responses."""
        replica = await self._fresh(connection.session_id)
        own = await self._own(replica, connection)
        return self.state(connection, epoch, since), own

    def _state(self, replica: Replica, connection: Connection, epoch: str, since: int | None) -> bytes:
        if since is None:
            return replica.state(connection.audience, None)
        if epoch != replica.epoch:
            return replica.state(connection.audience, None, reason="epoch")
        return replica.state(connection.audience, since)

    async def _known(self, room: Room, since: int | None, *, crowded: bool) -> Replica:
        """The room's copy if ticks keep it fresh: what it lacks comes with the next one. In a storm nobody reads for himself.

        While people pour in a room is always stale; but never is anybody shown less than he has seen already.
        """
        replica = self._replicas.peek(room.session_id)
        recent = time.monotonic() - room.ticked_at < 2 * self._slow_tick_seconds
        if replica is not None and recent and self._live.is_current(room.session_id, replica.epoch):
            crowded = crowded or room.entered >= _CROWD
            complete_soon = crowded and room.task is not None and (since or 0) <= replica.offset
            if complete_soon or not room.stale:
                return replica
        return await self._fresh(room.session_id)

    async def _fresh(self, session_id: str) -> Replica:
        """The copy as of now; what changed for single participants is left to the next tick."""
        try:
            return await self._replicas.fresh(session_id)
        except Cold:
            await self._ensure(session_id)
        try:
            return await self._replicas.fresh(session_id)
        except Cold as error:
            raise Refusal("recovering", after_ms=200) from error

    async def _own(self, replica: Replica, connection: Connection) -> Own:
        if connection.participant_id is None:
            return Own()
        state = await self._live.own_state(replica.id, connection.participant_id, rounds_of(replica))
        if state.nickname is None and await self._live.is_removed(replica.id, connection.participant_id):
            raise Refusal("removed")  # after the ticket was looked at, and before this connection could be told
        return own_of(state)

    # ------------------------------------------------------------------------------------------------ ticks

    def poke(self, session_id: str) -> None:
        """A session changed: tick soon, but not more often than the tick allows."""
        room = self._rooms.get(session_id)
        if room is None:
            return
        room.stale = True
        if room.task is None:
            room.task = self._live.servers.errands.start(self._tick_while_stale(room))

    def poke_all(self) -> None:
        """Pokes may have been lost: look at every session."""
        for session_id in list(self._rooms):
            self.poke(session_id)

    async def _tick_while_stale(self, room: Room) -> None:
        try:
            while room.stale and room.connections:
                wait = room.ticked_at + (self._watched_pause() if room.is_watched else self._pause(room)) - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                room.stale = False
                room.entered = 0
                room.ticked_at = time.monotonic()
                await self._tick(room)
        finally:
            room.task = None
            if room.owes:
                room.owes = False
                asyncio.get_running_loop().call_later(MINOR_SECONDS, self.poke, room.session_id)

    def _pause(self, room: Room) -> float:
        """How long from one tick of a room to the next: pushing may take its share of the time, and the less the later all is.

        A hall of 10,000 is told a little less often than a class of 30, and both later while answers pour in.
        """
        lateness = min(self._lag_seconds / self._most_lag_seconds, _MOST_STRETCH)
        return min(max(self._tick_seconds * (1 + lateness), room.spent_seconds / self._push_share), self._slow_tick_seconds)

    def _watched_pause(self) -> float:
        """The same where somebody runs the room: dashboards are few, and told first; of phones only their counts wait longer."""
        return self._tick_seconds * (1 + min(self._lag_seconds / self._most_lag_seconds, 1.0))

    async def _tick(self, room: Room) -> None:
        self.ticks += 1
        try:
            replica, personal = await self._replicas.refresh(room.session_id, personal=True)
        except Cold:
            # A new epoch: the session is rebuilt, and everybody gets a snapshot.
            try:
                await self._ensure(room.session_id)
                replica, personal = await self._replicas.refresh(room.session_id, personal=True)
            except (Refusal, Cold) as error:
                self._complain(room, error)
                return
        except Refusal as error:
            self._complain(room, error)
            return
        now = time.monotonic()
        due = not room.is_watched or now - room.told_at >= self._pause(room)
        spent = await self._delivery.push(room, replica, counts=due)
        if due or spent > room.spent_seconds:
            room.told_at, room.spent_seconds = now, spent
        if personal:
            await self._tell_own(room, replica, personal)

    def _complain(self, room: Room, error: Exception) -> None:
        """The next slow tick tries again; sockets stay."""
        if isinstance(error, Refusal) and error.code == "unknown_session":
            for connection in list(room.connections):
                connection.wire.close(CloseCode.SESSION_ENDED)
            return
        log.debug("session %s could not be read: %s", room.session_id, error)

    async def _tell_own(self, room: Room, replica: Replica, personal: list[tuple[str, int]]) -> None:
        """Bring participants' other devices up to date; those of the removed and of revoked tickets are closed."""
        revoked = {name.removeprefix("ticket:") for name, _ in personal if name.startswith("ticket:")}
        if revoked:
            for connection in list(room.connections):
                if connection.ticket in revoked:
                    connection.wire.close(CloseCode.UNAUTHENTICATED)
        behind = [one for one in personal if room.is_behind(*one)]
        for start in range(0, len(behind), _PERSONAL_BATCH):
            # Asked for together, so that they are read together: a deadline may hand in what thousands have written.
            batch = behind[start : start + _PERSONAL_BATCH]
            told = await asyncio.gather(*(self._tell_one(room, replica, *one) for one in batch), return_exceptions=True)
            again = [stamp for (_, stamp), done in zip(batch, told, strict=True) if done is not True]
            fault = next((done for done in told if isinstance(done, BaseException)), None)
            if fault is not None:
                again += [stamp for _, stamp in behind[start + _PERSONAL_BATCH :]]
            if again:
                replica.personal_offset = min(replica.personal_offset, min(again) - 1)  # the next tick reads from here again
            if fault is not None:
                log.debug("own responses could not be read: %s", fault)
                if not isinstance(fault, Refusal):
                    raise fault
                return

    async def _tell_one(self, room: Room, replica: Replica, participant_id: str, stamp: int) -> bool:
        """Bring one participant's devices up to date; False while the welcome of one of them is on its way."""
        if not room.is_behind(participant_id, stamp):
            return True  # what he did himself: meanwhile its acknowledgement has told him
        # That a name is missing says nothing: a store that was emptied a moment ago has none.
        if await self._live.is_removed(room.session_id, participant_id):
            for mate in list(room.people.get(participant_id, ())):
                mate.wire.close(CloseCode.REMOVED)
            return True
        own = own_of(await self._live.own_state(room.session_id, participant_id, rounds_of(replica)))
        payload = encode(Mine(mine=own.mine, drafts=own.drafts, extra_time_percent=own.extra_time_percent))
        for mate in list(room.people.get(participant_id, ())):
            if mate.own_offset < stamp and mate.epoch:
                mate.own_offset = stamp
                mate.push(payload)
        return not room.is_behind(participant_id, stamp)

    # ------------------------------------------------------------------------------------------ housekeeping

    async def run(self) -> None:
        """Slow ticks, presence and health, until cancelled."""
        step = min(self._heartbeat_seconds / 4, self._slow_tick_seconds / 4, 0.25)
        slow_at = 0.0
        while True:
            awake_at = time.monotonic() + step
            await asyncio.sleep(step)
            now = time.monotonic()
            self._lag_seconds = (self._lag_seconds + max(0.0, now - awake_at)) / 2
            due = [room for room in self._rooms.values() if room.arrived or room.left or self._renews_presence(room, now)]
            for start in range(0, max(len(due), 1), _ROOMS_AT_ONCE):
                # Together, for where a server hangs each of its rooms waits as long as a call may take.
                await asyncio.gather(*(self._keep_presence(room, now) for room in due[start : start + _ROOMS_AT_ONCE]))
                self._tell_health()
            for room in list(self._rooms.values()):
                if not room.connections and not room.left and room.task is None:
                    del self._rooms[room.session_id]
                    self._replicas.unpin(room.session_id)
            if now - slow_at >= self._slow_tick_seconds:
                slow_at = now
                self.poke_all()

    def health(self, audience: Audience) -> bytes:
        """The present `health` frame for an audience; lag in whole seconds, so that it does not change all the time."""
        found = self._condition()
        if audience is Audience.PARTICIPANTS:
            return encode(Health(live=found["live"]))
        late = found["lag_ms"] >= 1_000
        return encode(
            Health(
                live=found["live"], saving=found["saving"], waiting=found["waiting"] if late else 0,
                lag_ms=found["lag_ms"] // 1_000 * 1_000,
            )
        )  # fmt: skip

    def _tell_health(self) -> None:
        for audience in Audience:
            payload = self.health(audience)
            if self._told.get(audience, payload) != payload:
                for room in self._rooms.values():
                    for connection in room.connections:
                        open_here = connection.audience is audience and connection.epoch
                        if open_here and connection.wire.buffered() <= self._buffer_bytes:
                            connection.push(payload)
            self._told[audience] = payload

    async def beat(self) -> None:
        """Heartbeats, until cancelled; a loop of their own, so that a hung Redis cannot delay them."""
        while True:
            await asyncio.sleep(self._heartbeat_seconds / 4)
            await self._beat(time.monotonic())

    def _renews_presence(self, room: Room, now: float) -> bool:
        return bool(room.people) and now - room.presence_at >= self._presence_seconds / 3

    async def _keep_presence(self, room: Room, now: float) -> None:
        whole = self._renews_presence(room, now)
        present = list(room.people) if whole else list(room.arrived)
        left = list(room.left)
        try:
            for start in range(0, max(len(present), len(left)), _PRESENT_AT_ONCE):
                end = start + _PRESENT_AT_ONCE
                await self._live.presence(room.session_id, present[start:end], left[start:end])
        except (Refusal, Cold) as error:
            log.debug("presence of %s waits: %s", room.session_id, error)
            if not room.connections:
                room.left.clear()  # they lapse by themselves
            return
        room.arrived.difference_update(present)
        room.left.difference_update(left)
        if whole:
            room.presence_at = now

    async def _beat(self, now: float) -> None:
        for room in list(self._rooms.values()):
            for connection in [one for one in room.connections if now - one.heard_at > 2 * self._heartbeat_seconds]:
                connection.wire.close(CloseCode.SILENT)
            await self._delivery.beat(room, now)

    def connections(self) -> list[Connection]:
        """Everybody connected, presenters first."""
        everybody = [connection for room in self._rooms.values() for connection in room.connections]
        return sorted(everybody, key=lambda connection: connection.audience is not Audience.PRESENTERS)
