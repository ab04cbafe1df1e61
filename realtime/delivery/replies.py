"""Replies that became ready in the same moment: each goes to another connection, one call writes them all."""

import time
from array import array
from typing import Any, Final

from realtime.delivery.fanout import HandOut
from realtime.rooms import Connection, DirectWire

AT_ONCE: Final = 1_000  # sockets written to in one go; the caller's own batch is the limit of how many wait


class Replies:
    """`add` in the turn in which they become ready, then `flush`: nothing may wait here for another turn of the loop."""

    def __init__(self, hand_out: HandOut) -> None:
        self._hand_out = hand_out
        self._ready: dict[Connection, bytes] = {}

    def add(self, connection: Connection, payload: bytes) -> None:
        """A reply to this client alone."""
        framed = connection.wire.frame(payload)
        earlier = self._ready.get(connection)
        self._ready[connection] = framed if earlier is None else earlier + framed

    def flush(self) -> None:
        """Write all that is ready."""
        if not self._ready:
            return
        now = time.monotonic()
        wires: list[DirectWire] = []
        frames: list[bytes] = []
        for connection, framed in self._ready.items():
            connection.was_sent(now)
            wire: Any = connection.wire
            touched = getattr(wire, "touched", None)  # None: what answers here is no ordinary socket
            if touched is False or (touched and wire.clear()):
                wires.append(wire)
                frames.append(framed)
            else:
                wire.send(framed)
        self._ready = {}
        for start in range(0, len(wires), AT_ONCE):
            part, ready = wires[start : start + AT_ONCE], frames[start : start + AT_ONCE]
            for index, taken in self._hand_out(array("i", [wire.descriptor for wire in part]), ready):
                # The transport keeps the rest, or finds out that the connection is broken.
                part[index].send(ready[index][max(taken, 0) :])
