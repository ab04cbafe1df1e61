"""Texts that are counted one by one, as long as there is room: beyond a place's limit they are counted together.

Which texts found no room is decided once, when an answer is taken, and kept with the answer as `others`. So a recount of
stored answers in any order is what was counted, whatever the limit is now and whoever came first.
"""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from realtime.activities.contract import ActivityType
from realtime.core.tally import Counters


def fold(kind: ActivityType[Any, Any], settings: BaseModel, counters: Counters, others: Collection[str]) -> dict[str, int]:
    """The counters of an answer with the texts in its parts `others` counted together."""
    result: dict[str, int] = {}
    for name, amount in counters.items():
        text = kind.text_of(settings, name) if others else None
        counted = text.other if text is not None and text.part in others else name
        result[counted] = result.get(counted, 0) + amount
    return result


class Crowd:
    """The texts of one round that have a counter of their own, by place, as far as this process knows.

    A limit is reached by a process, so with several of them a place may hold a few times as many texts.
    """

    def __init__(self) -> None:
        self._tally: Counters = {}
        self._known: set[str] = set()
        self._places: dict[str, set[str]] = {}

    def others(self, kind: ActivityType[Any, Any], settings: BaseModel, counters: Counters, tally: Counters) -> list[str]:
        """The parts of an answer whose texts find no room; those that do have it from now on."""
        if type(kind).text_of is ActivityType.text_of:
            return []
        if tally is not self._tally:
            self._follow(kind, settings, tally)
        parts: dict[str, None] = {}
        for name in counters:
            text = kind.text_of(settings, name)
            if text is None or name in self._known:
                continue
            place = self._places.setdefault(text.place, set())
            if len(place) < text.most:
                place.add(name)
                self._known.add(name)
            else:
                parts[text.part] = None
        return list(parts)

    def _follow(self, kind: ActivityType[Any, Any], settings: BaseModel, tally: Mapping[str, int]) -> None:
        self._tally = tally
        if len(self._known) > 2 * len(tally) + 1_000:  # most of what was known is gone
            self._known.clear()
            self._places.clear()
        for name in tally.keys() - self._known:
            text = kind.text_of(settings, name)
            if text is not None and name != text.other:
                self._places.setdefault(text.place, set()).add(name)
                self._known.add(name)
