"""Free texts: what people write when no list of options would do."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Item, Json, Live, Model, Sight
from realtime.activities.contributions import (
    DEFAULT_LANGUAGES,
    STATUS_AFTER,
    Languages,
    Profanity,
    action_of,
    author_of,
    decide_status,
    group_key,
    is_shown,
    iso_time,
    newest,
    screen,
    status_of,
    written_text,
)
from realtime.activities.labels import Prompt, with_prompt
from realtime.activities.statistics import histogram_under, median
from realtime.core.errors import Refusal, invalid

LATEST: Final = 100  # contributions in a view; the rest through the responses list
GROUPS: Final = 100
_LONGEST_GROUPED = 120  # characters; longer texts are hardly ever equal
_MOST_CHARACTERS = 10_000  # of one answer: the word filter reads each on the event loop
_MOST_WORDS = 2_000  # word counts above it are counted as it


class Settings(Model):
    """`max_entries` is the number of texts in one answer, the lengths are of each of them."""

    prompt: Prompt
    min_length: Annotated[int, Field(ge=1, le=5_000)] = 1
    max_length: Annotated[int, Field(ge=1, le=5_000)] = 1_000
    multiline: bool = True
    max_entries: Annotated[int, Field(ge=1, le=20)] = 1
    moderate: bool = False
    profanity: Profanity = "censor"
    languages: Languages = DEFAULT_LANGUAGES
    show_to_participants: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if self.min_length > self.max_length:
            raise ValueError("min_length <= max_length must hold")
        if self.max_entries * self.max_length > _MOST_CHARACTERS:
            raise ValueError(f"max_entries times max_length may be at most {_MOST_CHARACTERS} characters")
        return self


class Answer(Model):
    entries: Annotated[list[Annotated[str, Field(max_length=20_000)]], Field(min_length=1, max_length=20)]


class OpenText(ActivityType[Settings, Answer]):
    name = "open_text"
    aliases = ("free_text", "text")
    qti, moodle, xapi = "extendedTextInteraction", "essay", "long-fill-in"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "prompt": "What was unclear?",
            "min_length": 1,
            "max_length": 1000,
            "multiline": True,
            "max_entries": 1,
            "moderate": False,
            "profanity": "censor",
            "show_to_participants": False,
        },
        "answers": [
            {"entries": ["The role of NADPH"]},
            {"entries": ["the role of NADPH."]},
            {"entries": ["Why plants are green\nand not black"]},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        return with_prompt(settings)

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: one `text`."""
        migrated = dict(data)
        if "text" in migrated and "entries" not in migrated:
            migrated["entries"] = [migrated.pop("text")]
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        if len(answer.entries) > settings.max_entries:
            raise Refusal(
                "too_many_choices", details={"field": "data.entries", "max_choices": settings.max_entries}
            )
        entries: list[str] = []
        for index, written in enumerate(answer.entries):
            place = f"data.entries.{index}"
            text = written_text(
                written, place, settings.min_length, settings.max_length, keep_lines=settings.multiline
            )
            entries.append(screen(text, place, settings.profanity, settings.languages))
        if len(set(entries)) != len(entries):
            raise invalid("data.entries", "the same text twice")
        return Answer(entries=entries)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        result = {"entries": len(answer.entries)}
        for text in answer.entries:
            name = f"words:{min(len(text.split()), _MOST_WORDS)}"
            result[name] = result.get(name, 0) + 1
        return result

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        keys = [group_key(text) if len(text) <= _LONGEST_GROUPED else None for text in answer.entries]
        return {
            "entries": [{"text": text, "key": key} for text, key in zip(answer.entries, keys, strict=True)]
        }

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        main: dict[str, Any] = {"total": live.tally.get("entries", 0)}
        if sight.host:
            main["word_count_median"] = median(histogram_under(live.tally, "words:"))
        parts: dict[str, Json] = {"": main}
        if not (sight.host or live.settings.show_to_participants):
            return parts
        moderated = live.settings.moderate
        status = {item_id: status_of(live.decisions, item_id, moderated=moderated) for item_id in live.items}
        shown = [item for item in live.items.values() if is_shown(status[item.id], sight)]
        main["groups"] = _groups(shown)
        for item in newest(shown, LATEST):
            entry = author_of(live, item, sight) | {"status": status[item.id], "at": iso_time(item.at_ms)}
            for index, written in enumerate(item.data["entries"]):
                # A response of one text has its own id, so that what is decided about it names what is shown.
                entry_id = item.id if len(item.data["entries"]) == 1 else f"{item.id}.{index}"
                parts[f"item:{entry_id}"] = {
                    "id": entry_id,
                    "item_id": item.id,
                    "text": written["text"],
                } | entry
        return parts

    def assemble(self, parts: Mapping[str, Json]) -> dict[str, Json]:
        entries = [part for name, part in parts.items() if name.startswith("item:")]
        entries.sort(key=lambda part: (part["at"], part["id"]), reverse=True)
        return {"entries": entries} | dict(parts.get("", {}))

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        return decide_status(live, decision, action_of(decision, STATUS_AFTER))

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        """One row per text."""
        rows: list[dict[str, Json]] = []
        for response in responses:
            row: dict[str, Json] = {"participant": response.participant_id, "round": response.round}
            if response.answer is None:
                rows.append(row | {"abstained": True})
            else:
                rows += [row | {"text": text} for text in response.answer.entries]
        return rows


def _groups(items: list[Item]) -> list[dict[str, Json]]:
    """Equal texts together, most frequent first; the text shown is that of the earliest answer."""
    groups: dict[str, dict[str, Any]] = {}
    for item in newest(items, len(items)):
        for written in item.data["entries"]:
            if written["key"]:
                group = groups.setdefault(
                    written["key"], {"key": written["key"], "text": written["text"], "count": 0}
                )
                group["count"] += 1
    several = [group for group in groups.values() if group["count"] > 1]
    return sorted(several, key=lambda group: (-group["count"], group["key"]))[:GROUPS]


TYPE = OpenText()
