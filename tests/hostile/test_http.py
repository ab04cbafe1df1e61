"""Fault 48: request smuggling, and whatever else is not one certain request; nothing behind such a one is served."""

import asyncio

import pytest

from tests.hostile.raw import TEXT, Raw, frame, handshake
from tests.journey.servers import Server

LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
SMUGGLED = b"GET /api/v1/health/smuggled HTTP/1.1\r\nhost: x\r\n\r\n"


def post(*lines: bytes, body: bytes = b"0\r\n\r\n", version: bytes = b"1.1") -> bytes:
    return b"POST /api/v1/join HTTP/%b\r\nhost: x\r\n%b\r\n%b" % (version, b"".join(line + b"\r\n" for line in lines), body)


def get(*lines: bytes, target: bytes = b"/api/v1/health/live", version: bytes = b"1.1") -> bytes:
    return b"GET %b HTTP/%b\r\n%b\r\n" % (target, version, b"".join(line + b"\r\n" for line in lines))


CHUNKED = b"transfer-encoding: chunked"
AMBIGUOUS = {
    "length, then chunked": post(b"content-length: 5", CHUNKED),
    "chunked, then length": post(CHUNKED, b"content-length: 5"),
    "two lengths": post(b"content-length: 5", b"content-length: 50", body=b"hello"),
    "one length twice": post(b"content-length: 5", b"content-length: 5", body=b"hello"),
    "list of lengths": post(b"content-length: 5, 5", body=b"hello"),
    "negative length": post(b"content-length: -5", body=b"hello"),
    "signed length": post(b"content-length: +5", body=b"hello"),
    "hexadecimal length": post(b"content-length: 0x5", body=b"hello"),
    "length with a blank before the colon": post(b"content-length : 5", body=b"hello"),
    "empty length": post(b"content-length:", body=b""),
    "length over 64 bits": post(b"content-length: 99999999999999999999", body=b"hello"),
    "unknown coding": post(b"transfer-encoding: xchunked"),
    "identity": post(b"transfer-encoding: identity", body=b"hello"),
    "chunked, then identity": post(b"transfer-encoding: chunked, identity"),
    "gzip, then chunked": post(b"transfer-encoding: gzip, chunked"),
    "chunked twice": post(CHUNKED, CHUNKED),
    "coding with a vertical tab": post(b"transfer-encoding: \x0bchunked"),
    "chunked in HTTP/1.0": post(CHUNKED, version=b"1.0"),
    "folded field": get(b"host: x", b"a: b", b" c: d"),
    "bare line feeds": LIVE.replace(b"\r\n", b"\n"),
    "bare carriage return": get(b"host: x\rtransfer-encoding: chunked"),
    "NUL in a field": get(b"host: x", b"a: b\x00c"),
    "field without a colon": get(b"host: x", b"abc"),
    "field without a name": get(b"host: x", b": abc"),
    "blank in a name": get(b"host: x", b"a b: c"),
    "no host": get(),
    "two hosts": get(b"host: x", b"host: y"),
    "HTTP/2.0": get(b"host: x", version=b"2.0"),
    "HTTP/1.2": get(b"host: x", version=b"1.2"),
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown method": b"FOO / HTTP/1.1\r\nhost: x\r\n\r\n",
    "blank in the target": get(b"host: x", target=b"/api /v1"),
    "target that is not ASCII": get(b"host: x", target=b"/\xff"),
    "tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "chunk with a wrong size": post(CHUNKED, body=b"5x\r\nhello\r\n0\r\n\r\n"),
    "chunk over 64 bits": post(CHUNKED, body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "chunk with bare line feeds": post(CHUNKED, body=b"5\nhello\n0\n\n"),
    "chunk longer than its size": post(CHUNKED, body=b"4\r\nhello\r\n0\r\n\r\n"),
    "upgrade with a body": handshake("x", "/ws", "content-length: 5") + b"hello",
    "upgrade in chunks": handshake("x", "/ws", "transfer-encoding: chunked") + b"0\r\n\r\n",
    "upgrade with a frame behind it": handshake("x") + frame(TEXT, b'{"type":"ping","id":1}'),
    "upgrade with a request behind it": handshake("x") + LIVE,
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_request_smuggling(server: Server, sockets: list[Raw], name: str) -> None:
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    # What stands behind it in the same packet must not be taken for a request of its own.
    await raw.send(AMBIGUOUS[name] + ("upgrade" not in name) * SMUGGLED)
    status, headers, body = await raw.answer()
    assert status == 400
    assert (headers["content-type"], headers["connection"]) == ("application/problem+json", "close")
    assert b'"code":"bad_request"' in body
    assert await raw.rest() == b"", "nothing else is answered"


async def test_upgrade_while_a_response_is_due(server: Server, sockets: list[Raw]) -> None:
    """One who pipelines a handshake could have the late response read as frames."""
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    await raw.send(LIVE + handshake("x"))
    status, headers, body = await raw.answer()
    assert (status, headers["connection"], body) == (200, "close", b'{"status":"alive"}')
    assert await raw.rest() == b"", "the handshake is not answered"


async def test_upgrade_to_something_else_is_an_ordinary_request(server: Server, sockets: list[Raw]) -> None:
    for lines in ([b"connection: Upgrade", b"upgrade: h2c"], [b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c"]):
        raw = await Raw.connect(server.url)
        sockets.append(raw)
        await raw.send(get(b"host: x", *lines) + SMUGGLED)
        status, headers, body = await raw.answer()
        assert (status, headers["connection"], body) == (200, "close", b'{"status":"alive"}')
        assert await raw.rest() == b""


async def test_bytes_that_are_no_http_are_cut_off(server: Server, sockets: list[Raw]) -> None:
    hello_of_tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for garbage in (hello_of_tls, b"\x00" * 500, b"\xff\xfe", b"{}", b"\x05\x01\x00"):
        raw = await Raw.connect(server.url)
        sockets.append(raw)
        await raw.send(garbage)
        assert await raw.rest(3) == b""


async def test_pipelined_requests_are_answered_in_order_up_to_a_limit(server: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    await raw.send(LIVE * 10)
    assert [(await raw.answer())[0] for _ in range(10)] == [200] * 10
    await raw.send(LIVE * 5_000)
    served = (await raw.rest()).count(b"HTTP/1.1 200")
    assert served <= 17, "what waits is bounded"


async def test_two_requests_in_pieces_are_two_requests(server: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    text = b"\r\n" + LIVE + b"\r\n" + LIVE
    await raw.send(text, cut=[1] * len(text))
    for _ in range(2):
        assert (await raw.answer())[0] == 200


async def test_fields_behind_a_body_are_not_believed(server: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    request = post(CHUNKED, b"content-type: application/json", body=b"2\r\n{}\r\n0\r\nauthorization: Bearer x\r\n\r\n")
    await raw.send(request)
    assert (await raw.answer())[0] == 422
    await raw.send(request.replace(b"authorization", b"a" * 20_000))
    await raw.rest()


async def test_body_that_nobody_wants_does_not_cost_the_answer(server: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    sending = asyncio.create_task(raw.send(post(b"content-length: 1500000", body=b" " * 1_500_000)))
    status, _, body = await raw.answer()
    assert (status, b"too_large" in body) == (413, True)
    await raw.rest()
    await sending
