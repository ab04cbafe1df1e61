"""This process's copies of the sessions it serves: raw keys as Redis has them, and what each audience sees of them.

A copy is brought up to date by one read of `changes(since)`. Its projections are stamped maps, from
which a delta for any connection and a snapshot for a newcomer come without asking Redis again.

What an audience sees is worked out when somebody of that audience is told: where nobody runs the session here, nothing is
worked out for those who do.

A copy knows what was true at the positions at which it was looked at. A client that comes from another process may
be at one in between, where it saw what this copy never did; it gets everything that was touched since.
"""

import asyncio
import json
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakValueDictionary

from realtime.activities.contract import Audience
from realtime.activities.projection import ActivityCopy, project_activity
from realtime.activities.reckoning import project_board, shows_points
from realtime.activities.registry import Registry
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.core.sync import StampedMap
from realtime.store.batches import Batches
from realtime.store.live import Changes, Live

_POSITIONS: Final = 4_096  # positions remembered per audience; at ten ticks a second the last seven minutes
_POSITIONS_AT_REST: Final = 64  # of a copy that nobody is connected to: who comes back to it gets what was touched since
_REST_SECONDS: Final = 300.0  # how long such a copy is kept unused; another costs one read
_STATES: Final = 64  # encoded ones kept for those who are equally far
_PLAIN: Final = frozenset({"session", "people", "saved", "nudge"})
_OF_DESK: Final = _PLAIN - {"saved"}
_BOARD: Final = "leaderboard"
_DESK: Final = "desk"  # made here of what others hold, for those who run the session
_NEARLY_FULL: Final = 0.9


class _Sight:
    """What one audience sees: its map, as of the last of its positions, and what was written since."""

    __slots__ = ("due", "map", "positions", "shown")

    def __init__(self) -> None:
        self.map = StampedMap()
        self.due: dict[str, int] = {}  # activity or plain key -> stamp of its last write
        self.shown: dict[str, tuple[frozenset[str], Any]] = {}  # each activity's wire keys, and its document
        self.positions = array("q")  # at which the map was true, ascending

    def has_been(self, offset: int) -> bool:
        at = bisect_left(self.positions, offset)
        return at < len(self.positions) and self.positions[at] == offset

    def note(self, offset: int) -> None:
        if not self.positions or self.positions[-1] < offset:
            self.positions.append(offset)
            if len(self.positions) > _POSITIONS + _POSITIONS_AT_REST:  # some at a time, because the rest moves
                self.keep(_POSITIONS)

    def keep(self, most: int) -> None:
        del self.positions[: max(0, len(self.positions) - most)]


