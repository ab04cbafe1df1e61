"""The live store: what is true of running sessions now. Every write is one script, every script is atomic."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import NoScriptError, RedisError, ResponseError

from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.store import keys, scripts
from realtime.store.codes import REFUSALS
from realtime.store.connection import as_refusal
from realtime.store.owning import Owning, OwnState, Stored, read_stored
from realtime.store.reads import Reads, pack_command
from realtime.store.servers import Servers

_COPIES_AT_ONCE: Final = 64  # sessions read in one round trip, for which an answer waits a millisecond or two
_COPIES_PAUSE_SECONDS: Final = 0.01  # between two such trips, a tenth of a tick


class Cold(Exception):
    """The session is not live in the present epoch: load it, then try again."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(session_id)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a session's raw keys changed to after an offset. A gone key has an empty value."""

    epoch: str
    offset: int
    hidden_at: int
    keys: list[tuple[str, int, Any]]  # raw key, stamp, JSON text or {counter: sum}
    personal: list[tuple[str, int]]  # participant, stamp


@dataclass(frozen=True, slots=True)
class Joining:
    """Somebody who wants in. `holder` had been admitted before and shows a ticket; `door` names what a newcomer has shown."""

    participant_id: str
    nickname: str
    anonymous: bool
    holder: bool = False
    door: str = "0"


