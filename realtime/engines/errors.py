"""What can go wrong with an engine, said to a person."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class EngineError(Exception):
    """An engine cannot run; the message says why and what to do, and may end with lines of its log."""


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system says about the data folder into an `EngineError`."""
    try:
        yield
    except OSError as error:
        raise EngineError(_sentence(error, folder)) from error


def _sentence(error: OSError, folder: Path) -> str:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return f"The disk that holds the data folder {folder} is full: free some space, then start again."
    if error.errno in _FORBIDDEN:
        return (
            f"The data folder {folder} cannot be written ({reason}: {error.filename}): "
            "give this user the right to write there, or choose another data folder."
        )
    return f"The data folder {folder} cannot be used ({reason}: {error.filename}): choose another one."
