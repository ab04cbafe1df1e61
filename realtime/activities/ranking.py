"""A ranking by preference: everybody orders the items, the Borda count adds the orders up."""

from collections.abc import Iterable, Mapping
from itertools import chain, combinations, product
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Model, Sight
from realtime.activities.labels import (
    Labelled,
    Prompt,
    as_labelled,
    require_distinct,
    require_known,
    require_number,
    sheet,
    with_prompt,
)
from realtime.activities.statistics import answered
from realtime.core.tally import under

MOST_PAIRED = 10  # pairs are counted up to this many items: they grow with the square


class Settings(Model):
    """`rank_top`: only so many first places are asked for; null for a full order."""

    prompt: Prompt
    items: Annotated[list[Labelled], Field(min_length=2, max_length=20)]
    rank_top: Annotated[int, Field(ge=1, le=20)] | None = None
    shuffle: bool = False
    method: Literal["borda"] = "borda"

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        require_distinct((item.id for item in self.items), "item ids")
        if self.rank_top is not None and self.rank_top > len(self.items):
            raise ValueError("rank_top is larger than the number of items")
        return self

    def places(self) -> int:
        return self.rank_top or len(self.items)


class Answer(Model):
    order: Annotated[list[str], Field(max_length=20)]


class Ranking(ActivityType[Settings, Answer]):
    name = "ranking"
    aliases = ("rank",)
    qti, xapi = "orderInteraction", "sequencing"
    settings_model, answer_model = Settings, Answer
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "prompt": "Order by importance",
            "items": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}, {"id": "c", "text": "C"}],
            "rank_top": None,
            "shuffle": True,
            "method": "borda",
        },
        "answers": [{"order": ["a", "b", "c"]}, {"order": ["b", "a", "c"]}, {"order": ["a", "c", "b"]}],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        migrated = with_prompt(settings)
        return migrated | {"items": as_labelled(migrated.get("items", migrated.pop("options", None)))}

    def check(self, settings: Settings, answer: Answer) -> Answer:
        require_known(answer.order, {item.id for item in settings.items}, "data.order")
        require_number(len(answer.order), settings.places(), settings.places(), "data.order")
        return answer

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result = {f"at:{item}:{place}": 1 for place, item in enumerate(answer.order)}
        if len(settings.items) <= MOST_PAIRED:
            ranked = set(answer.order)
            unranked = [item.id for item in settings.items if item.id not in ranked]
            pairs = chain(combinations(answer.order, 2), product(answer.order, unranked))
            result |= {f"pair:{one}>{other}": 1 for one, other in pairs}
        return result

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        settings = live.settings
        ids = [item.id for item in settings.items]
        scores: dict[str, int] = {}
        mean_rank: dict[str, float | None] = {}
        positions: dict[str, list[int]] = {}
        for item in ids:
            counts = [live.tally.get(f"at:{item}:{place}", 0) for place in range(settings.places())]
            positions[item] = counts
            scores[item] = sum(count * (len(ids) - 1 - place) for place, count in enumerate(counts))
            ranked = sum(counts)
            ranks = sum(count * (place + 1) for place, count in enumerate(counts))
            mean_rank[item] = round(ranks / ranked, 2) if ranked else None
        main: dict[str, Json] = {"scores": scores, "mean_rank": mean_rank, "positions": positions}
        main["total_responses"] = answered(live.tally)
        if len(ids) <= MOST_PAIRED:
            pairs = under(live.tally, "pair:")
            # In full orders one direction tells the other; where items stay unranked both are needed.
            main["pairwise"] = {
                f"{one}>{other}": pairs.get(f"{one}>{other}", 0)
                for one in ids
                for other in ids
                if one != other and (settings.rank_top or ids.index(one) < ids.index(other))
            }
            main["condorcet_winner"] = next((item for item in ids if _beats_all(item, ids, pairs)), None)
        return {"": main}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        def columns(answer: Answer) -> dict[str, Json]:
            ranks = {item: place for place, item in enumerate(answer.order, start=1)}
            return {f"rank:{item.id}": ranks.get(item.id) for item in settings.items}

        return sheet(responses, columns)


def _beats_all(item: str, ids: list[str], pairs: Mapping[str, int]) -> bool:
    return all(
        pairs.get(f"{item}>{other}", 0) > pairs.get(f"{other}>{item}", 0) for other in ids if other != item
    )


TYPE = Ranking()
