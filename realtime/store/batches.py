"""Questions that many ask at once, answered together: one call for all that wait, never more than one under way per key.

Who asks alone waits for nothing. Once several were answered by one call a crowd is coming, and then each call waits for a
moment, because what a call costs beyond the questions in it is the dearest part of a storm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

from realtime.core.errors import Refusal
from realtime.loops import Errands

_CROWD: Final = 4  # questions in one call that make a crowd
_CROWD_SECONDS: Final = 0.02

KeyT = TypeVar("KeyT")
QuestionT = TypeVar("QuestionT")
AnswerT = TypeVar("AnswerT")
_Waiting: TypeAlias = "list[tuple[QuestionT, asyncio.Future[AnswerT]]]"


class Batches(Generic[KeyT, QuestionT, AnswerT]):
    """Collects questions per key. `answer` gets a key and its questions, and has an answer or an exception for each."""

    def __init__(
        self, answer: Callable[[KeyT, list[QuestionT]], Awaitable[Sequence[AnswerT | Exception]]], *,
        most_at_once: int, most_waiting: int, errands: Errands,
    ) -> None:  # fmt: skip
        self._answer = answer
        self._most_at_once = most_at_once
        self._most_waiting = most_waiting
        self._errands = errands
        self._waiting: dict[KeyT, _Waiting[QuestionT, AnswerT]] = {}
        self._tasks: dict[KeyT, asyncio.Task[None]] = {}

    async def ask(self, key: KeyT, question: QuestionT) -> AnswerT:
        """The answer; raises what was answered if that is an exception, or Refusal `overloaded` where too many wait."""
        waiting = self._waiting.setdefault(key, [])
        if len(waiting) >= self._most_waiting:
            raise Refusal("overloaded", after_ms=1_000)
        future: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        waiting.append((question, future))
        if key not in self._tasks:
            self._tasks[key] = self._errands.start(self._answer_all(key))
        return await future

    async def _answer_all(self, key: KeyT) -> None:
        try:
            while waiting := self._waiting.get(key):
                taken, self._waiting[key] = waiting[: self._most_at_once], waiting[self._most_at_once :]
                await self._answer_some(key, taken)
                if len(taken) >= _CROWD and len(self._waiting[key]) < self._most_at_once:
                    await asyncio.sleep(_CROWD_SECONDS)
        finally:
            self._waiting.pop(key, None)
            self._tasks.pop(key, None)

    async def _answer_some(self, key: KeyT, taken: "_Waiting[QuestionT, AnswerT]") -> None:
        answers: Sequence[AnswerT | Exception]
        try:
            answers = await self._answer(key, [question for question, _ in taken])
        except Exception as error:  # noqa: BLE001 - it is told to everybody who asked
            answers = [error] * len(taken)
        for (_, future), answer in zip(taken, answers, strict=True):
            if future.done():
                continue  # the one who asked is gone
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
