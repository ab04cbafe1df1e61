"""The compiled call and the one in Python do the same, on real sockets."""

import socket
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from hatch_build import LIBRARIES, Library, build_native
from realtime.delivery.fanout import IN_PYTHON, LIBRARY, Writers, choose_writers, load_native

ROOT = Path(__file__).resolve().parents[2]
NATIVE = load_native()
WRITERS = [pytest.param(IN_PYTHON, id="python"), *([pytest.param(NATIVE, id="native")] if NATIVE else [])]
Pairs = list[tuple[socket.socket, socket.socket]]


@pytest.fixture
def pairs() -> Iterator[Pairs]:
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


@pytest.mark.parametrize("writers", WRITERS)
def test_every_socket_gets_the_frame_once(writers: Writers, pairs: Pairs) -> None:
    assert writers.fan_out(array("i", [own.fileno() for own, _ in pairs]), b"frame") == []
    for _, peer in pairs:
        assert peer.recv(100) == b"frame"


@pytest.mark.parametrize("writers", WRITERS)
def test_who_cannot_take_it_is_named_and_harms_nobody(writers: Writers, pairs: Pairs) -> None:
    full, broken, passed_over = pairs[0][0], pairs[1][0], pairs[2]
    took = fill(full)
    pairs[1][1].close()
    descriptors = array("i", [full.fileno(), broken.fileno(), -1, pairs[3][0].fileno(), pairs[4][0].fileno()])
    assert writers.fan_out(descriptors, b"frame") == [(0, 0), (1, -1)]
    for _, peer in pairs[3:]:
        assert peer.recv(100) == b"frame"
    passed_over[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        passed_over[1].recv(1)
    read = 0
    while read < took:
        read += len(pairs[0][1].recv(65_536))
    assert read == took, "a full socket got nothing of the frame"


@pytest.mark.parametrize("writers", WRITERS)
def test_part_of_a_large_frame_is_told(writers: Writers, pairs: Pairs) -> None:
    own, peer = pairs[0]
    frame = bytes(range(256)) * 40_000
    [(index, taken)] = writers.fan_out(array("i", [own.fileno()]), frame)
    assert index == 0
    assert 0 < taken < len(frame)
    got = b""
    while len(got) < taken:
        got += peer.recv(65_536)
    assert got == frame[:taken]


@pytest.mark.parametrize("writers", WRITERS)
def test_every_socket_gets_its_own_frame(writers: Writers, pairs: Pairs) -> None:
    frames = [b"x" * number + b"." for number in range(5)]
    assert writers.hand_out(array("i", [own.fileno() for own, _ in pairs]), frames) == []
    assert [peer.recv(100) for _, peer in pairs] == frames
    assert writers.hand_out(array("i"), []) == []


@pytest.mark.parametrize("writers", WRITERS)
def test_who_cannot_take_his_own_is_named_and_harms_nobody(writers: Writers, pairs: Pairs) -> None:
    full, broken, small = pairs[0][0], pairs[1][0], pairs[2][0]
    fill(full)
    pairs[1][1].close()
    large = bytes(range(256)) * 40_000
    descriptors = array("i", [full.fileno(), broken.fileno(), small.fileno(), pairs[3][0].fileno(), pairs[4][0].fileno()])
    failed = dict(writers.hand_out(descriptors, [b"to a full one", b"to a broken one", large, b"fourth", b"fifth"]))
    taken = failed.pop(2)
    assert failed == {0: 0, 1: -1}
    assert 0 < taken < len(large)
    assert (pairs[3][1].recv(100), pairs[4][1].recv(100)) == (b"fourth", b"fifth")
    got = b""
    while len(got) < taken:
        got += pairs[2][1].recv(65_536)
    assert got == large[:taken]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.source)
def test_compiled_where_there_is_a_compiler_and_python_where_not(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / library.source, tmp_path / library.target
    source.parent.mkdir(parents=True)
    source.write_text((ROOT / library.source).read_text())
    built = build_native(tmp_path, library)
    assert built == target.exists()
    monkeypatch.setenv("PLENUM_NATIVE", "0")
    assert not build_native(tmp_path, library)
    assert not target.exists(), "one that is not wanted does not stay"
    monkeypatch.delenv("PLENUM_NATIVE")
    source.write_text("no C at all")
    target.write_text("of another time")
    assert not build_native(tmp_path, library)
    assert not target.exists(), "one that could not be built anew does not stay"
    assert not built or library.source in capfd.readouterr().err


def test_the_library_is_used_where_it_is(tmp_path: Path) -> None:
    assert load_native(tmp_path / "none.so") is None
    assert (choose_writers() is IN_PYTHON) == (not LIBRARY.exists())
