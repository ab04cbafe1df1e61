"""A class that answers one activity, in memory: answers in, views out, as the server would do it."""

from collections.abc import Mapping
from typing import Any

from realtime.activities.contract import (
    ActivityType,
    Answered,
    Item,
    Json,
    Live,
    Mark,
    Sight,
    count,
    read_answer,
    read_settings,
)
from realtime.core.tally import add

HOST = Sight(host=True, counts=True, results=True, key=True, names=True)
COUNTS_ONLY = Sight(host=False, counts=True, results=False, key=False, names=False)
RESULTS_WITHOUT_KEY = Sight(host=False, counts=True, results=True, key=False, names=False)
REVEALED = Sight(host=False, counts=True, results=True, key=True, names=False)


class Classroom:
    """`settings` may replace single fields of the type's example."""

    def __init__(self, kind: ActivityType[Any, Any], settings: Mapping[str, Json] | None = None) -> None:
        self.kind = kind
        self.settings: Any = read_settings(kind, kind.example["settings"] if settings is None else settings)
        self.tally: dict[str, int] = {}
        self.items: dict[str, Item] = {}
        self.answered: list[Answered[Any]] = []
        self.decisions: dict[str, Json] = {}

    def answer(self, data: Json, *, times: int = 1, elapsed_ms: int | None = None) -> Any:
        """`times` people give this answer; returns it as it is stored."""
        answer: Any = read_answer(self.kind, self.settings, data)
        for _ in range(times):
            number = len(self.answered) + 1
            add(self.tally, count(self.kind, self.settings, answer, elapsed_ms))
            item = None if answer is None else self.kind.item(self.settings, answer)
            if item is not None:
                at_ms = 1_000_000 + (elapsed_ms or 0)
                self.items[f"r{number}"] = Item(f"r{number}", f"p{number}", item, at_ms)
            self.answered.append(Answered(f"r{number}", f"p{number}", answer, elapsed_ms))
        return answer

    def mark(self, data: Json) -> Mark:
        mark = self.kind.mark(self.settings, read_answer(self.kind, self.settings, data))
        assert mark is not None
        return mark

    def view(self, sight: Sight = HOST) -> dict[str, Any]:
        return self.kind.assemble(self.kind.view(self.live(), sight))

    def live(self) -> Live[Any]:
        return Live(self.settings, tally=self.tally, items=self.items, decisions=self.decisions)

    def decide(self, decision: Mapping[str, Json]) -> None:
        for key, value in self.kind.decide(self.live(), decision).items():
            if value is None:
                self.decisions.pop(key, None)
            else:
                self.decisions[key] = value

    def rows(self) -> list[dict[str, Json]]:
        return self.kind.rows(self.settings, self.answered)


def example_with(kind: ActivityType[Any, Any], **changes: Json) -> dict[str, Json]:
    """The settings of a type's example with some fields replaced."""
    return dict(kind.example["settings"]) | changes
