"""Recovery: what happens when Redis is another incarnation than before, and how sessions come back to life.

For each shard, under one lock in PostgreSQL so that one process does it and the others adopt the result:

    take the epoch away        nobody can accept any more
    new epoch in PostgreSQL    waits for a flush under way; later ones of the old epoch are fenced
    save what the outbox still holds, and drafts
    new epoch in Redis         sessions are cold: each is rebuilt from PostgreSQL when somebody asks for it

The tallies are rebuilt even if Redis still has data, because an append-only file can roll back behind
what PostgreSQL has.

In a cluster this is done for each server by itself, so that the sessions of the others go on while one is away.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any, Final

from pydantic import ValidationError

from persistence import (
    accepted,
    activities,
    batch,
    decisions,
    documents,
    drafts,
    participants,
    responses,
    sessions,
    shards,
    tickets,
)
from persistence.errors import STORAGE_ERRORS, Fenced
from persistence.pool import Pool
from realtime.activities.answers import item_document, recount
from realtime.activities.config import Config
from realtime.activities.contract import read_settings
from realtime.activities.registry import Registry
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.store import scripts
from realtime.store.connection import STORE_ERRORS, Incarnation, read_run_id
from realtime.store.live import Cold, Live, fold
from realtime.store.loading import Loader
from realtime.store.outbox import Outbox
from realtime.store.servers import Map, Servers

log = logging.getLogger("plenum.recovery")

_LOCK: Final = 0x706C656E_72656300  # PostgreSQL advisory lock; arbitrary: "plen" "rec"
_CHUNK_ROWS: Final = 250  # recounted in one go; a few milliseconds
_CHUNK_DRAFTS: Final = 100
_REDIRECTED_SECONDS: Final = 0.05  # several servers and connections say so at the same time; one look answers them all
OWNER: Final = "recovery"


class Recovery:
    """Gives shards epochs and loads sessions. The clients of `unchecked` may talk to any incarnation of Redis."""

    def __init__(
        self, pool: Pool, unchecked: Servers, map: Map, live: Live, registry: Registry, *, claim_seconds: float,
        store_drafts: Callable[[int], Awaitable[int]], retry_seconds: float = 0.2,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._servers = unchecked
        self._map = map
        self._live = live
        self._registry = registry
        self._claim_seconds = claim_seconds
        self._store_drafts = store_drafts
        self._retry_seconds = retry_seconds
        self._outbox = Outbox(unchecked, live.shards, timeout_seconds=30.0)
        self.rows_left = 0
        self._loads: dict[str, asyncio.Task[None]] = {}

    @property
    def _incarnation(self) -> Incarnation:
        return self._live.incarnation

    async def run(self) -> None:
        """Establish epochs whenever some are lost, until cancelled."""
        pause = self._retry_seconds
        while True:
            await self._incarnation.lost.wait()
            try:
                await self.establish()
                pause = self._retry_seconds
            except (*STORE_ERRORS, *STORAGE_ERRORS, Fenced) as error:
                log.warning("recovery cannot go on, trying again in %.1f s: %s", pause, str(error) or type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 2.0)

    async def watch(self) -> None:
        """Notice within a second that a server became another incarnation under connections that live on, or that a
        shard is at another server; at once when a server says so."""
        incarnation = self._incarnation
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(incarnation.redirected.wait(), 1.0)
                await asyncio.sleep(_REDIRECTED_SECONDS)
            incarnation.redirected.clear()
            arranged = incarnation.arranged
            try:
                await self._map.refresh()
            except STORE_ERRORS as error:
                log.debug("nobody tells which server holds which shard: %s", error)
            if arranged.is_set():
                await self._live.servers.close_unused()
            await asyncio.gather(*(self._look_at(place) for place in set(incarnation.places)))

    async def _look_at(self, place: str) -> None:
        try:
            run_id = await read_run_id(self._servers.at(place))
        except STORE_ERRORS:
            return  # away, or a replica now: every call finds out by itself
        known = self._incarnation.run_ids.get(place)
        if known is not None and run_id != known:
            log.warning("redis has become another incarnation")
            self._incarnation.lose_place(place)

    async def establish(self) -> None:
        """Adopt or renew the epoch of every shard that has none in this process; servers that are away stand in nobody's way."""
        incarnation = self._incarnation
        incarnation.lost.clear()
        try:
            await self._map.refresh()
            self.rows_left = 0
            away: list[BaseException] = []
            for place in sorted(set(incarnation.places)):
                try:
                    await self._establish_at(place)
                except STORE_ERRORS as error:
                    away.append(error)
            if away:
                raise away[0]
        except BaseException:
            incarnation.lost.set()
            raise

    async def _establish_at(self, place: str) -> None:
        """Do it for the shards of one server."""
        incarnation, redis = self._incarnation, self._servers.at(place)
        here = [shard for shard in self._live.shards if incarnation.places[shard.number] == place]
        if place in incarnation.run_ids and all(incarnation.epochs[shard.number] for shard in here):
            return
        run_id = await read_run_id(redis)
        await scripts.load(redis)
        async with self._locked():
            stored = {row.shard: row.epoch for row in await shards.read_all(self._pool)}
            found: dict[int, str] = {}
            adopted, left = 0, self.rows_left
            for shard in here:
                if incarnation.run_ids.get(place) == run_id and incarnation.epochs[shard.number] is not None:
                    continue
                known = await redis.hgetall(shard.epoch)
                if known.get("run_id") == run_id and known.get("epoch") and known["epoch"] == stored.get(shard.number):
                    found[shard.number] = known["epoch"]
                    adopted += 1
                else:
                    found[shard.number] = await self._renew(shard.number, run_id)
        if await read_run_id(redis) != run_id:
            raise ConnectionError("redis restarted during recovery")
        renewed = len(found) - adopted
        if renewed:
            log.info("%d shards have a new epoch; %d rows were still in their outboxes", renewed, self.rows_left - left)
        incarnation.run_ids[place] = run_id
        for number, epoch in found.items():
            if incarnation.places[number] == place:
                incarnation.epochs[number] = epoch

    async def _renew(self, number: int, run_id: str) -> str:
        shard, redis = self._live.shards[number], self._servers.of(number)
        await redis.hdel(shard.epoch, "epoch")
        epoch = f"{run_id[:8]}-{secrets.token_hex(8)}"
        row = await shards.renew_epoch(self._pool, number, epoch, run_id)
        if row is None:
            raise ConnectionError(f"shard {number} is not in PostgreSQL")
        token = await self._take_lease(number)
        try:
            left = await self._drain(number, epoch, token)
            await self._store_drafts(number)
        finally:
            await shards.release_lease(self._pool, number, token)
        await redis.hset(shard.epoch, mapping={"epoch": epoch, "run_id": run_id, "pending": 0})
        stored = await shards.read(self._pool, number)
        if stored is None or stored.epoch != epoch:
            # Our lock was lost with its connection and somebody else renewed the shard: nothing would be saved in ours.
            await redis.hdel(shard.epoch, "epoch")
            raise ConnectionError(f"shard {number} was renewed by another process")
        log.debug("shard %d has epoch %s; %d rows were still in its outbox", number, epoch, left)
        self.rows_left += left
        return epoch

    async def _drain(self, number: int, epoch: str, token: int) -> int:
        """Save what earlier epochs left in the outbox; returns how many rows."""
        left = 0
        while True:
            pending = await self._outbox.read(number, 2_000, epoch=epoch)
            if not pending.ids:
                return left
            if pending.rows:
                packed = batch.pack(pending.joins, pending.responses)
                await batch.save(self._pool, packed, shard=number, epoch=epoch, lease_token=token)
            await self._outbox.drop(pending)
            left += pending.rows

    async def _take_lease(self, number: int) -> int:
        """The new epoch has fenced whoever held the shard, so its lease may be taken at once."""
        token: int | None = await shards.seize_lease(self._pool, number, OWNER, 60.0)
        if token is None:
            raise ConnectionError(f"shard {number} is not in PostgreSQL")
        return token

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        async with self._pool.acquire() as connection:
            await shards.lock(connection, _LOCK)
            try:
                yield
            finally:
                if not connection.is_closed():
                    await shards.unlock(connection, _LOCK)

    async def ensure(self, session_id: str) -> None:
        """Make a session live if it is not; callers of the same session share one load.

        Raises Refusal `unknown_session`, or a retry when Redis or PostgreSQL cannot be asked.
        """
        task = self._loads.get(session_id)
        if task is None:
            task = self._live.servers.errands.start(self._load(session_id))
            self._loads[session_id] = task
            task.add_done_callback(lambda _: self._loads.pop(session_id, None))
        await asyncio.shield(task)

    async def _load(self, session_id: str) -> None:
        try:
            for _ in range(3):
                try:
                    await self._load_once(session_id)
                except Cold:
                    continue  # another loader took over, or the epoch changed meanwhile
                return
            raise Refusal("recovering", after_ms=500)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error

    async def _load_people(self, loader: Loader, session_id: str) -> dict[str, str]:
        """Put all participants; returns the names under which authors are shown."""
        names: dict[str, str] = {}
        offset = 0
        while people := await participants.of_session(self._pool, session_id, offset=offset, limit=5_000):
            offset += len(people)
            for person in people:
                folded = "" if person.anonymous else fold(person.nickname)
                await loader.put_person(
                    person.id, person.nickname, folded, active=person.is_active, extra_time_percent=person.extra_time_percent
                )
                if not person.anonymous:
                    names[person.id] = person.nickname
        return names

    async def _load_drafts(self, loader: Loader, session_id: str, known: Collection[str]) -> None:
        """Put what was written and not sent, unless an answer has taken its place."""
        last = None
        while page := await drafts.page(self._pool, session_id, last, limit=_CHUNK_DRAFTS):
            for draft in page:
                if draft.activity_id in known:
                    await loader.put_draft(
                        activity_id=draft.activity_id, round=draft.round, participant_id=draft.participant_id,
                        revision=draft.revision, base=draft.base, auto_submit=draft.auto_submit, at_ms=draft.saved_at_ms,
                        data=draft.data,
                    )  # fmt: skip
            last = page[-1]

    async def _load_once(self, session_id: str) -> None:
        session = await sessions.read(self._pool, session_id)
        if session is None:
            raise Refusal("unknown_session")
        loader = Loader(self._live, session_id, claim_seconds=self._claim_seconds)
        if not await loader.begin():
            return
        # Read again: what was written before the claim is in this snapshot, what comes later finds the session live.
        session = await sessions.read(self._pool, session_id)
        if session is None:
            raise Refusal("unknown_session")
        await loader.put_document("session", session.version, encode(documents.session_document(session)))
        for ticket in await tickets.of_session(self._pool, session_id):
            if ticket.revoked_at is None:
                await loader.put_ticket(ticket.sha256, ticket.role)
        names = await self._load_people(loader, session_id)
        rows = await activities.of_session(self._pool, session_id)
        # Above every offset that is remembered: of rows, and of fences, behind which a result is final.
        fences = [row.closed_offset or 0 for row in rows]
        offset = max(await responses.max_seq(self._pool, session_id), session.seq_floor, *fences) + 1
        rules: dict[str, tuple[Any, Any, bool]] = {}
        versions: dict[str, int] = {}
        for row in rows:
            kind = self._registry.resolve(row.type)
            try:
                config = Config.model_validate_json(row.config)
                rules[row.id] = (kind, read_settings(kind, config.settings), config.constraints.identity != "anonymous")
            except (ValidationError, Refusal):
                # One activity that this version cannot read must not keep the others from coming back.
                log.exception("activity %s of session %s is left out, its config cannot be read", row.id, session_id)
                continue
            # Closed in PostgreSQL but not known where: nothing was accepted after what is stored.
            closed_offset = (row.closed_offset or offset) if row.state in ("closed", "cancelled") else 0
            document = documents.activity_document(row) | {"closed_offset": closed_offset}
            await loader.put_document(f"activity:{row.id}", row.version, encode(document))
            await loader.put_rules(row.id, documents.activity_rules(row, kind.fences_on_reveal), closed_offset)
            versions[row.id] = row.decisions_version
        # Read after the versions: at worst newer than they say, and then it is published again.
        for (activity_id, round), decided in (await decisions.of_session(self._pool, session_id)).items():
            await loader.put_document(f"decisions:{activity_id}:{round}", versions.get(activity_id, 0), encode(decided))
        count = 0
        async with contextlib.aclosing(accepted.of_session(self._pool, session_id, chunk_rows=_CHUNK_ROWS)) as chunks:
            async for chunk in chunks:
                for response in chunk:
                    if response.activity_id not in rules:
                        continue
                    kind, settings, named = rules[response.activity_id]
                    sums, item = recount(kind, settings, response.response_data)
                    at_ms = documents.to_ms(response.created_at)
                    await loader.put_response(
                        activity_id=response.activity_id, round=response.round, participant_id=response.participant_id,
                        entry=response.entry, revision=response.revision, submission_id=response.submission_id,
                        response_id=response.id, offset=response.seq, withdrawn=response.deleted_at is not None,
                        counters=encode(sums), sums=sums, payload=response.response_data,
                        item="" if item is None else encode(
                            item_document(response.participant_id, item, names.get(response.participant_id) if named else None)
                            | {"at_ms": at_ms, "seq": response.seq}
                        ),
                    )  # fmt: skip
                count += len(chunk)
                await asyncio.sleep(0)  # others have their turn while a big session comes back
        await self._load_drafts(loader, session_id, rules.keys())
        await loader.finish(offset, documents.session_meta(session))
        level = logging.INFO if count else logging.DEBUG  # a session that begins is no news
        log.log(level, "session %s is live again: %d responses, offset %d", session_id, count, offset)
