"""Guessing made slow: failures are limited, not successes, so that a hall behind one address gets in.

Who shows a right code from an address is never slowed down there again for this code, however many others fail:
they have nothing left to find out. Everybody else there shares a few failures per window, and then one try per
delay that doubles. When all addresses together fail too often, those without a right code share one bucket.

The tables belong to this process: a shared one would cost the join path a round trip each time. An attacker who
is spread over n processes therefore has n times as many tries; the join codes are long enough for that.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from typing import Final

from realtime.core.errors import Refusal
from realtime.paces import Paces

GUESSES: Final = frozenset({"unknown_code", "wrong_passcode", "wrong_second_factor"})
_GOOD_SECONDS: Final = 86_400.0
_MOST_GOOD: Final = 64  # right codes remembered per place
_MOST_PLACES: Final = 20_000
_CROWDED_MS: Final = 500


class _Place:
    """One address, or one address at one session."""

    __slots__ = ("failures", "free_at", "good", "pending")

    def __init__(self, most: int) -> None:
        # Beyond the limit each failure doubles the delay, and six doublings reach its highest.
        self.failures: deque[float] = deque(maxlen=most + 7)
        self.free_at = 0.0
        self.good: OrderedDict[bytes, float] = OrderedDict()
        self.pending: Counter[bytes] = Counter()


class Guard:
    """Watches tries of one kind. `answer_seconds`: a failure is told this long after the try, whatever was wrong."""

    def __init__(
        self, *, failures: int, window_seconds: float, failures_per_second: float, answer_seconds: float,
        most_delay_seconds: float = 64.0, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._most = failures
        self._window_seconds = window_seconds
        self._answer_seconds = answer_seconds
        self._most_delay_seconds = most_delay_seconds
        self._clock = clock
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._everybody = Paces(per_second=failures_per_second, burst=failures_per_second * 10, most=1, clock=clock)
        self._storm_until = 0.0
        self._newcomers = Paces(per_second=failures_per_second, burst=failures_per_second, most=1, clock=clock)

    @contextlib.asynccontextmanager
    async def attempt(self, name: str, guess: str) -> AsyncIterator[None]:
        """Let one try happen. A Refusal in GUESSES raised inside is a failure; raises Refusal `limited` before the try."""
        place = self._place(name)
        subject = blake2b(guess.encode("utf-8", "replace"), digest_size=16).digest()
        started = self._clock()
        self._check(place, subject, started)
        place.pending[subject] += 1
        try:
            yield
        except Refusal as refusal:
            if refusal.code in GUESSES:
                if subject not in place.good:  # who has known it tells us nothing by showing it again
                    self._fail(place)
                await asyncio.sleep(max(0.0, started + self._answer_seconds - self._clock()))
            raise
        else:
            place.good[subject] = started
            place.good.move_to_end(subject)
            if len(place.good) > _MOST_GOOD:
                place.good.popitem(last=False)
        finally:
            place.pending[subject] -= 1
            if not place.pending[subject]:
                del place.pending[subject]

    def _place(self, name: str) -> _Place:
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = _Place(self._most)
            if len(self._places) > _MOST_PLACES:
                self._places.popitem(last=False)
        else:
            self._places.move_to_end(name)
        return place

    def _check(self, place: _Place, subject: bytes, now: float) -> None:
        if now - place.good.get(subject, -_GOOD_SECONDS) < _GOOD_SECONDS:
            return
        if now < self._storm_until and not place.good and self._newcomers.take(""):
            raise Refusal("limited", after_ms=random.randint(1_000, 3_000))
        while place.failures and now - place.failures[0] > self._window_seconds:
            place.failures.popleft()
        failed = len(place.failures)
        if failed >= self._most:
            if now < place.free_at:
                raise Refusal("limited", after_ms=max(1, int((place.free_at - now) * 1_000)))
            place.free_at = now + self._delay_seconds(failed)
        elif failed + len(place.pending) - (subject in place.pending) >= self._most:
            raise Refusal("limited", after_ms=_CROWDED_MS)  # many different guesses at once, none of them judged yet

    def _fail(self, place: _Place) -> None:
        now = self._clock()
        place.failures.append(now)
        if len(place.failures) >= self._most:
            place.free_at = max(place.free_at, now + self._delay_seconds(len(place.failures)))
        if self._everybody.take(""):
            self._storm_until = now + 10.0

    def _delay_seconds(self, failed: int) -> float:
        return float(min(self._most_delay_seconds, 2.0 ** (failed - self._most)))
