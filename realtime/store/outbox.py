"""The outbox of a shard: accepted responses and joins that PostgreSQL has not seen yet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import ResponseError

from realtime.core.response import Join, Response
from realtime.store import keys, scripts
from realtime.store.servers import Servers

# Entries that are asked for at once. How many rows an entry holds is not known before: one in a quiet session, a hundred
# and more in a crowd, and what is read beyond a batch is read again for the next.
_FIRST_ENTRIES: Final = 16
_MOST_ENTRIES: Final = 500


@dataclass(slots=True)
class Batch:
    """What was read from one shard's outbox, in its order."""

    shard: int
    epoch: str
    ids: list[str] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    upto: dict[str, int] = field(default_factory=dict)  # session -> highest offset

    @property
    def rows(self) -> int:
        return len(self.joins) + len(self.responses)


class EpochLost(Exception):
    """The shard lives in another epoch than the batch was read in."""


class Outbox:
    """Reads and confirms, shard by shard. The caller holds the shard's lease."""

    def __init__(self, servers: Servers, shards: Sequence[keys.Shard], *, timeout_seconds: float) -> None:
        self._servers = servers
        self._incarnation = servers.incarnation
        self._shards = shards
        self._timeout_seconds = timeout_seconds

    async def read(self, shard: int, rows: int, *, after: Batch | None = None, epoch: str | None = None) -> Batch:
        """The oldest entries of a shard, about `rows` rows of them (an entry is never cut).

        With `after`, those behind a batch that is still there, in its epoch. `epoch` is given by recovery, which reads
        what an earlier epoch left behind.
        """
        if after is None:
            batch, last = Batch(shard, epoch or self._incarnation.epoch_of(shard)), "-"
        else:
            batch, last = Batch(shard, after.epoch), f"({after.ids[-1]}"
        wanted = min(rows, _FIRST_ENTRIES)
        async with asyncio.timeout(self._timeout_seconds):
            while True:
                entries: Any = await self._servers.of(shard).xrange(self._shards[shard].outbox, min=last, count=wanted)
                for entry_id, fields in entries:
                    _read_entry(batch, str(entry_id), fields)
                    if batch.rows >= rows:
                        return batch
                if len(entries) < wanted:
                    return batch
                last = f"({batch.ids[-1]}"
                # As many more as fill the batch if they are like those before.
                wanted = min((rows - batch.rows) * len(batch.ids) // max(batch.rows, 1) + 1, _MOST_ENTRIES)

    async def busy(self, shards: Sequence[int]) -> set[int]:
        """Those of some shards whose outbox holds something, or cannot be asked: one round trip per server."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                commands = [(shard, ("XLEN", self._shards[shard].outbox)) for shard in shards]
                lengths = await self._servers.execute_everywhere(commands)
        except TimeoutError:
            return set(shards)
        return {shard for shard, length in zip(shards, lengths, strict=True) if length != 0}

    async def confirm(self, batch: Batch) -> None:
        """Forget a committed batch and move the watermarks of its sessions.

        Raises EpochLost; the rows are committed all the same, and recovery recounts from them.
        """
        shard = self._shards[batch.shard]
        names, arguments = [shard.outbox], [batch.epoch, shard.pokes, batch.rows, len(batch.ids), *batch.ids]
        for session_id, offset in batch.upto.items():
            session = keys.Session(session_id, len(self._shards))
            names += [session.meta, session.stamps, session.values]
            arguments += [session_id, offset]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await scripts.call(self._servers.of(batch.shard), "confirm", [shard.epoch, *names], arguments)
        except ResponseError as error:
            if str(error).startswith("EPOCH"):
                self._incarnation.lose(batch.shard, batch.epoch)
                raise EpochLost(batch.shard) from error
            raise

    def fenced(self, batch: Batch) -> None:
        """PostgreSQL knows another epoch of the shard: ask again which one it lives in."""
        self._incarnation.lose(batch.shard, batch.epoch)

    async def drop(self, batch: Batch) -> None:
        """Recovery only: remove entries of an earlier epoch that are committed now."""
        for start in range(0, len(batch.ids), 1_000):
            await self._servers.of(batch.shard).xdel(self._shards[batch.shard].outbox, *batch.ids[start : start + 1_000])

    async def backlog(self) -> tuple[int, int]:
        """Rows that wait in all shards, and the age in ms of the oldest entry (0 when nothing waits).

        Shards whose server does not answer are left out; raises ConnectionError where none does.
        """
        commands: list[tuple[int, tuple[Any, ...]]] = []
        for shard in self._shards:
            # Ages are told by the clock that the entries have their time from.
            commands.append((shard.number, ("TIME",)))
            commands.append((shard.number, ("HGET", shard.epoch, "pending")))
            commands.append((shard.number, ("XRANGE", shard.outbox, "-", "+", "COUNT", 1)))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                replies = await self._servers.execute_everywhere(commands)
        except TimeoutError as error:
            raise ConnectionError("no answer in time") from error
        rows = age_ms = answered = 0
        for at in range(0, len(replies), 3):
            time, pending, oldest = replies[at : at + 3]
            if any(isinstance(reply, Exception) for reply in (time, pending, oldest)):
                continue
            answered += 1
            rows += int(pending or 0)
            if oldest:
                age_ms = max(age_ms, time[0] * 1_000 + time[1] // 1_000 - int(str(oldest[0][0]).split("-")[0]))
        if not answered:
            raise ConnectionError(str(replies[0]))
        return rows, age_ms


def _read_entry(batch: Batch, entry_id: str, fields: dict[str, Any]) -> None:
    session_id, epoch, at_ms = fields["s"], fields["e"], int(fields["t"])
    batch.ids.append(entry_id)
    lines = fields["d"].split("\n")
    if fields["k"] == "j":
        for index in range(0, len(lines), 2):
            participant_id, anonymous = lines[index].split("|")
            batch.joins.append(Join(participant_id, session_id, lines[index + 1], anonymous == "1", at_ms))
        batch.upto.setdefault(session_id, 0)
        return
    activity_id, round = fields["a"], int(fields["r"])
    highest = batch.upto.get(session_id, 0)
    for head, payload in zip(lines[::2], lines[1::2], strict=True):
        offset_text, revision, response_id, submission_id, participant_id, withdrawn, entry = head.split("|", 6)
        offset = int(offset_text)
        highest = max(highest, offset)
        batch.responses.append(
            Response(
                response_id, session_id, activity_id, participant_id, round, entry, int(revision), submission_id, offset,
                epoch, at_ms, payload, withdrawn == "1",
            )
        )  # fmt: skip
    batch.upto[session_id] = highest
