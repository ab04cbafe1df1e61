"""From what a participant sent to what is stored and counted, and back: one path for every type."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from realtime.activities.config import Config
from realtime.activities.contract import ABSTENTION, ActivityType, Json, count, parse_answer, read_answer
from realtime.activities.crowding import fold
from realtime.core.errors import Refusal, invalid
from realtime.core.tally import RESPONSES

_ENTRY: Final = re.compile(r"[A-Za-z0-9:_.-]{0,80}")
MAX_COUNTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A checked answer: what to store, what it adds, which of the participant's responses it is."""

    data: Mapping[str, Json]
    counters: dict[str, int]
    entry: str
    entry_limit: int
    item: dict[str, Json] | None
    answer: BaseModel | None


def judge(
    kind: ActivityType[Any, Any], config: Config, settings: BaseModel, data: Json, *, elapsed_ms: int | None,
    submission_id: str, entry: str | None,
) -> Judged:  # fmt: skip
    """Check an answer; raises Refusal with the field at fault."""
    sent = parse_answer(kind, settings, data)
    answer: BaseModel | None = None if sent is None else kind.check(settings, sent)
    own = "" if answer is None else kind.entry(settings, answer, submission_id)
    limit = 0
    if own:
        limit = kind.entry_limit(settings, own.partition(":")[0])
    elif config.constraints.max_responses > 1:
        own, limit = entry or f"n:{submission_id}", config.constraints.max_responses
        if not own.startswith("n:"):  # the limit counts entries of one kind: nobody may bring a kind of his own
            raise invalid("entry", "must be the entry of one of your own responses, n:…")
    if not _ENTRY.fullmatch(own):
        raise Refusal("invalid", details={"field": "entry", "reason": "letters, digits and : _ . - only"})
    counters = count(kind, settings, answer, elapsed_ms)
    if len(counters) > MAX_COUNTERS:
        raise Refusal("too_many_parts", details={"field": "data", "max_counters": MAX_COUNTERS})
    return Judged(
        data=ABSTENTION if answer is None else kind.keep(settings, sent, answer),
        counters=counters,
        entry=own,
        entry_limit=limit,
        item=None if answer is None else kind.item(settings, answer),
        answer=answer,
    )


def envelope(
    type_name: str, version: int, data: Mapping[str, Json], metadata: Mapping[str, Json], elapsed_ms: int | None,
    others: Sequence[str] = (),
) -> dict[str, Json]:  # fmt: skip
    """The stored document of a response (requirements A17); `elapsed_ms` is the server's own measure, `others` the
    parts whose texts were counted together with others."""
    result: dict[str, Json] = {"type": type_name, "version": version, "data": data, "metadata": dict(metadata)}
    if elapsed_ms is not None:
        result["elapsed_ms"] = elapsed_ms
    if others:
        result["others"] = list(others)
    return result


def item_document(participant_id: str, item: Mapping[str, Json], name: str | None) -> dict[str, Json]:
    """An item as the live store keeps it; the script adds time and order. `name` is None for who stays unnamed."""
    return {"by": participant_id, "data": item} | ({} if name is None else {"name": name})


def recount(kind: ActivityType[Any, Any], settings: BaseModel, stored: str) -> tuple[dict[str, int], dict[str, Json] | None]:
    """The counters and item of a stored envelope, as when it was accepted.

    A response that the present settings would refuse still counts as one response: it was accepted.
    """
    document = json.loads(stored)
    try:
        answer = read_answer(kind, settings, document.get("data"))
        counters = count(kind, settings, answer, document.get("elapsed_ms"))
        return fold(kind, settings, counters, document.get("others", ())), None if answer is None else kind.item(settings, answer)
    except Refusal:
        return {RESPONSES: 1}, None
