"""Answers on their way into Redis: together in one call, and every one of them gets a verdict of its own."""

import asyncio
from typing import Any

from realtime.core.errors import Refusal
from realtime.identifiers import new_uuid
from realtime.store import scripts
from realtime.store.intake import Verdict
from tests.store.stage import Hall, build, code_of, make_row, open_hall
from tests.waiting import eventually


async def script_calls(hall: Hall) -> int:
    found = (await hall.redis.info("commandstats")).get("cmdstat_evalsha", {"calls": 0})
    calls: int = found["calls"]
    return calls


async def test_all_answers_of_a_turn_go_in_one_call_per_activity(hall: Hall) -> None:
    people = await hall.admit(90)
    other = make_row(hall.session_id)
    await hall.publish(other)
    await hall.redis.config_resetstat()
    await asyncio.gather(*(hall.send(one) for one in people))
    assert await script_calls(hall) == 1
    await asyncio.gather(*(hall.send(one) for one in people), *(hall.send(one, activity_id=other.id) for one in people))
    assert await script_calls(hall) == 3
    assert (hall.intake.calls, hall.intake.judged, hall.intake.waiting) == (2, 270, 0)


async def test_what_arrives_during_a_call_waits_for_the_next(hall: Hall) -> None:
    people = await hall.admit(60)
    await hall.redis.config_resetstat()
    first = [hall.send(one) for one in people[:30]]
    await asyncio.sleep(0)
    later = [hall.send(one) for one in people[30:]]
    verdicts = await asyncio.gather(*first, *later)
    assert {code_of(one) for one in verdicts} == {None}
    assert await script_calls(hall) == 2


async def test_a_large_turn_is_cut_into_batches(redis_url: str) -> None:
    async with open_hall(redis_url, batch=20, pipeline=50) as hall:
        people = await hall.admit(120)
        await hall.redis.config_resetstat()
        verdicts = await asyncio.gather(*(hall.send(one) for one in people))
        assert [one.offset for one in verdicts] == list(range(verdicts[0].offset, verdicts[0].offset + 120))
        assert await script_calls(hall) == 3 + 3 + 1
        assert hall.intake.calls == 3


async def test_every_answer_gets_its_own_verdict(hall: Hall) -> None:
    """Accepted, refused, stale and cold ones mixed in one turn."""
    people = await hall.admit(40)
    elsewhere = build(hall.redis, hall.live.incarnation)
    sent: list[asyncio.Future[Verdict]] = []
    expected: list[tuple[str | None, str]] = []
    for number, one in enumerate(people):
        response_id = new_uuid()
        values: dict[str, Any] = {"response_id": response_id}
        match number % 4:
            case 0:
                expected.append((None, response_id))
            case 1:
                values |= {"round": 7}
                expected.append(("wrong_round", ""))
            case 2:
                values |= {"settings_version": 3}
                expected.append(("stale", ""))
            case _:
                values |= {"session": elsewhere.names}
                expected.append(("cold", ""))
        sent.append(hall.send(one, **values))
    verdicts = await asyncio.gather(*sent)
    assert [(code_of(one), one.response_id) for one in verdicts] == expected


async def test_a_caller_who_gives_up_gets_nobody_elses_reply(hall: Hall) -> None:
    """Timed out in the middle of a reply, a connection must not hand it to the next caller."""
    people = await hall.admit(50)
    for _ in range(20):
        reads = [asyncio.ensure_future(hall.live.nickname_of(hall.session_id, one)) for one in people[:4]]
        reads.append(asyncio.ensure_future(hall.live.tally(hall.session_id, hall.activity.id, 1)))
        answers = [hall.send(one, response_id=one) for one in people]
        await asyncio.sleep(0)
        for read in reads[::2]:
            read.cancel()
        verdicts = await asyncio.gather(*answers)
        assert [(code_of(one), one.response_id) for one in verdicts] == [(None, one) for one in people]
        await asyncio.gather(*reads, return_exceptions=True)
        assert await hall.live.nickname_of(hall.session_id, people[0]) == "Ada"
        assert (await hall.tally())["#people"] == 50


