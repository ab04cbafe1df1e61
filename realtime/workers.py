"""Several hubs on one machine, as one command: a parent that starts them, watches them and takes them down.

The parent owns the port, the embedded engines and the data folder; it serves nobody. A worker is a hub as
any other: workers share nothing but Redis and PostgreSQL, and each shard is flushed by whichever has its
lease. One that ends is started again, the others do not notice. All end with the parent: the kernel sees to
that on Linux, elsewhere the closed channel does.

Each worker listens with a socket of its own on the shared port (SO_REUSEPORT), and Linux spreads connections
evenly. From one inherited socket whoever wakes first takes all that wait (`python -m bench.balance`). Other
systems do not spread, so there the socket is inherited.
"""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from realtime.engines import launcher
from realtime.loops import heed_cancellation
from realtime.settings import Settings

log = logging.getLogger("plenum.workers")

SPREADS_BY_KERNEL: Final = sys.platform == "linux"
CHANNEL_BYTES: Final = 262_144  # longest line between parent and worker
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_SOUND_SECONDS: Final = 10.0  # a worker that lived this long is started again without a pause
_START_SECONDS: Final = 90.0  # a worker itself gives up earlier, and says why
_KILL_SECONDS: Final = 5.0  # beyond the time for draining
_ANSWER_SECONDS: Final = 1.0  # longest wait for a worker's metrics


class WorkersFailed(Exception):
    """A worker did not start; `status` is its exit status, and it has said why."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class Worker:
    """One hub process, as the parent sees it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ready = asyncio.Event()
        self.started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self._answer: asyncio.Future[Mapping[str, float]] | None = None

    async def start(self, order: Mapping[str, Any], inherited: int | None, death_signal: signal.Signals) -> None:
        """Start the process; it is ready when it says so."""
        self.ready.clear()
        self.started_at = time.monotonic()
        ours, theirs = socket.socketpair()
        try:
            passed = [theirs.fileno()] + ([inherited] if inherited is not None else [])
            command = [sys.executable, "-m", "realtime.worker", *map(str, passed)]
            # By way of the launcher, so that a killed parent takes its workers along; the main thread does it, as that asks.
            self.process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns at once; a fixed command
                [sys.executable, "-I", "-S", launcher.__file__, *map(str, (os.getpid(), int(death_signal), -1, -1, 0)), *command],
                pass_fds=passed, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=CHANNEL_BYTES)
        self._writer.write(json.dumps(order).encode() + b"\n")

    async def listen(self) -> int:
        """Hear what it says until it ends; returns its exit status."""
        assert self.process is not None
        assert self._reader is not None
        assert self._writer is not None
        with contextlib.suppress(OSError, ValueError):
            while line := await self._reader.readline():
                said = json.loads(line)
                if said.get("ready"):
                    self.ready.set()
                elif self._answer is not None and not self._answer.done():
                    self._answer.set_result(said["metrics"])
        self._writer.close()
        return await asyncio.to_thread(self.process.wait)

    async def metrics(self) -> Mapping[str, float]:
        """Its present readings; none where it does not answer in time."""
        if self._writer is None or not self.ready.is_set():
            return {}
        if self._answer is None or self._answer.done():
            self._answer = asyncio.get_running_loop().create_future()
            self._writer.write(b'{"ask": "metrics"}\n')
        try:
            return await asyncio.wait_for(asyncio.shield(self._answer), _ANSWER_SECONDS)
        except TimeoutError:
            return {}

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


