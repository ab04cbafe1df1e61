"""`plenum` with a clock that is wrong by so many seconds, and on SIGUSR1 as wrong the other way.

python -m tests.faults.skewed SECONDS serve …
"""

import datetime as dt
import signal
import sys
import time

_true_time = time.time
_skew_seconds = float(sys.argv.pop(1))


def _wrong_time() -> float:
    return _true_time() + _skew_seconds


def _jump(*_: object) -> None:
    global _skew_seconds  # noqa: PLW0603 -- one clock per process
    _skew_seconds = -_skew_seconds


class _WrongDatetime(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "_WrongDatetime":
        return cls.fromtimestamp(_wrong_time(), tz)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _jump)
    time.time = _wrong_time
    dt.datetime = _WrongDatetime  # type: ignore[misc]
    from realtime.cli import main

    sys.exit(main())
