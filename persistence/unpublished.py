"""What a change owes the live store: noted in the change's own transaction, forgotten once it is published."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from persistence.pool import Database
from persistence.rows import build_row, count_affected
from persistence.statements import statement

_NOTE = statement("note_unpublished")
_LIST = statement("list_unpublished")
_FORGET = statement("forget_unpublished")

# A session that was deleted is one too; of activities only those that were deleted are noted here.
Kind: TypeAlias = Literal["session", "activity", "participant", "ticket", "board"]


@dataclass(frozen=True, slots=True)
class Owed:
    """The present state of something is to be published; every change of it makes this a new debt with another `id`."""

    session_id: str
    kind: Kind
    subject: str = ""
    id: int = 0  # 0: noted nowhere


async def owe(database: Database, session_id: str, kind: Kind, subject: str = "") -> Owed:
    """Note what is to be published; the same again replaces what was noted of it before."""
    record = await database.fetchrow(_NOTE, session_id, kind, subject)
    assert record is not None  # RETURNING always yields the row that was written
    return build_row(Owed, record)


async def left(database: Database, *, limit: int, older_than_seconds: float) -> list[Owed]:
    """Return some of what should have been published by now."""
    return [build_row(Owed, record) for record in await database.fetch(_LIST, limit, older_than_seconds)]


async def forget(database: Database, owed: Owed) -> bool:
    """What is owed was published; False where something newer has been noted meanwhile, which stays."""
    return count_affected(await database.execute(_FORGET, owed.session_id, owed.kind, owed.subject, owed.id)) > 0
