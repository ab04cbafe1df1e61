"""Planning poker: everybody estimates a story in secret, then all cards are turned at once."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Model, Sight
from realtime.activities.contributions import action_of
from realtime.activities.labels import Line, clean_lines, require_distinct
from realtime.activities.statistics import from_units, mean, median, to_units
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text
from realtime.core.tally import under

DECKS: Final[Mapping[str, tuple[str, ...]]] = {
    "fibonacci": ("0", "1", "2", "3", "5", "8", "13", "21", "34", "55", "89"),
    "modified_fibonacci": ("0", "½", "1", "2", "3", "5", "8", "13", "20", "40", "100"),
    "tshirt": ("XXS", "XS", "S", "M", "L", "XL", "XXL"),
    "powers_of_two": ("1", "2", "4", "8", "16", "32", "64"),
    "custom": (),
}
SPECIAL: Final = ("?", "coffee", "∞")  # never part of numbers
WAITING_SHOWN: Final = 200
_DECIMALS: Final = 3  # of the numbers on custom cards
_CARD_LENGTH: Final = 8

Text = Annotated[str, AfterValidator(clean_lines), Field(max_length=5_000)]
Card = Annotated[Line, Field(min_length=1, max_length=_CARD_LENGTH)]


class Story(Model):
    key: Annotated[Line, Field(max_length=50)] | None = None
    title: Annotated[Line, Field(min_length=1, max_length=300)]
    description: Text | None = None
    link: Annotated[str, Field(max_length=2_000, pattern=r"^https?://\S+$")] | None = None
    acceptance_criteria: Text | None = None
    priority: Annotated[int, Field(ge=0, le=1_000)] | None = None


class Settings(Model):
    """`timer` is in seconds, 0 for none; `cards` None means the whole deck with `?` and `coffee`."""

    story: Story
    deck: Literal["fibonacci", "modified_fibonacci", "tshirt", "powers_of_two", "custom"] = "fibonacci"
    cards: Annotated[list[Card], Field(min_length=2, max_length=30)] | None = None
    timer: Annotated[int, Field(ge=0, le=86_400)] = 300
    auto_reveal: bool = True
    anonymous_votes: bool = False
    allow_change: Literal["until_reveal", "never"] = "until_reveal"
    allow_revote: bool = True
    ask_confidence: bool = False
    average_rounding: Literal["ceil", "floor", "nearest"] = "ceil"
    consensus_rule: Literal["unanimous", "neighbours", "majority"] = "unanimous"

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if self.cards is None:
            if self.deck == "custom":
                raise ValueError("a custom deck needs cards")
            return self
        require_distinct(self.cards, "cards")
        if self.deck != "custom" and not {*self.cards} <= {*DECKS[self.deck], *SPECIAL}:
            raise ValueError(f"not all cards are of the deck {self.deck}")
        return self

    def offered(self) -> list[str]:
        """The cards on the table."""
        return [*DECKS[self.deck], "?", "coffee"] if self.cards is None else self.cards


class Answer(Model):
    estimate: Annotated[str, Field(min_length=1, max_length=_CARD_LENGTH)]
    confidence: Literal["low", "medium", "high"] | None = None
    notes: Annotated[str, Field(max_length=1_000)] | None = None


class PlanningPoker(ActivityType[Settings, Answer]):
    name = "planning_poker"
    fences_on_reveal = True
    aliases = ("poker", "estimation")
    xapi = "other"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "story": {
                "key": "APP-12",
                "title": "Export results",
                "description": None,
                "link": None,
                "acceptance_criteria": None,
                "priority": 3,
            },
            "deck": "fibonacci",
            "cards": ["0", "1", "2", "3", "5", "8", "13", "21", "?", "coffee"],
            "timer": 300,
            "auto_reveal": True,
            "anonymous_votes": False,
            "allow_change": "until_reveal",
            "allow_revote": True,
            "ask_confidence": True,
            "average_rounding": "ceil",
            "consensus_rule": "unanimous",
        },
        "answers": [
            {"estimate": "5", "confidence": "high", "notes": None},
            {"estimate": "8", "confidence": "low", "notes": "The CSV part is new to us"},
            {"estimate": "?"},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: the story as a text; cards as numbers."""
        migrated = dict(settings)
        if isinstance(migrated.get("story"), str):
            migrated["story"] = {"title": migrated["story"]}
        if isinstance(migrated.get("cards"), list):
            migrated["cards"] = [_card(card) for card in migrated["cards"]]
        return migrated

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: `vote` or `card_value` for `estimate`, and numbers for cards."""
        migrated = dict(data)
        for name in ("vote", "card_value"):
            if name in migrated and "estimate" not in migrated:
                migrated["estimate"] = migrated.pop(name)
        if "estimate" in migrated:
            migrated["estimate"] = _card(migrated["estimate"])
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        if answer.estimate not in settings.offered():
            raise invalid("data.estimate", "no such card", "unknown_option")
        if answer.confidence and not settings.ask_confidence:
            raise invalid("data.confidence", "is not asked for here")
        notes = clean_text(answer.notes, keep_lines=True) if answer.notes else None
        return Answer(estimate=answer.estimate, confidence=answer.confidence, notes=notes or None)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result = {f"card:{answer.estimate}": 1}
        if answer.confidence:
            result[f"confidence:{answer.confidence}"] = 1
        return result

    def answering_ms(self, settings: Settings) -> int:
        return settings.timer * 1_000

    def reveals_when_all(self, settings: Settings) -> bool:
        return settings.auto_reveal

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        return answer.model_dump(mode="json", exclude_none=True)

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        # Presenters wait for the reveal like everybody else: a value that is not sent cannot be glimpsed.
        turned = live.revealed and (sight.host or sight.results)
        main: dict[str, Any] = _turned(live, sight) if turned else _hidden(live, sight)
        if sight.host or sight.results:
            rounds = [_round(live.settings, number, live.earlier[number]) for number in sorted(live.earlier)]
            main["rounds"] = rounds + ([_round(live.settings, live.round, live.tally)] if turned else [])
            main["final_estimate"] = live.decisions.get("final_estimate")
        return {"": main}

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """`final_estimate` with one of the cards, or null to take it back; only once the cards are turned."""
        action_of(decision, {"final_estimate"})
        estimate = _card(decision.get("estimate"))
        if estimate is not None and estimate not in live.settings.offered():
            raise invalid("estimate", "no such card", "unknown_option")
        if estimate is not None and not live.revealed:
            raise Refusal(
                "illegal_move", details={"field": "action", "reason": "the cards are not turned yet"}
            )
        return {"final_estimate": estimate}

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        """One row per estimate, with the story it was for."""
        story = {"story_key": settings.story.key, "story_title": settings.story.title}
        rows: list[dict[str, Json]] = []
        for response in responses:
            who = {} if settings.anonymous_votes else {"participant": response.participant_id}
            given = response.answer.model_dump(mode="json") if response.answer else {"abstained": True}
            rows.append(story | who | {"round": response.round} | given)
        return rows


def _hidden(live: Live[Settings], sight: Sight) -> dict[str, Json]:
    voted = sorted({item.participant_id for item in live.items.values()})
    main: dict[str, Json] = {"voted_count": len(voted), "eligible": live.joined}
    if sight.names:
        main["voted"] = voted
        if waiting := live.names.keys() - set(voted):
            main["waiting_for"] = sorted(waiting)[:WAITING_SHOWN]
    return main


def _turned(live: Live[Settings], sight: Sight) -> dict[str, Json]:
    settings = live.settings
    cards = _cards(settings, live.tally)
    main: dict[str, Json] = {
        "voted_count": sum(cards.values()),
        "eligible": live.joined,
        "distribution": cards,
    }
    confidence = under(live.tally, "confidence:")
    if confidence:
        main["confidence"] = confidence
    named = sight.names and not settings.anonymous_votes
    votes = [
        ({"participant": item.participant_id} if named else {}) | {"estimate": item.data["estimate"]}
        | ({name: item.data[name] for name in ("confidence", "notes") if name in item.data} if named else {})
        for item in live.items.values()
    ]  # fmt: skip
    order = settings.offered()
    # Sorted by what they say: the order of arrival would tell who is who.
    main["votes"] = sorted(
        votes, key=lambda vote: (order.index(vote["estimate"]), vote.get("participant", ""))
    )
    numbers = _numbers(cards)
    if numbers:
        main["numeric"] = _summary(numbers) | {
            "median": from_units_of(median(numbers)),
            "n": sum(numbers.values()),
        }
        main["suggested"] = suggested(settings, numbers)
    main["consensus"] = has_consensus(settings, cards)
    if named and len(numbers) > 1 and not main["consensus"]:
        ends = {min(numbers), max(numbers)}
        main["outliers"] = sorted(
            item.participant_id for item in live.items.values() if number_of(item.data["estimate"]) in ends
        )
    return main


def _round(settings: Settings, number: int, tally: Mapping[str, int]) -> dict[str, Json]:
    cards = _cards(settings, tally)
    numbers = _numbers(cards)
    spread = _summary(numbers) if numbers else {}
    return (
        {"round": number, "voted": sum(cards.values())}
        | spread
        | {"consensus": has_consensus(settings, cards)}
    )


def _cards(settings: Settings, tally: Mapping[str, int]) -> dict[str, int]:
    """How often each card lies there, in the order of the deck."""
    counts = under(tally, "card:")
    return {card: counts[card] for card in settings.offered() if card in counts}


def _card(value: Json) -> Json:
    """A number as the text on its card; everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return "½" if value == 0.5 else f"{value:g}"


