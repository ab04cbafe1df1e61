"""What many ask at once is answered together, and each gets the answer to his own question, given after it was asked."""

import asyncio

import pytest

from realtime.core.errors import Refusal
from realtime.loops import Errands
from realtime.store.batches import Batches


class Oracle:
    """Answers when it is let; remembers what was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.free = asyncio.Event()

    async def answer(self, key: str, questions: list[int]) -> list[str | Exception]:
        self.asked.append(questions)
        await self.free.wait()
        return [Refusal("removed") if one < 0 else f"{key}{one}" for one in questions]


def batches_of(oracle: Oracle, *, most_at_once: int = 100, most_waiting: int = 100) -> Batches[str, int, str]:
    return Batches(oracle.answer, most_at_once=most_at_once, most_waiting=most_waiting, errands=Errands())


async def test_who_asks_while_a_call_is_under_way_is_answered_by_the_next() -> None:
    oracle = Oracle()
    batches = batches_of(oracle)
    first = [asyncio.create_task(batches.ask("a", number)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.create_task(batches.ask("a", number)) for number in range(3, 9)]
    other = asyncio.create_task(batches.ask("b", 1))
    await asyncio.sleep(0)
    oracle.free.set()
    assert await asyncio.gather(*first, *later) == [f"a{number}" for number in range(9)]
    assert await other == "b1"
    assert sorted(oracle.asked) == [[0, 1, 2], [1], [3, 4, 5, 6, 7, 8]]


async def test_a_refused_question_or_one_whose_asker_left_harms_no_other() -> None:
    oracle = Oracle()
    batches = batches_of(oracle)
    tasks = [asyncio.create_task(batches.ask("a", number)) for number in (1, -1, 2, 3)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    oracle.free.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert (found[0], found[3]) == ("a1", "a3")
    assert isinstance(found[1], Refusal)
    assert isinstance(found[2], asyncio.CancelledError)


async def test_no_call_is_larger_and_no_line_longer_than_allowed() -> None:
    oracle = Oracle()
    batches = batches_of(oracle, most_at_once=4, most_waiting=10)
    tasks = [asyncio.create_task(batches.ask("a", number)) for number in range(13)]
    await asyncio.sleep(0)
    oracle.free.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, Refusal) and one.code == "overloaded" for one in found) == 3
    assert max(map(len, oracle.asked)) == 4


async def test_a_call_that_fails_fails_for_all_who_asked_and_for_nobody_after_them() -> None:
    async def answer(_: str, questions: list[int]) -> list[int | Exception]:
        if 1 in questions:
            raise Refusal("recovering", after_ms=100)
        return [*questions]

    batches: Batches[str, int, int] = Batches(answer, most_at_once=9, most_waiting=9, errands=Errands())
    found = await asyncio.gather(batches.ask("a", 1), batches.ask("a", 2), return_exceptions=True)
    assert all(isinstance(one, Refusal) for one in found)
    assert await batches.ask("a", 3) == 3
    with pytest.raises(Refusal):
        await batches.ask("a", 1)
