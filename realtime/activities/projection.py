"""What an audience sees of an activity: pure, from its raw keys to the keys of the wire."""

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from realtime.activities.config import Config
from realtime.activities.contract import ActivityType, Audience, Item, Json, Live, Sight, read_settings, sight_of
from realtime.activities.crowding import Crowd
from realtime.activities.registry import Registry
from realtime.core.session import VISIBLE, legacy_status
from realtime.core.tally import ABSTAINED, PEOPLE, RESPONSES


@dataclass(slots=True)
class ActivityCopy:
    """An activity's raw keys: document, decisions, tallies and items by round."""

    id: str
    document: dict[str, Any] | None = None
    decisions: dict[int, dict[str, Json]] = field(default_factory=dict)
    drafts: dict[int, int] = field(default_factory=dict)
    tallies: dict[int, dict[str, int]] = field(default_factory=dict)
    items: dict[int, dict[str, Item]] = field(default_factory=dict)
    counted_at: dict[int, int] = field(default_factory=dict)  # round -> offset of its last counted answer
    crowds: dict[int, Crowd] = field(default_factory=dict)
    standing: object | None = None  # what the one who judges answers keeps ready, as long as this copy lives
    _read: tuple[int, ActivityType[Any, Any], Config, BaseModel] | None = None
    _documents: dict[Audience, tuple[dict[str, Any], bool, Json]] = field(default_factory=dict, init=False)  # as last projected

    def absorb(self, name: str, rest: str, value: Any, stamp: int) -> None:
        """Take in one raw key: `activity`, `decisions`, `drafts`, `tally` or `item`; `rest` is what follows the first colon."""
        if name == "activity":
            self.document = json.loads(value) if value else None
        elif name == "decisions":
            self.decisions[int(rest.rpartition(":")[2])] = json.loads(value) if value else {}
        elif name == "drafts":
            self.drafts[int(rest.rpartition(":")[2])] = int(value or 0)
        elif name == "tally":
            round = int(rest.rpartition(":")[2])
            self.tallies[round] = value
            self.counted_at[round] = stamp
        elif name == "item":
            _, number, item_id = rest.rsplit(":", 2)
            items = self.items.setdefault(int(number), {})
            if not value:
                items.pop(item_id, None)
            else:
                raw = json.loads(value)
                items[item_id] = Item(item_id, raw["by"], raw["data"], raw["at_ms"], raw.get("seq", 0), raw.get("name"))

    def crowd(self, round: int) -> Crowd:
        """The texts of a round that are counted one by one."""
        return self.crowds.setdefault(round, Crowd())

    @property
    def settings_version(self) -> int:
        """Names the rules answers are judged by, as `persistence.documents.settings_version` does."""
        assert self.document is not None
        version: int = self.document["settings_version"]
        return version

    @property
    def gone(self) -> bool:
        return self.document is None

    @property
    def awaits_final(self) -> bool:
        """Closed, and to be looked at again when the watermark moves."""
        return self.document is not None and self.document["state"] in ("closed", "cancelled")

    def rules(self, registry: Registry) -> tuple[ActivityType[Any, Any], Config, BaseModel]:
        """The type, config and settings, read once per version of the document."""
        assert self.document is not None
        if self._read is None or self._read[0] != self.document["version"]:
            kind = registry.resolve(self.document["type"])
            config = Config.model_validate(self.document["config"])
            self._read = (self.document["version"], kind, config, read_settings(kind, config.settings))
        return self._read[1:]

    def project_document(self, audience: Audience, sight: Sight, registry: Registry, *, final: bool) -> Json:
        """The `activity` key; the same object until it is another, because counts change far more often than a document."""
        document = self.document
        assert document is not None
        known = self._documents.get(audience)
        if known is None or known[0] is not document or known[1] is not final:
            kind, config, settings = self.rules(registry)
            shown = {name: value for name, value in document.items() if name not in ("config", "settings_version")} | {
                "status": legacy_status(document["state"]),
                "final": final,
                "config": config.model_dump(mode="json") | {"settings": kind.public_settings(settings, sight)},
            }
            known = self._documents[audience] = document, final, shown
        return known[2]


def project_activity(
    copy: ActivityCopy, audience: Audience, registry: Registry, *, saved: int, people: dict[str, int]
) -> dict[str, Json]:
    """The wire keys of one activity for one audience; what it may not see is not there."""
    document = copy.document
    if document is None or (audience is Audience.PARTICIPANTS and document["state"] not in VISIBLE):
        return {}
    kind, config, settings = copy.rules(registry)
    state, round, revealed = document["state"], document["round"], document["revealed"]
    sight = sight_of(audience, config.reveal_rules(), state, revealed)
    final = state in ("closed", "cancelled") and 0 < document.get("closed_offset", 0) <= saved
    keys: dict[str, Json] = {f"activity:{copy.id}": copy.project_document(audience, sight, registry, final=final)}
    if not sight.counts:
        return keys
    tally = copy.tallies.get(round, {})
    keys[f"counts:{copy.id}"] = {
        "responses": tally.get(RESPONSES, 0),
        "people": tally.get(PEOPLE, 0),
        "abstained": tally.get(ABSTAINED, 0),
    }
    if sight.host:
        # With the watermark it says exactly whether everything counted here is saved.
        keys[f"counts:{copy.id}"]["offset"] = copy.counted_at.get(round, 0)
        keys[f"counts:{copy.id}"]["drafts"] = copy.drafts.get(round, 0)
    live = live_of(copy, settings, people)
    for part, value in kind.view(live, sight).items():
        keys[f"view:{copy.id}:{part}" if part else f"view:{copy.id}"] = value
    return keys


def live_of(copy: ActivityCopy, settings: BaseModel, people: dict[str, int]) -> Live[Any]:
    """The live state a view is drawn from."""
    assert copy.document is not None
    document, round = copy.document, copy.document["round"]
    items = copy.items.get(round, {})
    return Live(
        settings=settings, state=document["state"], round=round, revealed=document["revealed"], tally=copy.tallies.get(round, {}),
        earlier={number: sums for number, sums in copy.tallies.items() if number < round},
        items=items, decisions=copy.decisions.get(round, {}),
        names={item.participant_id: item.name for item in items.values() if item.name is not None}, joined=people["joined"],
        online=people["online"], opened_at_ms=document.get("opened_at_ms"),
    )  # fmt: skip