class Replica:
    """One session as this process knows it. `epoch` is empty until it is loaded."""

    def __init__(self, session_id: str, registry: Registry, public_url: str = "") -> None:
        self.id = session_id
        self._registry = registry
        self._public_url = public_url
        self.read = 0  # the number of the last read that it has taken in
        self.kept_at = 0.0  # when it was last used without anybody connected
        self.clear()

    def clear(self) -> None:
        self.epoch = ""
        self.offset = 0
        self.personal_offset = 0
        self.session: dict[str, Any] = {}
        self.people: dict[str, int] = {"joined": 0, "online": 0}
        self.saved = 0
        self.nudged_at_ms = 0  # when those who had not answered were last asked to
        self.activities: dict[str, ActivityCopy] = {}
        self._sights = {audience: _Sight() for audience in Audience}
        self._texts: dict[str, str] = {}  # plain key -> what everybody sees of it
        self._touched: dict[str, int] = {}  # activity or plain key -> offset of its last write, changed or not
        self._director: dict[str, Any] | None = None
        self._board: dict[str, Any] = {}
        self._board_stamp = 0
        self._encoded: dict[tuple[Audience, int | None, str | None], bytes] = {}  # states as of the present offset

    @property
    def board_stamp(self) -> int:
        """Offset at which participants last saw another leaderboard; 0: they see none."""
        if not self._board:
            return 0
        self.map_of(Audience.PARTICIPANTS)
        return self._board_stamp

    def absorb(self, changes: Changes) -> list[tuple[str, int]]:
        """Take in changes; returns the participants whose personal state changed, with stamps."""
        fresh = changes.epoch != self.epoch
        self._encoded.clear()
        if fresh:
            self.clear()
            self.epoch = changes.epoch
            for sight in self._sights.values():
                # What was visible before this copy existed is known only back to the last hiding write.
                sight.map.floor = changes.hidden_at
        touched = self._read(changes)
        self._widen(touched)
        self.offset = max(self.offset, changes.offset)
        if _BOARD in touched or _BOARD in self._touched:
            touched[_BOARD] = self.offset  # what activities reveal decides what it shows, so any write may have changed it
        self._touched |= touched
        for sight in self._sights.values():
            sight.due |= touched
        for activity_id in [one for one in touched if one in self.activities and self.activities[one].gone]:
            del self.activities[activity_id]
        if changes.personal:
            self.personal_offset = changes.personal[-1][1]
        elif fresh:
            self.personal_offset = changes.offset
        return changes.personal

    def _read(self, changes: Changes) -> dict[str, int]:
        """Take in values; returns what they are about, with stamps."""
        touched: dict[str, int] = {}
        for key, stamp, value in changes.keys:
            name, _, rest = key.partition(":")
            if name in _PLAIN:
                self._texts[name] = self._read_plain(name, value)
            elif name == _BOARD:
                self._board = json.loads(value) if value else {}
            else:
                activity_id = rest.partition(":")[0]
                self.activities.setdefault(activity_id, ActivityCopy(activity_id)).absorb(name, rest, value, stamp)
                name = activity_id
            touched[name] = stamp
        return touched

    def _widen(self, touched: dict[str, int]) -> None:
        """Add what else looks different then: a view may tell how many are here, a closed activity whether it is final."""
        for name in touched.keys() & {"people", "saved"}:
            for activity_id, copy in self.activities.items():
                if name == "people" or copy.awaits_final:
                    touched[activity_id] = max(touched.get(activity_id, 0), touched[name])
        of_desk = touched.keys() & _OF_DESK
        if of_desk and "max_participants" in self.session:
            touched[_DESK] = max(touched[name] for name in of_desk)

    def map_of(self, audience: Audience) -> StampedMap:
        """What an audience sees, as of now."""
        sight = self._sights[audience]
        # In the order of their stamps, because a map stops at the first entry that is old enough; the board is last.
        for name, stamp in sorted(sight.due.items(), key=lambda one: (one[1], one[0] == _BOARD)):
            if name in _PLAIN:
                sight.map.put(name, self._texts[name], stamp)
            elif name == _DESK:
                if audience is Audience.PRESENTERS:
                    sight.map.put(_DESK, encode(self._desk()), stamp)
            elif name == _BOARD:
                self._show_board(audience, stamp)
            else:
                self._show(name, audience, stamp)
            del sight.due[name]  # only now: what could not be worked out is tried again
        sight.note(self.offset)
        return sight.map

    def _show_board(self, audience: Audience, stamp: int) -> None:
        stamped = self._sights[audience].map
        shown = project_board(self._board, audience, self._shows_points) if self._board else None
        changed = stamped.remove(_BOARD, stamp) if shown is None else stamped.put(_BOARD, encode(shown), stamp)
        if changed and audience is Audience.PARTICIPANTS:
            self._board_stamp = stamp if shown is not None else 0

    def _shows_points(self, activity_id: str) -> bool:
        copy = self.activities.get(activity_id)
        if copy is None or copy.document is None:
            return False
        _, config, _ = copy.rules(self._registry)
        return shows_points(config.reveal, copy.document["state"], copy.document["revealed"])

    def _read_plain(self, name: str, value: str) -> str:
        """Take in a value that everybody sees; returns it as everybody sees it."""
        if name == "session":
            self.session = json.loads(value)
            self._director = self.session.pop("director", None)
            if self._public_url and "join_code" in self.session:
                # Where phones reach this server, which a page opened at localhost cannot know.
                self.session["join_url"] = f"{self._public_url}/join#{self.session['join_code']}"
            return encode(self.session)
        if name == "people":
            self.people = json.loads(value)
        elif name == "nudge":
            self.nudged_at_ms = json.loads(value)["at_ms"]
        else:
            self.saved = int(value)
        return value

    def _desk(self) -> dict[str, Any]:
        """What only those who run the session see of it: who directs, and how many may still come."""
        most, joined = self.session["max_participants"], self.people["joined"]
        return {"director": self._director, "seats_left": max(0, most - joined), "nearly_full": joined >= most * _NEARLY_FULL}

    def _show(self, activity_id: str, audience: Audience, stamp: int) -> None:
        sight, copy = self._sights[audience], self.activities.get(activity_id)
        values = {} if copy is None else project_activity(copy, audience, self._registry, saved=self.saved, people=self.people)
        keys, document = sight.shown.get(activity_id, (frozenset(), None))
        # The same document is there already.
        texts = {key: encode(value) for key, value in values.items() if document is None or value is not document}
        sight.map.remove_all(keys - values.keys(), stamp)
        for key, text in texts.items():
            sight.map.put(key, text, stamp)
        if values:
            sight.shown[activity_id] = frozenset(values), values[f"activity:{activity_id}"]
        else:
            sight.shown.pop(activity_id, None)

    def rest(self, now: float) -> None:
        """Nobody is connected: keep no more than is soon asked for again."""
        self.kept_at = now
        self._encoded.clear()
        for sight in self._sights.values():
            sight.keep(_POSITIONS_AT_REST)

    def state(self, audience: Audience, since: int | None, reason: str | None = None) -> bytes:
        """A `delta` after `since`, or a `snapshot` where there is none or it would not be exact; JSON as UTF-8."""
        key = audience, since, reason
        encoded = self._encoded.get(key)
        if encoded is None:
            if len(self._encoded) >= _STATES:
                self._encoded.clear()
            encoded = self._encoded[key] = self._encode(audience, since, reason)
        return encoded

    def _encode(self, audience: Audience, since: int | None, reason: str | None) -> bytes:
        stamped = self.map_of(audience)
        if since is not None and stamped.floor <= since <= self.offset:
            been = self._sights[audience].has_been(since)
            changed, removed = stamped.changes(since) if been else self._replace(stamped, since)
            return (
                f'{{"type":"delta","epoch":"{self.epoch}","since":{since},"offset":{self.offset},'
                f'"set":{changed},"removed":{removed},"reason":null}}'
            ).encode()
        why = reason or ("first" if since is None else "ahead" if since > self.offset else "history")
        return (
            f'{{"type":"snapshot","epoch":"{self.epoch}","since":0,"offset":{self.offset},'
            f'"set":{stamped.snapshot()},"removed":[],"reason":"{why}"}}'
        ).encode()

    def _replace(self, stamped: StampedMap, since: int) -> tuple[str, str]:
        """`set` and `removed` from a position this copy never was at: whatever was written since, as a whole."""
        names = {name for name, stamp in self._touched.items() if stamp > since}
        roots = [f"{root}:{name}" for name in names - _PLAIN - {_BOARD, _DESK} for root in ("activity", "counts", "view")]
        if _BOARD in names:
            roots.append(_BOARD)  # set again below where it is to be seen
        shown = [f'"{key}":{text}' for key, text in stamped.present() if _subject(key) in names]
        return "{" + ",".join(shown) + "}", encode(roots)


