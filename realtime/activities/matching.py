"""Pairs to be found, or things to be sorted into categories."""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Mark, Model, Sight
from realtime.activities.labels import (
    Id,
    Labelled,
    Prompt,
    require_distinct,
    scattered,
    sheet,
    with_prompt,
)
from realtime.activities.marking import marked, mean_score
from realtime.activities.statistics import answered
from realtime.core.errors import Refusal, invalid


class Settings(Model):
    """`right_reusable` makes the right side categories: each may be chosen again and again."""

    prompt: Prompt
    left: Annotated[list[Labelled], Field(min_length=2, max_length=20)]
    right: Annotated[list[Labelled], Field(min_length=2, max_length=20)]
    pairs: Annotated[dict[Id, Id], Field(max_length=20)]
    right_reusable: bool = False
    marking: Literal["per_pair", "all_or_nothing"] = "per_pair"

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        left, right = [item.id for item in self.left], [item.id for item in self.right]
        require_distinct(left, "left ids")
        require_distinct(right, "right ids")
        if self.pairs.keys() != set(left):
            raise ValueError("pairs must name every left id once")
        if not set(self.pairs.values()) <= set(right):
            raise ValueError("pairs name a right id that does not exist")
        if not self.right_reusable:
            require_distinct(self.pairs.values(), "right ids in pairs")
        return self


class Answer(Model):
    pairs: Annotated[dict[str, str], Field(max_length=20)]


class Matching(ActivityType[Settings, Answer]):
    name = "matching"
    aliases = ("categorise", "pairs")
    qti, moodle, xapi = "matchInteraction", "match", "matching"
    settings_model, answer_model = Settings, Answer
    secrets = ("pairs",)
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "prompt": "Match",
            "left": [{"id": "l1", "text": "Stroma"}, {"id": "l2", "text": "Thylakoid"}],
            "right": [{"id": "r1", "text": "Calvin cycle"}, {"id": "r2", "text": "Light reactions"}],
            "pairs": {"l1": "r1", "l2": "r2"},
            "right_reusable": False,
            "marking": "per_pair",
        },
        "answers": [
            {"pairs": {"l1": "r1", "l2": "r2"}},
            {"pairs": {"l1": "r2", "l2": "r1"}},
            {"pairs": {"l1": "r1"}},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        return with_prompt(settings)

    def public_settings(self, settings: Settings, sight: Sight) -> dict[str, Json]:
        public = super().public_settings(settings, sight)
        if not sight.key:  # authors write both sides down pair by pair
            avoid = [settings.pairs[item.id] for item in settings.left]
            public["right"] = scattered(public["right"], settings.prompt, avoid)
        return public

    def check(self, settings: Settings, answer: Answer) -> Answer:
        right = {item.id for item in settings.right}
        unknown = answer.pairs.keys() - settings.pairs.keys()
        if unknown:
            raise invalid(f"data.pairs.{min(unknown)}", "no such left id", "unknown_option")
        for left, chosen in answer.pairs.items():
            if chosen not in right:
                raise invalid(f"data.pairs.{left}", "no such right id", "unknown_option")
        if not answer.pairs:
            raise Refusal("too_few_choices", details={"field": "data.pairs", "min_choices": 1})
        if not settings.right_reusable and len(set(answer.pairs.values())) != len(answer.pairs):
            raise invalid("data.pairs", "a right id is used twice")
        given = answer.pairs
        return Answer(pairs={item.id: given[item.id] for item in settings.left if item.id in given})

    def mark(self, settings: Settings, answer: Answer) -> Mark:
        right = [left for left, chosen in answer.pairs.items() if settings.pairs[left] == chosen]
        complete = len(right) == len(settings.pairs)
        score = len(right) / len(settings.pairs) if settings.marking == "per_pair" else float(complete)
        return Mark(complete, score, {"right": right})

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        mark = self.mark(settings, answer)
        result = {f"pair:{left}:{right}": 1 for left, right in answer.pairs.items()}
        return result | marked(correct=mark.correct, score=mark.score)

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        settings = live.settings
        people = answered(live.tally)
        main: dict[str, Json] = {"total_responses": people}
        if sight.results:
            columns = sorted(item.id for item in settings.right)  # not as the author paired them
            main["matrix"] = {
                left.id: {right: live.tally.get(f"pair:{left.id}:{right}", 0) for right in columns}
                for left in settings.left
            }
            if sight.key:
                main["fully_correct"] = live.tally.get("right", 0)
                main["mean_score"] = mean_score(live.tally.get("score", 0), people)
        return {"": main}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        def columns(answer: Answer) -> dict[str, Json]:
            mark = self.mark(settings, answer)
            chosen = {f"pair:{item.id}": answer.pairs.get(item.id) for item in settings.left}
            return chosen | {"correct": mark.correct, "score": mark.score}

        return sheet(responses, columns)


TYPE = Matching()
