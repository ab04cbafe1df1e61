import re
from pathlib import Path

import asyncpg
import pytest

from persistence.statements import BadStatement, all_statements, parse_statements, statement

PACKAGE = Path(__file__).parents[2] / "persistence"


def test_a_statement_is_found_by_its_name() -> None:
    text = """-- About the file.

-- name: one
-- Counts.
SELECT 1;

-- name: two
-- Also counts.
-- why
SELECT
2;
"""

    assert parse_statements(text) == {"one": "SELECT 1", "two": "SELECT\n2"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-- name: one\n-- Counts.\nSELECT 1;\n-- name: one\n-- Counts.\nSELECT 1;", "twice"),
        ("-- name: one\nSELECT 1;", "purpose"),
        ("-- name: one\n-- Counts.\nSELECT 1", "exactly one"),
        ("-- name: one\n-- Counts.\nSELECT 1; SELECT 2;", "exactly one"),
        ("SELECT 1;\n-- name: one\n-- Counts.\nSELECT 1;", "before the first"),
    ],
)
def test_a_malformed_file_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(BadStatement, match=complaint):
        parse_statements(text)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(BadStatement, match="no_such_statement"):
        statement("no_such_statement")


def test_every_statement_is_used() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))

    assert set(re.findall(r'statement\("(\w+)"\)', source)) == set(all_statements())


async def test_every_statement_fits_the_schema(db: asyncpg.Pool) -> None:
    async with db.acquire() as connection:
        for text in all_statements().values():
            await connection.prepare(text)
