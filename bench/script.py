"""The limit of ingest: the accept script called back to back with batches of 100, and nothing else."""

import json
import time
from typing import Any

from redis import Redis

from bench.measure import cpu_seconds
from bench.phones import uuid7
from realtime.store import keys, scripts
from realtime.store.intake import Intake, Submission, Verdict

SHARDS = 16
BATCH = 100


def _ignore(_: Verdict) -> None:
    """Verdicts are read from the reply itself."""


def _commands(redis: Any, session_id: str, activity_id: str, people: list[str], calls: int, kind: str) -> list[list[Any]]:
    """Calls as the hub makes them: built by its own code, for people who are in the session."""
    session = keys.Session(session_id, SHARDS)
    epoch = redis.hget(keys.Shard(session.shard).epoch, "epoch")
    version = int(redis.hget(session.activity(activity_id), "version"))
    shards = [keys.Shard(number) for number in range(SHARDS)]
    intake = Intake(
        redis, None, shards, batch=BATCH, pipeline=2_000, waiting=1, high_water=100_000_000, timeout_seconds=1.0  # type: ignore[arg-type]
    )
    made = []
    for call in range(calls):
        part = []
        for place in range(BATCH):
            number = call * BATCH + place
            counters, data = {f"choice:{'abcd'[number % 4]}": 1}, {"selected": ["abcd"[number % 4]]}
            envelope = {"type": kind, "version": 1, "data": data, "metadata": {}}
            part.append(
                Submission(
                    session, activity_id, 1, version, people[number % len(people)], "", uuid7(), uuid7(), 0, -1, False, None, 0,
                    json.dumps(counters, separators=(",", ":")), json.dumps(envelope, separators=(",", ":")), "", _ignore,
                )
            )  # fmt: skip
        made.append(intake._command(part, epoch))
    return made


def back_to_back(
    redis_url: str, pids: list[int], session_id: str, activity_id: str, people: list[str], calls: int
) -> tuple[float, float]:
    """Returns answers a second, and microseconds of the server's CPU per answer."""
    redis = Redis.from_url(redis_url, decode_responses=True)
    redis.script_load(scripts.TEXTS["accept"])
    connection = redis.connection_pool.get_connection()
    ready = [b"".join(connection.pack_command(*one)) for one in _commands(redis, session_id, activity_id, people, calls, "poll")]
    before, started = cpu_seconds(*pids), time.perf_counter()
    for one in ready:
        connection.send_packed_command([one])
        reply = connection.read_response()
        if len(reply) != 1 + 4 * BATCH or int(reply[1]) != 1:
            raise RuntimeError(f"accept: {reply[:5]}")
    took = time.perf_counter() - started
    redis.close()
    return calls * BATCH / took, (cpu_seconds(*pids) - before) / (calls * BATCH) * 1e6
