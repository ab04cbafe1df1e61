"""What can go wrong for somebody who uses the client."""

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """The server understood and did not do it. `after_ms` is set where trying again later can help."""

    def __init__(
        self,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        after_ms: int | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.after_ms = after_ms
        super().__init__(f"{code}: {message}")


class ConnectionEnded(Exception):
    """The connection is over for good. `code` is the close code, or the status of a refused handshake."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class OutcomeUnknown(Exception):
    """No reply came: the command was done or it was not. The state will tell."""


class OutboxFull(Exception):
    """Too many answers wait to be saved; this one was not taken and not sent."""


class Unreachable(Exception):
    """The server could not be asked over HTTP, or answered something that is not Plenum's."""
