"""Each rule carries a promise: a server without it breaks exactly that one, and the checker says so.

Here are the rules that can be left out of a real server; tests/simulation leaves out all of them.
"""

import contextlib
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from persistence.errors import STORAGE_ERRORS
from realtime.client import Outbox
from realtime.client.outbox import Entry
from tests.faults.checker import Verdict, check
from tests.faults.cluster import Cluster, Room
from tests.faults.hubs import Hub
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

LAPSE = "UPDATE shards SET lease_expires_at = now()"

Scenario = Callable[[Cluster, Room, Path], Awaitable[None]]


async def everything_is_accepted(room: Room) -> None:
    await eventually(
        lambda: all(entry.state == "counted" for phone in room.crowd.phones for entry in phone.session.outbox), room.crowd.unrest
    )


async def everything_is_saved(cluster: Cluster, room: Room) -> None:
    await eventually(lambda: all(phone.at_rest for phone in room.crowd.phones), room.crowd.unrest)

    async def nothing_is_missing() -> bool:
        with contextlib.suppress(*STORAGE_ERRORS):  # a connection from before a fault
            return not await cluster.unsaved(list(cluster.history.events("saved")))
        return False

    await eventually(nothing_is_missing, "PostgreSQL has what people were told it has")


async def roll_back(cluster: Cluster, room: Room, folder: Path) -> None:
    """Redis comes back as it was two seconds ago; PostgreSQL has more."""
    log = cluster.engines.folder / "valkey" / "appendonlydir"
    shutil.copytree(log, folder / "older")
    await room.press(seconds=1)
    await eventually(lambda: len(list(cluster.history.events("saved"))) > 40, "PostgreSQL has what the copy lacks")
    cluster.kill_redis()
    shutil.rmtree(log)
    shutil.copytree(folder / "older", log)
    cluster.start_redis()
    await room.press(seconds=1)


async def forget_unsaved(cluster: Cluster, room: Room, folder: Path) -> None:
    """Redis loses what PostgreSQL has not seen."""
    await hold_back_saving(cluster, room)
    async with cluster.redis() as redis:
        await redis.flushall()
    let_save(cluster)


async def close_what_was_forgotten(cluster: Cluster, room: Room, folder: Path) -> None:
    """As before, and the activities are closed when the answers come again."""
    await hold_back_saving(cluster, room)
    async with cluster.redis() as redis:
        await redis.flushall()
    await cluster.database.execute("UPDATE activities SET state = 'closed', version = version + 1 WHERE session_id = $1", room.id)
    let_save(cluster)
    await room.crowd.phones[0].session.ready()


async def lose_replies(cluster: Cluster, room: Room, folder: Path) -> None:
    """COMMIT is done and the flusher never hears of it."""
    cluster.hubs[0].database.drop_reply_after(b"COMMIT", times=3)
    await room.press(seconds=1.5)
    await eventually(lambda: cluster.hubs[0].database.dropped_replies > 0, "a reply was lost")


async def hold_back_saving(cluster: Cluster, room: Room) -> None:
    """From here on PostgreSQL hears of nothing, and every answer that is accepted waits for it."""
    await everything_is_saved(cluster, room)  # a flush that is cut would hold the next one back, longer than tests wait
    for hub in cluster.hubs:
        hub.database.blackhole()
    await room.press(seconds=0.5)
    await everything_is_accepted(room)


def let_save(cluster: Cluster) -> None:
    for hub in cluster.hubs:
        hub.database.reset()
        hub.database.heal()


async def save_nothing(cluster: Cluster, room: Room, folder: Path, *, patience_seconds: float = 4) -> None:
    """PostgreSQL is out of reach for longer than a flush may try; nobody may be told meanwhile that his answer is saved."""
    await hold_back_saving(cluster, room)
    with contextlib.suppress(AssertionError):  # nobody was told, as it should be
        await eventually(lambda: any(not mark.holds for mark in cluster.history.marks), "somebody was told", patience_seconds)
    let_save(cluster)


async def lose_connections(cluster: Cluster, room: Room, folder: Path) -> None:
    """Every connection breaks between an acceptance and its saving, twice, so every answer is sent three times."""
    await hold_back_saving(cluster, room)
    for _ in range(2):
        heard = len(cluster.history.acks())
        unsaved = sum(len(phone.session.outbox) for phone in room.crowd.phones)
        cluster.front.reset()
        await eventually(lambda: len(cluster.history.acks()) >= heard + unsaved, "every answer is accepted once more")  # noqa: B023
    let_save(cluster)


async def run_without(rule: str, scenario: Scenario, cluster: Cluster, folder: Path) -> Verdict:
    """What the checker says of a scenario on one hub that lacks a rule (none: the server as it is)."""
    hub, other = cluster.hubs
    await other.kill9()
    if rule:
        await hub.kill9()
        await hub.start(launch=("-m", "tests.faults.mutant", rule))
    try:
        room = await cluster.room(20)
        await room.press(seconds=0.5)
        await scenario(cluster, room, folder)
        try:
            await eventually(lambda: all(phone.at_rest for phone in room.crowd.phones), room.crowd.unrest, 6)
        except AssertionError:
            cluster.history.mark("never at rest")  # the checker says what is wrong
        return check(cluster.history, [await cluster.collect(room, patience_seconds=3)])
    finally:
        if rule:
            await hub.kill9()


