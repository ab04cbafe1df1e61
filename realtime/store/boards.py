"""The live leaderboard, what each participant may know of his own points, and counters after a corrected key."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import RedisError

from realtime.core.json_text import encode
from realtime.store.connection import as_refusal
from realtime.store.live import Live

LEADERBOARD: Final = "leaderboard"
_CHUNK: Final = 500
_SCORES: Final = 50  # written per call: each may be a few kilobytes


@dataclass(frozen=True, slots=True)
class Counted:
    """A standing answer with what it adds now; `counters` is JSON text as it was stored."""

    field: str
    response_id: str
    participant_id: str
    offset: int
    head: str  # names this revision of the answer
    has_item: bool
    counters: str
    payload: str


@dataclass(slots=True)
class Swap:
    """What changes in one round: counters and item per answer, and the sums of the differences."""

    round: int
    stamp: str
    answers: list[tuple[str, str, str]] = field(default_factory=list)  # field, counters, item
    moves: dict[str, int] = field(default_factory=dict)


class Boards:
    """Writes what follows from the ledger."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def publish(
        self, session_id: str, version: int, document: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Publish a leaderboard with everybody's own points, unless a newer one is there; raises Cold or a Refusal."""
        session = self._live.session(session_id)
        names = [session.meta, session.parts, session.scores]
        pairs = list(scores.items())
        for start in range(0, max(1, len(pairs)), _SCORES):
            flat = [part for one, score in pairs[start : start + _SCORES] for part in (one, encode(score))]
            await self._live.call("write_scores", session, names, [int(start == 0), *flat])
        # Points may be hidden again with the results they came from.
        await self._live.write_value(session_id, LEADERBOARD, version, document, hides=True)

    async def scores(self, session_id: str, participant_ids: Sequence[str]) -> dict[str, Any]:
        """The own points of some participants who have any."""
        found: dict[str, Any] = {}
        session = self._live.session(session_id)
        try:
            for start in range(0, len(participant_ids), _CHUNK):
                part = list(participant_ids[start : start + _CHUNK])
                texts = await self._live.servers.of(session.shard).hmget(session.scores, part)
                found |= {one: json.loads(text) for one, text in zip(part, texts, strict=True) if text}
        except (RedisError, OSError, TimeoutError) as error:
            raise as_refusal(error) from error
        return found

    async def stamp(self, session_id: str, activity_id: str, round: int) -> str:
        """The offset at which a round last counted something; taken before its answers are read."""
        session = self._live.session(session_id)
        try:
            score = await self._live.servers.of(session.shard).zscore(session.stamps, f"tally:{activity_id}:{round}")
        except (RedisError, OSError, TimeoutError) as error:
            raise as_refusal(error) from error
        return "0" if score is None else str(int(score))

    async def standing(self, session_id: str, activity_id: str, round: int) -> AsyncIterator[Counted]:
        """Every answer of a round that stands, in no order; one that moves meanwhile may come twice."""
        session = self._live.session(session_id)
        name, cursor = session.answers(activity_id, round), 0
        redis: Any = self._live.servers.of(session.shard)
        while True:
            try:
                cursor, fields = await redis.hscan(name, cursor, count=500)
            except (RedisError, OSError, TimeoutError) as error:
                raise as_refusal(error) from error
            for answer_field, text in fields.items():
                head, counters, payload = text.split("\n", 2)
                _, _, response_id, offset, flag = head.split("|")
                if flag != "w":
                    participant_id = answer_field.partition("|")[0]
                    yield Counted(answer_field, response_id, participant_id, int(offset), head, flag == "li", counters, payload)
            if int(cursor) == 0:
                return

    async def retally(
        self, session_id: str, activity_id: str, *, version: int, document: Mapping[str, Any], settings_version: int,
        swaps: Sequence[Swap], hold: bool,
    ) -> int:  # fmt: skip
        """Publish a corrected activity and its counters; 1 done, 0 something was counted meanwhile, -1 a newer version is live."""
        session = self._live.session(session_id)
        names = [session.meta, session.stamps, session.values, session.versions, session.activity(activity_id)]
        arguments: list[Any] = [
            session_id, activity_id, version, encode(document), settings_version, self._live.shards[session.shard].pokes, int(hold)
        ]  # fmt: skip
        for swap in swaps:
            of_round = (activity_id, swap.round)
            names += [session.answers(*of_round), session.tally(*of_round), session.items(*of_round)]
            arguments += [swap.round, swap.stamp, len(swap.answers), len(swap.moves)]
            arguments += [part for answer in swap.answers for part in answer]
            arguments += [part for move in swap.moves.items() for part in move]
        return int(await self._live.call("retally", session, names, arguments))
