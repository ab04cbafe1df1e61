"""One hub as its own process, behind its own proxies to Redis and PostgreSQL."""

import asyncio
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from realtime.engines import Engines
from tests.faults.proxy import FaultProxy
from tests.journey.servers import REPOSITORY, environment, free_port
from tests.waiting import eventually

START_SECONDS = 40.0

# Deadlines that a test can wait for. Nothing here makes a promise weaker or stronger.
QUICK = {
    "PLENUM_LEASE_SECONDS": "1", "PLENUM_RECONNECT_WINDOW_MS": "200", "PLENUM_HEARTBEAT_MS": "2000", "PLENUM_SLOW_TICK_MS": "300",
    "PLENUM_DATABASE_TIMEOUT_SECONDS": "1", "PLENUM_DATABASE_CONNECT_SECONDS": "2", "PLENUM_FLUSH_RETRY_MS": "50",
    "PLENUM_DRAIN_SECONDS": "4", "PLENUM_AUDIT_SECONDS": "3600", "PLENUM_LOAD_CLAIM_SECONDS": "1", "PLENUM_HOST": "127.0.0.1",
}  # fmt: skip


class Hub:
    """`plenum serve` on the operator's engines. `redis` and `database` are the proxies that it talks through."""

    def __init__(self, name: str, engines: Engines, folder: Path) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{name}.log"
        self.redis = FaultProxy(address_of(engines.redis_url))
        self.database = FaultProxy(address_of(engines.database_url))
        self.settings: dict[str, str] = dict(QUICK)
        self._engines = engines
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    async def start(
        self, *, crash_at: str = "", ready: bool = True, launch: tuple[str, ...] = ("-m", "realtime.cli"), **variables: str
    ) -> None:
        """Start the process, and wait until it is ready or has died."""
        for proxy in (self.redis, self.database):
            if not proxy.port:
                await proxy.start()
        self.end_output()
        self._output = self.log.open("ab")
        settings = self.settings | variables | {
            "REDIS_URL": self.settings.get("REDIS_URL") or f"redis://127.0.0.1:{self.redis.port}/0",
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.database.port}{urlsplit(self._engines.database_url).path}",
            "PLENUM_CRASH_AT": crash_at,
        }  # fmt: skip
        self._process = subprocess.Popen(  # noqa: ASYNC220 -- returns at once, and signals need the process itself
            [sys.executable, *launch, "serve", "--port", str(self.port)], env=environment(**settings), cwd=REPOSITORY,
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        if ready:
            await eventually(self._ready_or_dead, lambda: f"{self.name} is ready\n{self.said()}", START_SECONDS)
            assert self.running or crash_at, self.said()

    async def _ready_or_dead(self) -> bool:
        return not self.running or (await self.health())["ready"]

    async def health(self) -> dict[str, Any]:
        """What the health endpoint says, and whether its status was 200 (`ready`)."""
        return await asyncio.to_thread(_ask_health, self.url)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self.running:
            self._process.send_signal(number)

    async def kill9(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended()

    async def ended(self, seconds: float = 15.0) -> int:
        """Wait for the end of the process; returns its exit code."""
        await eventually(lambda: not self.running, lambda: f"{self.name} ended\n{self.said()}", seconds)
        assert self._process is not None
        return int(self._process.returncode)

    def said(self) -> str:
        """The last lines of its log, without the QR code of the announcement."""
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if line[:1].isalnum() or line.startswith(" "))[-6_000:]

    async def close(self) -> None:
        """End it whatever state it is in."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.signal(signal.SIGCONT)
            await self.ended()
        await self.redis.close()
        await self.database.close()
        self.end_output()

    def end_output(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None


def address_of(url: str) -> tuple[str, int]:
    """Host and port of an engine."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def _ask_health(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/health/ready", timeout=3) as answer:
            return {"ready": True, **json.load(answer)}
    except urllib.error.HTTPError as error:
        with error:
            return {"ready": False, **json.load(error)}
    except OSError:
        return {"ready": False, "connections": 0}