def number_of(card: str) -> int | None:
    """The number on a card in thousandths; None where it shows none."""
    if card == "½":
        return 10**_DECIMALS // 2
    whole, _, rest = card.replace(",", ".").partition(".")
    if not whole.isascii() or not (whole + rest).isdigit() or len(rest) > _DECIMALS:
        return None
    return to_units(float(f"{whole}.{rest or 0}"), _DECIMALS)


def from_units_of(thousandths: float) -> int | float:
    rounded = Decimal(thousandths).scaleb(-_DECIMALS).quantize(Decimal("0.01"))
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)


def _numbers(cards: Mapping[str, int]) -> dict[int, int]:
    numbers: dict[int, int] = {}
    for card, count in cards.items():
        number = number_of(card)
        if number is not None:
            numbers[number] = numbers.get(number, 0) + count
    return numbers


def _summary(numbers: Mapping[int, int]) -> dict[str, Json]:
    return {
        "mean": from_units_of(mean(numbers)),
        "min": from_units(min(numbers), _DECIMALS),
        "max": from_units(max(numbers), _DECIMALS),
    }


def suggested(settings: Settings, numbers: Mapping[int, int]) -> str:
    """The card nearest to the mean, by the rounding of the settings."""
    deck = {number: card for card in reversed(settings.offered()) if (number := number_of(card)) is not None}
    average = mean(numbers)
    above = [number for number in deck if number >= average]
    below = [number for number in deck if number <= average]
    if settings.average_rounding == "ceil":
        return deck[min(above, default=max(deck))]
    if settings.average_rounding == "floor":
        return deck[max(below, default=min(deck))]
    return deck[min(deck, key=lambda number: (abs(number - average), -number))]


def has_consensus(settings: Settings, cards: Mapping[str, int]) -> bool:
    """Whether the estimates agree by the rule of the settings; a `?` agrees with nothing."""
    if not cards or any(card in SPECIAL for card in cards):
        return False
    if settings.consensus_rule == "majority":
        return 2 * max(cards.values()) > sum(cards.values())
    scale = [card for card in settings.offered() if card not in SPECIAL]
    places = [scale.index(card) for card in cards]
    return max(places) - min(places) <= (1 if settings.consensus_rule == "neighbours" else 0)


TYPE = PlanningPoker()
