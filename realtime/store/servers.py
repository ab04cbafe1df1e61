"""The Redis servers behind the live store: one, or the masters of a cluster. Nobody else asks where a shard is.

In a cluster each server has clients of its own, by the place (host and port) where it is. A shard is one
slot. That a slot has moved is found out by a refused command, or within a second; the shard then has no
epoch until recovery has looked at it where it is now.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from realtime.loops import Errands
from realtime.store.connection import STORE_ERRORS, Client, Incarnation, UnfitStore, check_server
from realtime.store.topology import Node, find_owners, list_places, must_be_cluster, read_nodes, read_seeds, slot_of

log = logging.getLogger("plenum.store")

_NO_ADDRESS: Final = (
    "REDIS_URL is no address of Redis: it must begin with redis://, rediss:// or unix://, with every special character in the "
    "password written as %XX."
)
_MOST_VIEWS: Final = 8  # servers asked what they know of the others; more would agree


class Servers:
    """Clients by shard; opened when first needed, closed when their server holds nothing any more.

    `errands` are the tasks that use them and that nobody else waits for. They end first: a task that is just connecting
    would put its connection into a pool that is closed already.
    """

    def __init__(self, incarnation: Incarnation, open_client: Callable[[str], Client]) -> None:
        self.incarnation = incarnation
        self.errands = Errands()
        self._open = open_client
        self._clients: dict[str, Client] = {}

    def of(self, shard: int) -> Client:
        """The client of the server that holds a shard."""
        return self.at(self.incarnation.places[shard])

    def at(self, place: str) -> Client:
        """The client of the server at a place; the empty place is the only server."""
        client = self._clients.get(place)
        if client is None:
            client = self._clients[place] = self._open(place)
        return client

    async def send(self, place: str, packed: bytes, count: int) -> list[Any]:
        """Send so many ready commands in one round trip; each gets its reply or its error. Raises what the connection raises."""
        pool = self.at(place).connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command([packed])
            results: list[Any] = []
            for _ in range(count):
                try:
                    results.append(await connection.read_response())
                except ResponseError as error:
                    # Its traceback leads to this call, and by `results` back to it: the two would wait for the collector.
                    results.append(error.with_traceback(None))
        except BaseException:
            # What is still to come on it must never be taken for the reply to somebody else's call.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)
        return results

    async def execute(self, place: str, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send commands in one round trip; each gets its reply or its error. Raises what the connection raises."""
        pipe = self.at(place).pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        results: list[Any] = await pipe.execute(raise_on_error=False)
        return results

    async def execute_everywhere(self, commands: Sequence[tuple[int, Sequence[Any]]]) -> list[Any]:
        """Send commands to the servers of their shards, all at once; where a server is away its commands get that error."""
        results: list[Any] = [None] * len(commands)
        groups: dict[str, list[int]] = {}
        for number, (shard, _) in enumerate(commands):
            groups.setdefault(self.incarnation.places[shard], []).append(number)

        async def send(place: str, numbers: list[int]) -> None:
            try:
                replies = await self.execute(place, [commands[number][1] for number in numbers])
            except STORE_ERRORS as error:
                replies = [error] * len(numbers)
            for number, reply in zip(numbers, replies, strict=True):
                results[number] = reply

        await asyncio.gather(*(send(place, numbers) for place, numbers in groups.items()))
        return results

    async def close_unused(self) -> None:
        """Close the clients of servers that hold no shard any more."""
        used = set(self.incarnation.places)
        for place in [place for place in self._clients if place not in used]:
            await self._clients.pop(place).aclose()

    async def aclose(self) -> None:
        await self.errands.end()
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