@pytest.mark.parametrize(
    ("rule", "scenario", "promises"),
    [
        ("dedup", lose_connections, ("P3", "P8")),
        ("epoch_on_restart", roll_back, ("P1", "P3", "P8", "P11")),
        ("rebuild_from_pg", roll_back, ("P3",)),
        ("on_conflict", lose_replies, ("P1", "P3")),  # a first answer is lost, or the row stays behind a changed one
        ("watermark_after_commit", partial(save_nothing, patience_seconds=20), ("P7",)),
        ("receipts", close_what_was_forgotten, ("P1",)),
    ],
)
async def test_without(rule: str, scenario: Scenario, promises: tuple[str, ...], cluster: Cluster, tmp_path: Path) -> None:
    verdict = await run_without(rule, scenario, cluster, tmp_path)
    broken = {sentence.split()[0] for sentence in verdict.found}
    assert broken & set(promises), f"without {rule} nothing of {promises} broke, but {broken}"


@pytest.mark.parametrize("scenario", [lose_connections, save_nothing, close_what_was_forgotten, forget_unsaved])
async def test_with_every_rule(scenario: Scenario, cluster: Cluster, tmp_path: Path) -> None:
    verdict = await run_without("", scenario, cluster, tmp_path)
    assert not verdict, str(verdict)


async def test_without_outbox_until_persisted(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that forgets what was accepted loses it with Redis."""
    accept = Outbox.accept

    def accept_and_forget(self: Outbox, submission_id: str, **told: object) -> Entry | None:
        entry = accept(self, submission_id, **told)  # type: ignore[arg-type]
        self._entries.pop(submission_id, None)
        return entry

    monkeypatch.setattr(Outbox, "accept", accept_and_forget)
    verdict = await run_without("", forget_unsaved, cluster, tmp_path)
    assert any(sentence.startswith("P1") for sentence in verdict.found), str(verdict)


async def hold_up_the_flusher(hub: Hub, room: Room) -> None:
    """It has read answers, and its first statement goes nowhere."""
    for _ in range(6):
        hub.database.blackhole("up")
        for phone in room.crowd.phones:
            phone.press(room.many, "a")
        await everything_is_accepted(room)
        with contextlib.suppress(AssertionError):
            await eventually(lambda: hub.database.holds(b"BEGIN;"), "the flusher wants to save", 3)
            return
        # Other loops had every open connection, so it hangs while it opens one more, which it has from here on.
        hub.database.heal()
        await eventually(lambda: all(phone.at_rest for phone in room.crowd.phones), room.crowd.unrest)
    raise AssertionError("the flusher found no connection to begin on")


@pytest.mark.parametrize("rule", ["", "pg_epoch_fence"])
async def test_zombie_flusher(rule: str, cluster: Cluster, tmp_path: Path) -> None:
    """A flusher is held up before its first statement until the store has been rebuilt, and its people never return."""
    hub, other = cluster.hubs
    await hub.kill9()
    await other.kill9()  # before the first one starts, which then finds every shard free
    await cluster.database.execute(LAPSE)
    await hub.start(
        launch=("-m", "tests.faults.mutant", rule) if rule else ("-m", "realtime.cli"), PLENUM_DATABASE_TIMEOUT_SECONDS="60",
        PLENUM_LEASE_SECONDS="60",
    )  # fmt: skip
    room = await cluster.room(10, kinds=("many",))
    owned = "SELECT count(*) FROM shards WHERE lease_expires_at > now() + interval '10 seconds'"
    await eventually(lambda: cluster.database.fetchval(owned), "the first hub flushes")
    await room.press(seconds=0.5)
    await eventually(lambda: all(phone.at_rest for phone in room.crowd.phones), "saved")
    await hold_up_the_flusher(hub, room)
    await room.crowd.close()  # they never come back
    async with cluster.redis() as redis:
        await redis.flushall()
    cluster.front.targets = [other.address]
    cluster.front.reset()
    await other.start()
    newcomers = len(room.crowd.phones)
    await room.crowd.enter(room.code, 2)
    room.crowd.phones[:newcomers] = []
    await room.host.session.ready()
    hub.database.heal()
    for phone in room.crowd.phones:
        phone.press(room.many, "b")
    await eventually(lambda: all(phone.at_rest for phone in room.crowd.phones), room.crowd.unrest, 20)
    verdict = check(cluster.history, [await cluster.collect(room, patience_seconds=3)])
    broken = {sentence.split()[0] for sentence in verdict.found}
    await hub.kill9()
    await cluster.database.execute(LAPSE)  # its leases are long, and the next test's hubs want to flush
    assert ("P3" in broken) is bool(rule), str(verdict)
