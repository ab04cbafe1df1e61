"""What types with written contributions share: a status, an author, a time, and the presenter's word on them.

A contribution is an item; what was decided about it stands in the decisions under `item:<id>` and is
merged into its status whenever a view is drawn.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from realtime.activities.contract import Item, Json, Live, Sight
from realtime.activities.profanity import Language, word_filter
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text

ItemId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Profanity = Literal["off", "censor", "block"]
Languages = Annotated[list[Language], Field(min_length=1, max_length=10)]
Word = Annotated[str, Field(min_length=1, max_length=50)]
BannedWords = Annotated[list[Word], Field(max_length=500)]

DEFAULT_LANGUAGES: Final[list[Language]] = ["english"]

# What each action makes of a contribution's status.
STATUS_AFTER: Final[Mapping[str, str]] = {
    "approve": "active",
    "restore": "active",
    "reject": "rejected",
    "hide": "hidden",
    "delete": "deleted",
    "archive": "archived",
    "pin": "pinned",
    "unpin": "active",
}
_NO_ALNUM: Final = re.compile(r"[^0-9A-Za-z]+")  # of ASCII texts
SEEN: Final = frozenset({"active", "pinned", "archived"})  # what participants may see


@lru_cache(maxsize=16_384)  # a view asks for every word of a cloud, and again at every tick
def group_key(text: str, *, case_sensitive: bool = False) -> str:
    """What texts must share to count as one: letters and figures only; the text itself where it has none."""
    text = clean_text(text)
    folded = text if case_sensitive else clean_text(text.casefold())
    if folded.isascii():
        return _NO_ALNUM.sub("", folded) or folded
    return "".join(character for character in folded if character.isalnum()) or folded


def screen(text: str, field: str, rule: Profanity, languages: list[Language]) -> str:
    """The text as the word filter lets it pass; Refusal `refused_words` where it is blocked."""
    if rule == "off":
        return text
    words = word_filter(tuple(languages))
    if rule == "censor":
        return words.censor(text)
    if not words.is_clean(text):
        raise invalid(field, "contains words that are not allowed here", "refused_words")
    return text


def written_text(text: str, field: str, fewest: int, most: int, *, keep_lines: bool = False) -> str:
    """What a person wrote, cleaned; Refusal unless it then has from `fewest` to `most` characters."""
    cleaned = clean_text(text, keep_lines=keep_lines)
    if not fewest <= len(cleaned) <= most:
        raise invalid(field, f"must have {fewest} to {most} characters")
    return cleaned


def iso_time(at_ms: int) -> str:
    """A moment (milliseconds since 1970) as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def verdict(decisions: Mapping[str, Json], item_id: str) -> dict[str, Json]:
    """All that was decided about one contribution."""
    decided = decisions.get(f"item:{item_id}")
    return dict(decided) if isinstance(decided, Mapping) else {}


def status_of(decisions: Mapping[str, Json], item_id: str, *, moderated: bool) -> str:
    """pending, active, pinned, archived, rejected, hidden or deleted."""
    return str(verdict(decisions, item_id).get("status") or ("pending" if moderated else "active"))


def is_shown(status: str, sight: Sight) -> bool:
    """Participants see what is approved; presenters everything but what was deleted."""
    return status != "deleted" if sight.host else status in SEEN


def author_of(live: Live[Any], item: Item, sight: Sight) -> dict[str, Json]:
    """The author as fields, None for one who stays unnamed; no fields where names may not be seen."""
    if not sight.names:
        return {}
    if item.data.get("anonymous") is True:
        return {"author": None}
    return {"author": live.names.get(item.participant_id), "participant": item.participant_id}


def newest(items: Iterable[Item], most: int) -> list[Item]:
    """The latest items, oldest of them first."""
    return sorted(items, key=lambda item: (item.at_ms, item.id))[-most:]


def action_of(decision: Mapping[str, Json], known: Collection[str]) -> str:
    """The decision's `action`; Refusal `invalid` where the type has none of that name."""
    action = decision.get("action")
    if not isinstance(action, str) or action not in known:
        raise invalid("action", "must be one of " + ", ".join(sorted(known)))
    return action


def item_of(live: Live[Any], decision: Mapping[str, Json], field: str = "item_id") -> Item:
    """The item a decision names; Refusal `unknown_response` where there is none."""
    item_id = decision.get(field)
    item = live.items.get(item_id) if isinstance(item_id, str) else None
    if item is None:
        raise Refusal("unknown_response", details={"field": field, "reason": "no such contribution"})
    return item


def decide_status(live: Live[Any], decision: Mapping[str, Json], action: str) -> dict[str, Json]:
    """The decision that gives a contribution the status of `STATUS_AFTER`."""
    item = item_of(live, decision)
    decided = verdict(live.decisions, item.id)
    if decided.get("status") == "deleted":
        raise Refusal("illegal_move", details={"field": "item_id", "reason": "it was deleted"})
    return {f"item:{item.id}": decided | {"status": STATUS_AFTER[action]}}
