"""Tables to complete, as support and reports ask for them; the traffic needs none of this."""

from dataclasses import dataclass
from decimal import Decimal

from persistence.pool import Database
from persistence.rows import build_row
from persistence.statements import statement

_LIST_WITH_ROWS = statement("list_table_templates_with_rows")
_LIST_ERRORS = statement("list_table_template_errors")
_READ_STATISTICS = statement("read_table_template_statistics")
_LIST_FILLED = statement("list_filled_tables")


@dataclass(frozen=True, slots=True)
class Template:
    """An activity that is a table."""

    activity_id: str
    session_id: str
    title: str


@dataclass(frozen=True, slots=True)
class JudgedTemplate:
    """A table with what is wrong with it; nothing is wrong where `errors` is empty."""

    activity_id: str
    session_id: str
    title: str
    errors: list[str]


@dataclass(frozen=True, slots=True)
class Statistics:
    """All templates at a glance; averages are None where there is nothing to average."""

    total_templates: int
    with_content: int
    average_cells: Decimal | None
    average_editable_cells: Decimal | None
    average_rows: Decimal | None
    average_columns: Decimal | None
    with_errors: int


@dataclass(frozen=True, slots=True)
class FilledTable:
    """What one participant wrote; `cells` is JSON text, marks are None where the activity is not scored (yet)."""

    activity_id: str
    participant_id: str
    round: int
    cells: str | None
    completed_cells: int
    marks_earned: float | None
    is_correct: bool | None


async def with_rows(database: Database, rows: int, *, limit: int) -> list[Template]:
    """Return the templates with so many rows."""
    return [build_row(Template, record) for record in await database.fetch(_LIST_WITH_ROWS, rows, limit)]


async def errors(database: Database, session_id: str | None = None, *, limit: int) -> list[JudgedTemplate]:
    """Return every template of a session, or of all, with what is wrong with it."""
    return [build_row(JudgedTemplate, record) for record in await database.fetch(_LIST_ERRORS, session_id, limit)]


async def statistics(database: Database) -> Statistics:
    """Return all templates at a glance."""
    record = await database.fetchrow(_READ_STATISTICS)
    assert record is not None  # an aggregate always yields a row
    return build_row(Statistics, record)


async def filled(database: Database, session_id: str, *, limit: int) -> list[FilledTable]:
    """Return what the participants of a session wrote, in the order accepted."""
    return [build_row(FilledTable, record) for record in await database.fetch(_LIST_FILLED, session_id, limit)]
