"""What every reader of foreign questions returns: drafts of activities, and problems that name their place.

One bad question never spoils the others: a reader puts a problem beside it and goes on. Only a file that
cannot be read at all raises `Unreadable`. Readers are pure: bytes or text in, drafts out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from realtime.core.json_text import clean_text

MOST_DRAFTS: Final = 500  # as many as a session holds by default
MOST_PROBLEMS: Final = 500  # beyond it a file is not one of questions
LONGEST_TITLE: Final = 500

# What may be wrong, and what to do. The pages have these sentences in their catalogues under the same codes.
PROBLEMS: Final[Mapping[str, str]] = {
    "no_question": "There is no question text. Write one, or delete the row.",
    "unknown_type": "“{value}” is no type that can be imported. Use one of: {allowed}.",
    "too_few_options": "At least two options are needed; {n} found.",
    "no_correct": "No right answer is given. It is imported as a poll, which has none.",
    "unknown_correct": "“{value}” is none of the options. Give their numbers (1, 3), letters (A, C) or texts.",
    "not_a_number": "“{value}” is not a number. Write it like 12 or 3.5.",
    "bad_time": "“{value}” is not a time limit. Give whole seconds, from 0 to 86400.",
    "bad_pair": "“{value}” is not a pair. Write it as: left -> right.",
    "unfit": "{field}: {reason}.",
    "unclosed_brace": "A “{{” is never closed. Add a “}}”, or write “\\{{” for a plain brace; an empty line ends a question.",
    "stray_brace": "A “}}” has no “{{” before it. Write “\\}}” for a plain brace.",
    "several_answers": "There are several {{…}} in one question. GIFT knows one; split the question.",
    "no_answer_part": "This is a text without a question: it has no {{…}}. It is left out.",
    "bad_weight": "“{value}” is not a weight. Write a percentage between % signs, such as %50%.",
    "mixed_answers": "The answers do not go together. Start choices with ~ and the right one with =.",
    "unclosed_title": "The title is never closed. Write it between :: and ::.",
    "feedback_left_out": "Feedback to single answers has no place in this type; it is left out.",
    "weights_left_out": "Answers round other numbers than the right one have no place here; they are left out.",
    "penalty_left_out": "Minus points have no place in this type; such answers earn nothing.",
    "html_as_text": "Markup is imported as plain text.",
    "bad_csv": "The row cannot be read: {reason}. Check its quotation marks.",
    "too_many": "Only the first {most} are read. Split the file.",
    "limited": "The session is full: it holds {most} activities.",
}
# These are told, and the question is imported all the same.
NOTES: Final = frozenset(
    {
        "no_correct",
        "no_answer_part",
        "feedback_left_out",
        "weights_left_out",
        "penalty_left_out",
        "html_as_text",
        "too_many",
    }
)

# Why a whole file cannot be read, and what to do.
REASONS: Final[Mapping[str, str]] = {
    "empty": "There is nothing to import. Choose a file, or paste the questions.",
    "unknown_format": "This is neither JSON, CSV, GIFT nor an Excel workbook. Say which format it is, or save it as one of these.",
    "not_text": "This is not a text file. Save it as UTF-8 text and try again.",
    "no_header": "There is no row of headings. The first row needs at least a column “Question”.",
    "not_a_workbook": "This is no Excel workbook (.xlsx), or it is damaged. Save it again as .xlsx.",
    "workbook_too_large": "The workbook unfolds to more than can be read. Delete pictures and sheets that are not needed.",
    "malformed_json": "This is not valid JSON: {reason}.",
    "not_a_bundle": "This JSON holds no activities. It needs a list under “activities”, as the export writes it.",
    "newer_version": "This file was written by a newer version of Plenum. Update this server first.",
    "bad_base64": "The file did not arrive whole. Choose it again.",
}


class Unreadable(Exception):
    """The file as a whole cannot be read; nothing of it was imported. `code` is a key of REASONS."""

    def __init__(self, code: str, **values: Any) -> None:
        self.code = code
        self.values = values
        self.message = REASONS[code].format(**values)
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where: `place` names a line or cell as the author sees it. `code` is a key of PROBLEMS."""

    place: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0  # for the order

    @property
    def message(self) -> str:
        return PROBLEMS[self.code].format(**self.values)

    @property
    def note(self) -> bool:
        """Whether the question is imported all the same."""
        return self.code in NOTES

    def document(self) -> dict[str, Any]:
        return {
            "place": self.place, "code": self.code, "values": dict(self.values), "message": self.message, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """One activity as it would be created; its config is checked by the type itself afterwards."""

    place: str
    type: str
    title: str
    config: Mapping[str, Any]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """The words that a true-or-false question shows as its options."""

    true: str = "True"
    false: str = "False"


ENGLISH: Final = Words()


class Findings:
    """Collects drafts and problems, and never more than their limits."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.problems: list[Problem] = []

    @property
    def full(self) -> bool:
        return len(self.drafts) >= MOST_DRAFTS or len(self.problems) >= MOST_PROBLEMS

    def report(self, place: str, code: str, line: int = 0, **values: Any) -> None:
        """Put a problem beside a place; what was written is quoted, cut short."""
        if len(self.problems) < MOST_PROBLEMS:
            shown = {name: value[:200] if isinstance(value, str) else value for name, value in values.items()}
            self.problems.append(Problem(place, code, shown, line))

    def keep(self, place: str, type: str, title: str, config: Mapping[str, Any], line: int = 0) -> None:
        self.drafts.append(Draft(place, type, clean_text(title)[:LONGEST_TITLE], config, line))


def config_of(settings: Mapping[str, Any], *, seconds: int | None = None, points: int | None = None) -> dict[str, Any]:
    """A config round settings; what is right or wrong is scored, as a quiz is."""
    config: dict[str, Any] = {"version": 1, "settings": dict(settings)}
    if seconds:
        config["constraints"] = {"time_limit": seconds}
    if points is not None:
        config["scoring"] = {"mode": "accuracy", "points": points}
    return config


QUIZ_REVEAL: Final = {"counts": "presenter", "results": "on_reveal", "answer_key": "on_reveal"}
QUIZ_POINTS: Final = 1_000


def quiz_config(settings: Mapping[str, Any], *, seconds: int | None = None, points: int = QUIZ_POINTS) -> dict[str, Any]:
    """The config of a question with a right answer: hidden until the reveal, and worth points."""
    return config_of(settings, seconds=seconds, points=points) | {"reveal": QUIZ_REVEAL}


def decimals_of(*numbers: float) -> int:
    """How many digits behind the point these numbers need, at most 6."""
    return max((len(f"{abs(number):.6f}".rstrip("0").partition(".")[2]) for number in numbers), default=0)
