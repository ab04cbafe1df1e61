"""Answers for any type: its examples, mutations of them, and strategies of its own where that says more."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from realtime.activities.contract import Json, Sight, read_answer
from realtime.activities.registry import Kind
from realtime.core.errors import Refusal

# What JSON text can carry past the parser: no NUL, no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Mn", "Mc", "Me"]), max_size=60)
hard_texts = st.sampled_from(
    [
        "",
        " ",
        "a",
        "A",
        "ß",
        "ﬁ",
        "İ",
        "1,5",
        "-0",
        "½",
        "🔥",
        "e\u0301",
        "日本語",
        "x" * 600,
        "0-1",
        "#n",
        "a:b/c",
        "*",
        "#",
    ]
)
numbers = st.one_of(
    st.sampled_from([0, 1, -1, 2, 3, 0.5, -0.5, 1e-9, 10**15, -(10**15), 1e15, 100, 99.99]),
    st.integers(-(10**15), 10**15),
    st.floats(-1e15, 1e15, allow_nan=False, allow_infinity=False),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts, hard_texts)
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)

sights = st.builds(
    lambda results, key, names, host: (
        Sight(host=True, counts=True, results=True, key=True, names=names)
        if host
        else Sight(host=False, counts=True, results=results, key=key, names=results and names)
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def strings_in(document: Json) -> list[str]:
    """All texts in a document, those of keys included."""
    if isinstance(document, str):
        return [document]
    if isinstance(document, dict):
        return [text for key, child in document.items() for text in [key, *strings_in(child)]]
    return [text for child in document for text in strings_in(child)] if isinstance(document, list) else []


def _paths(document: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [path, *(inner for name, child in children for inner in _paths(child, (*path, name)))]


def _changed(document: Json, path: tuple[Any, ...], change: Callable[[Json, Any], None]) -> Json:
    copy = json.loads(json.dumps(document))
    node = copy
    for step in path[:-1]:
        node = node[step]
    change(node, path[-1])
    return copy


@st.composite
def mutated(draw: st.DrawFn, examples: list[Json], words: list[str]) -> Json:
    """An example with up to three changes: another value, a field dropped, doubled or moved."""
    document = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(0, 3))):
        paths = [path for path in _paths(document) if path]
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        how = draw(st.sampled_from(["replace", "word", "drop", "double", "shuffle"]))
        if how == "replace":
            value = draw(documents)
            document = _changed(document, path, lambda node, name, value=value: node.__setitem__(name, value))
        elif how == "word" and words:
            value = draw(st.sampled_from(words))
            document = _changed(document, path, lambda node, name, value=value: node.__setitem__(name, value))
        elif how == "drop":
            document = _changed(document, path, lambda node, name: node.__delitem__(name))
        else:
            order = draw(st.randoms(use_true_random=False))

            def double_or_shuffle(node: Json, name: Any, how: str = how, order: Any = order) -> None:
                child = node[name]
                if isinstance(child, list) and how == "shuffle":
                    order.shuffle(child)
                elif isinstance(child, list):
                    child.extend(list(child))

            document = _changed(document, path, double_or_shuffle)
    return document


def raw_answers(kind: Kind) -> st.SearchStrategy[Json]:
    """Anything a client might send: much of it fits, some of it does not."""
    examples = [json.loads(json.dumps(example)) for example in kind.example["answers"]]
    words = sorted(set(strings_in(json.loads(json.dumps(kind.example["settings"])))))
    return st.one_of(
        st.sampled_from(examples),
        mutated(examples, words),
        mutated(examples, words),
        OWN.get(kind.name, st.sampled_from(examples)),
        st.just({"abstain": True}),
        documents,
    )


@st.composite
def answers(draw: st.DrawFn, kind: Kind, settings: Any) -> Any:
    """A checked answer, or None for an abstention; what is refused gives way to an example."""
    raw = draw(raw_answers(kind))
    try:
        return read_answer(kind, settings, raw)
    except Refusal:
        return read_answer(kind, settings, draw(st.sampled_from(list(kind.example["answers"]))))


def _subsets(ids: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(list(ids)), unique=True, min_size=1)


_item_ids = st.sampled_from([f"r{number}" for number in range(8)] + ["d1", "q17"])
_points = st.fixed_dictionaries({"x": st.floats(0, 1), "y": st.floats(0, 1)})
_cell_texts = st.one_of(
    st.sampled_from(["thylakoid", "thylakoyd", "Thylakoid membrane", "ATP", "atp", "stroma", "", " ", "32"]),
    texts,
)

# By name: answers of the types' examples that mutations alone rarely reach.
OWN: dict[str, st.SearchStrategy[Json]] = {
    "poll": st.fixed_dictionaries({"selected": _subsets("abc")}),
    "quiz": st.fixed_dictionaries({"selected": _subsets("abcd")}),
    "ranking": st.fixed_dictionaries({"order": st.permutations(list("abc"))}),
    "ordering": st.fixed_dictionaries({"order": st.permutations(list("abc"))}),
    "numeric": st.fixed_dictionaries({"value": st.integers(0, 100)}),
    "rating": st.fixed_dictionaries(
        {"ratings": st.dictionaries(st.sampled_from(["i1", "i2"]), st.integers(1, 5))}
    ),
    "short_answer": st.fixed_dictionaries(
        {"text": st.one_of(texts, st.sampled_from(["chlorophyll", "Chlorophyl"]))}
    ),
    "points_allocation": st.integers(0, 20).map(lambda n: {"points": {"a": 5 * n, "b": 100 - 5 * n}}),
    "word_cloud": st.fixed_dictionaries(
        {"words": st.lists(st.one_of(texts, hard_texts), min_size=1, max_size=3)}
    ),
    "open_text": st.fixed_dictionaries({"entries": st.lists(texts, min_size=1, max_size=1)}),
    "qna": st.one_of(
        st.fixed_dictionaries({"action": st.just("question"), "text": texts, "anonymous": st.booleans()}),
        st.fixed_dictionaries({"action": st.just("vote"), "item_id": _item_ids, "value": st.integers(-1, 1)}),
    ),
    "brainstorm": st.one_of(
        st.fixed_dictionaries({"action": st.just("idea"), "text": texts}),
        st.dictionaries(_item_ids, st.integers(0, 1), max_size=3).map(
            lambda dots: {"action": "votes", "votes": dots}
        ),
    ),
    "hotspot": st.fixed_dictionaries({"points": st.lists(_points, min_size=1, max_size=1)}),
    "planning_poker": st.fixed_dictionaries(
        {"estimate": st.sampled_from([0, 1, 2, 3, 5, 8.0, "13", "21", "?", "coffee"])},
        optional={"confidence": st.sampled_from(["low", "medium", "high"]), "notes": texts},
    ),
    "table_completion": st.dictionaries(st.sampled_from(["0-1", "0-2", "1-1"]), _cell_texts).flatmap(
        lambda cells: st.booleans().map(lambda final: {"value": {"studentAnswers": cells}, "final": final})
    ),
    "reaction": st.fixed_dictionaries(
        {"kind": st.sampled_from(["thumbs_up", "heart", "too_fast"]), "on": st.booleans()}
    ),
    "survey": st.fixed_dictionaries(
        {
            "answers": st.fixed_dictionaries(
                {"q1": st.sampled_from(["slow", "good", "fast"]).map(lambda choice: {"selected": [choice]})},
                optional={"q2": st.fixed_dictionaries({"entries": st.lists(texts, min_size=1, max_size=1)})},
            )
        },
        optional={"final": st.booleans()},
    ),
}
