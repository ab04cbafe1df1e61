"""Activities as one JSON document, to keep, to share and to bring back unchanged."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from realtime.core.errors import Refusal
from realtime.core.json_text import Limits, decode
from realtime.interchange.drafts import Findings, Unreadable

FORMAT: Final = "plenum.activities"
VERSION: Final = 1
_LIMITS: Final = Limits(max_bytes=16 * 1_048_576, max_keys=200_000, max_list_entries=200_000)


def make_bundle(title: str, activities: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The document of a session's activities, each given as type, title and config."""
    listed = [{"type": type, "title": name, "config": dict(config)} for type, name, config in activities]
    return {"format": FORMAT, "version": VERSION, "title": title, "activities": listed}


def read_bundle(text: str) -> Findings:
    """The activities of a document; also a bare list of them, or one alone. Raises `Unreadable`."""
    try:
        document = decode(text.lstrip("\ufeff"), _LIMITS)
    except Refusal as refusal:
        reason = refusal.details.get("reason") or refusal.message
        raise Unreadable("malformed_json", reason=str(reason).rstrip(".")) from refusal
    if isinstance(document, dict) and "activities" not in document and isinstance(document.get("type"), str):
        document = [document]
    if isinstance(document, dict):
        version = document.get("version", VERSION)
        if isinstance(version, int) and version > VERSION and document.get("format") == FORMAT:
            raise Unreadable("newer_version")
        document = document.get("activities")
    if not isinstance(document, list):
        raise Unreadable("not_a_bundle")
    findings = Findings()
    for number, entry in enumerate(document, start=1):
        place = f"activity {number}"
        if findings.full:
            findings.report(place, "too_many", number, most=len(findings.drafts))
            break
        if not isinstance(entry, dict):
            findings.report(place, "unfit", number, field="activity", reason="must be an object")
            continue
        type, title, config = entry.get("type", entry.get("activity_type")), entry.get("title") or "", entry.get("config", {})
        if not isinstance(type, str) or not 1 <= len(type) <= 50:
            findings.report(place, "unfit", number, field="type", reason="must be the name of an activity type")
        elif not isinstance(title, str):
            findings.report(place, "unfit", number, field="title", reason="must be a text")
        elif not isinstance(config, dict):
            findings.report(place, "unfit", number, field="config", reason="must be an object")
        else:
            findings.keep(place, type, title, config, number)
    return findings
