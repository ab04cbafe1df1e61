"""Connections to one incarnation of Redis, and the epochs of its shards.

An incarnation is one life of a Redis process, named by its run id. Whatever Redis may have forgotten,
it forgot by dying, and dying cuts every connection; so each new connection asks for the run id, and
one that reaches another incarnation is refused until recovery has given the shards new epochs.

In a cluster every server has lives of its own. A shard that is at another server than before, by a
failover or because its slot was moved, is as one whose server died: it gets a new epoch.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, BusyLoadingError, ClusterDownError, OutOfMemoryError, RedisError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from realtime.core.errors import Refusal
from realtime.store.topology import url_at

log = logging.getLogger("plenum.store")

Client: TypeAlias = Redis
# What a call may raise when Redis is away: nothing is known then, and trying again may help.
STORE_ERRORS: Final = (RedisError, OSError, TimeoutError)
# A slot is at another server, on its way there, or at none for the moment (MOVED is a kind of ASK to redis-py).
REDIRECTIONS: Final = (AskError, TryAgainError, ClusterDownError)


class UnfitStore(Exception):
    """The Redis server cannot be used; the sentence says what to do."""


class AnotherIncarnation(RedisConnectionError):
    """A new connection reached a Redis that is not the one whose epochs are known."""


class Incarnation:
    """Which lives of which servers this process works with, and the epoch of each shard in them.

    An epoch is None while nobody may write: before recovery has run, or after a script found that the
    shard lives in another one. `lost` is set whenever recovery has something to do.
    """

    def __init__(self, shards: int) -> None:
        self.places: list[str] = [""] * shards  # the server that holds each shard; in no cluster the only one, the empty place
        self.run_ids: dict[str, str] = {}  # by place
        self.epochs: list[str | None] = [None] * shards
        self.lost = asyncio.Event()
        self.lost.set()
        self.redirected = asyncio.Event()  # a server said that a slot is elsewhere: look who holds what
        self.arranged = asyncio.Event()  # replaced by a new one when shards have changed places

    def epoch_of(self, shard: int) -> str:
        """The shard's epoch; raises Refusal `recovering` while it has none."""
        epoch = self.epochs[shard]
        if epoch is None:
            raise Refusal("recovering", after_ms=500)
        return epoch

    def lose(self, shard: int, epoch: str | None = None) -> None:
        """A script refused this shard's epoch (or `epoch`, if it has not been replaced meanwhile)."""
        if epoch is None or self.epochs[shard] == epoch:
            self.epochs[shard] = None
            self.lost.set()

    def lose_place(self, place: str) -> None:
        """The server at a place is another incarnation."""
        self.run_ids.pop(place, None)
        for shard, held_by in enumerate(self.places):
            if held_by == place:
                self.epochs[shard] = None
        self.lost.set()

    def lose_all(self) -> None:
        for place in set(self.places):
            self.lose_place(place)

    def arrange(self, places: Sequence[str | None]) -> None:
        """Where each shard is now; None where nobody knows. One that is elsewhere than before has no epoch."""
        moved = [shard for shard, place in enumerate(places) if place is not None and place != self.places[shard]]
        if not moved:
            return
        for shard in moved:
            self.places[shard] = str(places[shard])
            self.epochs[shard] = None
        self.run_ids = {place: run_id for place, run_id in self.run_ids.items() if place in self.places}
        self.lost.set()
        log.info("%d shards are at another server", len(moved))
        arranged, self.arranged = self.arranged, asyncio.Event()
        arranged.set()


def _options(timeout_seconds: float) -> dict[str, Any]:
    return {
        # redis-py repeats a timed-out write up to ten times by default; the caller decides here.
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "decode_responses": True,
        "protocol": 3,
    }


class _Sound:
    """Makes uvloop's RuntimeError of a transport that was closed a moment ago what it is: a lost connection.

    redis-py passes it on, and nobody who waits for Redis to come back would catch it. Replies that say that a
    slot is elsewhere are noticed here, whoever asked.
    """

    redirected: asyncio.Event

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            response = await super().read_response(*arguments, **options)  # type: ignore[misc]
        except REDIRECTIONS:
            self.redirected.set()
            raise
        if isinstance(response, REDIRECTIONS):
            self.redirected.set()
        return response

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)  # type: ignore[misc]
        except RuntimeError as error:
            raise RedisConnectionError(str(error)) from error


def _open_pool(url: str, redirected: asyncio.Event | None = None, **options: Any) -> BlockingConnectionPool:
    pool = BlockingConnectionPool.from_url(url, **options)
    pool.connection_class = type(
        "SoundConnection", (_Sound, pool.connection_class), {"redirected": redirected or asyncio.Event()}
    )
    return pool


