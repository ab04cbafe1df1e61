"""A connection that comes back by itself: it greets, numbers commands, watches for silence, waits its turn.

What the frames mean for the session's state is decided in `connection.py`.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from realtime.client.errors import ConnectionEnded
from realtime.client.link import Link, encode_command, socket_uri
from realtime.client.patience import Backoff, Patience
from realtime.core.errors import FIRST_FINAL_CODE

_LAST_FINAL_CODE: Final = 4_999
_LOST: Final = 1_006
_SILENT_HEARTBEATS: Final = 2  # without any frame, until a connection counts as dead
_PASSING_STATUSES: Final = frozenset({408, 425, 429})  # below 500, and still worth another try

# What waits for a reply: an entry (by its submission id), a command, or one of the names below.
Waiting = str | asyncio.Future[dict[str, Any]]
HELLO: Final = "hello"
PING: Final = "ping"


class Owner(Protocol):
    """Whose lifeline it is."""

    def greeting(self) -> dict[str, Any]: ...
    def heard(self, frame: dict[str, Any], waiting: Waiting | None) -> None: ...
    def lost(self, close_code: int, waiting: list[Waiting]) -> None: ...
    def finished(self, reason: ConnectionEnded, waiting: list[Waiting]) -> None: ...


class Lifeline:
    """Connects until it is told not to. `trouble` says why the last attempt found no server."""

    def __init__(
        self,
        url: str,
        owner: Owner,
        *,
        patience: Patience,
        clock: Callable[[], float],
        random: Callable[[], float],
        source_address: str | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.online = asyncio.Event()
        self.ended: ConnectionEnded | None = None
        self.trouble: Exception | None = None
        self.connects = 0
        self._uri = socket_uri(url)
        self._owner = owner
        self._patience = patience
        self._backoff = Backoff(patience, random)
        self._clock = clock
        self._source_address = source_address
        self._tls = tls
        self._link: Link | None = None
        self._runner: asyncio.Task[None] | None = None
        self._heartbeat_seconds = 15.0
        self._window_seconds = 0.0
        # Of the present connection:
        self._pending: dict[int, Waiting] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._heard_at = self._spoke_at = clock()
        self._online_since: float | None = None
        self._return_at: float | None = None
        self._least_wait_seconds = 0.0
        self._farewell = ""

    @property
    def is_open(self) -> bool:
        return self._link is not None and self._link.is_open

    @property
    def pending_count(self) -> int:
        return len(self._pending)

    def awaits(self, waiting: Waiting) -> bool:
        """Whether a reply to this is still to come."""
        return waiting in self._pending.values()

    def start(self) -> None:
        """Begin to connect; does nothing the second time."""
        if self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Say goodbye, and end for good."""
        self._finish(ConnectionEnded(1_000, "closed by this side"))
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):  # its own end, asked for in the line above
                await self._runner
        link = self._link
        if link is not None and link.is_connected:
            link.close()
            await link.gone.wait()

    def drop(self) -> None:
        """Give the present connection up, as if the network had failed; a new one is made."""
        if self._link is not None:
            self._link.drop()

    def ask(self, command: Mapping[str, Any], waiting: Waiting) -> None:
        """Send a command; what waits comes back with the reply."""
        link = self._link
        assert link is not None
        message_id = link.next_id()
        text = encode_command(command, message_id)
        self._pending[message_id] = waiting
        self._spoke_at = self._clock()
        link.send(text)

    def later(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Act later, unless the connection is lost. One timer of each name: a new one replaces the old."""
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        if self.ended is None:
            self._timers[name] = asyncio.get_running_loop().call_later(seconds, act)

    # -------------------------------------------------------------------------------------- coming and going

    async def _run(self) -> None:
        try:
            while True:
                link = self._link = Link(self._uri, self)
                try:
                    async with asyncio.timeout(self._patience.open_seconds):
                        await link.open(source_address=self._source_address, tls=self._tls)
                except (OSError, TimeoutError) as error:
                    self.trouble = error
                    await asyncio.sleep(self._backoff.again_seconds())
                    continue
                if not self.online.is_set():
                    self.later("watch", self._patience.open_seconds, link.drop)
                await link.gone.wait()
                await asyncio.sleep(self._pause_seconds(link))
        except ConnectionEnded as reason:
            self._finish(reason)
        finally:
            # After a fault of its own nobody may wait for ever.
            self._finish(ConnectionEnded(1_011, "the client failed"))

    def _pause_seconds(self, link: Link) -> float:
        """How long to stay away after a connection; raises ConnectionEnded when the server said for good."""
        code, status, since, now = link.close_code, link.status, self._online_since, self._clock()
        self._online_since = None
        if FIRST_FINAL_CODE <= code <= _LAST_FINAL_CODE:
            raise ConnectionEnded(code, self._farewell)
        if status is not None and 400 <= status < 500 and status not in _PASSING_STATUSES and not self.connects:
            raise ConnectionEnded(status, f"{self._uri.host}:{self._uri.port} refuses the WebSocket")
        if since is not None and now - since >= self._patience.stable_seconds:
            self._backoff.rest()
        if self._return_at is not None:
            return max(0.0, self._return_at - now)
        if since is not None and code == _LOST and not link.dropped:
            return self._backoff.spread_seconds(self._window_seconds)
        return self._backoff.again_seconds(least=self._least_wait_seconds)

    def opened(self) -> None:
        """The link's call: the socket is open, and the first frame must be a hello."""
        self._farewell, self._return_at, self._least_wait_seconds = "", None, 0.0
        self.ask(self._owner.greeting(), HELLO)

    def lost(self, link: Link) -> None:
        """The link's call: the connection is over."""
        if link is not self._link or self.ended is not None:
            return
        self.online.clear()
        self._cancel_timers()
        pending, self._pending = self._pending, {}
        self._owner.lost(link.close_code, list(pending.values()))

    def _finish(self, reason: ConnectionEnded) -> None:
        if self.ended is not None:
            return
        self.ended = reason
        self._cancel_timers()
        pending, self._pending = self._pending, {}
        self._owner.finished(reason, list(pending.values()))
        self.online.set()  # whoever waits for it wakes, and hears the reason

    def _cancel_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # --------------------------------------------------------------------------------------------- frames

    def heard(self, frame: dict[str, Any]) -> None:
        """The link's call: a frame arrived."""
        if self.ended is not None:
            return
        self._heard_at = self._clock()
        message_id = frame.get("id")
        waiting = None if message_id is None else self._pending.pop(message_id, None)
        match frame.get("type"):
            case "welcome":
                self._begin(frame)
            case "going_away":
                seconds = frame["delay_ms"] / 1_000
                self._return_at = self._heard_at + seconds
                self.later("leave", seconds, self.drop)
            case "closing":
                self._farewell = frame["message"]
            case "refused" if waiting is None or waiting == HELLO:
                self._farewell = frame["message"]  # the server closes with the code that says what to do
            case "retry" if waiting == HELLO:
                self._least_wait_seconds = frame["after_ms"] / 1_000
        self._owner.heard(frame, waiting)

    def _begin(self, frame: dict[str, Any]) -> None:
        self._heartbeat_seconds = frame["heartbeat_ms"] / 1_000
        self._window_seconds = frame["reconnect_window_ms"] / 1_000
        self._online_since = self._heard_at
        self.trouble = None
        self.connects += 1
        self.online.set()
        self.later("watch", self._heartbeat_seconds / 2, self._watch)

    def _watch(self) -> None:
        """Speak once a heartbeat, as the server expects; give up a connection that says nothing for two."""
        now = self._clock()
        if now - self._heard_at > _SILENT_HEARTBEATS * self._heartbeat_seconds:
            self.drop()
            return
        if now - self._spoke_at >= self._heartbeat_seconds * 0.9:
            self.ask({"type": "ping"}, PING)
        self.later("watch", self._heartbeat_seconds / 2, self._watch)
