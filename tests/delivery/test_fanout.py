"""The compiled call and the one in Python do the same, on real sockets."""

import socket
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from hatch_build import build_native
from realtime.delivery.fanout import LIBRARY, FanOut, choose_fan_out, fan_out_in_python, load_native

ROOT = Path(__file__).resolve().parents[2]
NATIVE = load_native()
CALLS = [pytest.param(fan_out_in_python, id="python"), *([pytest.param(NATIVE, id="native")] if NATIVE else [])]


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Connected sockets: ours, which never waits, and the peer's."""
    made = [socket.socketpair() for _ in range(5)]
    for own, peer in made:
        own.setblocking(False)
        peer.settimeout(5)
    yield made
    for pair in made:
        for each in pair:
            each.close()


def fill(own: socket.socket) -> int:
    """Write until the socket takes nothing more; returns how much it took."""
    taken = 0
    try:
        while True:
            taken += own.send(b"-" * 65_536)
    except BlockingIOError:
        return taken


@pytest.mark.parametrize("fan_out", CALLS)
def test_every_socket_gets_the_frame_once(fan_out: FanOut, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    assert fan_out(array("i", [own.fileno() for own, _ in pairs]), b"frame") == []
    for _, peer in pairs:
        assert peer.recv(100) == b"frame"


@pytest.mark.parametrize("fan_out", CALLS)
def test_who_cannot_take_it_is_named_and_harms_nobody(fan_out: FanOut, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    full, broken, passed_over = pairs[0][0], pairs[1][0], pairs[2]
    took = fill(full)
    pairs[1][1].close()
    descriptors = array("i", [full.fileno(), broken.fileno(), -1, pairs[3][0].fileno(), pairs[4][0].fileno()])
    assert fan_out(descriptors, b"frame") == [(0, 0), (1, -1)]
    for _, peer in pairs[3:]:
        assert peer.recv(100) == b"frame"
    passed_over[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        passed_over[1].recv(1)
    read = 0
    while read < took:
        read += len(pairs[0][1].recv(65_536))
    assert read == took, "a full socket got nothing of the frame"


@pytest.mark.parametrize("fan_out", CALLS)
def test_part_of_a_large_frame_is_told(fan_out: FanOut, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    own, peer = pairs[0]
    frame = bytes(range(256)) * 40_000
    [(index, taken)] = fan_out(array("i", [own.fileno()]), frame)
    assert index == 0
    assert 0 < taken < len(frame)
    got = b""
    while len(got) < taken:
        got += peer.recv(65_536)
    assert got == frame[:taken]


def test_compiled_where_there_is_a_compiler_and_python_where_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "realtime" / "delivery"
    folder.mkdir(parents=True)
    (folder / "fanout.c").write_text((ROOT / "realtime" / "delivery" / "fanout.c").read_text())
    built = build_native(tmp_path)
    assert built == (folder / "libfanout.so").exists()
    assert (load_native(folder / "libfanout.so") is not None) == built
    monkeypatch.setenv("PLENUM_NATIVE", "0")
    assert not build_native(tmp_path)
    assert not (folder / "libfanout.so").exists(), "one that is not wanted does not stay"
    assert load_native(folder / "none.so") is None
    assert (choose_fan_out() is fan_out_in_python) == (not LIBRARY.exists())
