"""A word cloud: a few words from everybody, equal ones grown together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from realtime.activities.contract import ActivityType, Json, Live, Model, Sight, Text
from realtime.activities.contributions import (
    DEFAULT_LANGUAGES,
    BannedWords,
    Languages,
    action_of,
    group_key,
    screen,
)
from realtime.activities.labels import clean_lines, with_prompt
from realtime.activities.profanity import word_filter
from realtime.activities.statistics import answered
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text
from realtime.core.tally import under

SHOWN_TO_PARTICIPANTS: Final = 50
SHOWN_TO_PRESENTERS: Final = 500
MOST_WORDS: Final = 5_000  # spellings told apart
_LONGEST_WORD: Final = 50
_SMALLEST, _LARGEST = 10, 100

_STATUS_AFTER: Final[Mapping[str, str]] = {
    "approve": "approved",
    "restore": "approved",
    "reject": "hidden",
    "hide": "hidden",
}


class Settings(Model):
    prompt: Annotated[str, AfterValidator(clean_lines), Field(min_length=1, max_length=300)]
    max_word_length: Annotated[int, Field(ge=3, le=_LONGEST_WORD)] = 20
    max_words_per_submission: Annotated[int, Field(ge=1, le=10)] = 3
    allow_phrases: bool = True
    case_sensitive: bool = False
    moderate_submissions: bool = True
    banned_words: BannedWords = []
    profanity: Literal["off", "block"] = "block"
    languages: Languages = DEFAULT_LANGUAGES
    merge: Literal["normalised", "exact"] = "normalised"


class Answer(Model):
    words: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=10)]


@dataclass(slots=True)
class Group:
    """All spellings that count as one word."""

    key: str
    count: int = 0
    spellings: dict[str, int] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """The spelling most people used; the first in the alphabet where several did."""
        return min(self.spellings, key=lambda spelling: (-self.spellings[spelling], spelling))


class WordCloud(ActivityType[Settings, Answer]):
    name = "word_cloud"
    aliases = ("wordcloud",)
    qti, xapi = "textEntryInteraction", "fill-in"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "prompt": "One word for today",
            "max_word_length": 20,
            "max_words_per_submission": 3,
            "allow_phrases": True,
            "case_sensitive": False,
            "moderate_submissions": True,
            "banned_words": [],
            "profanity": "block",
            "merge": "normalised",
        },
        "answers": [
            {"words": ["Chlorophyll", "light energy"]},
            {"words": ["chlorophyll"]},
            {"words": ["sunlight", "Water", "CHLOROPHYLL!"]},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: `show_live_results` is a matter of the envelope, `question` and `title` are the prompt."""
        migrated = with_prompt(settings)
        migrated.pop("show_live_results", None)
        return migrated

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: one `word`, or words that are a single text."""
        migrated = dict(data)
        if "word" in migrated and "words" not in migrated:
            migrated["words"] = migrated.pop("word")
        if isinstance(migrated.get("words"), str):
            migrated["words"] = [migrated["words"]]
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        most = settings.max_words_per_submission
        if len(answer.words) > most:
            raise Refusal("too_many_choices", details={"field": "data.words", "max_choices": most})
        words: dict[str, str] = {}
        for index, written in enumerate(answer.words):
            word, place = clean_text(written), f"data.words.{index}"
            if not 1 <= len(word) <= settings.max_word_length:
                raise invalid(place, f"must have 1 to {settings.max_word_length} characters")
            if " " in word and not settings.allow_phrases:
                raise invalid(place, "must be one word")
            self._screen(settings, word, place)
            words.setdefault(_key(settings, word), word)  # a word counts once per person
        return Answer(words=list(words.values()))

    def _screen(self, settings: Settings, word: str, place: str) -> None:
        screen(word, place, settings.profanity, settings.languages)
        if settings.banned_words and not word_filter((), tuple(settings.banned_words)).is_clean(word):
            raise invalid(place, "is not allowed here", "refused_words")

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        return {f"word:{word}": 1 for word in answer.words}

    def text_of(self, settings: Settings, name: str) -> Text | None:
        if not name.startswith("word:"):
            return None
        return Text(place="", part=name.removeprefix("word:"), other="word:", most=MOST_WORDS)

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        groups = _groups(live)
        statuses = {group.key: _status(live, group.key) for group in groups}
        visible = [group for group in groups if statuses[group.key] == "approved"]
        most = SHOWN_TO_PRESENTERS if sight.host else SHOWN_TO_PARTICIPANTS
        people = answered(live.tally)
        largest = visible[0].count if visible else 0
        main: dict[str, Any] = {
            "words": [_entry(group, largest, people) for group in visible[:most]],
            "distinct": len(visible),
            "total_words": sum(group.count for group in visible),
            "truncated": len(visible) > most,
        }
        if live.tally.get("word:"):
            main["other"] = live.tally["word:"]
        if sight.host:
            for name, status in (("pending", "pending"), ("hidden", "hidden")):
                listed = [group for group in groups if statuses[group.key] == status]
                main[name] = [{"id": g.key, "word": g.word, "count": g.count} for g in listed[:most]]
        return {"": main}

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """approve, reject, hide or restore a word by its key; approve_all; merge it `into` another; part."""
        action = action_of(decision, {*_STATUS_AFTER, "approve_all", "merge", "part"})
        groups = {group.key: group for group in _groups(live)}
        if action == "approve_all":
            pending = [key for key in groups if _status(live, key) == "pending"]
            return {f"word:{key}": "approved" for key in pending[:SHOWN_TO_PRESENTERS]}
        key = _named(decision, "item_id")
        if action == "part":  # the group that was merged away has no entry of its own any more
            return {f"merge:{key}": None}
        if key not in groups:
            raise Refusal("not_found", details={"field": "item_id", "reason": "nobody sent this word"})
        if action == "merge":
            into = _named(decision, "into")
            if into not in groups or into == key:
                raise Refusal("not_found", details={"field": "into", "reason": "no other such word"})
            return {f"merge:{key}": into}
        return {f"word:{key}": _STATUS_AFTER[action]}


def _named(decision: Mapping[str, Json], name: str) -> str:
    value = decision.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 4 * _LONGEST_WORD:
        raise invalid(name, "must be the key of a word")
    return value


def _key(settings: Settings, word: str) -> str:
    if settings.merge == "exact":
        return word if settings.case_sensitive else clean_text(word.casefold())
    return group_key(word, case_sensitive=settings.case_sensitive)


def _groups(live: Live[Settings]) -> list[Group]:
    """The words by key, merged ones together, most frequent first."""
    groups: dict[str, Group] = {}
    for spelling, count in under(live.tally, "word:").items():
        if not spelling:
            continue  # words for which there was no room
        key = _merged(live.decisions, _key(live.settings, spelling))
        group = groups.setdefault(key, Group(key))
        group.count += count
        group.spellings[spelling] = count
    return sorted(groups.values(), key=lambda group: (-group.count, group.key))


def _merged(decisions: Mapping[str, Json], key: str) -> str:
    """Where a key ends up; a ring of merges is left after one turn."""
    seen = {key}
    while isinstance(into := decisions.get(f"merge:{key}"), str) and into not in seen:
        seen.add(into)
        key = into
    return key


def _status(live: Live[Settings], key: str) -> str:
    decided = live.decisions.get(f"word:{key}")
    return str(decided) if decided else ("pending" if live.settings.moderate_submissions else "approved")


def _entry(group: Group, largest: int, people: int) -> dict[str, Json]:
    grown = (group.count - 1) / (largest - 1) if largest > 1 else 1.0
    return {
        "key": group.key,
        "word": group.word,
        "count": group.count,
        "frequency": group.count,
        "percentage": round(100 * group.count / people, 1) if people else 0.0,
        "size": round(_SMALLEST + (_LARGEST - _SMALLEST) * grown),
    }


TYPE = WordCloud()
