"""A hub's copy of a session, and what a client sees of it; on the real `StampedMap` and `Mirror`."""

import json
from typing import Any

from realtime.core.sync import StampedMap

MOST_STOOD = 64
Changes = tuple[int, int, list[tuple[str, int, Any]]]


class Copy:
    """As `realtime.store.replicas.Replica`: raw keys in, stamped visible keys out."""

    def __init__(self, without: frozenset[str]) -> None:
        self._without = without
        self._clear()

    def _clear(self) -> None:
        self.epoch = ""
        self.offset = 0
        self.saved = 0
        self.activities: dict[str, dict[str, Any]] = {}
        self.map = StampedMap()
        self.stood: list[int] = []

    def absorb(self, epoch: str, changes: Changes) -> None:
        offset, hidden_at, changed = changes
        fresh = epoch != self.epoch
        if fresh:
            self._clear()
            self.epoch = epoch
            self.map.floor = hidden_at
        touched: dict[str, int] = {}
        for key, stamp, value in changed:
            name, _, rest = key.partition(":")
            if name == "people":
                self.map.put("people", json.dumps(value), stamp)
            elif name == "saved":
                self.saved = value
                self.map.put("saved", json.dumps(value), stamp)
                for activity_id in self.activities:
                    touched[activity_id] = max(touched.get(activity_id, 0), stamp)
            else:
                activity_id, _, response = rest.partition(":")
                activity = self.activities.setdefault(activity_id, {"document": None, "tally": {}, "items": {}})
                if name == "activity":
                    activity["document"] = value
                elif name == "tally":
                    activity["tally"] = value
                elif value is None:
                    activity["items"].pop(response, None)
                else:
                    activity["items"][response] = value
                touched[activity_id] = max(touched.get(activity_id, 0), stamp)
        for activity_id, stamp in touched.items():
            self._project(activity_id, stamp)
        if fresh:
            self.map.sort()
        self.offset = max(self.offset, offset)
        # Of positions between two reads this copy does not know what was visible there and is gone now.
        self.stood.append(self.offset)
        del self.stood[:-MOST_STOOD]

    def _project(self, activity_id: str, stamp: int) -> None:
        activity = self.activities[activity_id]
        if activity["document"] is None:
            return
        state, closed_offset = activity["document"]
        final = state == "closed" and 0 < closed_offset <= self.saved
        present = {
            f"activity:{activity_id}": json.dumps({"state": state, "final": final}),
            f"counts:{activity_id}": json.dumps(activity["tally"]),
        } | {f"view:{activity_id}:item:{name}": json.dumps(value) for name, value in activity["items"].items()}
        for shown in self.map.keys_under(f"view:{activity_id}"):
            if shown not in present:
                self.map.remove(shown, stamp)
        for key, text in present.items():
            self.map.put(key, text, stamp)

    def frame(self, epoch: str, since: int | None) -> dict[str, Any]:
        """A delta from a position of a client, or a snapshot where a delta would not be exact."""
        checked = "gap_check" not in self._without
        same = epoch == self.epoch and since is not None and self.map.floor <= since <= self.offset
        if "exact_resume" not in self._without:
            same = same and since in self.stood
        if since is not None and (same or (not checked and epoch)):
            changed, removed = self.map.changes(since)
            return {
                "type": "delta", "epoch": self.epoch, "since": since, "offset": self.offset, "set": json.loads(changed),
                "removed": json.loads(removed),
            }  # fmt: skip
        return {
            "type": "snapshot", "epoch": self.epoch, "since": 0, "offset": self.offset, "set": json.loads(self.map.snapshot()),
            "removed": [],
        }  # fmt: skip
