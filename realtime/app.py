"""The composition root: the one place that builds everything and knows everyone."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from persistence import migration, server_keys, shards
from persistence.errors import STORAGE_ERRORS, PersistenceError
from persistence.flusher import Flusher
from persistence.pool import check_server as check_database
from persistence.pool import open_pool
from realtime.activities.registry import installed
from realtime.audit import Auditor
from realtime.commands.answering import Answering
from realtime.commands.attending import Attendance
from realtime.commands.correcting import Correcting
from realtime.commands.directing import Directing
from realtime.commands.drafting import Drafting
from realtime.commands.exporting import Exporting
from realtime.commands.importing import Importing
from realtime.commands.keeping import Keeping
from realtime.commands.marking import Marking
from realtime.commands.moderating import Moderating
from realtime.commands.nudging import Nudging
from realtime.commands.publishing import Publisher
from realtime.commands.reading import Reading
from realtime.commands.reporting import Reporting
from realtime.commands.scoring import Scoring
from realtime.commands.standings import Standings
from realtime.commands.timing import Timing
from realtime.condition import Condition
from realtime.core.errors import Refusal
from realtime.delivery.fanout import choose_writers
from realtime.hub import Hub
from realtime.identity import Identity
from realtime.loops import Loop, end_tasks, run_beside, until_done
from realtime.metrics import render
from realtime.recovery import Recovery
from realtime.scores import ScorePushes
from realtime.settings import Settings
from realtime.sightings import Sightings
from realtime.store.boards import Boards
from realtime.store.connection import Incarnation, UnfitStore, connect, connect_for_pokes, connect_unchecked
from realtime.store.drafts import Drafts, Unsaved
from realtime.store.idempotency import Idempotency
from realtime.store.intake import Intake
from realtime.store.live import Live
from realtime.store.outbox import EpochLost, Outbox
from realtime.store.pokes import listen
from realtime.store.replicas import Replicas
from realtime.store.servers import Map, Servers
from realtime.tickets import KeyRing
from realtime.web.api import Parts, build_api
from realtime.web.orders import Orders
from realtime.web.origins import read_origins
from realtime.web.pages import Pages
from realtime.web.site import build_site, guard_of
from realtime.web.socket import Sockets

log = logging.getLogger("plenum.app")


class App:
    """Everything one process needs, built in `open_app`."""

    engine_restarts: Callable[[], int] = staticmethod(lambda: 0)  # whoever starts the embedded ones knows

    def __init__(
        self, settings: Settings, pool: asyncpg.Pool, unchecked: Servers, map: Map, durability: str, ring: KeyRing
    ) -> None:
        self.settings = settings
        self.pool = pool
        self.ring = ring
        self.durability = durability
        self.draining = False
        registry = installed()
        timeout = settings.redis_timeout_seconds
        fault = crash_point(settings.crash_at)
        self.incarnation = unchecked.incarnation
        options: dict[str, Any] = {"connections": settings.redis_connections, "timeout_seconds": timeout}
        servers = Servers(self.incarnation, partial(connect, settings.redis_url, self.incarnation, **options))
        pokes = Servers(self.incarnation, partial(connect_for_pokes, settings.redis_url, timeout_seconds=timeout))
        self._servers = (servers, pokes)
        self.live = Live(
            servers, timeout_seconds=timeout, changes_limit=settings.changes_limit,
            presence_ms=settings.presence_ms, high_water=settings.outbox_high_water,
            reads_waiting=settings.reads_waiting, reads_at_once=settings.reads_at_once,
        )  # fmt: skip
        left = Unsaved(unchecked, self.live.shards, timeout_seconds=30.0)
        self.recovery = Recovery(
            pool, unchecked, map, self.live, registry, claim_seconds=settings.load_claim_seconds,
            store_drafts=Keeping(pool, left, every_ms=settings.draft_store_ms).store,
        )  # fmt: skip
        ensure = self.recovery.ensure
        self.replicas = Replicas(self.live, registry, most_unpinned=settings.replicas, public_url=settings.public_url)
        self.hub = Hub(
            self.live, self.replicas, ensure, tick_ms=settings.tick_ms, slow_tick_ms=settings.slow_tick_ms,
            heartbeat_ms=settings.heartbeat_ms, presence_ms=settings.presence_ms, buffer_bytes=settings.buffer_bytes,
            connections=settings.connections, connections_per_ticket=settings.connections_per_ticket,
            condition=self._condition_document, writers=choose_writers(), push_share=settings.push_share, lag_ms=settings.lag_ms,
        )  # fmt: skip
        self.intake = Intake(
            servers, self.live.shards, batch=settings.accept_batch, pipeline=settings.accept_pipeline,
            waiting=settings.accept_waiting, high_water=settings.outbox_high_water, timeout_seconds=timeout,
            changes_limit=settings.changes_limit, pause_ms=settings.accept_pause_ms, fault=fault,
            settled=self.hub.replies.flush,
        )  # fmt: skip
        self._pokes = pokes
        self.outbox = Outbox(servers, self.live.shards, timeout_seconds=max(timeout, 5.0))
        self.condition = Condition(self.incarnation, self.outbox)
        self.flusher = Flusher(
            pool, self.outbox, range(settings.shards), f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
            rows=settings.flush_rows, age_ms=settings.flush_age_ms, retry_ms=settings.flush_retry_ms,
            lease_seconds=settings.lease_seconds,
            transient=(RedisError,), absent=(EpochLost, Refusal), fault=fault,
        )  # fmt: skip
        self.auditor = Auditor(pool, self.live, registry, ensure, self.flusher.hurry)
        self.publisher = Publisher(pool, self.live, registry, ensure, fault)
        self.identity = Identity(settings, pool, self.live, self.replicas, ring, self.publisher, ensure, lambda: self.hub.rooms)
        self.gate, self.entrance = self.identity.gate, self.identity.entrance
        self.answering = Answering(
            self.replicas, self.intake, registry, ring, servers.errands, shards=settings.shards, durability=durability,
            ensure=ensure, readmit=self.gate.readmit, most_slow=settings.accept_waiting, most_judgements=settings.judgements,
        )  # fmt: skip
        self.drafting = Drafting(
            self.live, Drafts(self.live, most=settings.most_drafts, most_unsaved=settings.most_unsaved_drafts), self.replicas,
            registry, self.answering, ensure, draft_bytes=settings.draft_bytes,
        )  # fmt: skip
        self.keeping = Keeping(
            pool, Unsaved(servers, self.live.shards, timeout_seconds=max(timeout, 5.0)), every_ms=settings.draft_store_ms
        )
        self.directing = Directing(
            pool, self.live, registry, self.publisher, self.drafting.hand_in,
            strict_types=settings.strict_types, max_participants=settings.max_participants,
            max_activities=settings.max_activities, config_bytes=settings.config_bytes, join_code_length=settings.join_code_length,
        )  # fmt: skip
        self.moderating = Moderating(pool, self.replicas, registry, self.publisher, ensure, most_decisions=settings.most_decisions)
        self.timing = Timing(
            pool, self.live, self.replicas, registry, self.directing, self.publisher, lambda: self.hub.rooms,
            clock_ms=settings.clock_ms,
        )  # fmt: skip
        boards = Boards(self.live)
        self.marking = Marking()
        self.standings = Standings(
            pool, self.live, boards, registry, self.publisher, top=settings.leaderboard_entries, page_limit=settings.page_limit
        )
        self.scoring = Scoring(
            pool, self.live, self.replicas, registry, self.marking, self.standings, ensure, self.flusher.hurry,
            lambda: self.hub.rooms, chunk=settings.scoring_chunk, sweep_ms=settings.scoring_sweep_ms, fault=fault,
        )  # fmt: skip
        self.moderating.decided, self.publisher.publish_board = self.scoring.wake, self.scoring.publish
        self.correcting = Correcting(
            pool, boards, registry, self.marking, self.publisher, self.scoring.wake, config_bytes=settings.config_bytes,
            sweep_ms=settings.scoring_sweep_ms, fault=fault,
        )  # fmt: skip
        self.score_pushes = ScorePushes(
            boards, self.replicas, lambda: self.hub.rooms, tick_ms=settings.tick_ms, buffer_bytes=settings.buffer_bytes
        )
        self.reading = Reading(
            pool, self.live, self.replicas, ensure, self.flusher.hurry, registry=registry, settle_seconds=settings.settle_seconds,
            page_limit=settings.page_limit,
        )  # fmt: skip
        self.exporting = Exporting(pool, self.reading, registry, at_a_time=settings.exports, most_bytes=settings.export_bytes)
        self.importing = Importing(
            self.directing, self.reading, registry, strict_types=settings.strict_types, max_activities=settings.max_activities
        )
        self.origins = read_origins(settings.cors_origins)
        own = frozenset({settings.public_url.rstrip("/")} if settings.public_url else ())
        self.sockets = Sockets(
            self.hub, self.answering, Orders(self.directing, self.moderating, self.timing, self.correcting, self.standings),
            self.drafting, self.identity, origins=self.origins | own, durability=durability,
            frame_bytes=settings.frame_bytes, response_bytes=settings.response_bytes, stall_seconds=settings.stall_seconds,
            hello_seconds=settings.hello_seconds, heartbeat_ms=settings.heartbeat_ms,
            reconnect_window_ms=settings.reconnect_window_ms,
            greetings=settings.greetings, greetings_waiting=settings.greetings_waiting,
        )  # fmt: skip
        parts = Parts(
            identity=self.identity, answering=self.answering, directing=self.directing, moderating=self.moderating,
            correcting=self.correcting, timing=self.timing, scoring=self.scoring, drafting=self.drafting, standings=self.standings,
            reading=self.reading, reporting=Reporting(pool, self.reading, registry),
            exporting=self.exporting, importing=self.importing, attendance=Attendance(self.live, ensure),
            nudging=Nudging(self.live, self.reading.replica), auditor=self.auditor,
            hub=self.hub, registry=registry, draining=lambda: self.draining,
            idempotency=Idempotency(
                servers, timeout_seconds=timeout, lifetime_seconds=settings.idempotency_hours * 3_600,
                most=settings.idempotency_records,
            ),
        )  # fmt: skip
        self.api = build_api(parts, settings)
        self.http_guard = guard_of(settings)

    def _condition_document(self) -> dict[str, object]:
        return self.condition.document()

    def site(self) -> ASGIApp:
        return build_site(self.api, Pages(), self.health, self.settings, pages_of=self.origins)

    def metrics_site(self) -> Starlette:
        """The operators' page, served on a port of its own."""

        async def show(_: Request) -> Response:
            return PlainTextResponse(render(self.readings()), media_type="text/plain; version=0.0.4")

        return Starlette(routes=[Route("/metrics", show)])

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Ready needs Redis; without PostgreSQL the process is degraded and still takes answers."""
        established = self.condition.live
        try:
            async with asyncio.timeout(1.0):
                await self.pool.fetchval("SELECT 1")
            database = True
        except STORAGE_ERRORS:
            database = False
        report = {
            "status": "draining"
            if self.draining
            else "ready"
            if established and database
            else "degraded"
            if established
            else "unavailable",
            "redis": established,
            "database": database,
            "connections": self.hub.connected,
        }
        return established and not self.draining, report

    @contextlib.asynccontextmanager
    async def running(self, *, flusher: bool) -> AsyncIterator[None]:
        """Run the loops of a hub (and the flusher, if wanted) until left; the flusher then finishes first."""
        loops: list[Loop] = [
            self.recovery.run, self.recovery.watch, self.hub.run, self.hub.beat, self.publisher.run, self.timing.run,
            self.keeping.run, self.scoring.run, self.correcting.run, self.score_pushes.run, self.identity.numbers.run,
            self.condition.run, self._renew_keys, self._audit, self._listen, Sightings(self.pool, lambda: self.hub.rooms).run,
        ]  # fmt: skip
        async with run_beside(loops):
            # Before the shards have epochs there is nothing to flush, and recovery takes their leases.
            await self.established(60.0)
            async with self.flushing() if flusher else contextlib.nullcontext():
                yield

    @contextlib.asynccontextmanager
    async def recovering(self) -> AsyncIterator[None]:
        """Run recovery alone, for a process that only flushes."""
        async with run_beside([self.recovery.run, self.recovery.watch]):
            yield

    async def _audit(self) -> None:
        await self.auditor.run(lambda: self.hub.rooms, every_seconds=self.settings.audit_seconds)

    async def _listen(self) -> None:
        def on_poke(session_id: str) -> None:
            self.hub.poke(session_id)
            self.flusher.notice()

        self.flusher.expect_notices()
        await listen(self._pokes, self.live.shards, on_poke, self.hub.poke_all)

    @contextlib.asynccontextmanager
    async def flushing(self) -> AsyncIterator[None]:
        """Run the flusher; on leaving, what is left is flushed within the time for draining."""
        task = asyncio.create_task(until_done(self.flusher.run))
        try:
            yield
        finally:
            self.flusher.stop()
            done, _ = await asyncio.wait({task}, timeout=self.settings.drain_seconds)
            if not done:
                log.warning("the flusher did not finish in time; what is left stays in the outbox")
                await end_tasks([task])
            await asyncio.gather(task, return_exceptions=True)

    async def established(self, timeout_seconds: float) -> None:
        """Wait until every shard has an epoch; of a cluster with a server that is away, those of the others do."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not all(self.incarnation.epochs):  # noqa: ASYNC110 - epochs come one by one
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            if not any(self.incarnation.epochs):
                raise UnfitStore(f"No shard has got an epoch within {timeout_seconds:.0f} s; the log says why.") from error
            log.warning("%d shards have no epoch yet, their servers are away", self.incarnation.epochs.count(None))

    def readings(self) -> Iterable[tuple[str, float]]:
        """The present values of all metrics."""
        hub, done = self.hub, self.flusher.done
        return {
            "plenum_connections": hub.connected, "plenum_sessions": len(hub.rooms), "plenum_frames_sent_total": hub.frames_sent,
            "plenum_ticks_total": hub.ticks, "plenum_answers_total": self.intake.judged, "plenum_accepts_total": self.intake.calls,
            "plenum_answers_waiting": self.intake.waiting, "plenum_flushed_rows_total": done.rows,
            "plenum_flush_failures_total": done.failures, "plenum_dead_letters_total": done.dead,
            "plenum_shards_owned": len(done.leases),
            "plenum_outbox_rows": self.condition.waiting, "plenum_outbox_age_seconds": self.condition.lag_ms / 1_000,
            "plenum_counts_drift": self.auditor.counts_drift, "plenum_audits_total": self.auditor.checks,
            "plenum_shards_without_epoch": self.incarnation.epochs.count(None),
            "plenum_loop_lag_seconds": self.condition.loop_lag_seconds,
            "plenum_requests_refused_total": self.http_guard.refused.total(),
            "plenum_engine_restarts_total": self.engine_restarts(),
        }.items()  # fmt: skip

    async def _renew_keys(self) -> None:
        """Follow the rotation of signing keys, until cancelled."""
        settle = self.settings.key_settle_seconds
        while True:
            await asyncio.sleep(max(settle / 4, 1.0))
            try:
                self.ring.replace(_order(await _keys_of(self.pool), settle))
            except STORAGE_ERRORS as error:
                log.debug("the keys could not be read again: %s", error)

    async def close(self) -> None:
        self.marking.close()
        self.identity.close()
        for servers in self._servers:
            await servers.aclose()


