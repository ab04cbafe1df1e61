"""What changed since a position, over plain HTTP: at once, by waiting, or as a stream."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from starlette.responses import Response

from realtime.commands.actors import Gate
from realtime.commands.attending import Attendance
from realtime.commands.reading import Reading
from realtime.core.errors import CloseCode, Refusal
from realtime.core.json_text import encode
from realtime.hub import Hub
from realtime.rooms import Connection, Own, own_of, rounds_of
from realtime.store.replicas import Replica
from realtime.web import bodies, documents, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, conditional, matches
from realtime.web.socket import own_document
from realtime.web.streams import EventStream, PollWire, SseWire

_NOTHING: Final = b'"set":{},"removed":[],"reason":null}'


class ChangesFeed:
    """Positions in, documents out; the hub wakes those who wait."""

    def __init__(
        self,
        hub: Hub,
        gate: Gate,
        reading: Reading,
        attendance: Attendance,
        draining: Callable[[], bool],
        *,
        most_waiting: int,
        most_per_ticket: int,
        heartbeat_seconds: float,
        stall_seconds: float,
    ) -> None:
        self._hub = hub
        self._gate = gate
        self._reading = reading
        self._attendance = attendance
        self._draining = draining
        self._most_waiting = most_waiting
        self._most_per_ticket = most_per_ticket
        self._heartbeat_seconds = heartbeat_seconds
        self._stall_seconds = stall_seconds
        self._waiting: Counter[str] = Counter()

    async def read(self, call: Call) -> Response:
        query = call.query(bodies.Since)
        epoch, since = query.epoch, query.since
        if self._draining():
            raise Refusal("draining", after_ms=1_000)
        if "text/event-stream" in call.request.headers.get("accept", ""):
            return await self._stream(call, *_resumed(call, epoch, since))
        replica = await self._reading.replica(call.actor.session_id)
        if query.wait and call.actor.participant_id is not None:
            await self._attendance.note(call.actor)
        if query.wait and since is not None and _is_empty(self._state(replica, call, epoch, since)):
            replica = await self._wait(call, epoch, since, query.wait)
        return await self._answer(call, replica, epoch, since)

    async def _answer(self, call: Call, replica: Replica, epoch: str, since: int | None) -> Response:
        stored = await self._reading.own_state(call.actor, rounds_of(replica))
        own = Own() if stored is None else own_of(stored)
        state = self._state(replica, call, epoch, since)
        position = {"epoch": replica.epoch, "offset": replica.offset}
        tag = f"{replica.epoch}.{replica.offset}"
        if matches(call.request, f'"{tag}"'):
            return conditional(call.request, None, tag)
        text = state[:-1] + b"," + _own_fields(own) + b',"position":' + encode(position).encode() + b"}"
        headers = {"etag": f'W/"{tag}"', "cache-control": "no-store", "vary": "authorization, accept"}
        return Response(text, 200, headers, media_type="application/json")

    def _state(self, replica: Replica, call: Call, epoch: str, since: int | None) -> bytes:
        if since is None:
            return replica.state(call.actor.audience, None)
        if epoch != replica.epoch:
            return replica.state(call.actor.audience, None, reason="epoch")
        return replica.state(call.actor.audience, since)

    async def _wait(self, call: Call, epoch: str, since: int, wait_seconds: float) -> Replica:
        """Until something changed that this asker sees, the time is over, or the server drains."""
        actor, wire = call.actor, PollWire()
        # No participant: presence is noted above and lapses by itself, a request that ends must not look like leaving.
        connection = Connection(actor.session_id, actor.role, actor.audience, None, actor.key, wire)
        with self._place(actor.key):
            state, _ = await self._hub.attach(connection, epoch, since)
            self._hub.settle(connection)
            try:
                # Who got in while everybody was being sent away would be waited for in vain.
                if _is_empty(state) and not self._draining():
                    async with asyncio.timeout(wait_seconds):
                        while not wire.news.is_set():
                            connection.heard_at = time.monotonic()
                            with contextlib.suppress(TimeoutError):  # only a beat: a request that waits is alive
                                await asyncio.wait_for(wire.news.wait(), self._heartbeat_seconds)
            except TimeoutError:
                pass  # nothing new: the answer says so
            finally:
                self._hub.detach(connection)
        return await self._reading.replica(actor.session_id)

    async def _stream(self, call: Call, epoch: str, since: int | None) -> EventStream:
        actor, wire = call.actor, SseWire()
        connection = Connection(actor.session_id, actor.role, actor.audience, actor.participant_id, actor.key, wire)
        place = contextlib.ExitStack()
        place.enter_context(self._place(actor.key))
        try:
            state, own = await self._hub.attach(connection, epoch, since)
            await self._gate.confirm(actor)
        except BaseException:
            self._hub.detach(connection)
            place.close()
            raise
        wire.begin(state, _own_fields(own))
        self._hub.settle(connection)
        if self._draining():
            wire.close(CloseCode.GOING_AWAY)

        def end() -> None:
            self._hub.detach(connection)
            place.close()

        return EventStream(wire, connection, end, heartbeat_seconds=self._heartbeat_seconds, stall_seconds=self._stall_seconds)

    @contextlib.contextmanager
    def _place(self, key: str) -> Iterator[None]:
        """One of the places for those who wait, of which a ticket may hold a few."""
        if self._waiting.total() >= self._most_waiting:
            raise Refusal("overloaded", after_ms=2_000)
        if self._waiting[key] >= self._most_per_ticket:
            raise Refusal("limited", "This ticket waits too many times.", after_ms=5_000)
        self._waiting[key] += 1
        try:
            yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]


def _is_empty(state: bytes) -> bool:
    return state.startswith(b'{"type":"delta"') and state.endswith(_NOTHING)


def _own_fields(own: Own) -> bytes:
    """What only this participant sees, as the fields of a JSON object without its braces."""
    return encode({**own_document(own), "extra_time_percent": own.extra_time_percent})[1:-1].encode()


def _resumed(call: Call, epoch: str, since: int | None) -> tuple[str, int | None]:
    """A browser that comes back by itself tells the last event it got; that is newer than the address."""
    named, _, offset = call.request.headers.get("last-event-id", "").rpartition(".")
    return (named, int(offset)) if named and offset.isascii() and offset.isdigit() and len(offset) <= 16 else (epoch, since)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/changes",
        handler=ChangesFeed.read,
        right="watch",
        summary="What changed since a position, with the own responses; waits, or streams with Accept: text/event-stream",
        query=bodies.Since,
        answer=documents.Changes,
        also=(304,),
        streams=True,
        shows=samples.CHANGES,
    ),
)
