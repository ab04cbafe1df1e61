"""One way in for every format: finds out which it is, reads it, and lets the types judge each draft."""

from dataclasses import replace
from typing import Final, Literal

from realtime.activities.config import read_config
from realtime.activities.registry import Registry
from realtime.core.errors import Refusal
from realtime.interchange.bundle import read_bundle
from realtime.interchange.drafts import ENGLISH, Draft, Findings, Unreadable, Words
from realtime.interchange.gift import read_gift
from realtime.interchange.question_table import has_header, read_table
from realtime.interchange.rows import Table, decode_text, read_csv
from realtime.interchange.workbook import is_workbook, read_workbook

Format = Literal["json", "csv", "gift", "xlsx"]
FORMATS: Final = ("json", "csv", "gift", "xlsx")


def read_file(
    content: bytes, format: Format | None, registry: Registry, *, words: Words = ENGLISH, strict: bool = False
) -> tuple[Format, Findings]:
    """Drafts that their types accept, and everything that is wrong. Raises `Unreadable`."""
    if not content.strip():
        raise Unreadable("empty")
    chosen, findings = _read(content, format, words)
    kept = [draft for draft in findings.drafts if _fits(draft, findings, registry, strict)]
    findings.drafts = [replace(draft, type=registry.canonical(draft.type)) for draft in kept]
    findings.problems.sort(key=lambda one: one.line)
    return chosen, findings


def _read(content: bytes, format: Format | None, words: Words) -> tuple[Format, Findings]:
    if format == "xlsx" or (format is None and is_workbook(content)):
        tables = read_workbook(content)
        if not tables:
            raise Unreadable("empty")
        return "xlsx", read_table(next((table for table in tables if has_header(table)), tables[0]), words)
    text = decode_text(content)
    chosen, table = (format, None) if format is not None else _recognise(text)
    if chosen == "json":
        return "json", read_bundle(text)
    if chosen == "gift":
        return "gift", read_gift(text, words)
    return "csv", read_table(table or read_csv(text), words)


def _recognise(text: str) -> tuple[Format, Table | None]:
    """Which format a text is; only what can be told apart with certainty."""
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise Unreadable("empty")
    table = read_csv(text)
    if has_header(table):
        return "csv", table
    if start[0] in "{[":
        return "json", None
    if "{" in text:
        return "gift", None
    raise Unreadable("unknown_format")


def _fits(draft: Draft, findings: Findings, registry: Registry, strict: bool) -> bool:
    """Whether the type accepts the draft; where not, its fault becomes a problem of the draft's place."""
    try:
        read_config(registry.resolve(draft.type, strict=strict), draft.config)
    except Refusal as refusal:
        reason = str(refusal.details.get("reason") or refusal.message).rstrip(".")
        findings.report(draft.place, "unfit", draft.line, field=_shown(refusal.details.get("field", "")), reason=reason)
        return False
    return True


def _shown(field: str) -> str:
    """A path as the author of a question may understand it."""
    return str(field).removeprefix("settings.").removeprefix("config.") or "settings"
