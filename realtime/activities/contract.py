"""The contract between an activity type and everything else.

A type is one file that defines one subclass of `ActivityType` and names it in a module variable
`TYPE`. Everything in it is pure: settings and an answer go in, counters and values come out. The
server does the rest for every type alike: it checks answers, sums counters in the live store, stores
responses, keeps items, sends views to those who may see them.

    settings   what the presenter chose (a pydantic model)
    answer     what a participant sends (a pydantic model), checked against the settings by `check`
    counters   the integers one answer adds to the tally; a changed answer takes its old ones away
    item       one value under its own key, for what cannot be counted (the text of a question)
    decisions  what a presenter or moderator decided afterwards (approve, pin, group, final estimate)
    view       the tally, items and decisions shaped for one audience, in parts; hidden is absent
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from realtime.core.errors import Refusal
from realtime.core.tally import ABSTAINED, RESPONSES

Json = Any


class Audience(StrEnum):
    """Who looks: participants (and the big screen), or presenters and moderators."""

    PARTICIPANTS = "participants"
    PRESENTERS = "presenters"


class Model(BaseModel):
    """Base of all settings and answers: unknown fields are errors, values are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


SettingsT = TypeVar("SettingsT", bound=BaseModel)
AnswerT = TypeVar("AnswerT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one audience may see of one activity at this moment, from its `reveal` rules and state.

    `host` is true for presenters. `counts`: aggregate numbers. `results`: full results.
    `key`: what the right answer is. `names`: who answered what.
    """

    host: bool
    counts: bool
    results: bool
    key: bool
    names: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One contribution that cannot be counted, by the id of its response; `data` came from `ActivityType.item`."""

    id: str
    participant_id: str
    data: Mapping[str, Json]
    at_ms: int
    seq: int = 0  # offset at which it was accepted: the server's order
    name: str | None = None  # as the author was shown; None for who stays unnamed


@dataclass(frozen=True, slots=True)
class Live(Generic[SettingsT]):
    """The live state of one activity that a view is drawn from.

    `tally` is that of the present round, `earlier` those of the rounds before it by number.
    `items` hold the present round's items by id. `names` maps participant ids to shown names.
    """

    settings: SettingsT
    state: str = "active"
    round: int = 1
    revealed: bool = False
    tally: Mapping[str, int] = field(default_factory=dict)
    earlier: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    items: Mapping[str, Item] = field(default_factory=dict)
    decisions: Mapping[str, Json] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    joined: int = 0
    online: int = 0
    opened_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Answered(Generic[AnswerT]):
    """One response as exports, marking and recounts see it. `elapsed_ms` is server time since opening, or None."""

    response_id: str
    participant_id: str
    answer: AnswerT | None  # None: abstained
    elapsed_ms: int | None = None
    round: int = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """The judgement of one answer: `score` from 0 to 1, `detail` for the participant and for review."""

    correct: bool
    score: float
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """What a counter says that tells one written text from others.

    `place` is what has room for `most` of them (a cell), `part` names the piece of an answer whatever the key says of it,
    and `other` is the counter that takes the texts without room.
    """

    place: str
    part: str
    other: str
    most: int


class ActivityType(Generic[SettingsT, AnswerT]):
    """The rules of one kind of activity. Subclasses are stateless; one instance serves all sessions."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1
    qti: ClassVar[str | None] = None  # QTI 3 interaction
    moodle: ClassVar[str | None] = None  # Moodle question type
    xapi: ClassVar[str] = "other"  # xAPI interactionType
    timed: ClassVar[bool] = False  # whether counters look at the time that an answer took
    settings_model: ClassVar[type[BaseModel]]
    answer_model: ClassVar[type[BaseModel]]
    # Paths in the settings that hold the answer key, for `public_settings` ("correct", "options[].fraction").
    secrets: ClassVar[tuple[str, ...]] = ()
    # After the reveal of a round nothing is counted in it any more, and before it nobody sees single answers.
    fences_on_reveal: ClassVar[bool] = False
    # Different counters that one round may have; beyond it an answer that would bring a new one is refused.
    most_counters: ClassVar[int] = 100_000
    # Complete examples for documentation and tests: {"settings": …, "answers": [… at least three …]}.
    example: ClassVar[Mapping[str, Json]]

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept legacy shapes and aliases; returns settings in the present shape. Default: as they are."""
        return settings

    def migrate_answer(self, settings: SettingsT, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept legacy answer shapes; returns the present shape. Default: as it is."""
        return data

    def check(self, settings: SettingsT, answer: AnswerT) -> AnswerT:
        """The answer as it is stored (text cleaned, ids resolved); raises Refusal when it does not fit."""
        return answer

    def keep(self, settings: SettingsT, sent: AnswerT, checked: AnswerT) -> dict[str, Json]:
        """The document that is stored: what was sent, cleaned, with nothing added; reading it again gives `checked`."""
        document: dict[str, Json] = as_sent(sent.model_dump(mode="json", exclude_unset=True), checked.model_dump(mode="json"))
        return document

    def counters(self, settings: SettingsT, answer: AnswerT, elapsed_ms: int | None) -> dict[str, int]:
        """What this answer adds. Names may not begin with `#`; at most 2,000 names; pure."""
        raise TypeError(f"{type(self).__name__} does not define counters")

    def text_of(self, settings: SettingsT, name: str) -> Text | None:
        """The text that a counter tells from others; None for counters of anything else, of which there are few."""
        return None

    def entry(self, settings: SettingsT, answer: AnswerT, submission_id: str) -> str:
        """Which of the participant's responses this answer is; empty where one per person applies.

        Answers with the same entry replace one another. The part before the first `:` is the kind
        that `entry_limit` limits (`q:<submission id>` for a question, `v:<item id>` for a vote).
        """
        return ""

    def entry_limit(self, settings: SettingsT, kind: str) -> int:
        """How many entries of a kind one participant may have; 0 means no limit below the server's own."""
        return 0

    def admit(self, live: Live[SettingsT], participant_id: str, answer: AnswerT) -> None:
        """Refuse an answer that the live state does not allow (a vote for a hidden question). Default: nothing.

        Advice from a copy that may be a tick old: rules that must hold exactly belong into `entry` and its limit.
        """

    def reading_ms(self, settings: SettingsT) -> int:
        """How long a new round is only read before answers are taken. Default: not at all."""
        return 0

    def answering_ms(self, settings: SettingsT) -> int:
        """The time to answer where `constraints.time_limit` sets none; 0 for no end."""
        return 0

    def reveals_when_all(self, settings: SettingsT) -> bool:
        """Whether results are shown by themselves once everybody who is here has answered."""
        return False

    def merge_draft(self, settings: SettingsT, before: Json, sent: Json) -> Json:
        """What a draft becomes when another part of it is saved; default: it is replaced."""
        return sent

    def item(self, settings: SettingsT, answer: AnswerT) -> dict[str, Json] | None:
        """The value to keep under its own key, or None where counters say everything."""
        return None

    def public_settings(self, settings: SettingsT, sight: Sight) -> dict[str, Json]:
        """The settings as an audience may see them: without the key until it may be seen."""
        document = settings.model_dump(mode="json")
        return document if sight.key else without(document, self.secrets)

    def without_key(self, document: Mapping[str, Json]) -> Json:
        """A settings document without its answer key: what must stay the same when the key is corrected."""
        return without(document, self.secrets)

    def with_corrections(self, document: Mapping[str, Json], changes: Mapping[str, Json]) -> Mapping[str, Json]:
        """A settings document with corrections of its key. Default: they replace whole fields."""
        return {**document, **changes}

    def view(self, live: Live[SettingsT], sight: Sight) -> dict[str, Json]:
        """The view in parts: "" is the main part, others (`item:<id>`) change on their own.

        Only called when the audience may see counts; whatever else it may not see must be absent.
        """
        raise TypeError(f"{type(self).__name__} does not define view")

    def assemble(self, parts: Mapping[str, Json]) -> dict[str, Json]:
        """The parts of a view as the one document that REST results show. Default: the main part."""
        return dict(parts.get("", {}))

    def mark(self, settings: SettingsT, answer: AnswerT) -> Mark | None:
        """The judgement of an answer, or None where there is no right answer."""
        return None

    def decided(self, settings: SettingsT, decisions: Mapping[str, Json]) -> SettingsT:
        """The settings with what was decided about single answers, for marking. Default: as they are."""
        return settings

    def decide(self, live: Live[SettingsT], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """Check a presenter's or moderator's decision; returns the decisions to set (key -> value, None removes).

        Raises Refusal when the type has no such decision. Default: none.
        """
        raise Refusal("invalid", "This activity type has no decisions to take.")

    def rows(self, settings: SettingsT, responses: Iterable[Answered[AnswerT]]) -> list[dict[str, Json]]:
        """Export rows, one dict per line; default: one line per response with the answer's fields."""
        result: list[dict[str, Json]] = []
        for response in responses:
            row: dict[str, Json] = {"participant": response.participant_id, "round": response.round}
            row |= {"abstained": True} if response.answer is None else response.answer.model_dump(mode="json")
            result.append(row)
        return result


ABSTENTION: Final[Mapping[str, Json]] = {"abstain": True}


def is_abstention(data: Json) -> bool:
    return isinstance(data, Mapping) and data.get("abstain") is True and len(data) == 1


def count(
    kind: ActivityType[Any, Any], settings: BaseModel, answer: BaseModel | None, elapsed_ms: int | None
) -> dict[str, int]:
    """All counters of one response, the common ones included; `answer` None is an abstention."""
    if answer is None:
        return {RESPONSES: 1, ABSTAINED: 1}
    return {RESPONSES: 1} | kind.counters(settings, answer, elapsed_ms)


def read_settings(kind: ActivityType[Any, Any], document: Json) -> BaseModel:
    """Check an activity's settings; raises Refusal `invalid` with the path of the first fault."""
    if not isinstance(document, Mapping):
        raise Refusal("invalid", details={"field": "settings", "reason": "must be an object"})
    try:
        return kind.settings_model.model_validate(kind.migrate_settings(document))
    except ValidationError as error:
        raise first_fault(error, "settings") from error


def parse_answer(kind: ActivityType[Any, Any], settings: BaseModel, data: Json) -> BaseModel | None:
    """An answer in its present shape, not yet checked against the settings; None is an abstention."""
    if is_abstention(data):
        return None
    if not isinstance(data, Mapping):
        raise Refusal("invalid", details={"field": "data", "reason": "must be an object"})
    try:
        return kind.answer_model.model_validate(kind.migrate_answer(settings, data))
    except ValidationError as error:
        raise first_fault(error, "data") from error


def read_answer(kind: ActivityType[Any, Any], settings: BaseModel, data: Json) -> BaseModel | None:
    """Check an answer against the settings; None is an abstention. Raises Refusal with the field at fault."""
    answer = parse_answer(kind, settings, data)
    if answer is None:
        return None
    checked: BaseModel = kind.check(settings, answer)
    return checked


def as_sent(sent: Json, checked: Json) -> Json:
    """The values of a checked document in the shape of the one that was sent: defaults stay out, blanks stay in."""
    if isinstance(sent, dict) and isinstance(checked, dict):
        return {
            name: as_sent(value, checked[name]) if name in checked else value
            for name, value in sent.items()
            if name in checked or not value
        }
    if isinstance(sent, list) and isinstance(checked, list) and len(sent) == len(checked):
        return [as_sent(one, other) for one, other in zip(sent, checked, strict=True)]
    return sent if sent is None or (sent == "" and checked is None) else checked


def first_fault(error: ValidationError, root: str) -> Refusal:
    """The first complaint of a pydantic error as a refusal, without echoing the refused value."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join([root, *(str(part) for part in fault["loc"])])
    return Refusal("invalid", details={"field": path, "reason": fault["msg"]})


def without(document: Json, paths: Iterable[str]) -> Json:
    """A copy of a document without the values at the given paths (`a.b`, `options[].fraction`)."""
    result = document
    for path in paths:
        result = _drop(result, path.replace("[]", ".[]").split("."))
    return result


def _drop(node: Json, steps: list[str]) -> Json:
    step, rest = steps[0], steps[1:]
    if step == "[]":
        values = node.values() if isinstance(node, dict) else node
        if isinstance(node, dict):
            return {key: _drop(child, rest) if rest else child for key, child in zip(node, values, strict=True)}
        return [_drop(child, rest) for child in node] if isinstance(node, list) and rest else node
    if not isinstance(node, dict) or step not in node:
        return node
    if not rest:
        return {key: child for key, child in node.items() if key != step}
    return {key: _drop(child, rest) if key == step else child for key, child in node.items()}


def sight_of(audience: Audience, reveal: Mapping[str, Json], state: str, revealed: bool) -> Sight:
    """What an audience may see now. `reveal` is the config's: counts, results, answer_key, names."""
    if audience is Audience.PRESENTERS:
        return Sight(host=True, counts=True, results=True, key=True, names=reveal.get("names") != "nobody")
    over = state in ("closed", "cancelled")
    results = _reached(reveal.get("results", "on_reveal"), revealed, over)
    return Sight(
        host=False,
        counts=results or _reached(reveal.get("counts", "live"), revealed, over),
        results=results,
        key=_reached(reveal.get("answer_key", "on_reveal"), revealed, over),
        names=results and reveal.get("names") == "everyone",
    )


def _reached(rule: str, revealed: bool, over: bool) -> bool:
    return rule == "live" or (rule == "on_reveal" and revealed) or (rule == "after_close" and (over or revealed))
