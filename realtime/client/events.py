"""What a client did and heard, told to whoever keeps a history (a checker of the server's promises)."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["invoke", "ok", "fail", "info", "saved", "frame", "online", "offline"]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a history. `ns` is monotonic.

    invoke   an answer was pressed, before its first send
    ok       it was accepted, at `offset` of `epoch`
    fail     it was refused for good, with `code`
    info     it was told to `retry`, or its connection was lost before a reply (`code` says which)
    saved    the watermark covers it
    frame    `frame` was received, whatever it is
    online   a welcome came; offline: the connection was lost (`code` is the close code)
    """

    kind: Kind
    ns: int
    session_id: str
    participant_id: str
    activity_id: str = ""
    submission_id: str = ""
    round: int | None = None
    revision: int | None = None
    entry: str | None = None
    epoch: str | None = None
    offset: int | None = None
    receipt: str | None = None
    data: Any = None
    code: str = ""
    duplicate: bool = False
    frame: dict[str, Any] | None = None
