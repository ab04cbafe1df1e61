"""Loops end when they are to end, also where a cancellation is swallowed on its way."""

import asyncio
import contextlib

from realtime.loops import Errands, end_tasks, heed_cancellation, run_beside


class Deaf:
    """A loop that takes cancellations for faults that pass, as a driver's errors make it do, a number of times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.turns = 0

    async def run(self) -> None:
        while True:
            self.turns += 1
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not self.left:
                    raise
                self.left -= 1


async def test_who_swallows_a_cancellation_ends_all_the_same() -> None:
    loops = [Deaf(0), Deaf(1), Deaf(2)]
    async with asyncio.timeout(20), run_beside([loop.run for loop in loops]):
        await asyncio.sleep(0)  # all begin
    assert [loop.left for loop in loops] == [0, 0, 0]
    assert [loop.turns for loop in loops] == [1, 2, 3]


async def test_a_cancellation_that_was_swallowed_is_heeded_later() -> None:
    begun = asyncio.Event()
    reached: list[str] = []

    async def start_up() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):  # as asyncio.wait_for of Python 3.11 may
            await asyncio.Event().wait()
        reached.append("started")
        heed_cancellation()
        reached.append("serves")

    starting = asyncio.create_task(start_up())
    await begun.wait()
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert reached == ["started"]
    heed_cancellation()  # of a task that goes on: nothing


async def test_the_end_of_a_task_is_its_own() -> None:
    async def fail() -> None:
        raise ValueError("its own")

    async def succeed() -> int:
        return 1

    tasks = [asyncio.create_task(fail()), asyncio.create_task(succeed()), asyncio.create_task(Deaf(1).run())]
    await asyncio.wait(tasks[:2])
    await end_tasks(tasks)
    assert isinstance(tasks[0].exception(), ValueError)
    assert tasks[1].result() == 1
    assert tasks[2].cancelled()


async def test_errands_end_together_and_what_is_started_later_does_not_begin() -> None:
    errands = Errands()
    begun: list[str] = []

    async def wait(name: str) -> None:
        begun.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            if name == "first":
                errands.start(wait("of one that ended"))

    async def answer() -> int:
        return 7

    assert await errands.start(answer()) == 7
    tasks = [errands.start(wait("first")), errands.start(wait("second"))]
    await asyncio.sleep(0)  # both begin
    await errands.end()
    assert all(task.cancelled() for task in tasks)
    late = errands.start(wait("late"))
    await asyncio.wait([late])
    assert late.cancelled()
    assert begun == ["first", "second"]
