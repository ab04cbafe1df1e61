"""A table with gaps: some cells are given, the others are filled in and marked one by one."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from realtime.activities.contract import ActivityType, Answered, Json, Live, Mark, Model, Sight, Text, without
from realtime.activities.contributions import action_of
from realtime.activities.labels import Line
from realtime.activities.statistics import from_units, histogram_under, mean, median
from realtime.activities.table_cells import (
    HUNDREDTHS,
    LONGEST_VALUE,
    Cell,
    Judged,
    Marking,
    comparable,
    judge,
)
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text
from realtime.core.tally import under

TOP_SHOWN: Final = 10  # texts shown per cell
MOST_TEXTS: Final = 200  # texts told apart in one cell
_MOST_TEXTS_IN_ALL: Final = 40_000
_LONGEST_COUNTED: Final = 80  # characters of a text as it is counted
# All of a table is marked on the event loop: this many characters to compare take about 20 ms at worst.
_MOST_FUZZY: Final = 20_000
_CELL_KEY: Final = re.compile(r"(0|[1-9][0-9]?)-(0|[1-9][0-9]?)")
_DECIMALS: Final = 2

Written = Annotated[str, Field(max_length=LONGEST_VALUE)]


class Settings(Model):
    """A position without a cell is a locked empty one. `hide_marks` hides what cells are worth."""

    rows: Annotated[int, Field(ge=2, le=50)]
    columns: Annotated[int, Field(ge=2, le=20)]
    headers: list[Annotated[Line, Field(max_length=200)]]
    title: Annotated[Line, Field(max_length=300)] | None = None
    description: Annotated[str, Field(max_length=2_000)] | None = None
    cells: Annotated[list[Cell], Field(min_length=1, max_length=1_000)]
    marking: Marking = Marking()
    hide_marks: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if len(self.headers) != self.columns:
            raise ValueError("there must be one header for each column")
        keys = [cell.key for cell in self.cells]
        if len(set(keys)) != len(keys):
            raise ValueError("a position has two cells")
        if any(cell.row_index >= self.rows or cell.col_index >= self.columns for cell in self.cells):
            raise ValueError("a cell lies outside the table")
        editable = self.editable()
        if not editable:
            raise ValueError("at least one cell must be editable")
        fuzzy = [cell for cell in editable.values() if cell.accepts_equivalent_phrasing]
        length = sum(
            len(text) for cell in fuzzy for text in [cell.expected_answer or "", *cell.alternative_answers]
        )
        if length > _MOST_FUZZY:
            raise ValueError(
                f"cells that accept equivalent phrasing may hold {_MOST_FUZZY} characters in all"
            )
        return self

    def editable(self) -> dict[str, Cell]:
        """The cells to fill in by their key, row by row."""
        cells = [cell for cell in self.cells if cell.cell_type == "editable"]
        return {cell.key: cell for cell in sorted(cells, key=lambda cell: (cell.row_index, cell.col_index))}


class Value(Model):
    """What was written by cell; null clears a cell. The two counters are the server's."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    student_answers: Annotated[dict[str, Written | None], Field(max_length=1_000)]
    completed_cells: int = 0
    required_cells: int = 0


class Answer(Model):
    value: Value
    final: bool = False