def connect(url: str, incarnation: Incarnation, place: str = "", *, connections: int, timeout_seconds: float) -> Redis:
    """A client of the server at a place, whose every connection belongs to the known incarnation."""

    async def greet(connection: Any) -> None:
        await connection.on_connect()
        run_id = await _read_run_id(connection)
        known = incarnation.run_ids.get(place)
        if run_id != known:
            if known is not None:
                log.warning("redis has another run id: its epochs must be renewed")
                incarnation.lose_place(place)
            raise AnotherIncarnation("redis is another incarnation than before; recovery is under way")

    pool = _open_pool(
        url_at(url, place), incarnation.redirected, max_connections=connections, timeout=timeout_seconds,
        redis_connect_func=greet, **_options(timeout_seconds),
    )  # fmt: skip
    return Redis.from_pool(pool)


def connect_unchecked(url: str, place: str = "", *, timeout_seconds: float, connections: int = 4) -> Redis:
    """A client for recovery itself, which may talk to any incarnation."""
    pool = _open_pool(url_at(url, place), max_connections=connections, timeout=timeout_seconds, **_options(timeout_seconds))
    return Redis.from_pool(pool)


def connect_for_pokes(url: str, place: str = "", *, timeout_seconds: float) -> Redis:
    """A client for the subscription: it may wait for a message as long as it takes."""
    options = _options(timeout_seconds) | {"socket_timeout": None}
    return Redis.from_pool(_open_pool(url_at(url, place), max_connections=4, timeout=timeout_seconds, **options))


async def _read_run_id(connection: Any) -> str:
    await connection.send_command("INFO", "server", "replication")
    info = await connection.read_response()
    lines = (info.decode() if isinstance(info, bytes) else str(info)).splitlines()
    return _identity(dict(line.split(":", 1) for line in lines if ":" in line))


async def read_run_id(redis: Redis) -> str:
    """The identity of the server behind a client; raises ConnectionError for a replica."""
    return _identity(await redis.info("server", "replication"))


def _identity(info: dict[str, Any]) -> str:
    """The run id and the replication id: a master that was demoted and promoted again has another one,
    and may have lost writes without having died."""
    if "run_id" not in info or "master_replid" not in info:
        raise RedisConnectionError("the server did not tell its run id")
    if str(info.get("role")) != "master":
        raise RedisConnectionError("the server is a replica and takes no writes")
    return f"{str(info['run_id']).strip()}-{str(info['master_replid']).strip()}"


async def check_server(redis: Redis) -> str:
    """Refuse a server that would break a promise; returns the durability to announce: fsync, second or memory.

    Raises UnfitStore.
    """
    try:
        server = await redis.info("server")
        memory = await redis.info("memory")
        persistence = await redis.info("persistence")
    except RedisError as error:
        raise UnfitStore(f"Redis does not answer at REDIS_URL: {error}. Check the address and that it runs.") from error
    valkey = server.get("valkey_version")
    version = str(valkey or server.get("redis_version", "0"))
    major = int(version.partition(".")[0])
    if major < (8 if valkey else 7):
        raise UnfitStore(
            f"{'Valkey' if valkey else 'Redis'} {version} is too old: Plenum needs Redis 7 or Valkey 8, or newer. Upgrade it."
        )
    policy = memory.get("maxmemory_policy")
    if policy != "noeviction":
        raise UnfitStore(
            f"Redis evicts keys when memory is short (maxmemory-policy {policy}); accepted answers could vanish. "
            "Set maxmemory-policy to noeviction."
        )
    if not int(persistence.get("aof_enabled", 0)):
        return "memory"
    try:
        config = await redis.config_get("appendfsync")
    except RedisError:
        return "second"  # managed servers hide CONFIG: announce no more than is certain
    return "fsync" if config.get("appendfsync") == "always" else "second"


def as_refusal(error: BaseException) -> Refusal:
    """What a failed call to Redis means to the one who asked."""
    if isinstance(error, Refusal):
        return error
    # redis-py takes the code away from the text of errors that it has a class for.
    if isinstance(error, AnotherIncarnation | BusyLoadingError):
        return Refusal("recovering", after_ms=500)
    if isinstance(error, REDIRECTIONS):
        return Refusal("recovering", after_ms=200)
    if isinstance(error, OutOfMemoryError) or str(error).startswith("MISCONF"):
        return Refusal("overloaded", after_ms=1_000)
    return Refusal("unavailable", after_ms=500)
