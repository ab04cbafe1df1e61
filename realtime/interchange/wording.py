"""Answers as people read them: ids become the texts that stood beside them."""

from collections.abc import Mapping
from typing import Any, Final

_LONGEST: Final = 2_000
_LISTS: Final = ("options", "items", "left", "right", "columns", "regions")


def labels_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a type's settings by the ids that answers name them by."""
    labels: dict[str, str] = {}
    for name in _LISTS:
        entries = settings.get(name)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("id"), str) and isinstance(entry.get("text"), str):
                labels[entry["id"]] = entry["text"] or entry["id"]
    return labels


def question_of(settings: Mapping[str, Any]) -> str:
    """What an activity asks."""
    for name in ("question", "prompt", "topic", "title"):
        if isinstance(settings.get(name), str):
            return str(settings[name])
    story = settings.get("story")
    return str(story.get("title") or "") if isinstance(story, Mapping) else ""


def word_answer(data: Any, labels: Mapping[str, str]) -> str:
    """One answer in one line; what is empty or only technical is left out."""
    return _word(data, labels)[:_LONGEST]


def _word(node: Any, labels: Mapping[str, str]) -> str:
    if node is None or node is False:
        return ""
    if node is True:
        return "✓"
    if isinstance(node, str):
        return labels.get(node, node)
    if isinstance(node, int | float):
        return f"{node:g}" if isinstance(node, float) else str(node)
    if isinstance(node, Mapping):
        parts = [(labels.get(str(name), str(name)), _word(value, labels)) for name, value in node.items()]
        shown = [(name, text) for name, text in parts if text]
        # With one field its name says nothing that the question does not.
        return shown[0][1] if len(shown) == 1 else "; ".join(f"{name}: {text}" for name, text in shown)
    return "; ".join(text for text in (_word(entry, labels) for entry in node) if text)
