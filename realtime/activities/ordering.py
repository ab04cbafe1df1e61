"""Items to be put into the right order, marked by one of Moodle's gradings."""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Mark, Model, Sight
from realtime.activities.labels import (
    Id,
    Labelled,
    Prompt,
    as_labelled,
    require_distinct,
    require_known,
    require_number,
    scattered,
    sheet,
    with_prompt,
)
from realtime.activities.marking import OrderRule, mark_order, marked, mean_score
from realtime.activities.statistics import answered


class Settings(Model):
    prompt: Prompt
    items: Annotated[list[Labelled], Field(min_length=2, max_length=20)]
    correct_order: Annotated[list[Id], Field(max_length=20)]
    marking: OrderRule = "absolute_position"
    show_numbering: bool = True

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        ids = [item.id for item in self.items]
        require_distinct(ids, "item ids")
        if sorted(self.correct_order) != sorted(ids):
            raise ValueError("correct_order must name every item once")
        return self


class Answer(Model):
    order: Annotated[list[str], Field(max_length=20)]


class Ordering(ActivityType[Settings, Answer]):
    name = "ordering"
    aliases = ("sequence",)
    qti, moodle, xapi = "orderInteraction", "ordering", "sequencing"
    settings_model, answer_model = Settings, Answer
    secrets = ("correct_order",)
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "prompt": "Order the steps",
            "items": [
                {"id": "a", "text": "Light absorption"},
                {"id": "b", "text": "Water splitting"},
                {"id": "c", "text": "ATP synthesis"},
            ],
            "correct_order": ["a", "b", "c"],
            "marking": "absolute_position",
            "show_numbering": True,
        },
        "answers": [{"order": ["b", "a", "c"]}, {"order": ["a", "b", "c"]}, {"order": ["c", "a", "b"]}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept items as strings; without a `correct_order` the items stand in the right order (Moodle)."""
        migrated = with_prompt(settings)
        migrated["items"] = items = as_labelled(migrated.get("items"))
        if "correct_order" not in migrated and isinstance(items, list):
            migrated["correct_order"] = [item.get("id") for item in items if isinstance(item, Mapping)]
        return migrated

    def public_settings(self, settings: Settings, sight: Sight) -> dict[str, Json]:
        public = super().public_settings(settings, sight)
        if not sight.key:  # authors write the items down in the right order
            public["items"] = scattered(public["items"], settings.prompt, settings.correct_order)
        return public

    def check(self, settings: Settings, answer: Answer) -> Answer:
        require_known(answer.order, settings.correct_order, "data.order")
        require_number(len(answer.order), len(settings.items), len(settings.items), "data.order")
        return answer

    def mark(self, settings: Settings, answer: Answer) -> Mark:
        score = mark_order(settings.marking, settings.correct_order, answer.order)
        return Mark(answer.order == settings.correct_order, score)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        mark = self.mark(settings, answer)
        result = {f"at:{item}:{place}": 1 for place, item in enumerate(answer.order)}
        return result | marked(correct=mark.correct, score=mark.score)

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        people = answered(live.tally)
        main: dict[str, Json] = {"total_responses": people}
        if sight.results:
            places = range(len(live.settings.items))
            main["positions"] = {
                item.id: [live.tally.get(f"at:{item.id}:{place}", 0) for place in places]
                for item in live.settings.items
            }
            if sight.key:
                main["fully_correct"] = live.tally.get("right", 0)
                main["mean_score"] = mean_score(live.tally.get("score", 0), people)
            else:
                main["positions"] = dict(sorted(main["positions"].items()))
        return {"": main}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        def columns(answer: Answer) -> dict[str, Json]:
            place = {item: index for index, item in enumerate(answer.order, start=1)}
            mark = self.mark(settings, answer)
            ranks = {f"place:{item}": place[item] for item in settings.correct_order}
            return ranks | {"correct": mark.correct, "score": round(mark.score, 6)}

        return sheet(responses, columns)


TYPE = Ordering()
