"""The cells of a table to complete, and how one written cell is judged."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from realtime.activities.contract import Model
from realtime.activities.spelling import similarity_percent
from realtime.core.json_text import clean_text

LONGEST_VALUE: Final = 500
HUNDREDTHS: Final = 100  # marks are counted in hundredths
_LONGEST_NUMBER: Final = 30

Value = Annotated[str, Field(max_length=LONGEST_VALUE)]
Values = Annotated[list[Value], Field(max_length=50)]
State = Literal["blank", "exact", "alternative", "numeric", "fuzzy", "wrong", "ungraded"]

RIGHT: Final[frozenset[State]] = frozenset({"exact", "alternative", "numeric", "fuzzy"})


class Cell(Model):
    """One cell, named as the founding documents do; a rejected answer is wrong before it is fuzzy."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    row_index: Annotated[int, Field(ge=0, lt=50)]
    col_index: Annotated[int, Field(ge=0, lt=20)]
    cell_type: Literal["locked", "editable"]
    locked_value: Value | None = None
    expected_answer: Value | None = None
    alternative_answers: Values = Field(default_factory=list)
    rejected_answers: Values = Field(default_factory=list)
    marks: Annotated[float, Field(gt=0, le=1_000)] = 1
    case_sensitive: bool = False
    accepts_equivalent_phrasing: bool = False
    ungraded: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Cell":
        if self.cell_type == "locked":
            if self.locked_value is None:
                raise ValueError("a locked cell has a lockedValue")
        elif not self.ungraded and not clean_text(self.expected_answer or ""):
            raise ValueError("an editable cell has an expectedAnswer or is ungraded")
        if abs(self.marks * HUNDREDTHS - self.hundredths) > 1e-6:
            raise ValueError("marks have at most two decimals")
        return self

    @property
    def key(self) -> str:
        return f"{self.row_index}-{self.col_index}"

    @property
    def hundredths(self) -> int:
        """The marks as an integer."""
        return round(self.marks * HUNDREDTHS)


class Marking(Model):
    """`review` and `accept` give marks to a fuzzy match; `review` asks the presenter for a verdict."""

    similarity_threshold: Annotated[float, Field(ge=50, le=100)] = 85
    min_fuzzy_length: Annotated[int, Field(ge=1, le=LONGEST_VALUE)] = 6
    fuzzy_policy: Literal["review", "accept", "off"] = "review"
    numeric_cells: Literal["numeric", "text"] = "numeric"
    rounding: Annotated[int, Field(ge=0, le=6)] = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgement of one cell; `text` is what was written as it was compared."""

    state: State
    text: str

    @property
    def is_right(self) -> bool:
        return self.state in RIGHT


def comparable(cell: Cell, text: str) -> str:
    """The text as a cell compares it."""
    cleaned = clean_text(text)
    return cleaned if cell.case_sensitive else clean_text(cleaned.casefold())


def judge(cell: Cell, marking: Marking, written: str) -> Judged:
    """Judge what was written in an editable cell, by the first rule that applies."""
    text = comparable(cell, written)
    return Judged(_state(cell, marking, text), text)


def _state(cell: Cell, marking: Marking, text: str) -> State:
    if not text:
        return "blank"
    if cell.ungraded:
        return "ungraded"
    expected = comparable(cell, cell.expected_answer or "")
    alternatives = [comparable(cell, alternative) for alternative in cell.alternative_answers]
    if text == expected:
        return "exact"
    if text in alternatives:
        return "alternative"
    number = read_number(expected) if marking.numeric_cells == "numeric" else None
    if number is not None:  # one wrong digit is a wrong number, however similar the texts are
        return "numeric" if read_number(text) == number else "wrong"
    if text in {comparable(cell, rejected) for rejected in cell.rejected_answers}:
        return "wrong"
    if cell.accepts_equivalent_phrasing and marking.fuzzy_policy != "off":
        least = marking.similarity_threshold
        for candidate in [expected, *alternatives]:
            if (
                len(candidate) >= marking.min_fuzzy_length
                and similarity_percent(text, candidate, least) >= least
            ):
                return "fuzzy"
    return "wrong"


def read_number(text: str) -> Decimal | None:
    """The number a text is, with a decimal point or comma; None where it is none."""
    plain = text.replace(",", ".", 1)
    if (
        len(plain) > _LONGEST_NUMBER
        or not plain.lstrip("+-").replace(".", "", 1).isdigit()
        or not plain.isascii()
    ):
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:  # such as "+-1"
        return None
