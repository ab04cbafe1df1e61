"""The server's own HTTP protocol class: uvicorn's, with an end for everybody who is slow, vast or ambiguous.

uvicorn waits for ever for a request, a header and a body, takes headers of any size, and any number of
sockets. Here each has a limit. What cannot be read as one certain request is refused before the application
sees it; health is answered even when no more sockets are taken.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import httptools
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import is_ssl
from uvicorn.server import ServerState

from realtime.core.errors import Refusal
from realtime.web.addresses import peer_of
from realtime.web.http_guard import HttpGuard, reset
from realtime.web.pages import SECURITY_HEADERS
from realtime.web.requests import problem

HEADER_BYTES: Final = 16_384  # request line and header fields together
URL_BYTES: Final = 8_192
HEADER_FIELDS: Final = 100
BODY_BYTES_PER_SECOND: Final = 1_000  # a body that comes slower for longer than the allowance is given up
READ_BYTES_PER_SECOND: Final = 1_000  # likewise a response that is taken slower
PIPELINED_REQUESTS: Final = 16  # sent ahead of their responses
LINGER_SECONDS: Final = 2.0  # how long a refused peer is listened to, so that it can read the refusal
LINGER_BYTES: Final = 1_048_576
RESERVED_SOCKETS: Final = 100  # beyond the cap: they may ask for health, and are told that the server is full
WHOLE: Final = "plenum.whole"  # in a scope: the call that answers in one piece
_BUFFER_BYTES: Final = 65_536
_OWN: Final = ("parser", "pipeline")  # of what uvicorn's class sets up, all that each connection has for itself


class HttpWire(HttpToolsProtocol):
    """One HTTP connection, until it becomes a WebSocket. Subclassed per application with its `guard`."""

    guard: HttpGuard
    _first: tuple[Config, ServerState, dict[str, Any]] | None = None  # what uvicorn set up for the first connection

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        # All but the parser and the pipeline is the same for all connections of a server, and dear to look up again.
        first = self._first
        if first is None or first[0] is not config or first[1] is not server_state:
            super().__init__(config, server_state, app_state, _loop)
            same = {name: value for name, value in vars(self).items() if name not in _OWN}
            type(self)._first = (config, server_state, same)
        else:
            vars(self).update(first[2])
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.pipeline = deque()
        self._extra = False  # beyond the cap
        self._in_head = self._in_body = False
        self._head_fed = self._head_size = 0
        self._body_size = self._unwanted = 0
        self._body_since = 0.0
        self._deadline: asyncio.TimerHandle | None = None  # of the head or the body that is coming
        self._stall: asyncio.TimerHandle | None = None  # of the response that is going
        self._stall_size = 0
        self._deaf = False
        self._refusal: Refusal | None = None  # raised in a callback of the parser
        self._running: RequestResponseCycle | None = None

    # ------------------------------------------------------------------------------------- asyncio's calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # As uvicorn's, but who the peer is, is asked only where a request is answered: it costs as much as the rest of this.
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self.scheme = "https" if is_ssl(transport) else "http"
        transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        held = len(self.connections)
        if held > self.guard.sockets + RESERVED_SOCKETS:
            self.guard.refused["sockets"] += 1
            reset(transport)
            return
        self._extra = held > self.guard.sockets
        self._deadline = self.loop.call_later(self.guard.header_seconds, self._give_up_head)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self._drop(data)
            return
        begins = not (self._in_head or self._in_body)
        if begins and not self._begin(data):
            return
        in_head, in_body = begins or self._in_head, self._in_body
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._on_upgrade(data, upgrade.args[0])
            return
        except httptools.HttpParserError:
            refusal, self._refusal = self._refusal or Refusal("bad_request"), None
            self._refuse(refusal.with_traceback(None))  # its frames hold it, and this object
            return
        if self._in_head and in_head:
            # The parser keeps a field until it is whole, so only this knows how much of one has come.
            self._head_fed += len(data)
            if self._head_fed > HEADER_BYTES:
                self._refuse(Refusal("headers_too_large"))
        elif in_body and self._in_body and self._is_answered():
            self._drop(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        self._cancel_stall()
        self._unset_keepalive_if_required()
        if self._running is not None and self._running is not self.cycle:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self._let_go()

    def _let_go(self) -> None:
        """A request knows this object by its scope, and would wait with it for the garbage collector."""
        self.pipeline.clear()
        self.cycle = self._running = self.scope = self.headers = None  # type: ignore[assignment]

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._cancel_stall()

    # ------------------------------------------------------------------------------------ httptools' calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_size = 0
        if len(self.pipeline) >= PIPELINED_REQUESTS:
            self._stop(Refusal("bad_request", "Too many requests were sent ahead of their responses."))

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head_size += len(url)
        if len(self.url) > URL_BYTES:
            self._stop(Refusal("address_too_long"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value) + 4
        if self._head_size > HEADER_BYTES or len(self.headers) >= HEADER_FIELDS:
            self._stop(Refusal("headers_too_large"))
        if self._in_head:  # fields behind a body belong to no request that has been judged
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._cancel_deadline()
        self._in_head, self._in_body = False, True
        self._head_fed = self._body_size = self._unwanted = 0
        self._body_since = self.loop.time()
        self._judge()
        before = self.cycle
        if self.client is None:
            self.client = peer_of(self.transport)
        self.scope["client"] = self.client
        self.scope[WHOLE] = self._answer_whole  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        if self.cycle is not before and len(self.connections) >= self.guard.sockets:
            self.cycle.keep_alive = False  # sockets are scarce

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._cancel_deadline()
        super().on_message_complete()

    # -------------------------------------------------------------------------------------- uvicorn's calls

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        self._running = cycle
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def _answer_whole(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """A response in one piece, as two messages of ASGI would make it; the headers are ours and need no look.

        False where the peer does not read: then it must be waited for.
        """
        cycle = self._running
        if cycle is None or cycle.disconnected:
            return True
        if self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            parts += [name, b": ", value, b"\r\n"]
        parts += [b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", body]
        self.transport.write(b"".join(parts))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_flush()
        elif self._in_body:
            # What is left of a body that nobody wants is read for a moment, so that the response gets through.
            self._cancel_deadline()
            self._deadline = self.loop.call_later(LINGER_SECONDS, self._close)

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    # ------------------------------------------------------------------------------------------- judgement

    def _begin(self, data: bytes) -> bool:
        """The first bytes of a request; a peer that does not speak HTTP at all gets no answer."""
        start = data.lstrip(b"\r\n")[:1]
        if start and not b"A" <= start <= b"Z":
            self.guard.refused["no_http"] += 1
            reset(self.transport)
            return False
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.guard.header_seconds, self._give_up_head)
        return True

    def _judge(self) -> None:
        """Refuse a head that two readers could understand in two ways (RFC 9112 §11.2), and whom there is no room for."""
        version = self.parser.get_http_version()
        hosts = codings = lengths = 0
        coding = b""
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding":
                codings, coding = codings + 1, value.strip().lower()
            elif name == b"content-length":
                lengths += value.strip() != b"0"
        if version not in ("1.0", "1.1"):
            self._stop(Refusal("bad_request", "This server speaks HTTP/1.1."))
        if hosts > 1 or (version == "1.1" and not hosts):
            self._stop(Refusal("bad_request", "A request names exactly one host."))
        if codings > 1 or (codings and (lengths or coding != b"chunked" or version == "1.0")):
            self._stop(Refusal("bad_request", "The length of the body is not certain."))
        if self.parser.should_upgrade() and (codings or lengths):
            self._stop(Refusal("bad_request", "A request to upgrade has no body."))
        if self._extra and self.url.partition(b"?")[0] not in self.guard.always:
            self._stop(Refusal("overloaded", "This server has no room for another connection.", after_ms=2_000))

    def _stop(self, refusal: Refusal) -> None:
        """Leave the parser; it turns whatever a callback raises into its own error."""
        self._refusal = refusal
        raise refusal

    def _on_upgrade(self, data: bytes, offset: int) -> None:
        """The parser has met a request to speak something else, and reads no more."""
        if not self._should_upgrade():
            # Answered as an ordinary request, which the protocol allows; nobody knows where the next one begins.
            self._deaf = True
            self.cycle.keep_alive = False
        elif self._is_busy() or offset < len(data):
            # Who speaks on before it is let in, or while another response is due, could make one pass for the other.
            self._refuse(Refusal("bad_request", "Wait for the answer before and after a request to upgrade."))
        else:
            self.handle_websocket_upgrade()

    def _is_busy(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _is_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        """Answer instead of the application, then end. What is due from before is still given, and then it ends as well."""
        self.guard.refused[refusal.code] += 1
        self._deaf = True
        self._cancel_deadline()
        running = self._running
        if running is not None and not running.response_complete:
            if running is not self.cycle or not self._in_body:
                running.keep_alive = False
                self.pipeline.clear()
                return
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                reset(self.transport)
                return
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self.transport.write(_answer(refusal))
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self._abort)

    # ------------------------------------------------------------------------------------------- deadlines

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _abort(self) -> None:
        reset(self.transport)

    def _close(self) -> None:
        self.transport.close()
        self._watch_flush()

    def _give_up_head(self) -> None:
        self._deadline = None
        if self._in_head:
            self._refuse(Refusal("request_timeout"))
        elif not self._is_busy():  # it has said nothing; browsers open such connections ahead of need
            self.guard.refused["silent"] += 1
            self.transport.abort()

    def _watch(self) -> None:
        """See that nothing the peer is in the middle of takes for ever."""
        if self._deadline is not None or self._deaf:
            return
        if self._in_head:
            self._deadline = self.loop.call_later(self.guard.header_seconds, self._give_up_head)
        elif self._in_body and not self._is_answered():
            self._deadline = self.loop.call_later(self.guard.body_seconds, self._check_body)
        elif not self._in_body and self._is_answered() and self.timeout_keep_alive_task is None:
            # The last of a body that nobody wanted has gone by.
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _check_body(self) -> None:
        self._deadline = None
        if self.flow.read_paused:  # it is the application that has not read yet
            self._body_since += self.guard.body_seconds
        allowed = self.guard.body_seconds + self._body_size / BODY_BYTES_PER_SECOND
        left = self._body_since + allowed - self.loop.time()
        if left > 0:
            self._deadline = self.loop.call_later(left, self._check_body)
        else:
            self._refuse(Refusal("request_timeout"))

    def _drop(self, data: bytes) -> None:
        """Bytes that nobody wants: they are let go by, but not for ever."""
        self._unwanted += len(data)
        if self._unwanted > LINGER_BYTES:
            reset(self.transport)

    def _watch_reader(self) -> None:
        self._stall_size = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(self.guard.stall_seconds, self._check_reader)

    def _check_reader(self) -> None:
        """A response must be taken at a rate that a slow phone reaches."""
        self._stall = None
        taken = self._stall_size - self.transport.get_write_buffer_size()
        if taken >= READ_BYTES_PER_SECOND * self.guard.stall_seconds:
            self._watch_reader()
        else:
            self.guard.refused["stalled"] += 1
            reset(self.transport)

    def _watch_flush(self) -> None:
        """A connection that is closing has its last bytes taken from it soon, or is cut."""
        if self._stall is None and self.transport.get_write_buffer_size():
            self._watch_reader()


def _answer(refusal: Refusal) -> bytes:
    """A whole response with a problem document."""
    response = problem(refusal)
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.raw_headers}
    fields |= {**SECURITY_HEADERS, "connection": "close"}
    head = f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode("latin-1") + b"\r\n" + bytes(response.body)
