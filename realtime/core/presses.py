"""An answer as honest clients write it, read in one go: what such a frame says besides the answer itself.

`read_press` takes a subset of what `messages.read_command` takes as `submit`, and reads it the same; whatever
else a frame may look like, or hold, is for that. The answer stays as it was written, so that a hall's thousand
equal answers need be judged once.
"""

import re
from typing import Any, Final, NamedTuple

_UUID: Final = rb'"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"'
_TIME: Final = rb'"[0-9TZ:.+-]{1,40}"'
PRESS: Final = re.compile(
    rb'\{"id":(0|[1-9][0-9]{0,14}),"type":"submit","activity_id":' + _UUID + rb',"submission_id":' + _UUID
    + rb'(?:,"round":([1-9][0-9]{0,3}))?(?:,"revision":([1-9][0-9]{0,5}))?'
    rb'(?:,"metadata":(\{(?:"client_timestamp":' + _TIME + rb',"displayed_at":' + _TIME + rb',)?"device_type":"[a-z]{1,32}"\}))?'
    rb',"data":'
)  # fmt: skip
_PING: Final = re.compile(rb'\{"id":(0|[1-9][0-9]{0,14}),"type":"ping"\}')


class Press(NamedTuple):
    """A `submit` of which the answer is not read yet: `data` is its JSON text, `text` the whole frame."""

    text: bytes
    id: int
    activity_id: str
    submission_id: str
    round: int | None
    revision: int | None
    metadata: str  # as it is stored: JSON text of an object
    data: bytes


def read_press(text: bytes) -> Press | None:
    """The press in a frame, or None where it is written in another way."""
    found = _fields_of(text)
    return None if found is None else Press._make(found)


def fields_in_python(text: bytes) -> tuple[Any, ...] | None:
    """The fields of a press, or None; `speedups.read_press` is the same in C."""
    match = PRESS.match(text)
    if match is None or not text.endswith(b"}"):
        return None
    id, activity_id, submission_id, round, revision, metadata = match.groups()
    return (
        text, int(id), activity_id.decode(), submission_id.decode(), int(round) if round else None,
        int(revision) if revision else None, metadata.decode() if metadata else "{}", text[match.end() : -1],
    )  # fmt: skip


try:
    from realtime.core.speedups import read_press as _fields_of
except ImportError:  # installed where there was no compiler
    _fields_of = fields_in_python


def read_ping(text: bytes) -> int | None:
    """The id of a ping as our clients write it, or None."""
    match = _PING.fullmatch(text)
    return int(match[1]) if match else None


def pong_text(id: int, server_time_ms: int) -> bytes:
    """The reply, as `messages.encode(Pong(...))` has it."""
    return b'{"type":"pong","id":%d,"server_time_ms":%d}' % (id, server_time_ms)


def accepted_text(
    id: int, activity_id: str, submission_id: str, response_id: str, entry: str, round: int, revision: int, epoch: str, offset: int,
    receipt: str, durability: str, duplicate: bool,
) -> bytes:  # fmt: skip
    """The reply, as `messages.encode(Accepted(...))` has it: for values that need no escaping."""
    return (
        f'{{"type":"accepted","id":{id},"activity_id":"{activity_id}","submission_id":"{submission_id}",'
        f'"response_id":"{response_id}","entry":"{entry}","round":{round},"revision":{revision},"epoch":"{epoch}",'
        f'"offset":{offset},"receipt":"{receipt}","durability":"{durability}","duplicate":{"true" if duplicate else "false"}}}'
    ).encode()
