"""A Redis Cluster of three masters with a replica each, as processes on this machine; formed and changed by its own commands."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from realtime.engines import launcher
from realtime.engines.binaries import find_valkey
from realtime.store.topology import SLOTS, Node, find_owners, read_nodes
from tests.waiting import eventually

MASTERS = 3
OPTIONS = {
    "bind": "127.0.0.1", "cluster-enabled": "yes", "cluster-node-timeout": "1000", "cluster-require-full-coverage": "no",
    # A replica takes over however long it was cut off: the worst that an operator can allow.
    "cluster-replica-validity-factor": "0", "cluster-allow-replica-migration": "no", "repl-diskless-sync-delay": "0",
    "appendonly": "yes", "appendfsync": "everysec", "save": "", "maxmemory-policy": "noeviction", "daemonize": "no",
}  # fmt: skip


def free_pair() -> int:
    """A port that is free together with that of its bus, 10,000 above; both below those that connections are given."""
    while True:
        port = random.randrange(11_000, 22_000)
        with socket.socket() as one, socket.socket() as other, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            return port


class Server:
    """One server of the cluster."""

    def __init__(self, folder: Path) -> None:
        self.port = free_pair()
        self.place = f"127.0.0.1:{self.port}"
        self.folder = folder / str(self.port)
        self.folder.mkdir()
        self.client = Redis(
            host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=3, socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
        self.id = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = OPTIONS | {"port": str(self.port), "dir": str(self.folder), "logfile": str(self.folder / "log")}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        # By way of the launcher: it ends with the tests, however they end.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1", "0",
             str(find_valkey()), *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    async def ask(self, *command: Any) -> Any:
        return await self.client.execute_command(*command)

    async def answers(self) -> bool:
        try:
            return bool(await self.client.ping())
        except (RedisError, OSError):
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def close(self) -> None:
        await self.client.aclose()
        if self._process is not None and self._process.poll() is None:
            self.kill()


class Six:
    """The cluster; the first three servers begin as masters."""

    def __init__(self, folder: Path) -> None:
        self.servers = [Server(folder) for _ in range(2 * MASTERS)]

    @property
    def url(self) -> str:
        """Two seeds, of which one may be away."""
        return f"redis://{self.servers[0].place},{self.servers[1].place}?cluster=true"

    async def form(self) -> None:
        """Start all and make them one cluster."""
        for server in self.servers:
            server.start()
        for server in self.servers:
            await eventually(server.answers, f"{server.place} answers", 20)
            server.id = str(await server.ask("CLUSTER", "MYID"))
        for number, master in enumerate(self.servers[:MASTERS]):
            first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
            await master.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
            await master.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in self.servers[1:]:
            await server.ask("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
        await eventually(self._all_met, "everybody knows everybody", 20)
        for number, replica in enumerate(self.servers[MASTERS:]):
            await replica.ask("CLUSTER", "REPLICATE", self.servers[number].id)
        await eventually(self._whole, "the cluster is whole, with its replicas in step", 30)

    async def _all_met(self) -> bool:
        views = [await self.view(server) for server in self.servers]
        return all(len([node for node in view if node.reachable]) == len(self.servers) for view in views)

    async def _whole(self) -> bool:
        for server in self.servers:
            if not await server.answers() or "cluster_state:ok" not in str(await server.ask("CLUSTER", "INFO")):
                return False
            info = await server.client.info("replication")
            if info["role"] == "slave" and info["master_link_status"] != "up":
                return False
        return True

    async def whole(self) -> None:
        """Start who is down, and wait until every master has its replica in step."""
        for server in self.servers:
            if not await server.answers():
                server.start()
        await eventually(self._whole, "the cluster is whole again", 30)

    async def view(self, server: Server) -> list[Node]:
        return read_nodes(str(await server.ask("CLUSTER", "NODES")), server.place)

    async def owner(self, slot: int) -> Server:
        """The server that holds a slot, as those that answer see it."""
        views = [await self.view(server) for server in self.servers if await server.answers()]
        place = find_owners(views, [slot])[slot]
        return next(server for server in self.servers if server.place == place)

    async def masters(self) -> list[Server]:
        """Every server that holds slots."""
        views = [await self.view(server) for server in self.servers if await server.answers()]
        places = set(find_owners(views, range(0, SLOTS, 97)).values())
        return [server for server in self.servers if server.place in places]

    async def replica_of(self, master: Server) -> Server:
        for server in self.servers:
            info = await server.client.info("replication")
            if info["role"] == "slave" and info["master_port"] == master.port:
                return server
        raise AssertionError(f"{master.place} has no replica")

    async def move_at_once(self, slot: int, to: Server) -> None:
        """Valkey 9's atomic migration: the source serves until the end."""
        source = await self.owner(slot)
        await source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to.id)
        await self._moved(slot, to)

    async def move_by_keys(self, slot: int, to: Server) -> None:
        """As every version can: key by key, with a slot that is in two places meanwhile."""
        source = await self.owner(slot)
        await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        await source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        while keys := await source.ask("CLUSTER", "GETKEYSINSLOT", slot, 3):
            await source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", *keys)
            await asyncio.sleep(0)  # hubs have their turn while the slot is in two places
        for server in (to, source, *self.servers[:MASTERS]):
            with contextlib.suppress(RedisError):  # replicas learn it by themselves
                await server.ask("CLUSTER", "SETSLOT", slot, "NODE", to.id)
        await self._moved(slot, to)

    async def _moved(self, slot: int, to: Server) -> None:
        async def told() -> bool:
            views = [await self.view(server) for server in self.servers]
            return all(find_owners([view], [slot]).get(slot) == to.place for view in views)

        await eventually(told, f"everybody knows that {to.place} holds slot {slot}", 20)

    async def close(self) -> None:
        for server in self.servers:
            await server.close()


@contextlib.asynccontextmanager
async def open_six(folder: Path) -> AsyncIterator[Six]:
    six = Six(folder)
    try:
        await six.form()
        yield six
    finally:
        await six.close()
