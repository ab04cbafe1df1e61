"""This process's copies of the sessions it serves: raw keys as Redis has them, and what each audience sees of them.

A copy is brought up to date by one read of `changes(since)`. Its projections are stamped maps, from
which a delta for any connection and a snapshot for a newcomer come without asking Redis again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from realtime.activities.contract import Audience
from realtime.activities.projection import ActivityCopy, project_activity
from realtime.activities.registry import Registry
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.core.sync import StampedMap
from realtime.store.live import Changes, Live


class Replica:
    """One session as this process knows it. `epoch` is empty until it is loaded."""

    def __init__(self, session_id: str, registry: Registry) -> None:
        self.id = session_id
        self._registry = registry
        self.clear()

    def clear(self) -> None:
        self.epoch = ""
        self.offset = 0
        self.personal_offset = 0
        self.session: dict[str, Any] = {}
        self.people: dict[str, int] = {"joined": 0, "online": 0}
        self.saved = 0
        self.activities: dict[str, ActivityCopy] = {}
        self.maps = {audience: StampedMap() for audience in Audience}

    def absorb(self, changes: Changes) -> list[tuple[str, int]]:
        """Take in changes; returns the participants whose personal state changed, with stamps."""
        fresh = changes.epoch != self.epoch
        if fresh:
            self.clear()
            self.epoch = changes.epoch
            for audience in Audience:
                # What was visible before this copy existed is known only back to the last hiding write.
                self.maps[audience].floor = changes.hidden_at
        touched: dict[str, int] = {}
        for key, stamp, value in changes.keys:
            name, _, rest = key.partition(":")
            if name == "session":
                self.session = _read(value)
                self._put_all("session", value, stamp)
            elif name == "people":
                self.people = _read(value)
                self._put_all("people", value, stamp)
            elif name == "saved":
                self.saved = int(value)
                self._put_all("saved", value, stamp)
                for activity_id, copy in self.activities.items():
                    if copy.awaits_final:
                        touched[activity_id] = max(touched.get(activity_id, 0), stamp)
            else:
                activity_id = rest.partition(":")[0]
                copy = self.activities.setdefault(activity_id, ActivityCopy(activity_id))
                copy.absorb(name, rest, value)
                touched[activity_id] = max(touched.get(activity_id, 0), stamp)
        for activity_id, stamp in touched.items():
            self._project(activity_id, stamp)
        if fresh:
            for stamped in self.maps.values():
                stamped.sort()
        self.offset = max(self.offset, changes.offset)
        if changes.personal:
            self.personal_offset = changes.personal[-1][1]
        elif fresh:
            self.personal_offset = changes.offset
        return changes.personal

    def _put_all(self, key: str, text: str, stamp: int) -> None:
        for stamped in self.maps.values():
            stamped.put(key, text, stamp)

    def _project(self, activity_id: str, stamp: int) -> None:
        copy = self.activities[activity_id]
        for audience, stamped in self.maps.items():
            values = project_activity(copy, audience, self._registry, saved=self.saved, people=self.people)
            present = {key: encode(value) for key, value in values.items()}
            for key in (f"activity:{activity_id}", f"counts:{activity_id}", f"view:{activity_id}"):
                for shown in stamped.keys_under(key):
                    if shown not in present and (shown == key or shown.startswith(f"{key}:")):
                        stamped.remove(shown, stamp)
            for key, text in present.items():
                stamped.put(key, text, stamp)
        if copy.gone:
            del self.activities[activity_id]

    def state(self, audience: Audience, since: int | None, reason: str | None = None) -> bytes:
        """A `delta` after `since`, or a `snapshot` where there is none or it would not be exact; JSON as UTF-8."""
        stamped = self.maps[audience]
        if since is not None and stamped.floor <= since <= self.offset:
            changed, removed = stamped.changes(since)
            return (
                f'{{"type":"delta","epoch":"{self.epoch}","since":{since},"offset":{self.offset},'
                f'"set":{changed},"removed":{removed},"reason":null}}'
            ).encode()
        why = reason or ("first" if since is None else "ahead" if since > self.offset else "history")
        return (
            f'{{"type":"snapshot","epoch":"{self.epoch}","since":0,"offset":{self.offset},'
            f'"set":{stamped.snapshot()},"removed":[],"reason":"{why}"}}'
        ).encode()


class Replicas:
    """Copies by session id. Pinned ones (with connections) stay, of the others the latest used are kept."""

    def __init__(self, live: Live, registry: Registry, *, most_unpinned: int) -> None:
        self._live = live
        self._registry = registry
        self._most_unpinned = most_unpinned
        self._pinned: dict[str, Replica] = {}
        self._others: OrderedDict[str, Replica] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}
        self.on_load: Callable[[str], Any] | None = None

    def peek(self, session_id: str) -> Replica | None:
        """The copy if there is one with content, fresh or not."""
        replica = self._pinned.get(session_id) or self._others.get(session_id)
        return replica if replica is not None and replica.epoch else None

    def pin(self, session_id: str) -> Replica:
        """Keep this copy until `unpin`."""
        replica = self._pinned.get(session_id)
        if replica is None:
            replica = self._others.pop(session_id, None) or Replica(session_id, self._registry)
            self._pinned[session_id] = replica
        return replica

    def unpin(self, session_id: str) -> None:
        replica = self._pinned.pop(session_id, None)
        if replica is not None:
            self._keep(replica)

    def _keep(self, replica: Replica) -> None:
        self._others[replica.id] = replica
        self._others.move_to_end(replica.id)
        while len(self._others) > self._most_unpinned:
            dropped, _ = self._others.popitem(last=False)
            if dropped not in self._pinned:
                self._locks.pop(dropped, None)

    async def refresh(self, session_id: str, *, personal: bool = False) -> tuple[Replica, list[tuple[str, int]]]:
        """Bring a copy up to date; raises Cold or a retry Refusal. One read at a time per session."""
        lock = self._locks.setdefault(session_id, asyncio.Lock())
        async with lock:
            replica = self._pinned.get(session_id) or self._others.get(session_id) or Replica(session_id, self._registry)
            epoch = self._live.incarnation.epoch_of(self._live.session(session_id).shard)
            since = replica.offset if replica.epoch == epoch else 0
            personal_since = replica.personal_offset if personal and since else -1
            changes = await self._live.changes(session_id, since, personal_since)
            if changes.epoch != replica.epoch and since:
                raise Refusal("recovering", after_ms=100)  # the epoch changed between the two lines above
            changed_for = replica.absorb(changes)
            if session_id not in self._pinned:
                self._keep(replica)
            return replica, changed_for


def _read(text: str) -> Any:
    from json import loads  # our own text, written by `encode`

    return loads(text)
