"""What the settings of many types share: ids, texts with an id, prompts, and their older shapes."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from realtime.activities.contract import Answered, AnswerT, Json, Model
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text

ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,40}$"


def clean_lines(text: str) -> str:
    return clean_text(text, keep_lines=True)


Id = Annotated[str, Field(pattern=ID_PATTERN)]
Prompt = Annotated[str, AfterValidator(clean_lines), Field(min_length=1, max_length=500)]
Line = Annotated[str, AfterValidator(clean_text), Field(max_length=500)]


class Labelled(Model):
    """One thing that answers refer to by its id; it shows a text, media, or both."""

    id: Id
    text: Line = ""
    media: Annotated[dict[str, Any], Field(max_length=20)] | None = None

    @model_validator(mode="after")
    def _shows_something(self) -> "Labelled":
        if not self.text and not self.media:
            raise ValueError("a text or media is needed")
        return self


def require_distinct(ids: Iterable[str], what: str) -> None:
    """ValueError unless all ids differ; for use in model validators."""
    seen = list(ids)
    if len(set(seen)) != len(seen):
        raise ValueError(f"{what} must differ")


def with_prompt(settings: Mapping[str, Json]) -> dict[str, Json]:
    """Settings of older clients say `question` where the prompt is meant."""
    migrated = dict(settings)
    if "prompt" not in migrated and "question" in migrated:
        migrated["prompt"] = migrated.pop("question")
    return migrated


def as_ids(choices: Sequence[Json], texts: Mapping[str, str]) -> list[Json]:
    """Choices of older clients, who name an option by its text; `texts` are those of the options by id."""
    by_text = {text: id for id, text in texts.items()}
    return [by_text.get(one, one) if isinstance(one, str) and one not in texts else one for one in choices]


def as_labelled(items: Json) -> Json:
    """Plain strings become texts with the ids a, b, c …; everything else stays for the model to judge."""
    if isinstance(items, list) and items and all(isinstance(item, str) for item in items):
        return [{"id": letter_id(index), "text": text} for index, text in enumerate(items)]
    return items


def letter_id(index: int) -> str:
    return chr(ord("a") + index) if index < 26 else f"o{index}"


def require_known(chosen: Sequence[str], known: Collection[str], field: str) -> None:
    """Refusal `unknown_option` or `invalid` unless every chosen id is known and chosen once."""
    for index, choice in enumerate(chosen):
        if choice not in known:
            raise invalid(f"{field}.{index}", "no such id", "unknown_option")
    if len(set(chosen)) != len(chosen):
        raise invalid(field, "the same id twice")


def require_number(chosen: int, fewest: int, most: int, field: str) -> None:
    """Refusal `too_few_choices` or `too_many_choices` unless `fewest <= chosen <= most`."""
    if chosen < fewest:
        raise Refusal("too_few_choices", details={"field": field, "min_choices": fewest})
    if chosen > most:
        raise Refusal("too_many_choices", details={"field": field, "max_choices": most})


def scattered(items: list[dict[str, Json]], seed: str, avoid: Sequence[str] = ()) -> list[dict[str, Json]]:
    """Items with an `id` in an order that tells nothing, always the same, and never that of `avoid`."""
    mixed = sorted(items, key=lambda item: sha256(f"{seed}\0{item['id']}".encode()).digest())
    if [item["id"] for item in mixed] == list(avoid):
        mixed = mixed[1:] + mixed[:1]
    return mixed


def sheet(
    responses: Iterable[Answered[AnswerT]], columns: Callable[[AnswerT], Mapping[str, Json]]
) -> list[dict[str, Json]]:
    """Export rows, one per response, with the answer spread over columns of their own."""
    rows: list[dict[str, Json]] = []
    for response in responses:
        row: dict[str, Json] = {"participant": response.participant_id, "round": response.round}
        row |= {"abstained": True} if response.answer is None else columns(response.answer)
        rows.append(row)
    return rows
