"""From marks to points: what each of a participant's answers earns, in the order the rounds were closed.

Pure: the ledger is brought to what this says, by whichever process, as often as needed.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from realtime.activities.config import Config, Reveal, Scoring
from realtime.activities.contract import ActivityType, Audience, Json, Mark, read_answer, sight_of
from realtime.activities.speed import Award, award
from realtime.core.errors import Refusal

_DIGITS: Final = 6
_MOST_DETAILS: Final = 8  # numbers of a mark's detail that are kept with the points

Key = tuple[str, int]  # activity and round


@dataclass(frozen=True, slots=True)
class Marked:
    """One answer, judged: `score` is None where there is no right answer; `elapsed_ms` counts from the first moment
    at which answers were taken."""

    score: float | None
    correct: bool
    elapsed_ms: int | None
    seq: int = 0
    marks: Mapping[str, Json] | None = None  # the type's own marks, such as those of a table


@dataclass(frozen=True, slots=True)
class Round:
    """A closed round that scores; `judges` says whether who did not answer ends his streak."""

    key: Key
    scoring: Scoring
    limit_ms: int | None
    judges: bool


def scores(config: Config) -> bool:
    """Whether answers earn points. Anonymous ones do not: the ledger would tell who gave which."""
    return config.scoring.mode != "none" and config.constraints.identity != "anonymous"


def shows_points(reveal: Reveal, state: str, revealed: bool) -> bool:
    """Whether participants may see what they earned: points tell what the right answer was."""
    sight = sight_of(Audience.PARTICIPANTS, reveal.model_dump(), state, revealed)
    return sight.results and (sight.key or reveal.answer_key == "never")


def round_of(kind: ActivityType[Any, Any], config: Config, settings: BaseModel, key: Key) -> Round:
    """The rules of one round."""
    judges = config.scoring.mode in ("accuracy", "speed") and type(kind).mark is not ActivityType.mark
    limit_ms = (config.constraints.time_limit or 0) * 1_000 or kind.answering_ms(settings)
    return Round(key, config.scoring, limit_ms or None, judges)


def mark_stored(kind: ActivityType[Any, Any], settings: BaseModel, stored: str, seq: int) -> Marked | None:
    """The mark of a stored envelope; None where nothing was answered (abstained, or no longer readable)."""
    document = json.loads(stored)
    try:
        answer = read_answer(kind, settings, document.get("data"))
    except Refusal:
        return None  # accepted under rules that are no longer known
    if answer is None:
        return None
    elapsed_ms = document.get("elapsed_ms")
    mark: Mark | None = kind.mark(settings, answer)
    if mark is None:
        return Marked(None, False, elapsed_ms, seq)
    numbers = {name: value for name, value in mark.detail.items() if isinstance(value, int | float)}
    marks = dict(list(numbers.items())[:_MOST_DETAILS]) or None
    return Marked(round(mark.score, _DIGITS), mark.correct, elapsed_ms, seq, marks)


def best(marks: Iterable[Marked]) -> Marked:
    """The one that counts where somebody answered several times: the highest score, of equal ones the first."""
    return max(marks, key=lambda one: (one.score or 0, -one.seq))


def reckon(rounds: Sequence[Round], marks: Mapping[Key, Marked]) -> dict[Key, Award]:
    """What one participant earns in each round, in the order they were closed."""
    awards: dict[Key, Award] = {}
    streak = 0
    for one in rounds:
        marked = marks.get(one.key)
        if marked is None:
            streak = 0 if one.judges else streak
            continue
        mark = None if marked.score is None else Mark(marked.correct, marked.score)
        elapsed_ms = marked.elapsed_ms
        if elapsed_ms is not None:
            elapsed_ms = max(0, min(elapsed_ms, one.limit_ms or elapsed_ms))
        awards[one.key] = award(one.scoring, mark, elapsed_ms, one.limit_ms, streak)
        streak = awards[one.key].streak
    return awards


def ledger_meta(rule: Round, marked: Marked, given: Award) -> dict[str, Json]:
    """What the ledger keeps beside the points: enough to reckon again, and to explain them."""
    points = rule.scoring.points
    meta: dict[str, Json] = {
        "mode": rule.scoring.mode,
        "score": marked.score,
        "correct": marked.correct,
        "elapsed_ms": marked.elapsed_ms,
        "multiplier": round((given.points - given.bonus) / points, _DIGITS) if points else 0,
        "bonus": given.bonus,
        "streak": given.streak,
    }
    return meta | ({"marks": dict(marked.marks)} if marked.marks else {})


NO_ANSWER: Final[Mapping[str, Json]] = {"void": True}  # meta of a row that takes points back


def read_meta(meta: Mapping[str, Json]) -> Marked | None:
    """The mark that the ledger remembers, None where its points were taken back."""
    if meta.get("void"):
        return None
    return Marked(meta.get("score"), bool(meta.get("correct")), meta.get("elapsed_ms"), marks=meta.get("marks"))


def project_board(
    document: Mapping[str, Json], audience: Audience, shows: Callable[[str], bool]
) -> Mapping[str, Json] | None:
    """The leaderboard for an audience. Participants see points only of activities that show them their results; `shows`
    tells that of an activity now, as it may have been hidden since."""
    if audience is Audience.PRESENTERS:
        return {name: value for name, value in document.items() if name != "shown"}
    shown: Mapping[str, Json] | None = document.get("shown")
    if not shown or not shown["activity_ids"]:
        return None
    return shown if all(shows(activity_id) for activity_id in shown["activity_ids"]) else None
