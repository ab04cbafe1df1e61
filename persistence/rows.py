"""Turns a database row into the record that the rest of the program sees."""

from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

import asyncpg


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init__(self, *values: Any) -> None: ...


RowT = TypeVar("RowT", bound=_Dataclass)


def build_row(row_type: type[RowT], record: asyncpg.Record) -> RowT:
    """Make a dataclass from the columns it names; ids become text, further columns are ignored.

    Ignoring them lets a program run on while a newer one has already added a column.
    """
    values = (record[name] for name in row_type.__dataclass_fields__)
    return row_type(*(str(value) if isinstance(value, UUID) else value for value in values))


def build_optional(row_type: type[RowT], record: asyncpg.Record | None) -> RowT | None:
    """Make a dataclass from a row, or None from no row."""
    return None if record is None else build_row(row_type, record)


def count_affected(command_tag: str) -> int:
    """Return how many rows a statement touched, from a tag such as `DELETE 3`."""
    return int(command_tag.rpartition(" ")[2])
