"""Everybody's own points on their way to them: pushed when the leaderboard that participants see changes.

The board is one key for all and travels as such. What belongs to one person cannot; it lies in one hash,
from which the scores of all who are connected here are read together.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from realtime.core.errors import Refusal
from realtime.core.messages import Score, encode
from realtime.rooms import Connection, Room
from realtime.store.boards import Boards
from realtime.store.replicas import Replicas

log = logging.getLogger("plenum.scores")


@dataclass(slots=True)
class _Told:
    """Who has been sent the scores of one board."""

    stamp: int = 0
    epoch: str = ""
    connections: set[Connection] = field(default_factory=set)


class ScorePushes:
    """Sends scores to the connections of this process; a slow one gets the newest once it has read the rest."""

    def __init__(
        self, boards: Boards, replicas: Replicas, rooms: Callable[[], Mapping[str, Room]], *, tick_ms: int, buffer_bytes: int
    ) -> None:
        self._boards = boards
        self._replicas = replicas
        self._rooms = rooms
        self._tick_seconds = tick_ms / 1_000
        self._buffer_bytes = buffer_bytes
        self._told: dict[str, _Told] = {}

    async def run(self) -> None:
        """Look at every room again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._tick_seconds)
            rooms = dict(self._rooms())
            self._told = {one: told for one, told in self._told.items() if one in rooms}
            for room in rooms.values():
                try:
                    await self.tell(room)
                except Refusal as error:
                    log.debug("scores of session %s could not be read: %s", room.session_id, error)

    async def tell(self, room: Room) -> None:
        """Send their scores to those of a room who have not had them yet."""
        replica = self._replicas.peek(room.session_id)
        if replica is None or not replica.board_stamp:
            self._told.pop(room.session_id, None)
            return
        told = self._told.setdefault(room.session_id, _Told())
        if (told.stamp, told.epoch) != (replica.board_stamp, replica.epoch):
            told.stamp, told.epoch = replica.board_stamp, replica.epoch
            told.connections.clear()
        told.connections &= room.connections
        waiting = [
            one
            for one in room.connections
            if one.participant_id and one.epoch and one not in told.connections and one.wire.buffered() <= self._buffer_bytes
        ]
        if not waiting:
            return
        scores = await self._boards.scores(room.session_id, sorted({one.participant_id or "" for one in waiting}))
        if replica.board_stamp != told.stamp:
            return  # hidden or replaced while the scores were read: the next turn tells
        for one in waiting:
            told.connections.add(one)
            score = scores.get(one.participant_id or "")
            if score is not None and one in room.connections:
                one.push(encode(Score(score=score)))
