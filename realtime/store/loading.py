"""Bringing a session to life from what is stored: claimed by one loader, invisible until it is whole."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final

from realtime.core.tally import PEOPLE, add
from realtime.store import keys
from realtime.store.live import Live

_CHUNK: Final = 1_000  # fields per call; keeps each script call well under a millisecond or two


class Loader:
    """Writes one session. `begin` claims it, `finish` makes it live; a loader that dies is replaced."""

    def __init__(self, live: Live, session_id: str, *, claim_seconds: float) -> None:
        self._live = live
        self._session = live.session(session_id)
        self._claim_ms = int(claim_seconds * 1_000)
        self._token = secrets.token_hex(8)
        self._hashes: dict[str, dict[str, Any]] = {}
        self._tallies: dict[tuple[str, int], dict[str, int]] = {}
        self._standing: dict[tuple[str, int], dict[str, int]] = {}
        self._people: dict[tuple[str, int], set[str]] = {}
        self._stamps: set[str] = set()
        self._parts: set[str] = set()

    async def begin(self) -> bool:
        """Claim the session; False when it is live already. Waits while another loader is at work."""
        session = self._session
        while True:
            claimed = await self._live.call("load_begin", session, session.fixed(), [self._token, self._claim_ms, session.base])
            if claimed == 1:
                return True
            if claimed == 2:
                return False
            await asyncio.sleep(0.05)  # another process loads it; its claim lapses if it dies

    async def put_document(self, key: str, version: int, text: str) -> None:
        """A raw key with its version: `session`, `activity:<id>`, `decisions:<id>:<round>`."""
        self._stamps.add(key)
        await self._set(self._session.values, {key: text})
        await self._set(self._session.versions, {key: version})

    async def put_rules(self, activity_id: str, rules: Mapping[str, Any], closed_offset: int) -> None:
        """What the accept script checks of an activity."""
        await self._set(
            self._session.activity(activity_id),
            {
                "state": rules["state"], "round": rules["round"], "version": rules["settings_version"],
                "changes": int(rules["changes"]), "until_ms": rules["until_ms"], "from_ms": rules["from_ms"],
                "limit_ms": rules["limit_ms"], "closed_offset": closed_offset,
            },
        )  # fmt: skip
        self._parts.add(f"activity:{activity_id}")
        self._note_round(activity_id, rules["round"])

    async def put_ticket(self, sha256: str, role: str) -> None:
        await self._set(self._session.tickets, {sha256: role})

    async def put_person(
        self, participant_id: str, nickname: str, folded: str, *, active: bool, extra_time_percent: int = 0
    ) -> None:
        """A participant; one who was removed keeps the name but not the right to answer."""
        if active:
            await self._set(self._session.people, {participant_id: nickname})
        else:
            await self._set(self._session.removed, {participant_id: 1})
        if folded:
            await self._set(self._session.names, {folded: participant_id})
        if extra_time_percent:
            await self._set(self._session.extra, {participant_id: extra_time_percent})

    async def put_response(
        self, *, activity_id: str, round: int, participant_id: str, entry: str, revision: int, submission_id: str,
        response_id: str, offset: int, withdrawn: bool, counters: str, sums: Mapping[str, int], payload: str, item: str,
    ) -> None:  # fmt: skip
        """One stored response with what it counts; `item` is JSON or empty."""
        session = self._session
        flag = "w" if withdrawn else "li" if item else "l"
        head = f"{revision}|{submission_id}|{response_id}|{offset}|{flag}"
        stored = f"{head}\n{'' if withdrawn else counters}\n{payload}"
        await self._set(session.answers(activity_id, round), {keys.answer_field(participant_id, entry): stored})
        await self._set(session.seen, {submission_id: f"{offset}|{revision}|{participant_id}|{activity_id}|{response_id}"})
        self._note_round(activity_id, round)
        if entry:
            entries = self._hashes.setdefault(session.entries(activity_id, round), {})
            known = entries.get(participant_id)
            entries[participant_id] = f"{known}\x1f{entry}" if known else entry
        if withdrawn:
            return
        tally = self._tallies.setdefault((activity_id, round), {})
        add(tally, sums)
        if entry:
            standing = self._standing.setdefault((activity_id, round), {})
            kind = f"{participant_id}|{entry.partition(':')[0]}"
            standing[kind] = standing.get(kind, 0) + 1
            standing[participant_id] = standing.get(participant_id, 0) + 1
        people = self._people.setdefault((activity_id, round), set())
        if participant_id not in people:
            people.add(participant_id)
            add(tally, {PEOPLE: 1})
        if item:
            self._stamps.add(f"item:{activity_id}:{round}:{response_id}")
            await self._set(session.items(activity_id, round), {response_id: item})

    async def put_draft(
        self, *, activity_id: str, round: int, participant_id: str, revision: int, base: int, auto_submit: bool, at_ms: int,
        data: str,
    ) -> None:  # fmt: skip
        """What somebody has written and not sent."""
        text = f"{revision}|{base}|{int(auto_submit)}|{at_ms}\n{data}"
        await self._set(self._session.drafts(activity_id, round), {participant_id: text})
        self._stamps.add(f"drafts:{activity_id}:{round}")
        self._note_round(activity_id, round)

    async def finish(self, offset: int, meta: Mapping[str, Any]) -> None:
        """Write what is left and make the session live; offsets go on from `offset`."""
        session = self._session
        for (activity_id, round), tally in self._tallies.items():
            await self._set(session.tally(activity_id, round), tally)
        for (activity_id, round), standing in self._standing.items():
            await self._set(session.limits(activity_id, round), standing)
        for name in list(self._hashes):
            await self._write(name)
        fields = [part for pair in meta.items() for part in pair]
        await self._live.call(
            "load_finish", session, [session.meta, session.stamps, session.parts, session.values, session.people],
            [self._token, offset, len(self._stamps), *self._stamps, len(self._parts), *self._parts, *fields],
        )  # fmt: skip

    def _note_round(self, activity_id: str, round: int) -> None:
        self._stamps.add(f"tally:{activity_id}:{round}")
        self._parts.update(f"{name}:{activity_id}:{round}" for name in ("answers", "entries", "limits", "tally", "items", "drafts"))

    async def _set(self, name: str, fields: Mapping[str, Any]) -> None:
        waiting = self._hashes.setdefault(name, {})
        waiting.update(fields)
        # Entries grow while rows come in, so that hash is only written at the end.
        if len(waiting) >= _CHUNK and ":entries:" not in name:
            await self._write(name)

    async def _write(self, name: str) -> None:
        fields = list(self._hashes.pop(name).items())
        for start in range(0, len(fields), _CHUNK):
            flat = [part for pair in fields[start : start + _CHUNK] for part in pair]
            if flat:
                await self._live.call("load_part", self._session, [self._session.meta, name], [self._token, *flat])
