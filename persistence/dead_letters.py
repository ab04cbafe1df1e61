"""What PostgreSQL refused for good, kept whole so that it can be retried after a repair."""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from persistence.pool import Database
from persistence.rows import build_optional, build_row, count_affected
from persistence.statements import statement
from realtime.core.response import Join, Response

log = logging.getLogger("plenum.persistence")

_ADD = statement("add_dead_letter")
_LIST = statement("list_dead_letters")
_COUNT = statement("count_dead_letters")
_LIST_OF_SESSION = statement("list_dead_letters_of_session")
_READ = statement("read_dead_letter")
_NOTE_RETRIED = statement("note_dead_letter_retried")
_DELETE = statement("delete_dead_letter")

_MAX_BIGINT = 2**63 - 1
_LONGEST_TEXT = 2000
MOST_OF_SESSION = 10_000  # that are counted; in so many something is wrong with the table, and not with the rows


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A refused response or join; `payload` holds all of it, see `decode_payload`."""

    id: int
    kind: str
    session_id: str | None
    activity_id: str | None
    submission_id: str | None
    seq: int | None
    epoch: str | None
    payload: bytes
    sqlstate: str | None
    message: str | None
    created_at: datetime
    retried_at: datetime | None


async def add(database: Database, refused: Response | Join, *, sqlstate: str, message: str) -> None:
    """Set one response or join aside with the reason; the same one a second time changes nothing."""
    payload = encode_payload(refused)
    response = refused if isinstance(refused, Response) else None
    await database.execute(
        _ADD,
        sha256(payload).hexdigest(),
        "join" if response is None else "response",
        _keep_uuid(refused.session_id),
        None if response is None else _keep_uuid(response.activity_id),
        None if response is None else _keep_text(response.submission_id),
        None if response is None or not 0 <= response.offset <= _MAX_BIGINT else response.offset,
        None if response is None else _keep_text(response.epoch),
        payload,
        sqlstate,
        _keep_text(message),
    )


async def list_page(
    database: Database, *, limit: int, after_id: int = 0, waiting_only: bool = True
) -> list[DeadLetterRow]:
    """Return a page of dead letters after an id, oldest first."""
    return [
        build_row(DeadLetterRow, row) for row in await database.fetch(_LIST, after_id, waiting_only, limit)
    ]


async def count(database: Database, *, session_id: str | None = None) -> int:
    """Return how many dead letters wait, in one session or in all."""
    waiting: int = await database.fetchval(_COUNT, session_id)
    return waiting


async def responses_of(database: Database, session_id: str) -> list[Response]:
    """Return the responses of a session that are set aside, at most MOST_OF_SESSION: accepted, but in no row."""
    found: list[Response] = []
    for record in await database.fetch(_LIST_OF_SESSION, session_id, MOST_OF_SESSION):
        try:
            one = decode_payload(record["payload"])
            if isinstance(one, Response) and isinstance(json.loads(one.response_data), dict):
                found.append(one)
        except (ValueError, TypeError, KeyError, RecursionError):
            # What PostgreSQL refused may be anything, or of another version; it must not keep the others from counting.
            log.exception("a dead letter of session %s cannot be read, and counts nowhere", session_id)
    return found


async def read(database: Database, dead_letter_id: int) -> DeadLetterRow | None:
    """Return one dead letter, or None."""
    return build_optional(DeadLetterRow, await database.fetchrow(_READ, dead_letter_id))


async def note_retried(database: Database, dead_letter_id: int) -> DeadLetterRow | None:
    """Note that a dead letter was saved after all; None when there is none."""
    return build_optional(DeadLetterRow, await database.fetchrow(_NOTE_RETRIED, dead_letter_id))


async def delete(database: Database, dead_letter_id: int) -> bool:
    """Throw a dead letter away; False when there is none."""
    return count_affected(await database.execute(_DELETE, dead_letter_id)) > 0


def encode_payload(refused: Response | Join) -> bytes:
    """Return all of a response or join as ASCII JSON, which takes any text, even invalid Unicode."""
    kind = "response" if isinstance(refused, Response) else "join"
    return json.dumps({"kind": kind, **asdict(refused)}, sort_keys=True).encode("ascii")


def decode_payload(payload: bytes) -> Response | Join:
    """Return the response or join that a dead letter holds."""
    values = json.loads(payload)
    kind = values.pop("kind")
    return Response(**values) if kind == "response" else Join(**values)


def _keep_uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None  # the payload has the text as it was; the column only serves to find it


def _keep_text(text: str) -> str:
    cleaned = text[:_LONGEST_TEXT].replace("\0", "�")
    return cleaned.encode("utf-8", "replace").decode("utf-8")
