"""What only one participant sees, read for all together who come in together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from realtime.loops import Errands
from realtime.store import keys
from realtime.store.batches import Batches
from realtime.store.reads import Command, Reads

_BATCH: Final = 200

Rounds: TypeAlias = tuple[tuple[str, int], ...]  # (activity, round) pairs


@dataclass(frozen=True, slots=True)
class Stored:
    """A participant's own response as the live store holds it; `payload` is the envelope's JSON text."""

    activity_id: str
    round: int
    entry: str
    revision: int
    submission_id: str
    response_id: str
    offset: int
    withdrawn: bool
    payload: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a participant has written and not sent; `base` is the revision of the answer it would change, `data` JSON text."""

    activity_id: str
    round: int
    participant_id: str
    revision: int
    base: int
    auto_submit: bool
    at_ms: int
    data: str


@dataclass(frozen=True, slots=True)
class OwnState:
    """What only one participant sees. No `nickname`: the live store does not know him, or he was removed."""

    stored: list[Stored]
    drafts: list[Draft]
    extra_time_percent: int
    nickname: str | None


class Owning:
    """Reads own states; those asked for at once, for one session and the same rounds, in one round trip."""

    def __init__(self, reads: Reads, *, most_waiting: int, errands: Errands) -> None:
        self._reads = reads
        self._batches: Batches[tuple[keys.Session, Rounds], str, OwnState] = Batches(
            self._read, most_at_once=_BATCH, most_waiting=most_waiting, errands=errands
        )

    async def of(self, session: keys.Session, participant_id: str, rounds: Rounds) -> OwnState:
        """A participant's own responses and drafts in the given rounds. Raises Refusal where Redis cannot be asked."""
        return await self._batches.ask((session, rounds), participant_id)

    async def _read(self, key: tuple[keys.Session, Rounds], people: list[str]) -> Sequence[OwnState | Exception]:
        session, rounds = key
        commands: list[Command] = [("HMGET", session.people, *people), ("HMGET", session.extra, *people)]
        for activity_id, round in rounds:
            commands += [
                ("HMGET", name(activity_id, round), *people) for name in (session.answers, session.entries, session.drafts)
            ]
        nicknames, extra, *rest = await self._reads.ask(session.shard, commands)
        states = [OwnState([], [], int(extra[index] or 0), nicknames[index]) for index in range(len(people))]
        several: list[tuple[int, str, int, str]] = []
        for at, (activity_id, round) in enumerate(rounds):
            answers, entries, drafts = rest[at * 3 : at * 3 + 3]
            for index, state in enumerate(states):
                if drafts[index] is not None:
                    state.drafts.append(read_draft(activity_id, round, people[index], drafts[index]))
                if answers[index] is not None:
                    state.stored.append(read_stored(activity_id, round, "", answers[index]))
                if entries[index]:
                    several.append((index, activity_id, round, entries[index]))
        if several:
            await self._read_entries(session, people, several, states)
        return states

    async def _read_entries(
        self, session: keys.Session, people: list[str], several: list[tuple[int, str, int, str]], states: list[OwnState]
    ) -> None:
        """The answers of those who gave several to one activity."""
        names = [text.split("\x1f") for *_, text in several]
        commands: list[Command] = [
            ("HMGET", session.answers(activity_id, round), *(keys.answer_field(people[index], entry) for entry in entries))
            for (index, activity_id, round, _), entries in zip(several, names, strict=True)
        ]
        replies = await self._reads.ask(session.shard, commands)
        for (index, activity_id, round, _), entries, values in zip(several, names, replies, strict=True):
            states[index].stored.extend(
                read_stored(activity_id, round, entry, value) for entry, value in zip(entries, values, strict=True) if value
            )


def read_draft(activity_id: str, round: int, participant_id: str, text: str) -> Draft:
    """A draft from its stored text."""
    head, _, data = text.partition("\n")
    revision, base, auto, at_ms = head.split("|")
    return Draft(activity_id, round, participant_id, int(revision), int(base), auto == "1", int(at_ms), data)


def read_stored(activity_id: str, round: int, entry: str, text: str) -> Stored:
    """A response from its stored text."""
    head, _, payload = text.split("\n", 2)
    revision, submission_id, response_id, offset, flag = head.split("|")
    return Stored(activity_id, round, entry, int(revision), submission_id, response_id, int(offset), flag == "w", payload)