class Replicas:
    """Copies by session id. Pinned ones (with connections) stay, of the others the latest used are kept."""

    def __init__(
        self, live: Live, registry: Registry, *, most_unpinned: int, public_url: str = "", most_waiting: int = 20_000
    ) -> None:
        self._live = live
        self._registry = registry
        self._most_unpinned = most_unpinned
        self._public_url = public_url
        self._pinned: dict[str, Replica] = {}
        self._others: OrderedDict[str, Replica] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # of those who read just now
        self._reads = 0
        self._shared: Batches[str, None, Replica] = Batches(
            self._refresh_for, most_at_once=most_waiting, most_waiting=most_waiting, errands=live.servers.errands
        )
        self.on_load: Callable[[str], Any] | None = None

    def peek(self, session_id: str) -> Replica | None:
        """The copy if there is one with content, fresh or not."""
        replica = self._pinned.get(session_id) or self._others.get(session_id)
        return replica if replica is not None and replica.epoch else None

    def pin(self, session_id: str) -> Replica:
        """Keep this copy until `unpin`."""
        replica = self._pinned.get(session_id)
        if replica is None:
            replica = self._others.pop(session_id, None) or Replica(session_id, self._registry, self._public_url)
            self._pinned[session_id] = replica
        return replica

    def unpin(self, session_id: str) -> None:
        replica = self._pinned.pop(session_id, None)
        if replica is not None:
            self._keep(replica)

    def _keep(self, replica: Replica) -> None:
        now = time.monotonic()
        replica.rest(now)
        self._others[replica.id] = replica
        self._others.move_to_end(replica.id)
        # A session that is over is not asked for again, and nobody says so here.
        while len(self._others) > self._most_unpinned or next(iter(self._others.values())).kept_at < now - _REST_SECONDS:
            self._others.popitem(last=False)

    async def fresh(self, session_id: str) -> Replica:
        """An up-to-date copy, read together for all who ask; raises as `refresh` does."""
        return await self._shared.ask(session_id, None)

    async def _refresh_for(self, session_id: str, asked: list[None]) -> list[Replica]:
        replica, _ = await self.refresh(session_id)
        return [replica] * len(asked)

    async def refresh(self, session_id: str, *, personal: bool = False) -> tuple[Replica, list[tuple[str, int]]]:
        """Bring a copy up to date; raises Cold or a retry Refusal. One read at a time per session.

        Who asked before the read of somebody else began shares it, so that a thousand who ask at once cost two reads.
        """
        asked = self._reads
        lock = self._locks.get(session_id)
        if lock is None:
            lock = self._locks[session_id] = asyncio.Lock()
        async with lock:
            replica = self._pinned.get(session_id) or self._others.get(session_id) or Replica(session_id, self._registry,
                self._public_url)
            epoch = self._live.incarnation.epoch_of(self._live.session(session_id).shard)
            if not personal and replica.epoch == epoch and replica.read > asked:
                return replica, []
            self._reads += 1
            read = self._reads
            since = replica.offset if replica.epoch == epoch else 0
            personal_since = replica.personal_offset if personal and since else -1
            changes = await self._live.changes(session_id, since, personal_since)
            if changes.epoch != replica.epoch and since:
                raise Refusal("recovering", after_ms=100)  # the epoch changed between the two lines above
            changed_for = replica.absorb(changes)
            replica.read = read
            if session_id not in self._pinned:
                self._keep(replica)
            return replica, changed_for


def _subject(key: str) -> str:
    """What a wire key is about: an activity's id, or the key itself."""
    return key if key in _PLAIN or key in (_BOARD, _DESK) else key.split(":", 2)[1]