class TableCompletion(ActivityType[Settings, Answer]):
    name = "table_completion"
    aliases = ("table", "complete_table")
    qti, moodle, xapi = "textEntryInteraction", "multianswer", "fill-in"
    settings_model, answer_model = Settings, Answer
    secrets = ("cells[].expectedAnswer", "cells[].alternativeAnswers", "cells[].rejectedAnswers")
    example = {
        "settings": {
            "rows": 2,
            "columns": 3,
            "headers": ["Stage", "Place", "Product"],
            "title": "Photosynthesis",
            "description": None,
            "cells": [
                {"rowIndex": 0, "colIndex": 0, "cellType": "locked", "lockedValue": "Light reactions"},
                {
                    "rowIndex": 0, "colIndex": 1, "cellType": "editable", "expectedAnswer": "thylakoid",
                    "alternativeAnswers": ["thylakoid membrane"], "marks": 1, "caseSensitive": False,
                    "acceptsEquivalentPhrasing": True,
                },
                {
                    "rowIndex": 0, "colIndex": 2, "cellType": "editable", "expectedAnswer": "ATP",
                    "alternativeAnswers": [], "marks": 2, "caseSensitive": True,
                    "acceptsEquivalentPhrasing": False,
                },
                {"rowIndex": 1, "colIndex": 0, "cellType": "locked", "lockedValue": "Calvin cycle"},
                {
                    "rowIndex": 1, "colIndex": 1, "cellType": "editable", "expectedAnswer": "stroma",
                    "alternativeAnswers": [], "marks": 1, "caseSensitive": False,
                    "acceptsEquivalentPhrasing": False,
                },
                {"rowIndex": 1, "colIndex": 2, "cellType": "locked", "lockedValue": "Sugar"},
            ],
            "marking": {
                "similarity_threshold": 85, "min_fuzzy_length": 6, "fuzzy_policy": "review",
                "numeric_cells": "numeric", "rounding": 2,
            },
        },
        "answers": [
            {
                "value": {
                    "studentAnswers": {"0-1": "thylakoid", "0-2": "ATP", "1-1": ""},
                    "completedCells": 2, "requiredCells": 3,
                },
                "final": True,
            },
            {"value": {"studentAnswers": {"0-1": "thylakoyd", "0-2": "atp", "1-1": "Stroma"}}, "final": True},
            {"value": {"studentAnswers": {"1-1": "str"}}},
        ],
    }  # fmt: skip

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """A draft may send `studentAnswers` without `value`."""
        return {"value": dict(data)} if "studentAnswers" in data else data

    def merge_draft(self, settings: Settings, before: Json, sent: Json) -> Json:
        """Cells sent alone are put among those of before; null clears one."""
        old, new = (self.migrate_answer(settings, one) if isinstance(one, Mapping) else {} for one in (before, sent))
        cells: dict[str, Json] = {}
        for value in (old.get("value"), new.get("value")):
            written = value.get("studentAnswers") if isinstance(value, Mapping) else None
            cells |= written if isinstance(written, Mapping) else {}
        kept = {"value": {"studentAnswers": {key: text for key, text in cells.items() if text is not None}}}
        final = new.get("final", old.get("final"))
        return kept if final is None else kept | {"final": final}

    def check(self, settings: Settings, answer: Answer) -> Answer:
        editable = settings.editable()
        written: dict[str, str | None] = {}
        for key, text in answer.value.student_answers.items():
            place = f"data.value.studentAnswers.{key[:10]}"
            position = _CELL_KEY.fullmatch(key)
            if position is None or int(position[1]) >= settings.rows or int(position[2]) >= settings.columns:
                raise invalid(place, "no such cell", "unknown_option")
            if key not in editable:
                raise invalid(place, "the cell is locked", "locked_cell")
            if text is not None:
                written[key] = clean_text(text)
        in_order = {key: written[key] for key in editable if key in written}
        completed = sum(bool(text) for text in in_order.values())
        value = Value(student_answers=in_order, completed_cells=completed, required_cells=len(editable))
        return Answer(value=value, final=answer.final)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        judged = _judge(settings, answer)
        completed = sum(cell.state != "blank" for cell in judged.values())
        result = {"final" if answer.final else "draft": 1, "completed": completed}
        if completed == len(judged):
            result["complete"] = 1
        for key, cell in judged.items():
            # One name per cell; with the text only where texts must be told apart.
            if cell.state in ("fuzzy", "wrong"):
                result[f"{cell.state}:{key}:{cell.text[:_LONGEST_COUNTED]}"] = 1
            elif cell.state != "blank":
                result[f"right:{key}" if cell.is_right else f"ungraded:{key}"] = 1
        if answer.final:
            result[f"score:{_score(settings, judged)}"] = 1
        return {name: amount for name, amount in result.items() if amount}

    def text_of(self, settings: Settings, name: str) -> Text | None:
        state, _, rest = name.partition(":")
        if state not in ("fuzzy", "wrong"):
            return None
        key = rest.partition(":")[0]
        most = min(MOST_TEXTS, _MOST_TEXTS_IN_ALL // len(settings.cells))
        return Text(place=key, part=key, other=f"{state}:{key}:", most=most)

    def mark(self, settings: Settings, answer: Answer) -> Mark:
        judged, cells = _judge(settings, answer), settings.editable()
        most = sum(cell.hundredths for cell in cells.values() if not cell.ungraded)
        score = _score(settings, judged)
        given = answer.value.student_answers
        fraction = score / most if most else 1.0
        detail = {
            "score": from_units(score, _DECIMALS),
            "max_score": from_units(most, _DECIMALS),
            "percentage": round(100 * fraction, settings.marking.rounding),
            "isComplete": all(cell.state != "blank" for cell in judged.values()),
            "cells": {
                key: {
                    "state": judged[key].state,
                    "isCorrect": judged[key].is_right,
                    "marks": from_units(cell.hundredths if judged[key].is_right else 0, _DECIMALS),
                    "maxMarks": from_units(0 if cell.ungraded else cell.hundredths, _DECIMALS),
                    "studentAnswer": given.get(key) or "",
                    "expectedAnswer": cell.expected_answer,
                }
                for key, cell in cells.items()
            },
        }
        return Mark(correct=score == most, score=fraction, detail=detail)

    def public_settings(self, settings: Settings, sight: Sight) -> dict[str, Json]:
        document = super().public_settings(settings, sight)
        hidden = settings.hide_marks and not sight.host
        return dict(without(document, ("cells[].marks",))) if hidden else document

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        submitted, drafts = live.tally.get("final", 0), live.tally.get("draft", 0)
        started = submitted + drafts
        editable = live.settings.editable()
        main: dict[str, Any] = {
            "submitted": submitted,
            "drafts": drafts,
            "completion": {
                "mean_cells": round(live.tally.get("completed", 0) / started, 2) if started else 0.0,
                "required": len(editable),
                "complete": live.tally.get("complete", 0),
            },
        }
        if sight.results:
            scores = histogram_under(live.tally, "score:")
            main["scores"] = {
                "mean": round(mean(scores) / HUNDREDTHS, 2),
                "median": round(median(scores) / HUNDREDTHS, 2),
                "distribution": {
                    str(from_units(score, _DECIMALS)): scores[score] for score in sorted(scores)
                },
            }
        if sight.host:
            main["cells"] = _cells(live)
        return {"": main}

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """accept or reject a text in a cell for everybody who wrote it; `clear` takes that back."""
        action = action_of(decision, {"accept", "reject", "clear"})
        cell = live.settings.editable().get(str(decision.get("cell")))
        if cell is None:
            raise invalid("cell", "no such cell to fill in", "unknown_option")
        text = decision.get("text")
        if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_VALUE:
            raise invalid("text", f"must have 1 to {LONGEST_VALUE} characters")
        text = comparable(cell, text)[:_LONGEST_COUNTED]
        # A text for which the cell had no room is only among the others.
        names = [f"{state}:{cell.key}:{one}" for state in ("fuzzy", "wrong") for one in (text, "")]
        if not text or not any(name in live.tally for name in names):
            raise Refusal("not_found", details={"field": "text", "reason": "nobody wrote this"})
        return {f"cell:{cell.key}:{text}": None if action == "clear" else action}

    def decided(self, settings: Settings, decisions: Mapping[str, Json]) -> Settings:
        return decided_settings(settings, decisions)

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        """One row per response: a column for each cell to fill in, and the marks."""
        rows: list[dict[str, Json]] = []
        for response in responses:
            row: dict[str, Json] = {"participant": response.participant_id, "round": response.round}
            if response.answer is None:
                rows.append(row | {"abstained": True})
                continue
            detail, written = (
                self.mark(settings, response.answer).detail,
                response.answer.value.student_answers,
            )
            marks = {
                "score": detail["score"],
                "max_score": detail["max_score"],
                "final": response.answer.final,
            }
            rows.append(row | {key: written.get(key) or "" for key in settings.editable()} | marks)
        return rows


def decided_settings(settings: Settings, decisions: Mapping[str, Json]) -> Settings:
    """The settings with accepted and rejected texts in their cells, to mark all answers again."""
    cells = []
    for cell in settings.cells:
        said = under(dict.fromkeys(decisions, 1), f"cell:{cell.key}:")
        accepted = [text for text in said if decisions[f"cell:{cell.key}:{text}"] == "accept"]
        rejected = [text for text in said if decisions[f"cell:{cell.key}:{text}"] == "reject"]
        changes = {
            "alternative_answers": [text for text in cell.alternative_answers if text not in rejected]
            + accepted,
            "rejected_answers": [text for text in cell.rejected_answers if text not in accepted] + rejected,
        }
        cells.append(cell.model_copy(update=changes) if said else cell)
    return settings.model_copy(update={"cells": cells})


def _judge(settings: Settings, answer: Answer) -> dict[str, Judged]:
    written = answer.value.student_answers
    return {
        key: judge(cell, settings.marking, written.get(key) or "")
        for key, cell in settings.editable().items()
    }


def _score(settings: Settings, judged: Mapping[str, Judged]) -> int:
    """The marks of the right cells, in hundredths."""
    return sum(cell.hundredths for key, cell in settings.editable().items() if judged[key].is_right)


def _cells(live: Live[Settings]) -> dict[str, dict[str, Json]]:
    """The heat map: how each cell was filled in, with what the presenter decided about single texts."""
    review = live.settings.marking.fuzzy_policy == "review"
    cells: dict[str, dict[str, Json]] = {}
    written: dict[tuple[str, str], dict[str, int]] = {}
    for name, amount in live.tally.items():  # once for all cells: there may be thousands of texts
        state, _, rest = name.partition(":")
        if state in ("fuzzy", "wrong"):
            key, _, text = rest.partition(":")
            written.setdefault((state, key), {})[text] = amount
    for key in live.settings.editable():
        fuzzy, wrong = written.get(("fuzzy", key), {}), written.get(("wrong", key), {})
        right = live.tally.get(f"right:{key}", 0)
        said = {text: live.decisions.get(f"cell:{key}:{text}") for text in {*fuzzy, *wrong}}
        accepted = sum(n for text, n in wrong.items() if said[text] == "accept")
        counted = sum(n for text, n in fuzzy.items() if said[text] != "reject")
        cells[key] = {
            "answered": right
            + sum(fuzzy.values())
            + sum(wrong.values())
            + live.tally.get(f"ungraded:{key}", 0),
            "correct": right + accepted + counted,
            "fuzzy": sum(fuzzy.values()),
            "top_wrong": _top({text: n for text, n in wrong.items() if said[text] != "accept"}),
            "to_review": _top({text: n for text, n in fuzzy.items() if review and said[text] is None}),
        }
        if "" in fuzzy or "" in wrong:  # texts for which the cell had no room
            cells[key]["other"] = fuzzy.get("", 0) + wrong.get("", 0)
    return cells


def _top(texts: Mapping[str, int]) -> list[dict[str, Json]]:
    ordered = sorted(((text, number) for text, number in texts.items() if text), key=lambda entry: (-entry[1], entry[0]))
    return [{"text": text, "count": number} for text, number in ordered[:TOP_SHOWN]]


TYPE = TableCompletion()
