"""How long the client waits: before it comes back, between the bytes it sends. Pure: time is an argument."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Patience:
    """Every wait of a connection. A command that got no reply in `command_seconds` is given up."""

    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    open_seconds: float = 10.0
    stable_seconds: float = 10.0
    command_seconds: float = 15.0
    command_tries: int = 5


class Backoff:
    """When to come back: full jitter, because the phones of a hall must not all return in the same instant.

    `random` gives numbers from 0 up to 1.
    """

    def __init__(self, patience: Patience, random: Callable[[], float]) -> None:
        self._patience = patience
        self._random = random
        self._failures = 0

    def rest(self) -> None:
        """A connection lived long enough: the next loss starts from the shortest wait."""
        self._failures = 0

    def again_seconds(self, *, least: float = 0.0) -> float:
        """The wait after a failure: from `least` on, spread over a time that doubles with every failure."""
        most = min(self._patience.cap_seconds, self._patience.base_seconds * 2.0**self._failures)
        self._failures = min(self._failures + 1, _MOST_DOUBLINGS)
        return least + self._random() * most

    def spread_seconds(self, window_seconds: float) -> float:
        """The wait after a server went away without a word: spread over the window that it had announced."""
        return self._random() * max(self._patience.base_seconds, window_seconds)


class Budget:
    """Bytes that may be sent now. The server ends connections that send more than any honest client would."""

    def __init__(self, now: float, *, bytes_per_second: float = 32_768.0, burst_bytes: float = 131_072.0) -> None:
        self._rate = bytes_per_second
        self._burst = burst_bytes
        self._left = burst_bytes
        self._at = now

    def spend(self, size: int, now: float) -> None:
        """Count what is sent in any case."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - size
        self._at = now

    def wait_seconds(self, size: int, now: float) -> float:
        """How long until so many bytes may be sent; 0 means now."""
        left = min(self._burst, self._left + (now - self._at) * self._rate)
        return max(0.0, (min(size, self._burst) - left) / self._rate)
