"""The process: listening socket, uvicorn, signals, and a shutdown that loses nobody.

On the first SIGTERM or SIGINT readiness goes off, clients are told to leave after a delay drawn for each
over a window sized to the audience, presenters first; then what is accepted is flushed and the process
ends with 0. A second signal ends it at once: nothing accepted is lost by that either, only politeness.
"""

import asyncio
import contextlib
import gc
import logging
import os
import random
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from realtime.app import App
from realtime.core.errors import CloseCode
from realtime.core.messages import GoingAway, encode
from realtime.loops import heed_cancellation
from realtime.metrics import render_workers
from realtime.web.handshake import NoAsgiSocket, http_with

log = logging.getLogger("plenum.server")

GC_THRESHOLDS: Final = (50_000, 20, 100)  # objects, young and middle collections before the next one looks at older ones
_TCP_USER_TIMEOUT: Final = 18  # Linux; Python's socket module has no name for it on all versions we support
_LEAVES_PER_SECOND: Final = 2_000  # how fast clients may be sent to other hubs
_SPARE_FILES: Final = 200  # open files that are no client's: engines, logs, loops, and those who ask for health at the cap
_LEAST_SOCKETS: Final = 50
# A peer that vanished without a word is noticed after about a minute, also where nothing is being sent to it.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


def listen(host: str, port: int, stall_seconds: float, *, shared: bool = False) -> socket.socket:
    """The listening socket; what is set on it holds for every accepted one.

    TCP_USER_TIMEOUT ends a peer that takes nothing, which no keepalive behind a full buffer can; small
    buffers keep what a peer pins in the kernel small. With `shared`, other processes may listen on the same port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131_072)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    with contextlib.suppress(OSError):  # other systems have no such option; the write stall timer remains
        listener.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, int(stall_seconds * 1_000) + 5_000)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    try:
        listener.bind((host, port))
        listener.listen(4_096)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def room_for(sockets: int) -> int:
    """How many sockets this process may hold: what is wanted, or what its limit of open files leaves. The limit is raised first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):  # some systems refuse what they announce
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return sockets
    room = max(soft - _SPARE_FILES, _LEAST_SOCKETS)
    log.warning("room for %d sockets instead of %d: raise the limit of open files (ulimit -n) to %d", room, sockets, wanted)
    return room


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: they would close every socket at once."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def calm_collector() -> None:
    """Let the garbage collector look less often, and never at what was there before the first client.

    What a connection or an answer makes is freed by its last reference. With thousands of connections a full collection
    holds the loop for tens of milliseconds, and Python's own thresholds bring one every few thousand answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


async def until_signal() -> None:
    """Wait for SIGTERM or SIGINT; a second one ends the process at once."""
    stopping = asyncio.Event()

    def on_signal() -> None:
        if stopping.is_set():
            log.warning("second signal: ending at once; what is accepted is in Redis and will be flushed by the next process")
            os._exit(130)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await stopping.wait()


async def serve(
    app: App, listener: socket.socket, *, flusher: bool, on_ready: Callable[[], None], metrics_listener: socket.socket | None = None
) -> None:
    """Serve until a signal; returns when everything is flushed and said."""
    settings = app.settings
    app.http_guard.sockets = room_for(settings.sockets)
    config = uvicorn.Config(
        app.site(), ws=NoAsgiSocket, http=http_with(app.sockets, app.http_guard), lifespan="off", log_config=None,
        access_log=False, server_header=False, date_header=True, proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_seconds,  # type: ignore[arg-type] # a delay; uvicorn's own command takes whole ones
        timeout_graceful_shutdown=2, backlog=4_096,
    )  # fmt: skip
    server = _Uvicorn(config)
    calm_collector()
    waiting = asyncio.create_task(until_signal())
    await asyncio.sleep(0)  # from here on it hears signals
    heed_cancellation()
    async with app.running(flusher=flusher):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        metrics = metrics_server(app.metrics_site())
        measuring = asyncio.create_task(metrics.serve(sockets=[metrics_listener])) if metrics_listener else None
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        on_ready()
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await drain(app)
        server.should_exit = True
        await serving
        if measuring is not None:
            metrics.should_exit = True
            await measuring


def metrics_server(site: ASGIApp) -> uvicorn.Server:
    """/metrics on a port of its own, for this machine only."""
    return _Uvicorn(uvicorn.Config(site, lifespan="off", log_config=None, access_log=False, server_header=False))


@contextlib.asynccontextmanager
async def serving_metrics(
    readings: Callable[[], Awaitable[Iterable[tuple[str, str, float]]]], listener: socket.socket | None
) -> AsyncIterator[None]:
    """Serve the metrics of several workers, if there is a listener."""
    if listener is None:
        yield
        return

    async def show(_: Request) -> Response:
        return PlainTextResponse(render_workers(await readings()), media_type="text/plain; version=0.0.4")

    server = metrics_server(Starlette(routes=[Route("/metrics", show)]))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


async def drain(app: App) -> None:
    """Tell every client to leave, presenters first, then close those who stayed."""
    app.draining = app.sockets.draining = True
    connections = app.hub.connections()
    if not connections:
        return
    window_seconds = min(app.settings.drain_seconds / 2, len(connections) / _LEAVES_PER_SECOND)
    for index, connection in enumerate(connections):
        delay_ms = int(random.uniform(0.2, 1.0) * 1_000 * window_seconds * (index + 1) / len(connections))
        connection.push(encode(GoingAway(delay_ms=delay_ms)))
    log.info("draining %d connections over %.1f s", len(connections), window_seconds)
    step_seconds = 0.05
    steps = max(1, int(window_seconds / step_seconds))
    for step in range(steps):
        share = connections[step * len(connections) // steps : (step + 1) * len(connections) // steps]
        if window_seconds:
            await asyncio.sleep(step_seconds)
        for connection in share:
            connection.wire.close(CloseCode.GOING_AWAY)
