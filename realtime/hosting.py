"""Running a server in this process: its engines, its port, its loop, and what it tells at the start."""

import asyncio
import contextlib
import io
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from realtime.loops import end_tasks, until_done
from realtime.settings import Settings, environment

if TYPE_CHECKING:  # an operator who brings both servers needs no engines
    from realtime.engines import Engines
    from realtime.engines.upkeep import Upkeep


log = logging.getLogger("plenum.server")


class Unable(Exception):
    """The command cannot do what was asked; the sentence says why and what to do."""


def host(settings: Settings, *, flusher: bool, beside: Callable[[Settings], Any] | None = None) -> int:
    """Serve in this process or in several, with something beside it once everything is ready."""
    several = settings.workers > 1
    with (
        _listening(settings, several) as listener,
        _listening_for_metrics(settings) as metrics_listener,
        _engines_of(settings) as (stored, engines),
    ):
        addressed = replace(stored, port=listener.getsockname()[1])  # where it is 0, the system has chosen one
        ready = replace(addressed, public_url=announced_url(addressed))
        migrate = engines is not None and not settings.database_url
        upkeep = None if engines is None else _upkeep_of(engines)
        tasks: list[asyncio.Task[None]] = []

        def on_ready() -> None:
            _announce(ready)
            if beside is not None:
                tasks.append(asyncio.create_task(_run_beside(beside(ready))))

        async def run() -> None:
            if upkeep is not None:
                tasks.append(asyncio.create_task(until_done(upkeep.run)))
            try:
                restarts = (lambda: 0) if upkeep is None else (lambda: upkeep.restarts)
                run_all = _run_workers if several else _run_hub
                await run_all(ready, listener, metrics_listener, migrate, flusher, on_ready, restarts)
            finally:
                await end_tasks(tasks)

        from realtime.workers import WorkersFailed

        try:
            run_to_end(ready, run)
        except WorkersFailed as failed:
            return failed.status if failed.status > 0 else 1
    if several:
        leave(0)
    return 0


async def _run_beside(work: Coroutine[Any, Any, None]) -> None:
    """What goes on beside the server: the server lives on without it, but nobody shall wait for it in vain."""
    try:
        await work
    except Exception:
        # The boundary: a demonstration that breaks must not take the server from the people who are in it.
        log.exception("what was to go on beside the server has ended by a fault; the server goes on")


@contextlib.contextmanager
def _listening(settings: Settings, several: bool) -> Iterator[socket.socket]:
    """The listening socket, taken before anything else is started: a port in use is found out at once."""
    from realtime.server import listen
    from realtime.workers import SPREADS_BY_KERNEL, reserve

    try:
        if several and SPREADS_BY_KERNEL:
            listener = reserve(settings.host, settings.port)
        else:
            listener = listen(settings.host, settings.port, settings.stall_seconds)
    except OSError as error:
        taken = f"Port {settings.port} cannot be used on {settings.host} ({error.strerror})"
        raise Unable(f"{taken}. Choose another with --port or --host.") from error
    try:
        yield listener
    finally:
        listener.close()


@contextlib.contextmanager
def _listening_for_metrics(settings: Settings) -> "Iterator[socket.socket | None]":
    if not settings.metrics_port:
        yield None
        return
    from realtime.server import listen

    try:
        listener = listen("127.0.0.1", settings.metrics_port, settings.stall_seconds)
    except OSError as error:
        taken = f"Port {settings.metrics_port} cannot be used on 127.0.0.1 ({error.strerror})"
        raise Unable(f"{taken}. Choose another in PLENUM_METRICS_PORT.") from error
    with listener:
        yield listener


async def _run_hub(
    settings: Settings, listener: socket.socket, metrics_listener: socket.socket | None, migrate: bool, flusher: bool,
    on_ready: Callable[[], None], engine_restarts: Callable[[], int],
) -> None:  # fmt: skip
    from realtime.app import open_app
    from realtime.server import serve

    async with open_app(settings, migrate=migrate) as app:
        app.engine_restarts = engine_restarts
        await serve(app, listener, flusher=flusher, on_ready=on_ready, metrics_listener=metrics_listener)