class Map:
    """Keeps `incarnation.places` true to the cluster; of a single server there is nothing to know.

    `servers` are clients of its own: it asks replicas too, and may talk to any incarnation.
    """

    def __init__(self, servers: Servers, url: str, *, timeout_seconds: float) -> None:
        self.clustered = False
        self._incarnation = servers.incarnation
        self._servers = servers
        try:
            self._seeds = read_seeds(url)
            self._must_be_cluster = must_be_cluster(url)
        except ValueError as error:
            raise UnfitStore(_NO_ADDRESS) from error
        self._by_name = url.startswith("rediss:")
        self._known: list[str] = []
        self._timeout_seconds = timeout_seconds

    async def start(self) -> str:
        """Find out whether the URL leads to a cluster, and check every server that holds a shard.

        Returns the durability to announce. Raises UnfitStore.
        """
        try:
            client = self._servers.at(await self._find_entrance())
            info = await client.info("server")
            self.clustered = (info.get("server_mode") or info.get("redis_mode")) == "cluster"  # Valkey's word, Redis' word
        except (RedisError, OSError) as error:
            raise UnfitStore(f"Redis does not answer at REDIS_URL: {error}. Check the address and that it runs.") from error
        except ValueError as error:  # what it says may hold a part of the password
            raise UnfitStore(_NO_ADDRESS) from error
        if not self.clustered:
            if len(self._seeds) > 1:
                raise UnfitStore("REDIS_URL names several servers, but they are no Redis Cluster. Name the one to use.")
            if self._must_be_cluster:
                raise UnfitStore("REDIS_URL asks for a cluster, but what answers there is no Redis Cluster. Leave out `cluster`.")
            return await check_server(client)
        try:
            await self.refresh()
        except ConnectionError as error:
            raise UnfitStore(f"The Redis Cluster at REDIS_URL cannot be used: {error}. Check that its servers run.") from error
        places = self._incarnation.places
        if "" in places:
            slot = slot_of(places.index(""))
            raise UnfitStore(f"No server of the Redis Cluster holds slot {slot}, which is needed. Give every slot to a server.")
        found = [await self._check(place) for place in sorted(set(places))]
        # A replica that takes over may lack what its master confirmed a moment ago, whatever that had on its disk.
        return "memory" if "memory" in found else "second"

    async def refresh(self) -> None:
        """Ask who holds what; raises ConnectionError where nobody answers."""
        if not self.clustered:
            return
        views = await self._ask(self._known[:_MOST_VIEWS]) or await self._ask(self._seeds[:_MOST_VIEWS])
        if not views:
            raise ConnectionError("no server of the Redis Cluster answers")
        self._known = list_places(views)
        slots = [slot_of(shard) for shard in range(len(self._incarnation.places))]
        owners = find_owners(views, slots)
        self._incarnation.arrange([owners.get(slot) for slot in slots])

    async def _ask(self, places: Sequence[str]) -> list[list[Node]]:
        answers = await asyncio.gather(*(self._ask_one(place) for place in places))
        return [view for view in answers if view]

    async def _ask_one(self, place: str) -> list[Node]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                text = await self._servers.at(place).execute_command("CLUSTER", "NODES")  # type: ignore[no-untyped-call]
        except STORE_ERRORS as error:
            log.debug("%s was not asked about the cluster: %s", place, error)
            return []
        return read_nodes(text, place, by_name=self._by_name)

    async def _check(self, place: str) -> str:
        """The durability of one server. Raises UnfitStore, which names it."""
        try:
            return await check_server(self._servers.at(place))
        except UnfitStore as error:
            raise UnfitStore(f"{place}: {error}") from error

    async def _find_entrance(self) -> str:
        """The first of several servers that answers; the empty place where the URL names but one."""
        if len(self._seeds) < 2:
            return ""
        for seed in self._seeds:
            try:
                await self._servers.at(seed).ping()
            except STORE_ERRORS as error:
                log.info("%s does not answer: %s", seed, error)
            else:
                return seed
        raise UnfitStore(f"Redis does not answer at any of {', '.join(self._seeds)} in REDIS_URL. Check that it runs.")