async def test_too_many_waiting_are_told_to_retry_at_once(redis_url: str) -> None:
    async with open_hall(redis_url, waiting=5) as hall:
        (ada,) = await hall.admit()
        sent = [hall.send(ada, entry=f"q:{number}") for number in range(8)]
        assert [one.done() for one in sent] == [False] * 5 + [True] * 3
        codes = [code_of(one) for one in await asyncio.gather(*sent)]
        assert codes == [None] * 5 + ["overloaded"] * 3
        assert code_of(await hall.answer(ada)) is None


async def test_a_call_without_reply_is_a_retry_and_the_retry_counts_once(redis_url: str) -> None:
    async with open_hall(redis_url, timeout_seconds=0.05) as hall:
        (ada,) = await hall.admit()
        submission_id = new_uuid()
        async with build_client(redis_url) as other:
            await other.execute_command("CLIENT", "PAUSE", 400, "WRITE")
            verdict = await hall.answer(ada, submission_id=submission_id)
        assert isinstance(verdict.error, Refusal)
        assert verdict.error.retry
        # The first call may still be carried out when the pause is over; the second finds it, or counts.
        counted = [Verdict(None)]

        async def accepted() -> bool:
            counted[0] = await hall.answer(ada, submission_id=submission_id)
            return counted[0].error is None

        await eventually(accepted)
        assert await hall.tally() == {"#n": 1, "#people": 1}
        assert counted[0].offset == (await hall.answer(ada, submission_id=submission_id)).offset


async def test_forgotten_scripts_are_loaded_again(hall: Hall) -> None:
    (ada,) = await hall.admit()
    await hall.redis.script_flush()
    verdict = await hall.answer(ada)
    assert isinstance(verdict.error, Refusal)
    assert verdict.error.retry
    assert code_of(await hall.answer(ada)) is None
    await hall.redis.script_flush()
    assert await hall.live.presence(hall.session_id, [ada], []) == 1
    assert await hall.redis.script_exists(*scripts.DIGESTS.values()) == [True] * len(scripts.DIGESTS)


async def test_nothing_is_sent_while_the_shard_has_no_epoch(hall: Hall) -> None:
    (ada,) = await hall.admit()
    hall.live.incarnation.lose(hall.names.shard)
    await hall.redis.config_resetstat()
    assert code_of(await hall.answer(ada)) == "recovering"
    assert await script_calls(hall) == 0


def build_client(url: str) -> Any:
    from redis.asyncio import Redis

    return Redis.from_url(url, decode_responses=True, protocol=3)


async def test_where_answers_pour_in_a_call_waits_for_more_but_not_when_it_is_full(redis_url: str) -> None:
    async with open_hall(redis_url, batch=20, pause_ms=3_600_000) as hall:
        people = await hall.admit(60)
        await asyncio.gather(*(hall.send(one) for one in people[:20]))
        await hall.redis.config_resetstat()
        few = [hall.send(one) for one in people[20:30]]
        for _ in range(20):
            await hall.redis.ping()
        assert await script_calls(hall) == 0
        rest = [hall.send(one) for one in people[30:40]]
        async with asyncio.timeout(30):
            assert {code_of(one) for one in await asyncio.gather(*few, *rest)} == {None}
        assert await script_calls(hall) == 1


async def test_an_answer_behind_a_crowd_waits_no_longer_than_the_pause(redis_url: str) -> None:
    async with open_hall(redis_url, batch=20, pause_ms=100) as hall:
        people = await hall.admit(21)
        await asyncio.gather(*(hall.send(one) for one in people[:20]))
        async with asyncio.timeout(30):
            assert code_of(await hall.answer(people[20])) is None


async def test_where_few_answer_nobody_waits_for_company(redis_url: str) -> None:
    async with open_hall(redis_url, pause_ms=3_600_000) as hall:
        people = await hall.admit(3)
        async with asyncio.timeout(30):
            for _ in range(3):
                await asyncio.gather(*(hall.send(one) for one in people))
