"""The accept script without a hub: called back to back as the limit of ingest, and to fill outboxes with accepted answers."""

import json
import time
from dataclasses import dataclass
from typing import Any

from redis import Redis

from bench.measure import cpu_seconds
from bench.phones import uuid7
from realtime.store import keys, scripts
from realtime.store.connection import Incarnation
from realtime.store.intake import Body, Intake, Submission, Target, Told, Verdict
from realtime.store.servers import Servers

SHARDS = 16
BATCH = 100


def envelope(number: int) -> tuple[str, str]:
    """What is stored of the answer of one of a call's people: what all who chose alike share, and what is his own."""
    return f'{{"type":"poll","version":1,"data":{{"selected":["{_choice(number)}"]}},"metadata":', f'{{}},"elapsed_ms":{number}}}'


def _choice(number: int) -> str:
    return "abcd"[number % 4]


@dataclass(slots=True)
class Call:
    """A call that is ready to be sent, and what it holds."""

    octets: bytes
    answers: list[Submission]


class Caller:
    """Calls as the hub makes them, built by its own code, on a raw connection."""

    def __init__(self, url: str, session_id: str) -> None:
        self._redis: Any = Redis.from_url(url, decode_responses=True)
        self._redis.script_load(scripts.TEXTS["accept"])
        self._session = keys.Session(session_id, SHARDS)
        self._epoch = self._redis.hget(keys.Shard(self._session.shard).epoch, "epoch")
        self._connection = self._redis.connection_pool.get_connection()
        self._accepted = 0
        self._intake = Intake(
            Servers(Incarnation(SHARDS), lambda _: self._redis), [keys.Shard(number) for number in range(SHARDS)],
            batch=BATCH, pipeline=2_000, waiting=1, high_water=100_000_000, timeout_seconds=1.0,
        )  # fmt: skip

    def pack(self, activity_id: str, people: list[str]) -> Call:
        """One call: each of these people answers."""
        version = int(self._redis.hget(self._session.activity(activity_id), "version"))
        target = Target(self._session, activity_id, 1, version)
        part: list[Submission] = []
        for number, person in enumerate(people):
            counters = json.dumps({f"choice:{_choice(number)}": 1}, separators=(",", ":"))
            head, own = envelope(number)
            part.append(Told(self._hear, target, Body("", 0, counters, head, ""), own, person, uuid7(), uuid7()))
        return Call(self._intake._pack(part, self._epoch), part)

    def call(self, call: Call) -> object:
        """Send it; returns the reply."""
        self._connection.send_packed_command([call.octets])
        return self._connection.read_response()

    def check(self, call: Call, reply: object) -> None:
        """See, as the hub does, that all of it was accepted."""
        self._accepted = 0
        self._intake._deliver(call.answers, self._epoch, reply)
        if self._accepted != len(call.answers):
            raise RuntimeError(f"accept: {len(call.answers) - self._accepted} of {len(call.answers)} were not accepted")

    def _hear(self, verdict: Verdict) -> None:
        self._accepted += int(verdict.error is None)

    def close(self) -> None:
        self._redis.close()


def back_to_back(
    url: str, pids: list[int], session_id: str, activity_id: str, people: list[str], calls: int
) -> tuple[float, float]:
    """Returns answers a second, and microseconds of the server's CPU per answer."""
    caller = Caller(url, session_id)
    groups = [people[start : start + BATCH] for start in range(0, len(people) - BATCH + 1, BATCH)]
    ready = [caller.pack(activity_id, groups[call % len(groups)]) for call in range(calls)]
    before, started = cpu_seconds(*pids), time.perf_counter()
    replies = [caller.call(one) for one in ready]
    took, used = time.perf_counter() - started, cpu_seconds(*pids) - before
    for one, reply in zip(ready, replies, strict=True):
        caller.check(one, reply)
    caller.close()
    return calls * BATCH / took, used / (calls * BATCH) * 1e6


def fill(url: str, session_id: str, activities: list[str], people: list[str]) -> None:
    """Everybody answers every activity once."""
    caller = Caller(url, session_id)
    for activity_id in activities:
        for start in range(0, len(people), BATCH):
            call = caller.pack(activity_id, people[start : start + BATCH])
            caller.check(call, caller.call(call))
    caller.close()
