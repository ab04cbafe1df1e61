"""From stored responses to rows of a table: who, what in words, and the columns that the type itself has."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from persistence.activities import ActivityRow
from persistence.results import Order, ResultRow
from realtime.activities.config import Config
from realtime.activities.contract import ActivityType, Answered, read_answer, read_settings
from realtime.activities.registry import Registry
from realtime.core.errors import Refusal
from realtime.interchange.wording import labels_of, question_of, word_answer

WHO: Final = ("round", "participant", "name", "team")
WHAT: Final = ("answered_at", "elapsed_ms", "answer")
_GIVE_WAY_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """What one activity's responses are read by. `unnamed`: nothing may tell who gave which answer."""

    row: ActivityRow
    number: int
    kind: ActivityType[Any, Any]
    config: Config
    settings: BaseModel
    decided: Mapping[int, BaseModel]
    labels: Mapping[str, str]
    hidden_from: int
    unnamed: bool

    @property
    def order(self) -> Order:
        """Where single contributions may be unnamed, their place beside named ones of the same person would tell."""
        mixed = getattr(self.settings, "allow_anonymous", False) is True
        return "unnamed" if self.unnamed else "mixed" if mixed else "by_person"

    @property
    def title(self) -> str:
        return self.row.title or question_of(self.config.settings) or self.row.type

    @property
    def question(self) -> str:
        return question_of(self.config.settings)

    def marking(self, round: int) -> BaseModel:
        """The settings with what was decided about answers of a round."""
        return self.decided.get(round, self.settings)


def read_rules(
    rows: Sequence[ActivityRow], decisions: Mapping[tuple[str, int], Mapping[str, Any]], hidden: Mapping[str, int],
    registry: Registry,
) -> list[Rules]:  # fmt: skip
    """The rules of a session's activities in their order. `hidden` has the first round that nobody may know yet."""
    found = []
    for number, row in enumerate(rows, start=1):
        kind = registry.resolve(row.type)
        config = Config.model_validate_json(row.config)
        try:
            settings = read_settings(kind, config.settings)
        except Refusal:  # written under rules that are no longer known: shown as it was stored, marked by nobody
            kind = registry.resolve("")
            settings = read_settings(kind, config.settings)
        decided = {round: kind.decided(settings, known) for (id, round), known in decisions.items() if id == row.id}
        found.append(
            Rules(
                row, number, kind, config, settings, decided, labels_of(config.settings), hidden.get(row.id, 2**31), config.unnamed
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Read:
    """One response, read: `answer` is None where it abstained or its rules are no longer known."""

    row: ResultRow
    data: Any
    elapsed_ms: int | None
    answer: BaseModel | None
    words: str


def read_response(rules: Rules, row: ResultRow) -> Read:
    document = json.loads(row.response_data)
    data = document.get("data")
    try:
        answer = read_answer(rules.kind, rules.settings, data)
    except Refusal:
        answer = None  # accepted under settings that are no longer known; its data is still shown
    words = "" if isinstance(data, dict) and data.get("abstain") is True else word_answer(data, rules.labels)
    return Read(row, data, None if rules.unnamed else document.get("elapsed_ms"), answer, words)


def wide_rows(rules: Rules, rows: Iterable[ResultRow]) -> list[dict[str, Any]]:
    """One activity's own table: who, the answer in words, then the type's columns. Rounds still hidden are absent."""
    table: list[dict[str, Any]] = []
    for count, row in enumerate(rows):
        if row.round >= rules.hidden_from:
            continue
        read = read_response(rules, row)
        answered = Answered(row.id or "", row.participant_id or "", read.answer, read.elapsed_ms, row.round)
        for typed in rules.kind.rows(rules.marking(row.round), [answered]):
            hushed = "participant" not in typed or is_hushed(read.data)
            common = _who(rules, read, hushed) | _what(read, hushed)
            own = {name: value for name, value in typed.items() if name not in common}
            table.append(common | own | ({} if row.points is None or hushed else {"points": row.points}))
        _give_way(count)
    return table


def long_rows(rules: Rules, rows: Iterable[ResultRow]) -> list[dict[str, Any]]:
    """The same columns for every type: one line per response, the answer in words and as data."""
    table: list[dict[str, Any]] = []
    for count, row in enumerate(rows):
        if row.round >= rules.hidden_from:
            continue
        read = read_response(rules, row)
        mark = None if read.answer is None else rules.kind.mark(rules.marking(row.round), read.answer)
        which = {"activity": rules.number, "activity_id": rules.row.id, "title": rules.title, "type": rules.row.type}
        hushed = is_hushed(read.data)
        judged = {"correct": None, "score": None} if mark is None else {"correct": mark.correct, "score": round(mark.score, 6)}
        said = _who(rules, read, hushed) | _what(read, hushed) | judged
        table.append(which | said | {"points": None if hushed else row.points, "data": read.data})
        _give_way(count)
    return table


LONG_COLUMNS: Final = ("activity", "activity_id", "title", "type", *WHO, *WHAT, "correct", "score", "points", "data")


def _who(rules: Rules, read: Read, hushed: bool) -> dict[str, Any]:
    """Who answered, unless the activity, the person or the type keeps that to itself."""
    row = read.row
    if rules.unnamed or hushed:
        return {"round": row.round, "participant": None, "name": None, "team": None}
    return {
        "round": row.round,
        "participant": row.participant_id,
        "name": None if row.anonymous else row.nickname,
        "team": row.team,
    }


def is_hushed(data: Any) -> bool:
    """Whether a single contribution was given without a name."""
    return isinstance(data, dict) and data.get("anonymous") is True


def _what(read: Read, hushed: bool) -> dict[str, Any]:
    at = None if hushed else read.row.created_at
    elapsed_ms = None if hushed else read.elapsed_ms
    return {"answered_at": None if at is None else at.isoformat(), "elapsed_ms": elapsed_ms, "answer": read.words}


def _give_way(count: int) -> None:
    """Rows are made in a thread beside the event loop, which gets the interpreter often enough to go on serving."""
    if count % _GIVE_WAY_ROWS == 0:
        time.sleep(0)
