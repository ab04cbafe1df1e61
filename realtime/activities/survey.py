"""A survey: questions of other types in a row, answered at everybody's own pace as one document."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, PrivateAttr, model_validator

from realtime.activities.contract import (
    ABSTENTION,
    ActivityType,
    Answered,
    Item,
    Json,
    Live,
    Mark,
    Model,
    Sight,
    Text,
    count,
    parse_answer,
    read_answer,
    read_settings,
)
from realtime.activities.labels import Id, Line, require_distinct
from realtime.activities.registry import Kind, installed
from realtime.core.errors import Refusal, invalid
from realtime.core.tally import under

# Types whose answers are no single value of one person at one time cannot stand in a row of questions.
UNFIT: Final = frozenset({"survey", "qna", "brainstorm", "reaction", "buzzer", "planning_poker"})
_MOST_COUNTERS: Final = 2_000  # of one answer

Op = Literal["eq", "ne", "lt", "lte", "gt", "gte", "contains", "answered", "not_answered"]


class Question(Model):
    id: Id
    type: Annotated[str, Field(min_length=1, max_length=50)]
    title: Annotated[Line, Field(max_length=500)] | None = None
    required: bool = False
    settings: dict[str, Any]


class Rule(Model):
    """Holds when any value in the answer to `item` compares so with `value`; `ne` when none equals it."""

    item: Id
    op: Op
    value: str | float | bool | None = None


class Settings(Model):
    items: Annotated[list[Question], Field(min_length=1, max_length=50)]
    show_if: dict[Id, Rule] = Field(default_factory=dict)
    one_page: bool = False
    title: Annotated[Line, Field(max_length=300)] | None = None

    _parts: dict[str, tuple[Kind, BaseModel]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        require_distinct((question.id for question in self.items), "item ids")
        places = {question.id: index for index, question in enumerate(self.items)}
        for shown, rule in self.show_if.items():
            if shown not in places:
                continue  # a rule may outlive the question it showed
            if rule.item not in places or places[rule.item] >= places[shown]:
                raise ValueError("a rule shows an item by the answer to an earlier one")
        for index, question in enumerate(self.items):
            self._parts[question.id] = _read_question(index, question)
        return self

    def part(self, question_id: str) -> tuple[Kind, BaseModel]:
        """The type of a question and its settings."""
        return self._parts[question_id]


def _read_question(index: int, question: Question) -> tuple[Kind, BaseModel]:
    try:
        kind = installed().resolve(question.type, strict=True)
    except Refusal as refusal:
        raise _inside(refusal, "type", f"settings.items.{index}.type") from refusal
    if kind.name in UNFIT:
        raise invalid(f"settings.items.{index}.type", "this type cannot be part of a survey")
    try:
        return kind, read_settings(kind, question.settings)
    except Refusal as refusal:
        raise _inside(refusal, "settings", f"settings.items.{index}.settings") from refusal


def _inside(refusal: Refusal, root: str, place: str) -> Refusal:
    """A refusal of one question's settings or answer as one of the whole document."""
    details = dict(refusal.details)
    field = str(details.get("field", root))
    details["field"] = place + field.removeprefix(root)
    return Refusal(refusal.code, details=details)


class Answer(Model):
    """Answers by question; a question left out is not answered yet. `final` hands the document in."""

    answers: Annotated[dict[str, dict[str, Any]], Field(max_length=50)]
    final: bool = False