async def _run_workers(
    settings: Settings, listener: socket.socket, metrics_listener: socket.socket | None, migrate: bool, flusher: bool,
    on_ready: Callable[[], None], engine_restarts: Callable[[], int],
) -> None:  # fmt: skip
    from realtime.app import open_app
    from realtime.server import serving_metrics
    from realtime.workers import SPREADS_BY_KERNEL, Workers

    # What cannot be used is found here, and said once. Then all start together, so that nobody gets all who come first.
    async with open_app(settings, migrate=migrate):
        pass
    if migrate:
        # The embedded PostgreSQL takes 100 connections.
        settings = replace(settings, database_pool_size=min(settings.database_pool_size, max(2, 80 // settings.workers)))
    inherited = None if SPREADS_BY_KERNEL else listener.fileno()
    # The port of metrics is the parent's: it asks the workers.
    workers = Workers(
        replace(settings, metrics_port=0), flusher=flusher, inherited=inherited, engines_are_ours=migrate,
        engine_restarts=engine_restarts,
    )  # fmt: skip
    async with serving_metrics(workers.readings, metrics_listener):
        await workers.run(on_ready)


def run_to_end(settings: Settings, work: Callable[[], Any], worker: int = 0) -> Any:
    """Run on uvloop where there is one, and turn known faults into one sentence."""
    from persistence.errors import PersistenceError
    from realtime import logs
    from realtime.core.errors import Refusal
    from realtime.store.connection import UnfitStore

    logs.set_up(settings.log_level, settings.log_format, worker)
    try:
        import uvloop

        factory: Any = uvloop.new_event_loop
    except ImportError:
        factory = None
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(work())
    except (UnfitStore, PersistenceError) as error:
        raise Unable(str(error)) from error
    except Refusal as refusal:
        raise Unable(refusal.message) from refusal


def leave(status: int) -> NoReturn:
    """End at once, when all is done: taking the interpreter apart takes a fifth of a second, and of several processes each does."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@contextlib.contextmanager
def running_engines(settings: Settings, external_only: str = "") -> Iterator[tuple[Settings, bool]]:
    """Settings with both addresses, and whether to migrate; starts what the operator does not bring."""
    if external_only and not (settings.redis_url and settings.database_url):
        raise Unable(
            f"`{external_only}` works on your own servers: set REDIS_URL and DATABASE_URL. `plenum serve` flushes by itself."
        )
    with _engines_of(settings) as (addressed, engines):
        yield addressed, engines is not None and not settings.database_url


@contextlib.contextmanager
def _engines_of(settings: Settings) -> "Iterator[tuple[Settings, Engines | None]]":
    """Settings with both addresses, and the engines behind those that the operator does not bring."""
    if settings.redis_url and settings.database_url:
        yield settings, None
        return
    from realtime.engines import EngineError, default_folder, start_engines

    try:
        engines = start_engines(
            Path(settings.data_folder).expanduser() if settings.data_folder else default_folder(environment()),
            appendfsync=settings.appendfsync,
            valkey=not settings.redis_url,
            postgres=not settings.database_url,
        )
    except EngineError as error:
        raise Unable(str(error)) from error
    try:
        yield (
            replace(
                settings,
                redis_url=settings.redis_url or engines.redis_url,
                database_url=settings.database_url or engines.database_url,
            ),
            engines,
        )
    finally:
        engines.stop()


def _upkeep_of(engines: "Engines") -> "Upkeep":
    from realtime.engines.upkeep import Upkeep

    return Upkeep(engines)


def local_url(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings.port}"


def announced_url(settings: Settings) -> str:
    """Where people reach this server, as well as it can tell."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if settings.host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return local_url(settings)
    return f"http://{_own_address()}:{settings.port}"


def _own_address() -> str:
    """This machine's address in the local network, as far as it can be told without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737 documentation address: chooses a route, sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _announce(settings: Settings) -> None:
    import segno

    url = announced_url(settings)
    picture = io.StringIO()
    segno.make(f"{url}/join", error="l", micro=False).terminal(out=picture, compact=True, border=1)
    print(picture.getvalue())
    print(f"  Presenters    {url}/present")
    print(f"  Participants  {url}/join")
    print("\n  Ctrl-C ends the server; nothing accepted is lost.\n", flush=True)
