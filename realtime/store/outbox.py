"""The outbox of a shard: accepted responses and joins that PostgreSQL has not seen yet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from realtime.core.response import Join, Response
from realtime.store import keys, scripts
from realtime.store.connection import Incarnation


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

    def __init__(self, redis: Redis, incarnation: Incarnation, shards: Sequence[keys.Shard], *, timeout_seconds: float) -> None:
        self._redis = redis
        self._incarnation = incarnation
        self._shards = shards
        self._timeout_seconds = timeout_seconds

    async def read(self, shard: int, rows: int, *, epoch: str | None = None) -> Batch:
        """The oldest entries of a shard, about `rows` rows of them (an entry is never cut).

        `epoch` is given by recovery, which reads what an earlier epoch left behind.
        """
        batch = Batch(shard, epoch or self._incarnation.epoch_of(shard))
        last = "-"
        async with asyncio.timeout(self._timeout_seconds):
            while batch.rows < rows:
                entries: Any = await self._redis.xrange(self._shards[shard].outbox, min=last, count=200)
                for entry_id, fields in entries:
                    _read_entry(batch, str(entry_id), fields)
                    if batch.rows >= rows:
                        break
                if len(entries) < 200:
                    break
                last = f"({entries[-1][0]}"
        return batch

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
                await scripts.call(self._redis, "confirm", [shard.epoch, *names], arguments)
        except ResponseError as error:
            if str(error).startswith("EPOCH"):
                self._incarnation.lose(batch.shard, batch.epoch)
                raise EpochLost(batch.shard) from error
            raise

    def fenced(self, batch: Batch) -> None:
        """PostgreSQL knows another epoch or another holder of the shard: ask again which epoch it lives in."""
        self._incarnation.lose(batch.shard, batch.epoch)

    async def drop(self, batch: Batch) -> None:
        """Recovery only: remove entries of an earlier epoch that are committed now."""
        for start in range(0, len(batch.ids), 1_000):
            await self._redis.xdel(self._shards[batch.shard].outbox, *batch.ids[start : start + 1_000])

    async def backlog(self) -> tuple[int, int]:
        """Rows that wait in all shards, and the age in ms of the oldest entry (0 when nothing waits)."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                pipe = self._redis.pipeline(transaction=False)
                pipe.time()
                for shard in self._shards:
                    pipe.hget(shard.epoch, "pending")
                    pipe.xrange(shard.outbox, count=1)
                (seconds, micros), *rest = await pipe.execute()
        except (RedisError, TimeoutError, OSError) as error:
            raise ConnectionError(str(error)) from error
        now = seconds * 1_000 + micros // 1_000
        ages = [now - int(str(oldest[0][0]).split("-")[0]) for oldest in rest[1::2] if oldest]
        return sum(int(pending or 0) for pending in rest[0::2]), max([0, *ages])


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
    for index in range(0, len(lines), 2):
        offset, revision, response_id, submission_id, participant_id, withdrawn, entry = lines[index].split("|", 6)
        batch.responses.append(
            Response(
                response_id, session_id, activity_id, participant_id, round, entry, int(revision), submission_id, int(offset),
                epoch,
                at_ms, lines[index + 1], withdrawn == "1",
            )
        )  # fmt: skip
        batch.upto[session_id] = max(batch.upto.get(session_id, 0), int(offset))
