"""The probes, against peers that answer strangely."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.engines.probe import Address, ask_postgres, ask_valkey, free_ports

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[tuple[Address, list[bytes]]]:
    """A peer that reads once, sends what the list holds, and closes."""
    answer: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"".join(answer))

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address(path=tmp_path / "s"), answer
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"$", b"-LOADING\r\n", b"$3\r\nabc\r\n"])
def test_a_valkey_that_says_nothing_useful_is_not_ready(
    answering: tuple[Address, list[bytes]], answer: bytes
) -> None:
    address, answers = answering
    answers.append(answer)
    assert ask_valkey(address, 5) == {}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"R\0\0\0\x08\0\0\0\x03", "28000"),
        (b"E\0\0\0\x12SFATAL\0C57P03\0\0", "57P03"),
        (b"E\0\0\0\x05\0", "XX000"),
    ],
)
def test_a_postgres_that_refuses_is_told_by_its_sqlstate(
    answering: tuple[Address, list[bytes]], answer: bytes, state: str
) -> None:
    address, answers = answering
    answers.append(answer)
    assert ask_postgres(address, "plenum", "SELECT 1", 5) == state


def test_a_postgres_that_hangs_up_is_an_os_error(answering: tuple[Address, list[bytes]]) -> None:
    with pytest.raises(ConnectionResetError):
        ask_postgres(answering[0], "plenum", "SELECT 1", 5)


def test_nobody_listening_is_an_os_error(tmp_path: Path) -> None:
    for address in (Address(path=tmp_path / "none"), Address(port=free_ports()[0])):
        with pytest.raises(OSError, match=r"refused|No such file"):
            ask_valkey(address, 1)
