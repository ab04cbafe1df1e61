"""How often somebody may do something: token buckets by name, in a table that cannot grow."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_MOST_WAIT_MS: Final = 10_000
_FORGOTTEN_AFTER: Final = 32  # new names; looking each time would cost more than the table


class Paces:
    """One bucket per name. One that is full again is as good as none and is forgotten, and so are the longest unused ones."""

    __slots__ = ("_buckets", "_burst", "_came", "_clock", "_most", "_rate")

    def __init__(self, *, per_second: float, burst: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._burst = max(1.0, float(burst))
        self._most = most
        self._came = 0
        self._clock = clock
        self._buckets: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, name: str, amount: float = 1.0) -> int:
        """0 when it may be done now, else the milliseconds until it may; then nothing was taken."""
        now = self._clock()
        bucket = self._buckets.get(name)
        if bucket is None:
            self._came += 1
            if self._came % _FORGOTTEN_AFTER == 0:
                self._forget(now)
            bucket = self._buckets[name] = [self._burst, now]
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
        level = min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)
        bucket[1] = now
        if level >= amount:
            bucket[0] = level - amount
            return 0
        bucket[0] = level
        return min(_MOST_WAIT_MS, max(1, int((amount - level) / self._rate * 1_000) + 1))

    def _forget(self, now: float) -> None:
        """Let two of the longest unused go for each new one, so that the table is as large as the crowd of the last moments."""
        for _ in range(2 * _FORGOTTEN_AFTER):
            name = next(iter(self._buckets), None)
            if name is None:
                return
            level, at = self._buckets[name]
            if level + (now - at) * self._rate < self._burst:
                return
            del self._buckets[name]