class Survey(ActivityType[Settings, Answer]):
    name = "survey"
    aliases = ("questionnaire",)
    xapi = "other"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "items": [
                {
                    "id": "q1",
                    "type": "poll",
                    "required": True,
                    "settings": {
                        "question": "How was the pace?",
                        "options": [
                            {"id": "slow", "text": "Too slow"},
                            {"id": "good", "text": "Good"},
                            {"id": "fast", "text": "Too fast"},
                        ],
                    },
                },
                {"id": "q2", "type": "open_text", "settings": {"prompt": "Where did we lose you?"}},
            ],
            "show_if": {"q2": {"item": "q1", "op": "eq", "value": "fast"}},
            "one_page": False,
        },
        "answers": [
            {"answers": {"q1": {"selected": ["good"]}}, "final": True},
            {
                "answers": {"q1": {"selected": ["fast"]}, "q2": {"entries": ["At the second slide"]}},
                "final": True,
            },
            {"answers": {}, "final": False},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: `questions` for `items`. Settings of questions are stored in their present shape."""
        migrated = dict(settings)
        if "questions" in migrated and "items" not in migrated:
            migrated["items"] = migrated.pop("questions")
        if isinstance(migrated.get("items"), list):
            migrated["items"] = [_present(index, item) for index, item in enumerate(migrated["items"])]
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        checked: dict[str, dict[str, Any]] = {}
        unknown = answer.answers.keys() - {question.id for question in settings.items}
        if unknown:
            raise invalid(f"data.answers.{min(unknown)[:40]}", "no such question", "unknown_option")
        for question in settings.items:
            if not _is_asked(settings, question.id, checked):
                continue  # what was answered before a change of mind hid the question does not count
            given, place = answer.answers.get(question.id), f"data.answers.{question.id}"
            if given is not None:
                kind, part = settings.part(question.id)
                try:
                    sent = parse_answer(kind, part, given)
                    kept = dict(ABSTENTION) if sent is None else kind.keep(part, sent, kind.check(part, sent))
                except Refusal as refusal:
                    raise _inside(refusal, "data", place) from refusal
                checked[question.id] = kept
            elif answer.final and question.required:
                raise invalid(place, "an answer is required")
        result = Answer(answers=checked, final=answer.final)
        if len(self.counters(settings, result, None)) > _MOST_COUNTERS:
            raise Refusal("too_many_parts", details={"field": "data.answers"})
        return result

    def keep(self, settings: Settings, sent: Answer, checked: Answer) -> dict[str, Json]:
        """Each question's answer as its own type keeps it; what a rule hid again is left out."""
        return checked.model_dump(mode="json", include=sent.model_fields_set)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result = {"started": 1}
        if answer.final:
            result["finished"] = 1
        for question_id, given in answer.answers.items():
            kind, part = settings.part(question_id)
            # The time since opening says nothing about one question among many.
            counted = count(kind, part, read_answer(kind, part, given), None)
            result |= {f"{question_id}/{name}": number for name, number in counted.items()}
        return result

    def text_of(self, settings: Settings, name: str) -> Text | None:
        question_id, _, rest = name.partition("/")
        if not rest:
            return None
        kind, part = settings.part(question_id)
        text = kind.text_of(part, rest)
        if text is None:
            return None
        return Text(f"{question_id}/{text.place}", f"{question_id}/{text.part}", f"{question_id}/{text.other}", text.most)

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        items: dict[str, Json] = {}
        for question_id, given in answer.answers.items():
            kind, part = settings.part(question_id)
            read = read_answer(kind, part, given)
            kept = kind.item(part, read) if read is not None else None
            if kept is not None:
                items[question_id] = kept
        return items or None

    def public_settings(self, settings: Settings, sight: Sight) -> dict[str, Json]:
        document: dict[str, Json] = settings.model_dump(mode="json")
        for question in document["items"]:
            kind, part = settings.part(question["id"])
            question["settings"] = kind.public_settings(part, sight)
        return document

    def without_key(self, document: Mapping[str, Json]) -> Json:
        """Without the keys of the questions, as their types name them."""
        bare = []
        for question in document["items"]:
            kind = installed().resolve(question["type"])
            bare.append({**question, "settings": kind.without_key(question["settings"])})
        return {**document, "items": bare}

    def with_corrections(self, document: Mapping[str, Json], changes: Mapping[str, Json]) -> Mapping[str, Json]:
        """Items are found by their id and corrected as their types do it; those that are not named stay."""
        items = changes.get("items")
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            return {**document, **changes}  # the model says what is wrong
        named = {item.get("id"): item for item in items}
        unknown = [index for index, item in enumerate(items) if item.get("id") not in {one["id"] for one in document["items"]}]
        if unknown:
            raise invalid(f"settings.items.{unknown[0]}.id", "no such item", "unknown_option")
        corrected = []
        for question in document["items"]:
            change = dict(named.get(question["id"], {}))
            inner = change.pop("settings", {})
            kind = installed().resolve(question["type"])
            merged = kind.with_corrections(question["settings"], inner) if isinstance(inner, Mapping) else inner
            corrected.append({**question, **change, "settings": merged})
        return {**document, **changes, "items": corrected}

    def decided(self, settings: Settings, decisions: Mapping[str, Json]) -> Settings:
        """What was decided about single answers, handed to the types of the questions."""
        changed = settings.model_copy()
        parts: dict[str, tuple[Kind, BaseModel]] = {}
        for question in settings.items:
            kind, part = settings.part(question.id)
            parts[question.id] = (kind, kind.decided(part, _of_question(decisions, question.id)))
        changed._parts = parts
        return changed

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        items: dict[str, Json] = {}
        main = {name: live.tally.get(name, 0) for name in ("started", "finished")} | {"items": items}
        parts: dict[str, Json] = {"": main}
        for question in live.settings.items:
            kind, inner = _live(live, question.id)
            views = kind.view(inner, sight)
            items[question.id] = {"n": live.tally.get(f"{question.id}/#n", 0)} | dict(views.get("", {}))
            for name, part in views.items():
                if name:
                    parts[f"item:{question.id}/{name.removeprefix('item:')}"] = part
        return parts

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """A decision of one question's type; `question` names the question."""
        question_id = decision.get("question")
        if not isinstance(question_id, str) or question_id not in {item.id for item in live.settings.items}:
            raise invalid("question", "no such question", "unknown_option")
        kind, inner = _live(live, question_id)
        rest = {name: value for name, value in decision.items() if name != "question"}
        return {f"{question_id}/{name}": value for name, value in kind.decide(inner, rest).items()}

    def mark(self, settings: Settings, answer: Answer) -> Mark | None:
        """The mean of the questions asked that have a right answer; None where there is none."""
        marks: dict[str, Mark] = {}
        for question in settings.items:
            kind, part = settings.part(question.id)
            if type(kind).mark is ActivityType.mark or not _is_asked(settings, question.id, answer.answers):
                continue
            given = answer.answers.get(question.id)
            read = read_answer(kind, part, given) if given is not None else None
            mark = kind.mark(part, read) if read is not None else Mark(correct=False, score=0.0)
            if mark is not None:
                marks[question.id] = mark
        if not marks:
            return None
        each = {name: {"correct": mark.correct, "score": mark.score} for name, mark in marks.items()}
        score = sum(mark.score for mark in marks.values()) / len(marks)
        return Mark(correct=all(mark.correct for mark in marks.values()), score=score, detail={"items": each})

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        """One row per response; the columns are named by question and field."""
        rows: list[dict[str, Json]] = []
        for response in responses:
            row: dict[str, Json] = {"participant": response.participant_id, "round": response.round}
            if response.answer is None:
                rows.append(row | {"abstained": True})
                continue
            for question_id, given in response.answer.answers.items():
                row |= {f"{question_id}.{name}": value for name, value in given.items()}
            rows.append(row | {"final": response.answer.final})
        return rows


def _present(index: int, item: Json) -> Json:
    """A question with its settings in the present shape; what is no question stays for the model to judge."""
    if not isinstance(item, Mapping) or not isinstance(item.get("settings"), Mapping):
        return item
    try:
        question = Question.model_validate(dict(item))
    except ValueError:  # the model of the whole survey says what is wrong, with the path
        return item
    _, settings = _read_question(index, question)
    return dict(item) | {"settings": settings.model_dump(mode="json")}


def _live(live: Live[Any], question_id: str) -> tuple[Kind, Live[Any]]:
    """The live state of one question, as its type knows it."""
    kind, part = live.settings.part(question_id)
    items = {
        item.id: Item(item.id, item.participant_id, item.data[question_id], item.at_ms)
        for item in live.items.values()
        if question_id in item.data
    }
    prefix = f"{question_id}/"
    inner = replace(
        live,
        settings=part,
        tally=under(live.tally, prefix),
        earlier={number: under(tally, prefix) for number, tally in live.earlier.items()},
        items=items,
        decisions=_of_question(live.decisions, question_id),
    )
    return kind, inner


def _of_question(decisions: Mapping[str, Json], question_id: str) -> dict[str, Json]:
    prefix = f"{question_id}/"
    return {name.removeprefix(prefix): value for name, value in decisions.items() if name.startswith(prefix)}


def _is_asked(settings: Settings, question_id: str, answers: Mapping[str, Mapping[str, Json]]) -> bool:
    """Whether the rules show a question, by the answers given so far."""
    rule = settings.show_if.get(question_id)
    if rule is None:
        return True
    given = answers.get(rule.item)
    values = list(_values(given)) if given is not None and given.get("abstain") is not True else []
    if rule.op in ("answered", "not_answered"):
        return bool(values) is (rule.op == "answered")
    if rule.op == "ne":
        return not any(_compare("eq", value, rule.value) for value in values)
    return any(_compare(rule.op, value, rule.value) for value in values)


def _values(node: Json) -> Iterable[Json]:
    """All single values in an answer."""
    if isinstance(node, Mapping):
        for child in node.values():
            yield from _values(child)
    elif isinstance(node, list):
        for child in node:
            yield from _values(child)
    elif node is not None:
        yield node


def _compare(op: str, value: Json, with_value: Json) -> bool:
    if op == "contains":
        return (
            isinstance(value, str)
            and isinstance(with_value, str)
            and with_value.casefold() in value.casefold()
        )
    if op == "eq":
        return bool(value == with_value) and isinstance(value, bool) is isinstance(with_value, bool)
    if isinstance(value, str | bool) or not isinstance(with_value, int | float):
        return False
    compared = {"lt": value < with_value, "lte": value <= with_value, "gt": value > with_value}
    return bool(compared.get(op, value >= with_value))


TYPE = Survey()
