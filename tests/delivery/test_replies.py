"""Replies that go out together reach each connection whole and in order, whatever else was written to it."""

import random

import pytest

from realtime.activities.contract import Audience
from realtime.core.errors import CloseCode
from realtime.delivery import replies
from realtime.delivery.fanout import IN_PYTHON, HandOut, choose_writers
from realtime.delivery.replies import Replies
from realtime.rooms import Connection
from tests.delivery.lines import LineWire

WAYS = [pytest.param(choose_writers().hand_out, id="fastest"), pytest.param(IN_PYTHON.hand_out, id="python")]


def connect(wire: object) -> Connection:
    return Connection("s", "participant", Audience.PARTICIPANTS, "p", "t", wire)  # type: ignore[arg-type]


class Kept:
    """A wire that is no socket, as a stream over HTTP has one."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def frame(self, payload: bytes) -> bytes:
        return b"<" + payload + b">"

    def send(self, framed: bytes) -> None:
        self.sent.append(framed)


@pytest.mark.parametrize("hand_out", WAYS)
@pytest.mark.parametrize("seed", range(8))
def test_each_reads_all_that_was_for_him_in_order(hand_out: HandOut, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some read only at the end, so that their sockets are full long before; others are written to beside."""
    monkeypatch.setattr(replies, "AT_ONCE", 3)
    draw = random.Random(seed)
    wires = [LineWire() for _ in range(10)]
    connections = [connect(wire) for wire in wires]
    expected: list[list[int]] = [[] for _ in wires]
    got: list[list[int]] = [[] for _ in wires]
    ready = Replies(hand_out)
    for number in range(400):
        who = draw.randrange(10)
        text = f'{{"n":{number},"pad":"{"x" * draw.randrange(900)}"}}'.encode()
        if draw.random() < 0.1:
            ready.flush()
            connections[who].push(text)
        else:
            ready.add(connections[who], text)
        expected[who].append(number)
        if draw.random() < 0.2:
            ready.flush()
        if who < 5 and draw.random() < 0.3:
            got[who] += [one["n"] for one in wires[who].read()]
    ready.flush()
    for who, wire in enumerate(wires):
        got[who] += [one["n"] for one in wire.read()]
        wire.end()
    assert got == expected


@pytest.mark.parametrize("hand_out", WAYS)
def test_who_is_gone_gets_nothing_and_harms_nobody(hand_out: HandOut) -> None:
    """His descriptor may be somebody else's by now."""
    gone, here = LineWire(), LineWire()
    gone.touched = False
    gone.close(CloseCode.GOING_AWAY)
    ready = Replies(hand_out)
    ready.add(connect(gone), b'{"n":1}')
    ready.add(connect(here), b'{"n":2}')
    ready.flush()
    assert gone.read() == []
    assert here.read() == [{"n": 2}]
    gone.end()
    here.end()


def test_what_is_no_socket_is_written_to_as_ever() -> None:
    kept = Kept()
    ready = Replies(choose_writers().hand_out)
    ready.add(connect(kept), b"1")
    ready.flush()
    ready.flush()
    assert kept.sent == [b"<1>"]
