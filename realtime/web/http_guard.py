"""The limits of one application's HTTP, and the end of a connection that is beyond one of them."""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class HttpGuard:
    """The limits of one application's HTTP, and how often each was met."""

    sockets: int
    header_seconds: float
    body_seconds: float
    stall_seconds: float
    always: frozenset[bytes]  # paths that are answered even when there is no room
    refused: Counter[str] = field(default_factory=Counter)


def reset(transport: asyncio.Transport) -> None:
    """End a connection at once, without leaving the kernel to send what nobody reads."""
    peer = transport.get_extra_info("socket")
    if peer is not None:
        with contextlib.suppress(OSError, ValueError):  # the descriptor may be gone already, which is what is wanted
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