@contextlib.asynccontextmanager
async def open_app(settings: Settings, *, migrate: bool) -> AsyncIterator[App]:
    """Connect, check both servers, and build. Raises UnfitStore or PersistenceError with a sentence for the operator."""
    patience_seconds = max(settings.redis_timeout_seconds, 5.0)
    open_client = partial(connect_unchecked, settings.redis_url, timeout_seconds=patience_seconds)
    unchecked = Servers(Incarnation(settings.shards), open_client)
    map = Map(unchecked, settings.redis_url, timeout_seconds=settings.redis_timeout_seconds)
    try:
        durability = await map.start()
        if migrate:
            await migration.upgrade(settings.database_url)
        async with _pool(settings) as pool:
            await check_database(pool)
            await migration.check(pool)
            await shards.ensure(pool, settings.shards)
            keys = await _keys_of(pool)
            app = App(settings, pool, unchecked, map, durability, KeyRing(_order(keys, settings.key_settle_seconds)))
            try:
                yield app
            finally:
                await app.close()
    finally:
        await unchecked.aclose()


async def _keys_of(pool: asyncpg.Pool) -> list[server_keys.ServerKey]:
    """The ring, with a new key where it has none (any more)."""
    return await server_keys.ring(pool) or await server_keys.ensure(pool, secrets.token_hex(4), secrets.token_bytes(32))


def _order(keys: Sequence[server_keys.ServerKey], settle_seconds: float) -> list[tuple[str, bytes]]:
    """Keys with the one to sign with first: the newest that every process has had time to learn."""
    known_since = datetime.now(UTC) - timedelta(seconds=settle_seconds)
    settled = [key for key in keys if key.created_at <= known_since] or list(keys[-1:])
    return [(key.kid, key.secret) for key in [settled[0], *(key for key in keys if key is not settled[0])]]


@contextlib.asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    try:
        pool = await open_pool(
            settings.database_url, size=settings.database_pool_size, command_timeout_seconds=settings.database_timeout_seconds,
            connect_timeout_seconds=settings.database_connect_seconds, application_name="plenum",
            idle_in_transaction_timeout_seconds=settings.lease_seconds,
        )  # fmt: skip
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise PersistenceError(
            f"PostgreSQL does not answer at DATABASE_URL: {error}. Check the address and that it runs."
        ) from error
    try:
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), 5)
        except TimeoutError:
            pool.terminate()


def crash_point(wanted: str) -> Callable[[str], None]:
    """Test hook: die without a word at a named point, as a crash would."""

    def reach(point: str) -> None:
        if point == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach
