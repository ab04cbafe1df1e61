"""What was found about answers, by their text: of a thousand equal ones the first is judged, the others are looked up.

Only where nothing but the settings decides, and not where the entry depends on the submission. A judgement is named
by the activity and the version of its settings, so new settings make new ones.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from realtime.activities.answers import Judged, item_document
from realtime.activities.config import Config
from realtime.activities.contract import ActivityType, count
from realtime.commands.actors import Actor
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.store.intake import Body

_LONGEST_TEXT: Final = 512  # a longer answer is hardly ever given twice
_UNUSED_SECONDS: Final = 120.0  # a judgement that nobody asked for in this time is forgotten with the next new ones
Key = tuple[str, int, bytes]  # activity, version of its settings, the answer's text as it was sent


@dataclass(slots=True)
class Judgement:
    """A checked answer, as far as it is the same for everybody who gives it."""

    answer: BaseModel | None
    counters: str | None  # None: they look at the time that the answer took
    head: str  # of the stored document, up to its metadata
    entry: str
    entry_limit: int
    item: Any
    digest: str  # of the answer's canonical text, which receipts are bound to
    shared: Body | None = None  # what is sent to the live store, where nothing in it is of one answer alone

    def body(
        self, kind: ActivityType[Any, Any], settings: BaseModel, elapsed_ms: int | None, participant_id: str, name: str | None
    ) -> Body:
        """What is sent to the live store, up to the payload's metadata; `rest` is what follows."""
        body = Body(
            self.entry, self.entry_limit, self.counters_of(kind, settings, elapsed_ms), self.head,
            self.item_of(participant_id, name),
        )  # fmt: skip
        if self.counters is not None and self.item is None:
            self.shared = body
        return body

    @staticmethod
    def rest(metadata: str, elapsed_ms: int | None) -> str:
        """Of the stored document, what comes after its head."""
        return f"{metadata}}}" if elapsed_ms is None else f'{metadata},"elapsed_ms":{elapsed_ms}}}'

    def payload(self, metadata: str, elapsed_ms: int | None, others: Sequence[str] = ()) -> str:
        """The stored document, as `answers.envelope` has it."""
        rest = self.rest(metadata, elapsed_ms)
        return f"{self.head}{rest}" if not others else f'{self.head}{rest[:-1]},"others":{encode(others)}}}'

    def counters_of(self, kind: ActivityType[Any, Any], settings: BaseModel, elapsed_ms: int | None) -> str:
        return encode(count(kind, settings, self.answer, elapsed_ms)) if self.counters is None else self.counters

    def item_of(self, participant_id: str, name: str | None) -> str:
        """What the live store keeps of an answer that cannot be counted; empty where it can."""
        return "" if self.item is None else encode(item_document(participant_id, self.item, name))


def judgement_of(kind: ActivityType[Any, Any], type_name: str, judged: Judged, digest: str) -> Judgement:
    """From what the type's rules say to what is sent to the live store."""
    empty = encode({"type": type_name, "version": kind.version, "data": judged.data, "metadata": {}})
    counters = None if kind.timed else encode(judged.counters)
    return Judgement(
        judged.answer, counters, empty[: -len("{}}")], judged.entry, judged.entry_limit, judged.item, digest
    )  # fmt: skip


def is_alike_for_all(kind: ActivityType[Any, Any], config: Config) -> bool:
    """Whether equal answers to an activity of this type are judged equally, whoever sends them.

    Not where an answer's entry may depend on its submission, nor where texts may find no room any more.
    """
    own_rules = type(kind).entry is not ActivityType.entry or type(kind).text_of is not ActivityType.text_of
    return config.constraints.max_responses == 1 and not own_rules


class Judgements:
    """The judgements of this process, in two generations: what is asked for moves to the younger, the elder is forgotten whole.

    Nobody says here that an activity is over; its judgements are no longer asked for.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_young = max(1, most // 2)
        self._clock = clock
        self._young: dict[Key, Judgement] = {}
        self._old: dict[Key, Judgement] = {}
        self._young_since = clock()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find(self, key: Key) -> Judgement | None:
        found = self._young.get(key)
        if found is None and (found := self._old.pop(key, None)) is not None:
            self._put(key, found)
        return found

    def keep(self, key: Key, judgement: Judgement) -> None:
        if len(key[2]) <= _LONGEST_TEXT:
            self._old.pop(key, None)
            self._put(key, judgement)

    def _put(self, key: Key, judgement: Judgement) -> None:
        now = self._clock()
        if len(self._young) >= self._most_young or now - self._young_since >= _UNUSED_SECONDS:
            self._old, self._young, self._young_since = self._young, {}, now
        self._young[key] = judgement


def name_of(actor: Actor, config: Config) -> str | None:
    """The name under which others may see what somebody wrote."""
    return None if actor.anonymous or config.constraints.identity == "anonymous" else actor.nickname


def admission(kind: Any, live: Any, participant_id: str, answer: Any) -> Refusal | None:
    """Why the live state does not allow this answer; a duplicate of an accepted one is allowed all the same."""
    try:
        kind.admit(live, participant_id, answer)
    except Refusal as refusal:
        return refusal
    return None