class Workers:
    """All workers of one parent."""

    def __init__(
        self, settings: Settings, *, flusher: bool, inherited: int | None, engines_are_ours: bool,
        engine_restarts: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._flusher = flusher
        self._inherited = inherited
        # With the parent our engines are gone too, and there is nothing left that a polite end could save.
        self._death_signal = signal.SIGKILL if engines_are_ours else signal.SIGTERM
        self._stopping = asyncio.Event()
        self.workers = [Worker(number + 1) for number in range(settings.workers)]
        self.restarts = 0
        self._engine_restarts = engine_restarts

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run all until a signal, then take them down; a second signal ends them at once. Raises WorkersFailed."""
        self._catch_signals()
        heed_cancellation()
        tasks = [asyncio.create_task(self._keep(worker)) for worker in self.workers]
        try:
            await self._until_ready(tasks)
            if not self._stopping.is_set():
                on_ready()
            await self._stopping.wait()
        finally:
            self._stopping.set()
            await self._take_down(tasks)

    async def _until_ready(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        async def all_ready() -> None:
            for worker in self.workers:
                await worker.ready.wait()

        stopping = asyncio.create_task(self._stopping.wait())
        ready = asyncio.create_task(all_ready())
        try:
            done, _ = await asyncio.wait({ready, stopping, *tasks}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            if not done:
                log.error("not all workers were ready within %.0f s", _START_SECONDS)
                raise WorkersFailed(1)
        finally:
            stopping.cancel()
            ready.cancel()
            await asyncio.gather(stopping, ready, return_exceptions=True)

    async def _keep(self, worker: Worker) -> None:
        """Start a worker, and start it again whenever it ends."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        was_ready = False
        while not self._stopping.is_set():
            order = {"settings": dataclasses.asdict(self._settings), "number": worker.number, "flusher": self._flusher}
            try:
                await worker.start(order, self._inherited, self._death_signal)
            except OSError as error:  # no memory, no process, no descriptor left: that may pass
                log.warning("worker %d could not be started: %s", worker.number, error)
                status = 1
            else:
                status = await worker.listen()
            was_ready = was_ready or worker.ready.is_set()
            worker.ready.clear()
            if self._stopping.is_set():
                return
            if not was_ready:
                raise WorkersFailed(status)
            if time.monotonic() - worker.started_at > _SOUND_SECONDS:
                pause_seconds = _FIRST_PAUSE_SECONDS
            self.restarts += 1
            log.warning("worker %d ended with status %d; starting it again in %.1f s", worker.number, status, pause_seconds)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_seconds * random.uniform(0.8, 1.2))
            pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    async def _take_down(self, tasks: list["asyncio.Task[None]"]) -> None:
        for worker in self.workers:
            worker.signal(signal.SIGTERM)
        _, late = await asyncio.wait(tasks, timeout=self._settings.drain_seconds + _KILL_SECONDS)
        if late:
            log.warning("%d workers did not end in time and were killed; what they had accepted is in Redis", len(late))
            self._kill()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _kill(self) -> None:
        for worker in self.workers:
            worker.signal(signal.SIGKILL)

    def _catch_signals(self) -> None:
        def on_signal() -> None:
            if self._stopping.is_set():
                log.warning("second signal: ending at once; what is accepted is in Redis and will be flushed by the next process")
                self._kill()
                os._exit(130)
            self._stopping.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal)

    async def readings(self) -> list[tuple[str, str, float]]:
        """Metric, worker (empty: of the parent) and value."""
        found = [("plenum_workers", "", float(sum(worker.ready.is_set() for worker in self.workers)))]
        found.append(("plenum_worker_restarts_total", "", float(self.restarts)))
        found.append(("plenum_engine_restarts_total", "", float(self._engine_restarts())))
        for worker, values in zip(
            self.workers, await asyncio.gather(*(worker.metrics() for worker in self.workers)), strict=True
        ):
            found += [(name, str(worker.number), value) for name, value in values.items()]
        return found


def reserve(host: str, port: int) -> socket.socket:
    """A socket that keeps the port for workers that share it: bound, but it takes no connection.

    Raises OSError where another program has the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Without SO_REUSEPORT, so that a second Plenum of the same user finds the port taken rather than sharing it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
        port = probe.getsockname()[1]
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
    except OSError:
        reserved.close()
        raise
    return reserved
