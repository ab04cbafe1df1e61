"""The few bytes of both wire protocols that tell whether an engine answers, without a client library."""

from __future__ import annotations

import random
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

REPLY_MAX_BYTES = 1024 * 1024
_PROTOCOL_3 = 196608
# Below the range that systems give to outgoing connections: between finding a port and listening on it a crowd may connect.
_PORTS = range(15_000, 32_000)


@dataclass(frozen=True)
class Address:
    """Where an engine listens: a socket in the file system, or a port of 127.0.0.1."""

    path: Path | None = None
    port: int = 0

    def connect(self, timeout_seconds: float) -> socket.socket:
        """Open a connection; raises OSError while nobody listens."""
        if self.path is None:
            return socket.create_connection(("127.0.0.1", self.port), timeout_seconds)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout_seconds)
            connection.connect(str(self.path))
        except OSError:
            connection.close()
            raise
        return connection


def free_ports() -> tuple[int, int]:
    """Two ports of 127.0.0.1 that nobody listens on at this moment."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == 2:
            return found[0], found[1]
    raise OSError("no two ports of 127.0.0.1 are free")


def ask_valkey(address: Address, timeout_seconds: float) -> dict[str, str]:
    """The fields of INFO (server, persistence); empty where Valkey answers with an error.

    Raises OSError while it does not answer.
    """
    with address.connect(timeout_seconds) as connection, connection.makefile("rb") as replies:
        connection.sendall(b"INFO server persistence\r\n")
        head = replies.readline(64)
        if not (head.startswith(b"$") and head.endswith(b"\r\n")):
            return {}
        text = replies.read(min(int(head[1:]), REPLY_MAX_BYTES)).decode("utf-8", "replace")
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def ask_postgres(address: Address, database: str, statement: str, timeout_seconds: float) -> str | None:
    """Run one statement as the user `postgres`; the SQLSTATE of the error, or None where it succeeded.

    Raises OSError while PostgreSQL does not answer. Source: PostgreSQL's manual, "Message Flow".
    """
    names = f"user\0postgres\0database\0{database}\0\0".encode()
    query = statement.encode() + b"\0"
    with address.connect(timeout_seconds) as connection, connection.makefile("rb") as replies:
        connection.sendall(struct.pack("!ii", len(names) + 8, _PROTOCOL_3) + names)
        asked = False
        failure: str | None = None
        while True:
            head = replies.read(5)
            if len(head) < 5:
                if failure is None:
                    raise ConnectionResetError("PostgreSQL closed the connection")
                return failure
            kind, length = struct.unpack("!ci", head)
            body = replies.read(min(length - 4, REPLY_MAX_BYTES))
            if kind == b"E":
                failure = _sqlstate(body)
            elif kind == b"Z" and asked:
                connection.sendall(struct.pack("!ci", b"X", 4))
                return failure
            elif kind == b"Z":
                asked = True
                connection.sendall(struct.pack("!ci", b"Q", len(query) + 4) + query)
            elif kind == b"R" and body[:4] != b"\0\0\0\0":
                return "28000"  # it wants a password, which this folder's own cluster never does


def _sqlstate(body: bytes) -> str:
    codes = [field[1:] for field in body.split(b"\0") if field.startswith(b"C")]
    return codes[0].decode("ascii") if codes else "XX000"
