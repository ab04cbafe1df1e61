"""Correcting an answer key: the one way in which a question may change once it has answers.

PostgreSQL has the new key first, marked as pending. Then every counter that follows from the key is
computed again and swapped together with the published rules in one step, so that no reader ever sees a
tally that is half of each; answers go on being taken, under whichever key is live at that moment. A
process that dies in between leaves the mark, by which any other finds the work. Points follow by
themselves: the activity's version has changed.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakValueDictionary

from persistence import activities, events, scorings
from persistence.activities import ActivityRow
from persistence.documents import activity_document, settings_version, to_ms
from persistence.errors import STORAGE_ERRORS
from persistence.pool import Pool
from realtime.activities.config import Config, read_config
from realtime.activities.contract import read_settings
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.marking import Marking
from realtime.commands.publishing import Publisher
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import Limits, check, encode
from realtime.core.tally import add
from realtime.store.boards import Boards, Counted, Swap

log = logging.getLogger("plenum.scoring")

_MOST_PENDING: Final = 100
_FREE_ATTEMPTS: Final = 2  # without holding answers back
_MOST_ATTEMPTS: Final = 6
_TURN: Final = 200  # answers compared before others have their turn on the loop


@dataclass(slots=True)
class _Known:
    """What was computed in earlier attempts: by round and field the revision of the answer and its counters."""

    counters: dict[tuple[int, str], tuple[str, dict[str, int], dict[str, Any] | None]] = field(default_factory=dict)


class Correcting:
    """Corrects answer keys. `scored` is told when points may follow."""

    def __init__(
        self, pool: Pool, boards: Boards, registry: Registry, marking: Marking, publisher: Publisher, scored: Callable[[], None], *,
        config_bytes: int, sweep_ms: int, fault: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._boards = boards
        self._registry = registry
        self._marking = marking
        self._publisher = publisher
        self._scored = scored
        self._config_bytes = config_bytes
        self._sweep_seconds = sweep_ms / 1_000
        self._fault = fault
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by activity

    async def correct_key(
        self, actor: Actor, activity_id: str, settings: Mapping[str, Any], *, expected_version: int | None = None
    ) -> ActivityRow:  # fmt: skip
        """Change what the type calls its key (`secrets`) and nothing else; `settings` holds the fields to replace, for a survey
        the items with those of theirs.

        Everybody is marked again, with compensating rows in the ledger. Raises Refusal `in_use` where something
        else would change, `version_conflict` with the present document.
        """
        actor.need("direct")
        check(dict(settings), Limits(max_bytes=self._config_bytes, max_keys=20_000, max_list_entries=20_000))
        try:
            row = await activities.read(self._pool, activity_id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        if row is None or row.session_id != actor.session_id:
            raise Refusal("unknown_activity")
        if expected_version is not None and expected_version != row.version:
            raise _conflict(row)
        config = self._corrected(row, settings)
        if config is None:
            return row
        row = await self._store(actor, row, config, sorted(settings))
        self._fault("key_stored")
        try:
            await self.follow(activity_id)
        except (Refusal, *STORAGE_ERRORS) as error:
            log.info("the counters of activity %s follow its key later: %s", activity_id, error)
        self._scored()
        return row

    def _corrected(self, row: ActivityRow, settings: Mapping[str, Any]) -> str | None:
        kind = self._registry.resolve(row.type)
        before = json.loads(row.config)
        bare = kind.without_key(before["settings"])
        if bare == before["settings"]:
            raise invalid("activity_id", "this activity has no answer key")
        corrected = kind.with_corrections(before["settings"], settings)
        after = read_config(kind, before | {"settings": corrected}).model_dump(mode="json")
        if kind.without_key(after["settings"]) != bare:
            only = f": {', '.join(kind.secrets)}" if kind.secrets else ""
            raise Refusal("in_use", details={"field": "settings", "reason": f"only the key may change{only}"})
        if after["settings"] == before["settings"]:
            return None
        text = encode(after)
        if len(text.encode()) > self._config_bytes:
            raise Refusal("too_large", details={"field": "settings", "max_bytes": self._config_bytes})
        return text

    async def _store(self, actor: Actor, row: ActivityRow, config: str, fields: list[str]) -> ActivityRow:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                changed = await scorings.correct_key(connection, row.id, expected_version=row.version, config=config)
                if changed is not None:
                    await events.record(
                        connection, session_id=row.session_id, actor=actor.name, action="answer_key_corrected", activity_id=row.id,
                        meta=encode({"fields": fields, "version": changed.version}),
                    )  # fmt: skip
                    return changed
            present = await activities.read(self._pool, row.id)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error
        raise Refusal("unknown_activity") if present is None else _conflict(present)

    # ---------------------------------------------------------------------------------------- live counters

    async def run(self) -> None:
        """Let counters follow keys that a process left behind, until cancelled."""
        while True:
            await asyncio.sleep(self._sweep_seconds)
            try:
                await self.sweep()
            except STORAGE_ERRORS as error:
                log.debug("corrected keys wait for the database: %s", error)

    async def sweep(self) -> None:
        """Do what is pending, in whichever session."""
        for one in await scorings.pending_keys(self._pool, limit=_MOST_PENDING):
            try:
                await self.follow(one.activity_id)
            except Refusal as error:
                log.debug("the counters of activity %s cannot follow its key now: %s", one.activity_id, error)

    async def follow(self, activity_id: str) -> None:
        """Make the live counters of an activity follow its stored key; any process may, any number of times."""
        turn = self._turns.get(activity_id)
        if turn is None:
            turn = self._turns[activity_id] = asyncio.Lock()
        async with turn:
            await self._follow(activity_id)

    async def _follow(self, activity_id: str) -> None:
        known = _Known()
        for attempt in range(_MOST_ATTEMPTS):
            row = await activities.read(self._pool, activity_id)
            if row is None:
                return
            result = await self._swap_live(row, known, hold=attempt + 1 >= _FREE_ATTEMPTS)
            self._fault("key_followed")
            if result == 1 and await scorings.note_key_followed(self._pool, activity_id, row.version):
                return
            if result == -1:
                known = _Known()  # another correction; nothing of this one holds
        raise Refusal("recovering", after_ms=200)

    async def _swap_live(self, row: ActivityRow, known: _Known, *, hold: bool) -> int:
        results: list[int] = []

        async def swap() -> None:
            results.append(await self._swap(row, known, hold=hold))

        await self._publisher.warm(row.session_id, swap)
        return results[-1]

    async def _swap(self, row: ActivityRow, known: _Known, *, hold: bool) -> int:
        kind = self._registry.resolve(row.type)
        settings = read_settings(kind, Config.model_validate_json(row.config).settings)
        opened_at_ms = to_ms(row.answers_from or row.opened_at) or 0
        swaps = []
        for round in range(1, row.round + 1):
            one = Swap(round, await self._boards.stamp(row.session_id, row.id, round))
            answers = {answer.field: answer async for answer in self._boards.standing(row.session_id, row.id, round)}
            news = {name: answer for name, answer in answers.items() if known.counters.get((round, name), ("",))[0] != answer.head}
            counted = await self._marking.count(kind, settings, {name: answer.payload for name, answer in news.items()})
            for name, (counters, item) in counted.items():
                known.counters[round, name] = (news[name].head, counters, item)
            for number, (name, answer) in enumerate(answers.items()):
                if number % _TURN == 0:
                    await asyncio.sleep(0)
                _, counters, item = known.counters[round, name]
                _note(one, answer, counters, item, opened_at_ms)
            swaps.append(one)
        return await self._boards.retally(
            row.session_id, row.id, version=row.version, document=activity_document(row), settings_version=settings_version(row),
            swaps=swaps, hold=hold,
        )  # fmt: skip


def _note(swap: Swap, answer: Counted, counters: dict[str, int], item: dict[str, Any] | None, opened_at_ms: int) -> None:
    """Add one answer to a swap, if the new key changes what it adds."""
    before: dict[str, int] = json.loads(answer.counters)
    if before == counters and answer.has_item == (item is not None):
        return
    text = ""
    if item is not None:
        # When it came was kept beside the old item only; the answer itself knows how long it took.
        at_ms = opened_at_ms + int(json.loads(answer.payload).get("elapsed_ms") or 0)
        document = {"by": answer.participant_id, "data": item, "at_ms": at_ms, "seq": answer.offset}
        text = "=" if answer.has_item else encode(document)
    swap.answers.append((answer.field, encode(counters), text))
    add(swap.moves, counters)
    add(swap.moves, before, -1)


def _conflict(row: ActivityRow) -> Refusal:
    return Refusal("version_conflict", details={"version": row.version, "present": activity_document(row)})
