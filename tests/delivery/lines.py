"""A wire over a real socket, small enough to be full soon."""

import json
import socket
from typing import Any

from realtime.core.errors import CloseCode


class LineWire:
    """One line per frame over a real socket; keeps what the socket does not take, as a transport does."""

    def __init__(self) -> None:
        self._own, self._peer = socket.socketpair()
        self._own.setblocking(False)
        self._peer.setblocking(False)
        self._own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_608)
        self.descriptor = self._own.fileno()
        self.touched = True
        self.kept = b""
        self.closed = False

    def frame(self, payload: bytes) -> bytes:
        return payload + b"\n"

    def send(self, framed: bytes) -> None:
        self.touched = True
        if not self.closed:
            self.kept += framed
            self.flush()

    def flush(self) -> None:
        try:
            while self.kept:
                self.kept = self.kept[self._own.send(self.kept) :]
        except BlockingIOError:
            return

    def buffered(self) -> int:
        return len(self.kept)

    def clear(self) -> bool:
        if self.kept or self.closed:
            return False
        self.touched = False
        return True

    def close(self, code: CloseCode) -> None:
        self.closed = self.touched = True

    def read(self) -> list[dict[str, Any]]:
        """All frames that a peer reads from here to the end."""
        got = b""
        while True:
            self.flush()
            try:
                got += self._peer.recv(65_536)
            except BlockingIOError:
                if not self.kept:
                    return [json.loads(line) for line in got.splitlines()]

    def end(self) -> None:
        self._own.close()
        self._peer.close()
