"""Texts that try to become code, put into every place of a document where its model lets a text stand.

The places come from the models, so that a new field is poisoned from the day it is there.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from realtime.activities.config import read_config
from realtime.activities.contract import ActivityType, read_answer, read_settings
from realtime.core.errors import Refusal
from tests.browser.payloads import PAYLOADS

SHORT: Final = ("<b>x</b>", "<svg>", '"><i>', "{t}")  # where little fits
# What the types' own examples leave out, so that there is a place for a text.
MORE: Final[Mapping[str, Mapping[str, Any]]] = {
    "poll": {"allow_other": True},
    "planning_poker": {"deck": "custom", "cards": ["1", "2", "x"], "timer": 0},
    "word_cloud": {"banned_words": ["x"], "moderate_submissions": True},
    "quiz": {"phases": None},
}
# Texts by their type that are names of something else, and so never anybody's own words.
NAMES: Final = frozenset({
    "matching.pairs{}", "ordering.order[]", "ranking.order[]", "planning_poker.estimate", "reaction.kind", "survey.items[].type",
})  # fmt: skip
_EACH, _ANY = "[]", "{}"  # in a path: of a list, of a mapping


def text_paths(model: Any) -> set[str]:
    """Where a model has texts of any wording: `.items[].text`; what has a pattern or a list of values is none."""
    schema = model.model_json_schema()
    return set(_walk(schema, schema.get("$defs", {}), ""))


def _walk(schema: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[-1]]
    if schema.get("type") == "string" and not schema.keys() & {"enum", "const", "pattern", "format"}:
        yield path
    for name in ("anyOf", "allOf", "oneOf"):
        for each in schema.get(name, ()):
            yield from _walk(each, defs, path)
    for name, each in schema.get("properties", {}).items():
        yield from _walk(each, defs, f"{path}.{name}")
    if isinstance(schema.get("items"), Mapping):
        yield from _walk(schema["items"], defs, path + _EACH)
    for each in (schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()):
        if isinstance(each, Mapping):
            yield from _walk(each, defs, path + _ANY)


def _steps(path: str) -> list[str]:
    return path.replace(_EACH, f".{_EACH}").replace(_ANY, f".{_ANY}").split(".")[1:]


def _places(document: Any, steps: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """The containers and keys in a document that a path leads to; the last one may be absent as yet."""
    step, *rest = steps
    if step == _EACH and isinstance(document, list):
        keys: Sequence[Any] = range(len(document))
    elif step == _ANY and isinstance(document, dict):
        keys = list(document)
    elif step not in (_EACH, _ANY) and isinstance(document, dict):
        keys = [step]
    else:
        return
    for key in keys:
        if not rest:
            yield document, key
        elif not isinstance(document, dict) or key in document:
            yield from _places(document[key], rest)


def poisoned(
    document: Mapping[str, Any], paths: set[str], payloads: Sequence[str], accepts: Callable[[Any], bool]
) -> tuple[dict[str, Any], set[str]]:
    """A document with a payload in every text that may have one, and the paths at which there is one now."""
    present = copy.deepcopy(dict(document))
    reached = set()
    turn = 0
    for path in sorted(paths):
        for number in range(sum(1 for _ in _places(present, _steps(path)))):
            turn += 1
            whole = payloads[turn % len(payloads)]
            for payload in (whole, None, *SHORT):
                tried = copy.deepcopy(present)
                container, key = list(_places(tried, _steps(path)))[number]
                before = container[key] if isinstance(container, list) else container.get(key)
                # Where something must stay, as a cloze's gaps must, the payload stands before it.
                container[key] = payload or f"{whole} {before or ''}"
                if accepts(tried):
                    present = tried
                    reached.add(path)
                    break
    return present, reached


def example_of(kind: ActivityType[Any, Any]) -> dict[str, Any]:
    """The type's example with a place for every text."""
    settings = {**copy.deepcopy(dict(kind.example["settings"])), **MORE.get(kind.name, {})}
    if kind.name == "table_completion":
        for cell in settings["cells"]:
            if cell["cellType"] == "editable":
                cell |= {"alternativeAnswers": ["a"], "rejectedAnswers": ["r"]}
    return settings


def poisoned_settings(
    kind: ActivityType[Any, Any], payloads: Sequence[str] = PAYLOADS
) -> tuple[dict[str, Any], set[str]]:
    """The type's example with payloads wherever its settings take a text, and the paths where they do."""
    return poisoned(
        example_of(kind), text_paths(kind.settings_model), payloads,
        lambda tried: _is_taken(lambda: read_config(kind, {"settings": tried})),
    )  # fmt: skip


def poisoned_answers(
    kind: ActivityType[Any, Any], settings: Mapping[str, Any], payloads: Sequence[str] = PAYLOADS
) -> tuple[list[dict[str, Any]], set[str]]:
    """The same of the type's answers, as far as they still fit the settings."""
    model = read_settings(kind, settings)
    found: list[dict[str, Any]] = []
    reached: set[str] = set()
    for given in kind.example["answers"]:
        answer, paths = poisoned(
            given, text_paths(kind.answer_model), payloads,
            lambda tried: _is_taken(lambda: read_answer(kind, model, tried)),
        )  # fmt: skip
        found.append(answer)
        reached |= paths
    return found, reached


def _is_taken(check: Callable[[], Any]) -> bool:
    try:
        check()
    except Refusal:
        return False
    return True