class Live:
    """Reads and writes of the live state, sessions by id."""

    def __init__(
        self, servers: Servers, *, timeout_seconds: float, changes_limit: int, presence_ms: int, high_water: int,
        reads_waiting: int = 20_000, reads_at_once: int = 500,
    ) -> None:  # fmt: skip
        self.servers = servers
        self.incarnation = servers.incarnation
        self.shards = [keys.Shard(number) for number in range(len(servers.incarnation.epochs))]
        self._reads = Reads(
            servers, most_waiting=reads_waiting, most_at_once=reads_at_once, timeout_seconds=timeout_seconds
        )
        # A thousand classes tick one by one, and a round trip costs a hub several times what is in it.
        self._copies = Reads(
            servers, most_waiting=reads_waiting, most_at_once=_COPIES_AT_ONCE, timeout_seconds=timeout_seconds,
            pause_seconds=_COPIES_PAUSE_SECONDS,
        )  # fmt: skip
        self._owning = Owning(self._reads, most_waiting=reads_waiting, errands=servers.errands)
        self._timeout_seconds = timeout_seconds
        self._changes_limit = changes_limit
        self._presence_ms = presence_ms
        self._high_water = high_water

    def session(self, session_id: str) -> keys.Session:
        return keys.session(session_id, len(self.shards))

    def is_current(self, session_id: str, epoch: str) -> bool:
        """Whether an epoch is the present one of a session's shard."""
        return self.incarnation.epochs[keys.shard_of(session_id, len(self.shards))] == epoch

    async def call(
        self, name: str, session: keys.Session, names: list[str], arguments: Sequence[Any], *, among: Reads | None = None
    ) -> Any:
        """Run a script on a session; the shard's epoch key and the epoch are put in front. `among`: with others, in one round trip.

        Raises Cold, or Refusal with a retry code when Redis cannot be asked.
        """
        epoch = self.incarnation.epoch_of(session.shard)
        shard = self.shards[session.shard]
        try:
            if among is not None:  # which has a time limit of its own
                return await self._run(session.shard, name, [shard.epoch, *names], [epoch, *arguments], among)
            async with asyncio.timeout(self._timeout_seconds):
                return await self._run(session.shard, name, [shard.epoch, *names], [epoch, *arguments], None)
        except ResponseError as error:
            text = str(error)
            if text.startswith("EPOCH"):
                self.incarnation.lose(session.shard, epoch)
                raise Refusal("recovering", after_ms=500) from error
            if text.startswith(("COLD", "LOST")):
                raise Cold(session.id) from error
            raise as_refusal(error) from error
        except (RedisError, TimeoutError, OSError) as error:
            raise as_refusal(error) from error

    async def _run(self, shard: int, name: str, names: list[str], arguments: list[Any], among: Reads | None) -> Any:
        """One script, packed here: the library's own way to send a command costs twice as much."""
        place = self.servers.incarnation.places[shard]
        command = ("EVALSHA", scripts.DIGESTS[name], len(names), *names, *arguments)

        async def send() -> Any:
            (reply,) = await (among.replies(shard, [command]) if among else self.servers.send(place, pack_command(command), 1))
            return reply

        reply = await send()
        if isinstance(reply, NoScriptError):
            await scripts.load(self.servers.at(place))
            reply = await send()
        if isinstance(reply, Exception):
            try:
                raise reply
            finally:
                del reply  # it holds this frame, which holds it
        return reply

    async def _ask(self, session: keys.Session, *command: Any) -> Any:
        (reply,) = await self._reads.ask(session.shard, [command])
        return reply

    async def changes(self, session_id: str, since: int, personal_since: int = -1) -> Changes:
        """Everything that changed after an offset; `personal_since` below 0 leaves the personal part out."""
        session = self.session(session_id)
        epoch = self.incarnation.epoch_of(session.shard)
        offset, hidden_at, flat, own = await self.call(
            "changes", session, [session.meta, session.stamps, session.values, session.personal],
            [since, personal_since, session.base, self._changes_limit], among=self._copies,
        )  # fmt: skip
        changed: list[tuple[str, int, Any]] = []
        for index in range(0, len(flat), 3):
            key, stamp, value = flat[index], int(float(flat[index + 1])), flat[index + 2]
            if isinstance(value, list):
                value = {value[at]: int(value[at + 1]) for at in range(0, len(value), 2)}
            changed.append((key, stamp, value))
        personal = [(own[index], int(float(own[index + 1]))) for index in range(0, len(own), 2)]
        return Changes(epoch, int(offset), int(hidden_at), changed, personal)

    async def write_value(
        self, session_id: str, key: str, version: int, document: Any, *, hides: bool = False, meta: dict[str, Any] | None = None
    ) -> bool:
        """Publish one raw key unless a newer version is there; True if it was written."""
        session = self.session(session_id)
        fields = [part for pair in (meta or {}).items() for part in pair]
        written, _ = await self.call(
            "write_value", session, [session.meta, session.stamps, session.values, session.versions],
            [session_id, key, version, "" if document is None else encode(document), int(hides),
                self.shards[session.shard].pokes, *fields],
        )  # fmt: skip
        return bool(written)

    async def write_activity(
        self, session_id: str, activity_id: str, version: int, document: dict[str, Any] | None, *, hides: bool, state: str,
        round: int, settings_version: int, changes: bool, until_ms: int, from_ms: int = 0, limit_ms: int = 0,
    ) -> tuple[bool, int, int]:  # fmt: skip
        """Publish an activity and the rules answers are judged by; returns (written, offset, closed offset)."""
        session = self.session(session_id)
        written, offset, closed = await self.call(
            "write_activity", session,
            [session.meta, session.stamps, session.values, session.versions, session.activity(activity_id), session.parts],
            [session_id, activity_id, version, "" if document is None else encode(document), int(hides),
             self.shards[session.shard].pokes, state, round, settings_version, int(changes), until_ms, from_ms, limit_ms,
             session.base],
        )  # fmt: skip
        return bool(written), int(offset), int(closed)

    async def join(self, session_id: str, joining: Sequence[Joining]) -> list[str | Refusal]:
        """Admit people who arrived together; per person the name given, or why not."""
        session = self.session(session_id)
        shard = self.shards[session.shard]
        arguments: list[Any] = [session_id, shard.pokes, self._high_water]
        for one in joining:
            folded = "" if one.anonymous else fold(one.nickname)
            arguments += [one.participant_id, one.nickname, folded, int(one.anonymous), 1 if one.holder else one.door]
        reply = await self.call(
            "join", session,
            [session.meta, session.stamps, session.values, session.people, session.names, session.removed, shard.outbox], arguments,
        )  # fmt: skip
        return [
            reply[index + 1]
            if reply[index] > 0
            else Refusal(REFUSALS[reply[index]], after_ms=2_000 if reply[index] == -20 else None)
            for index in range(0, len(reply), 2)
        ]

    async def remove(self, session_id: str, participant_id: str) -> None:
        """Take away the right to answer, for good."""
        session = self.session(session_id)
        await self.call(
            "remove", session,
            [session.meta, session.stamps, session.values, session.people, session.removed, session.online, session.personal],
            [session_id, participant_id, self.shards[session.shard].pokes],
        )  # fmt: skip

    async def presence(self, session_id: str, present: Sequence[str], left: Sequence[str]) -> int:
        """Note who is here and who left; returns how many are online."""
        session = self.session(session_id)
        return int(
            await self.call(
                "presence", session, [session.meta, session.stamps, session.values, session.people, session.online],
                [session_id, self.shards[session.shard].pokes, self._presence_ms, len(present), *present, *left],
            )
        )  # fmt: skip

    async def role_of(self, session_id: str, ticket_sha256: str) -> str | None:
        """The role a presenter's ticket gives in a session that is live in this epoch.

        What an earlier epoch left behind may hold a ticket that was revoked since.
        """
        try:
            return await self.role_in(session_id, ticket_sha256)
        except Cold:
            return None

    async def role_in(self, session_id: str, ticket_sha256: str) -> str | None:
        """As `role_of`, but raises Cold where the session is not live."""
        session = self.session(session_id)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                pipe = self.servers.of(session.shard).pipeline(transaction=False)
                pipe.hmget(session.meta, ["epoch", "loading"])
                pipe.hget(session.tickets, ticket_sha256)
                (epoch, loading), role = await pipe.execute()
        except (RedisError, TimeoutError, OSError) as error:
            raise as_refusal(error) from error
        if loading is not None or not self.is_current(session_id, epoch or ""):
            raise Cold(session_id)
        known: str | None = role
        return known

    async def add_ticket(self, session_id: str, ticket_sha256: str, role: str) -> None:
        session = self.session(session_id)
        await self._ask(session, "HSET", session.tickets, ticket_sha256, role)

    async def revoke_ticket(self, session_id: str, ticket_sha256: str) -> None:
        """Make a presenter's ticket worthless here; every process closes its connections at its next tick."""
        session = self.session(session_id)
        await self.call(
            "revoke", session, [session.meta, session.tickets, session.personal],
            [session_id, ticket_sha256, self.shards[session.shard].pokes],
        )  # fmt: skip

    async def drop(self, session_id: str) -> None:
        """Forget all live state of a deleted session, which ends its connections and tickets everywhere."""
        session = self.session(session_id)
        meta, parts, *others = session.fixed()
        await self.call("drop", session, [parts, meta, *others], [session_id, session.base, self.shards[session.shard].pokes])

    async def nickname_of(self, session_id: str, participant_id: str) -> str | None:
        """The name of a participant who may answer, or None."""
        session = self.session(session_id)
        name: str | None = await self._ask(session, "HGET", session.people, participant_id)
        return name

    async def nicknames_of(self, session_id: str, participant_ids: Sequence[str]) -> list[str | None]:
        """As `nickname_of`, for several at once."""
        if not participant_ids:
            return []
        session = self.session(session_id)
        names: list[str | None] = await self._ask(session, "HMGET", session.people, *participant_ids)
        return names

    async def taken_names(self, session_id: str, folded: Sequence[str]) -> set[str]:
        """Which of these names, as `fold` makes them, somebody has."""
        session = self.session(session_id)
        holders = await self._ask(session, "HMGET", session.names, *folded)
        return {name for name, holder in zip(folded, holders, strict=True) if holder is not None}

    async def named(self, session_id: str, nicknames: Mapping[str, str]) -> set[str]:
        """Of some participants, by id with the name that the store has for them, those who gave it themselves."""
        if not nicknames:
            return set()
        session = self.session(session_id)
        holders = await self._ask(session, "HMGET", session.names, *(fold(name) for name in nicknames.values()))
        return {one for one, holder in zip(nicknames, holders, strict=True) if holder == one}

    async def is_removed(self, session_id: str, participant_id: str) -> bool:
        session = self.session(session_id)
        return bool(await self._ask(session, "HEXISTS", session.removed, participant_id))

    async def people(self, session_id: str) -> dict[str, str]:
        """Everybody who may answer, by id; bounded by the session's cap."""
        session = self.session(session_id)
        people: dict[str, str] = await self._ask(session, "HGETALL", session.people)
        return people

    async def online(self, session_id: str) -> set[str]:
        """The participants who are connected somewhere."""
        session = self.session(session_id)
        return set(await self._ask(session, "ZRANGE", session.online, 0, -1))

    async def meta(self, session_id: str) -> dict[str, str]:
        session = self.session(session_id)
        meta: dict[str, str] = await self._ask(session, "HGETALL", session.meta)
        return meta

    async def tally(self, session_id: str, activity_id: str, round: int) -> dict[str, int]:
        """The counters of one round, as they stand."""
        session = self.session(session_id)
        flat = await self._ask(session, "HGETALL", session.tally(activity_id, round))
        return {name: int(amount) for name, amount in flat.items()}

    async def answers(self, session_id: str, activity_id: str, round: int) -> AsyncIterator[Stored]:
        """Every response of a round as it stands, in no order, in steps that do not hold Redis up."""
        session = self.session(session_id)
        async for field, text in self.scan(session, session.answers(activity_id, round)):
            yield read_stored(activity_id, round, field.partition("|")[2], text)

    async def scan(self, session: keys.Session, name: str) -> AsyncIterator[tuple[str, str]]:
        """The fields of one of a session's hashes, in steps; one that changes meanwhile may come twice."""
        cursor = 0
        while True:
            cursor, fields = await self._ask(session, "HSCAN", name, cursor, "COUNT", 500)
            pairs = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
            for field, text in pairs:
                yield field, text
            if int(cursor) == 0:
                return

    async def give_time(self, session_id: str, participant_id: str, extra_time_percent: int) -> None:
        """Let a participant answer longer than the others, in percent of the time to answer."""
        session = self.session(session_id)
        await self.call(
            "give_time", session, [session.meta, session.extra, session.personal],
            [session_id, participant_id, extra_time_percent, self.shards[session.shard].pokes],
        )  # fmt: skip

    async def count_unanswered(self, session_id: str, activity_id: str, round: int) -> tuple[int, int]:
        """How many participants are online, and how many of them have no standing answer in a round."""
        online, missing, _ = await self.unanswered(session_id, activity_id, round, most=0)
        return online, missing

    async def unanswered(self, session_id: str, activity_id: str, round: int, *, most: int) -> tuple[int, int, list[str]]:
        """As `count_unanswered`, with the ids of at most so many of them."""
        session = self.session(session_id)
        online, missing, ids = await self.call(
            "count_unanswered", session,
            [session.meta, session.online, session.answers(activity_id, round), session.limits(activity_id, round)], [most],
        )  # fmt: skip
        return int(online), int(missing), ids

    async def own(self, session_id: str, participant_id: str, rounds: Iterable[tuple[str, int]]) -> list[Stored]:
        """A participant's own responses in the given (activity, round) pairs."""
        return (await self.own_state(session_id, participant_id, rounds)).stored

    async def own_state(self, session_id: str, participant_id: str, rounds: Iterable[tuple[str, int]]) -> OwnState:
        """A participant's own responses and drafts in the given (activity, round) pairs."""
        return await self._owning.of(self.session(session_id), participant_id, tuple(rounds))


def fold(nickname: str) -> str:
    """The form in which nicknames are compared; empty for the anonymous."""
    return nickname.casefold()
