"""How many points an answer earns: by its score, by how fast it came, and by the answers before it.

Times are server times since the opening, less the confirmed display delay. All arithmetic is on integers
and rounds half up, so that no two machines disagree by a point.
"""

from dataclasses import dataclass
from typing import Final, Literal

from realtime.activities.config import Scoring
from realtime.activities.contract import Mark

SpeedProfile = Literal["none", "kahoot", "linear", "floor10"]
StreakRule = Literal["none", "kahoot", "arsnova"]

_AT_ONCE_MS: Final = 500  # kahoot: faster than this, full points
_FLOOR_SHARE: Final = 10  # floor10: never below a tenth
_KAHOOT_STEP: Final = 100
_KAHOOT_STEPS: Final = 5
_ARSNOVA_TENTHS: Final = (10, 10, 11, 12, 13, 15)  # by the length of the streak; the last for all beyond
_SCORE_DIGITS: Final = 1_000_000


def speed_points(profile: SpeedProfile, points: int, elapsed_ms: int, limit_ms: int | None) -> int:
    """What a right answer earns at this time; full points where there is no time limit."""
    return _profiled(profile, points, _SCORE_DIGITS, elapsed_ms, limit_ms)


def _profiled(profile: SpeedProfile, points: int, score: int, elapsed_ms: int, limit_ms: int | None) -> int:
    full = points * score
    if not limit_ms or profile == "none":
        return _half_up(full, _SCORE_DIGITS)
    elapsed_ms = min(max(elapsed_ms, 0), limit_ms)
    if profile == "kahoot":
        if elapsed_ms < _AT_ONCE_MS:
            return _half_up(full, _SCORE_DIGITS)
        return _half_up(full * (2 * limit_ms - elapsed_ms), 2 * limit_ms * _SCORE_DIGITS)
    left_ms = limit_ms - elapsed_ms
    if profile == "floor10" and left_ms * _FLOOR_SHARE < limit_ms:
        return _half_up(full, _FLOOR_SHARE * _SCORE_DIGITS)
    return _half_up(full * left_ms, limit_ms * _SCORE_DIGITS)


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def streak_bonus(rule: StreakRule, points: int, streak: int) -> int:
    """What is added to `points` for the `streak`-th right answer in a row, this one included.

    kahoot: 100 for the second, 100 more for each one after it up to 500. arsnova: the points times
    1.0, 1.1, 1.2, 1.3, and 1.5 from the fifth on.
    """
    if rule == "kahoot":
        return _KAHOOT_STEP * min(max(streak - 1, 0), _KAHOOT_STEPS)
    if rule == "arsnova":
        tenths = _ARSNOVA_TENTHS[min(max(streak, 0), len(_ARSNOVA_TENTHS) - 1)]
        return _half_up(points * (tenths - 10), 10)
    return 0


@dataclass(frozen=True, slots=True)
class Award:
    """The points of one answer: `points` in all, `bonus` of them for the streak; `streak` after it."""

    points: int
    bonus: int = 0
    streak: int = 0


def award(
    scoring: Scoring, mark: Mark | None, elapsed_ms: int | None, limit_ms: int | None, streak_before: int = 0
) -> Award:
    """What one answer earns under the activity's scoring. `mark` is None where there is no right answer.

    An answer without a known time counts as given at the last moment. A partly right answer ends a streak.
    """
    if scoring.mode == "none":
        return Award(0, streak=streak_before)
    if scoring.mode == "participation":
        return Award(scoring.points, streak=streak_before)
    if mark is None:
        return Award(0, streak=streak_before)
    score = round(mark.score * _SCORE_DIGITS)
    if score <= 0:
        lost = round(scoring.negative * _SCORE_DIGITS)
        return Award(-_half_up(scoring.points * lost, _SCORE_DIGITS))
    profile: SpeedProfile = scoring.speed if scoring.mode == "speed" else "none"
    late_ms = (limit_ms or 0) if elapsed_ms is None else elapsed_ms
    points = _profiled(profile, scoring.points, score, late_ms, limit_ms)
    streak = streak_before + 1 if mark.correct else 0
    bonus = streak_bonus(scoring.streak, points, streak)
    return Award(points + bonus, bonus, streak)
