"""Every SQL statement of the traffic, read from `queries.sql` by its name."""

import re
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^-- name: (\w+)$")


class BadStatement(Exception):
    """`queries.sql` lacks a statement, or holds one that is not well-formed."""


def statement(name: str) -> str:
    """Return the SQL of one named statement; `BadStatement` when there is none of that name."""
    try:
        return all_statements()[name]
    except KeyError:
        raise BadStatement(f"queries.sql has no statement named {name!r}.") from None


@cache
def all_statements() -> dict[str, str]:
    """Return every statement of `queries.sql` by name."""
    return parse_statements(files("persistence").joinpath("queries.sql").read_text(encoding="utf-8"))


def parse_statements(text: str) -> dict[str, str]:
    """Split a file into its statements: a `-- name: x` line, one line of purpose, then the SQL."""
    statements: dict[str, str] = {}
    name, lines = "", list[str]()
    for line in [*text.splitlines(), "-- name: end_of_file"]:
        header = _HEADER.match(line)
        if header is None:
            lines.append(line)
            continue
        if name:
            statements[name] = _check_body(name, lines)
        elif any(before.strip() and not before.startswith("--") for before in lines):
            raise BadStatement("queries.sql has SQL before the first `-- name:` line.")
        name, lines = header.group(1), []
        if name in statements:
            raise BadStatement(f"queries.sql names {name!r} twice.")
    return statements


def _check_body(name: str, lines: list[str]) -> str:
    if not lines or not re.match(r"^-- \S", lines[0]):
        raise BadStatement(f"Statement {name!r} lacks its line of purpose.")
    body = "\n".join(line for line in lines if not line.startswith("--")).strip()
    if not body.endswith(";") or body.count(";") != 1:
        raise BadStatement(f"Statement {name!r} is not exactly one statement ended by a semicolon.")
    return body[:-1]
