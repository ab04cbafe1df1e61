"""A session is a map whose keys are stamped: what changed since a position, and how a client follows.

    StampedMap   the server's side, one per session and audience: every key has the offset of its last
                 change and its value as JSON text; `changes(since)` is the keys stamped later.
    Mirror       the client's side: applies deltas that start at its own offset, snapshots always;
                 anything else is a gap. `static/app/sync.js` is the same, tested on the same files.

Values are absolute, so applying a delta twice is harmless. A removed key takes with it every key that
begins with it and a colon (`view:X` also removes `view:X:item:Y`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from json import loads
from typing import Any, Final

_REMOVED: Final = None


class StampedMap:
    """Keys with stamps and encoded values, for one audience.

    `floor` is the lowest offset from which a delta is exact: below it keys may have been hidden
    that this map never saw, so the caller must send a snapshot.
    """

    def __init__(self, floor: int = 0) -> None:
        self.floor = floor
        self._entries: dict[str, tuple[int, str | None]] = {}

    def put(self, key: str, text: str, stamp: int) -> bool:
        """Set a key to a JSON text; False (and no new stamp) when it already had that value."""
        entry = self._entries.get(key)
        if entry is not None and entry[1] == text:
            return False
        self._entries.pop(key, None)  # newest last, so that `changes` can stop early
        self._entries[key] = (stamp, text)
        return True

    def remove(self, key: str, stamp: int) -> bool:
        """Remove a key and all keys under it; False when nothing was there to be seen."""
        under = f"{key}:"
        gone = [name for name, (_, text) in self._entries.items() if (name == key or name.startswith(under)) and text]
        self.remove_all(gone, stamp)
        return bool(gone)

    def remove_all(self, keys: Iterable[str], stamp: int) -> None:
        """Remove these very keys; every one of them is present."""
        for key in keys:
            del self._entries[key]
            self._entries[key] = (stamp, _REMOVED)

    def present(self) -> list[tuple[str, str]]:
        """The present keys and their JSON texts."""
        return [(key, text) for key, (_, text) in self._entries.items() if text is not None]

    def keys_under(self, prefix: str) -> list[str]:
        """The present keys that begin with `prefix`."""
        return [key for key, (_, text) in self._entries.items() if text is not None and key.startswith(prefix)]

    def values_under(self, prefix: str) -> list[Any]:
        """The present values whose keys begin with `prefix`."""
        return [loads(text) for key, (_, text) in self._entries.items() if text is not None and key.startswith(prefix)]

    def changes(self, since: int) -> tuple[str, str]:
        """The JSON texts of `set` and `removed` for everything stamped after `since`."""
        changed: list[str] = []
        removed: list[str] = []
        for key in reversed(self._entries):
            stamp, text = self._entries[key]
            if stamp <= since:
                break
            (removed if text is None else changed).append(f'"{key}"' if text is None else f'"{key}":{text}')
        return "{" + ",".join(reversed(changed)) + "}", "[" + ",".join(reversed(removed)) + "]"

    def keys_after(self, since: int) -> Iterator[str]:
        """The keys stamped after `since`, present or removed, newest first."""
        for key in reversed(self._entries):
            if self._entries[key][0] <= since:
                return
            yield key

    def snapshot(self) -> str:
        """The JSON text of `set` with every present key."""
        return "{" + ",".join(f'"{key}":{text}' for key, text in self.present()) + "}"

    def sort(self) -> None:
        """Bring entries into stamp order, after loading keys with stamps of the past."""
        self._entries = dict(sorted(self._entries.items(), key=lambda entry: entry[1][0]))


@dataclass(slots=True)
class Mirror:
    """A client's copy of what it may see. `epoch` is empty before the first snapshot."""

    epoch: str = ""
    offset: int = 0
    map: dict[str, Any] = field(default_factory=dict)

    def apply(self, frame: dict[str, Any]) -> bool:
        """Apply a `delta` or `snapshot`; False means a gap: nothing was applied, ask with `sync`."""
        if frame["type"] == "snapshot":
            self.epoch, self.offset, self.map = frame["epoch"], frame["offset"], dict(frame["set"])
            return True
        if frame["epoch"] != self.epoch or frame["since"] > self.offset:
            return False
        if frame["offset"] < self.offset:
            return True  # older than what is here: its values may be stale, its position certainly is
        for key in frame["removed"]:
            under = f"{key}:"
            for name in [name for name in self.map if name == key or name.startswith(under)]:
                del self.map[name]
        self.map.update(frame["set"])
        self.offset = frame["offset"]
        return True
