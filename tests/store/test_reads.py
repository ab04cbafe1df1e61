"""Single commands go together, and each gets its own reply: whatever the others are, and whoever leaves."""

import asyncio
from typing import Any

import pytest

from realtime.core.errors import Refusal
from realtime.store.connection import connect
from realtime.store.reads import Reads, pack_command
from realtime.store.servers import Servers
from tests.store.stage import Hall
from tests.waiting import eventually


class Counting(Servers):
    """Counts round trips."""

    def __init__(self, servers: Servers) -> None:
        super().__init__(servers.incarnation, servers._open)
        self.trips = 0

    async def send(self, place: str, packed: bytes, count: int) -> list[Any]:
        self.trips += 1
        return await super().send(place, packed, count)


@pytest.fixture
def servers(hall: Hall) -> Counting:
    return Counting(hall.live.servers)


def reads_of(servers: Servers, *, most_waiting: int = 1_000, most_at_once: int = 1_000, timeout_seconds: float = 5.0) -> Reads:
    return Reads(servers, most_waiting=most_waiting, most_at_once=most_at_once, timeout_seconds=timeout_seconds)


async def test_what_is_asked_in_one_turn_goes_in_one_trip(hall: Hall, servers: Counting) -> None:
    reads = reads_of(servers)
    found = await asyncio.gather(*(reads.ask(hall.names.shard, [("ECHO", f"é{number}"), ("ECHO", number)]) for number in range(50)))
    assert found == [[f"é{number}", str(number)] for number in range(50)]
    assert servers.trips == 1
    await servers.aclose()


async def test_a_command_that_redis_refuses_harms_only_who_asked(hall: Hall, servers: Counting) -> None:
    reads = reads_of(servers)
    asked = [reads.ask(hall.names.shard, [command]) for command in (("ECHO", "a"), ("NO-SUCH-COMMAND",), ("ECHO", "b"))]
    first, wrong, last = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, last) == (["a"], ["b"])
    assert isinstance(wrong, Refusal)
    assert await reads.ask(hall.names.shard, [("ECHO", "c")]) == ["c"]
    await servers.aclose()


async def test_who_leaves_takes_nobody_elses_reply(hall: Hall, servers: Counting) -> None:
    reads = reads_of(servers)
    leaving = asyncio.create_task(reads.ask(hall.names.shard, [("ECHO", "mine")]))
    staying = asyncio.create_task(reads.ask(hall.names.shard, [("ECHO", "yours")]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == ["yours"]
    await servers.aclose()


async def test_too_much_at_once_waits_and_far_too_much_is_refused(hall: Hall, servers: Counting) -> None:
    reads = reads_of(servers, most_waiting=5, most_at_once=2)
    asked = [reads.ask(hall.names.shard, [("ECHO", number)]) for number in range(6)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert found[:5] == [[str(number)] for number in range(5)]
    assert isinstance(found[5], Refusal)
    assert found[5].code == "overloaded"
    assert servers.trips == 3
    await servers.aclose()


async def test_a_redis_that_does_not_answer_is_not_waited_for(hall: Hall, servers: Counting) -> None:
    reads = reads_of(servers, timeout_seconds=0.05)
    await hall.redis.client_pause(400)
    with pytest.raises(Refusal, match="unavailable"):
        await reads.ask(hall.names.shard, [("SET", "plenum:paused", "1")])
    await hall.redis.client_unpause()
    assert await reads_of(servers).ask(hall.names.shard, [("ECHO", "again")]) == ["again"], "no late reply is taken for this one"
    await servers.aclose()


async def test_who_asks_alone_waits_for_nothing_and_who_asks_within_the_pause_goes_with_the_next(
    hall: Hall, servers: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    async def pause(seconds: float) -> None:
        assert seconds == 7.0
        await over.wait()

    reads = Reads(servers, most_waiting=50, most_at_once=4, timeout_seconds=5.0, pause_seconds=7.0)
    monkeypatch.setattr("realtime.store.reads.asyncio.sleep", pause)
    assert await reads.ask(hall.names.shard, [("ECHO", "alone")]) == ["alone"]
    asked = [asyncio.create_task(reads.ask(hall.names.shard, [("ECHO", number)])) for number in range(6)]
    await hall.redis.ping()
    assert servers.trips == 1, "they wait for each other"
    over.set()
    assert await asyncio.gather(*asked) == [[str(number)] for number in range(6)]
    assert servers.trips == 3, "four and two"
    await servers.aclose()


async def test_a_reply_that_is_an_error_can_be_had_as_it_is(hall: Hall, servers: Counting) -> None:
    first, wrong = await reads_of(servers).replies(hall.names.shard, [("ECHO", "a"), ("NO-SUCH-COMMAND",)])
    assert first == "a"
    assert "NO-SUCH-COMMAND" in str(wrong)
    await servers.aclose()


def test_commands_are_packed_as_redis_reads_them() -> None:
    assert pack_command(("GET", "ü", 7, b"\r\n")) == b"*4\r\n$3\r\nGET\r\n$2\r\n\xc3\xbc\r\n$1\r\n7\r\n$2\r\n\r\n\r\n"


async def test_who_is_just_connecting_when_the_servers_are_closed_leaves_no_connection(hall: Hall, redis_url: str) -> None:
    servers = Servers(
        hall.live.incarnation, lambda _: connect(redis_url, hall.live.incarnation, connections=2, timeout_seconds=5.0)
    )
    reads = reads_of(servers)
    before = asyncio.all_tasks()
    asking = asyncio.create_task(reads.ask(hall.names.shard, [("ECHO", "a")]))
    for _ in range(2):
        await asyncio.sleep(0)
    assert servers._clients, "it is connecting"
    await servers.aclose()
    assert asyncio.all_tasks() - before == {asking}, "nobody connects any more"
    asking.cancel()

    async def is_alone() -> bool:
        return len(await hall.redis.client_list()) == 1

    await eventually(is_alone, "Redis sees nobody else")
