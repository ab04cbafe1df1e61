"""The way from HTTP to a WebSocket, in the HTTP protocol itself: no second parser, no task, no ASGI in between (RFC 6455 §4.2)."""

import asyncio
import base64
import binascii
from hashlib import sha1
from http import HTTPStatus
from typing import Any, Final

from realtime.core.messages import SUBPROTOCOL
from realtime.web.http_guard import HttpGuard
from realtime.web.http_wire import HttpWire
from realtime.web.wire import Door, SocketWire

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION: Final = b"13"


class Upgrade:
    """What the headers of a request to upgrade say. `fault` is the answer to one that is no handshake, or None."""

    def __init__(self, method: str, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers = headers
        keys, versions = self._all(b"sec-websocket-key"), self._all(b"sec-websocket-version")
        self.key = keys[0] if len(keys) == 1 else b""
        self.fault: HTTPStatus | None = None
        if method != "GET":
            self.fault = HTTPStatus.METHOD_NOT_ALLOWED
        elif versions != [_VERSION]:
            self.fault = HTTPStatus.UPGRADE_REQUIRED
        elif not _is_key(self.key):
            self.fault = HTTPStatus.BAD_REQUEST

    def _all(self, name: bytes) -> list[bytes]:
        return [value for header, value in self._headers if header == name]

    def text(self, name: bytes) -> str | None:
        """The first header of this name."""
        found = self._all(name)
        return found[0].decode("latin-1") if found else None

    @property
    def offers_subprotocol(self) -> bool:
        offered = b",".join(self._all(b"sec-websocket-protocol")).decode("latin-1")
        return SUBPROTOCOL in (name.strip() for name in offered.split(","))

    def answer(self) -> bytes:
        """The response that makes it a WebSocket."""
        accepted = base64.b64encode(sha1(self.key + _GUID, usedforsecurity=False).digest())
        chosen = b"\r\nSec-WebSocket-Protocol: " + SUBPROTOCOL.encode() if self.offers_subprotocol else b""
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accepted + chosen + b"\r\n\r\n"
        )  # fmt: skip


def _is_key(text: bytes) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except binascii.Error:
        return False


class UpgradingHttp(HttpWire):
    """Our HTTP protocol with our WebSockets. Subclassed per application with its `door` and its `guard`."""

    door: Door
    wire: type[SocketWire] = SocketWire

    def handle_websocket_upgrade(self) -> None:
        self.connections.discard(self)
        upgrade = Upgrade(self.scope["method"], self.headers)
        path = self.url.partition(b"?")[0].decode("latin-1")
        refusal = self.door.refuse(path, upgrade.text(b"origin"), upgrade.text(b"host")) or upgrade.fault
        if refusal is not None:
            self.transport.write(_refusal(refusal))
            self.transport.close()
            return
        self.transport.write(upgrade.answer())
        self.transport.set_protocol(self.wire(self.transport, self.door, self.connections))
        self._let_go()
        # This object and its parser hold each other, and would wait for the garbage collector as well.
        self.parser = self.flow = None  # type: ignore[assignment]


def _refusal(status: HTTPStatus) -> bytes:
    body = f"{status.value} {status.phrase}\n"
    version = f"sec-websocket-version: {_VERSION.decode()}\r\n" if status is HTTPStatus.UPGRADE_REQUIRED else ""
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-type: text/plain\r\n{version}"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()


class NoAsgiSocket(asyncio.Protocol):
    """Stands where uvicorn asks for a WebSocket class, so that it knows that upgrades are welcome; never made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise AssertionError("UpgradingHttp makes the wires")


def http_with(door: Door, guard: HttpGuard) -> type[UpgradingHttp]:
    """The protocol class of one application."""
    return type("ApplicationHttp", (UpgradingHttp,), {"door": door, "guard": guard})
