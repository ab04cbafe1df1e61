"""RFC 6455 against the real server, byte by byte: what must be answered is, what must fail the connection does, with its code.

The server has no echo; `ping` commands stand for one: a reply with the id says that the message was read whole and right. The
sections are those of the Autobahn test suite (1 to 7 and 10), which test_autobahn.py runs where it is installed.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.hostile.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Raw, frame, handshake
from tests.journey.servers import Server

FRAME_BYTES = 65_536
RFC_ERROR, NOT_UTF8, TOO_LARGE, PROTOCOL = 1002, 1007, 4504, 4503
LAST = 99  # the id of the message that asks whether the connection is still there


def message(number: int, length: int = 0) -> bytes:
    """A command that is answered; blanks behind it are JSON too."""
    return (b'{"type":"ping","id":%d}' % number).ljust(length)


def holding(text: bytes, number: int = 1) -> bytes:
    """A message around bytes; where they are UTF-8 it is answered, with a refusal of the field."""
    return b'{"type":"ping","id":%d,"x":"%b"}' % (number, text)


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def fragments(payload: bytes, *sizes: int) -> Iterator[bytes]:
    """A text message in pieces of these sizes, and the rest as the last one."""
    at = 0
    for index, size in enumerate(sizes):
        yield frame(CONTINUATION if index else TEXT, payload[at : at + size], fin=False)
        at += size
    yield frame(CONTINUATION if sizes else TEXT, payload[at:])


@dataclass
class Case:
    """What is sent, and what must come of it. Without a code the connection must go on."""

    sent: bytes
    replies: tuple[int, ...] = ()
    pongs: tuple[bytes, ...] = ()
    code: int | None = None


def well(*sent: bytes, replies: tuple[int, ...] = (), pongs: tuple[bytes, ...] = ()) -> Case:
    return Case(b"".join(sent), replies, pongs)


def fails(*sent: bytes, code: int = RFC_ERROR, replies: tuple[int, ...] = (), pongs: tuple[bytes, ...] = ()) -> Case:
    return Case(b"".join(sent), replies, pongs, code)


CASES: dict[str, Case] = {}

# 1 and 10: messages of any length, whole or in many pieces
for size in (0, 125, 126, 127, 128, 1_000, FRAME_BYTES - 1, FRAME_BYTES):
    CASES[f"1 text of {size} bytes"] = well(frame(TEXT, message(1, size)), replies=(1,))
CASES["1 empty text"] = well(frame(TEXT), frame(TEXT, message(1)), replies=(1,))
CASES["1 many at once"] = well(*(frame(TEXT, message(number)) for number in range(1, 21)), replies=tuple(range(1, 21)))
CASES["1 binary"] = fails(frame(BINARY, message(1)), code=PROTOCOL)
CASES["10 text in 51 pieces"] = well(*fragments(message(1, FRAME_BYTES), *[1_300] * 50), replies=(1,))

# 2: pings and pongs
CASES["2 ping"] = well(frame(PING), pongs=(b"",))
CASES["2 ping with payload"] = well(frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), pongs=(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",))
CASES["2 ping of 125 bytes"] = well(frame(PING, b"\xfe" * 125), pongs=(b"\xfe" * 125,))
CASES["2 ping of 126 bytes"] = fails(frame(PING, b"\xfe" * 126))
CASES["2 pong that nobody asked for"] = well(frame(PONG), frame(PONG, b"unsolicited"), frame(PING, b"x"), pongs=(b"x",))
CASES["2 pong of 126 bytes"] = fails(frame(PONG, b"\xfe" * 126))
CASES["2 ten pings"] = well(*(frame(PING, b"%d" % n) for n in range(10)), pongs=tuple(b"%d" % n for n in range(10)))
CASES["2 pings and messages"] = well(
    frame(PING, b"1"), frame(TEXT, message(1)), frame(PING, b"2"), frame(TEXT, message(2)), replies=(1, 2), pongs=(b"1", b"2")
)

# 3: reserved bits
for rsv in range(1, 8):
    CASES[f"3 reserved bits {rsv} on text"] = fails(frame(TEXT, message(1)), frame(TEXT, message(2), rsv=rsv), replies=(1,))
    CASES[f"3 reserved bits {rsv} on ping"] = fails(frame(PING, b"x", rsv=rsv))
    CASES[f"3 reserved bits {rsv} on close"] = fails(frame(CLOSE, rsv=rsv))
CASES["3 reserved bit on a continuation"] = fails(frame(TEXT, b"{", fin=False), frame(CONTINUATION, b"}", rsv=4))

# 4: reserved opcodes
for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    CASES[f"4 opcode {opcode}"] = fails(frame(TEXT, message(1)), frame(opcode), frame(PING, b"late"), replies=(1,))
    CASES[f"4 opcode {opcode} with payload"] = fails(frame(opcode, message(1)))

# 5: fragmentation
CASES["5 ping in pieces"] = fails(frame(PING, b"a", fin=False), frame(CONTINUATION, b"b"))
CASES["5 pong in pieces"] = fails(frame(PONG, b"a", fin=False), frame(CONTINUATION, b"b"))
CASES["5 close in pieces"] = fails(frame(CLOSE, b"\x03\xe8", fin=False))
CASES["5 text in two pieces"] = well(*fragments(message(1), 5), replies=(1,))
CASES["5 text octet by octet"] = well(*fragments(message(1), *[1] * (len(message(1)) - 1)), replies=(1,))
CASES["5 ping between pieces"] = well(
    frame(TEXT, message(1)[:5], fin=False), frame(PING, b"p"), frame(CONTINUATION, message(1)[5:9], fin=False), frame(PING, b"q"),
    frame(CONTINUATION, message(1)[9:]), replies=(1,), pongs=(b"p", b"q"),
)  # fmt: skip
CASES["5 empty pieces around a text"] = well(
    frame(TEXT, fin=False), frame(CONTINUATION, message(1), fin=False), frame(CONTINUATION), replies=(1,)
)
CASES["5 continuation of nothing"] = fails(frame(CONTINUATION, b"x"))
CASES["5 unfinished continuation of nothing"] = fails(frame(CONTINUATION, b"x", fin=False))
CASES["5 continuation after a whole text"] = fails(frame(TEXT, message(1)), frame(CONTINUATION, b"x"), replies=(1,))
CASES["5 continuation after the last piece"] = fails(*fragments(message(1), 5), frame(CONTINUATION, b"x"), replies=(1,))
CASES["5 text before the last piece"] = fails(frame(TEXT, b"{", fin=False), frame(TEXT, message(1)))
CASES["5 binary before the last piece"] = fails(frame(TEXT, b"{", fin=False), frame(BINARY, b"}"))
CASES["5 text in pieces after text in pieces"] = well(*fragments(message(1), 3, 4), *fragments(message(2), 1), replies=(1, 2))

# 6: UTF-8
VALID = {
    "greek": "κόσμε".encode(),
    "two octets": b"\xc2\x80\xdf\xbf",
    "three octets": b"\xe0\xa0\x80\xef\xbf\xbf",
    "four octets": b"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
    "below the surrogates": b"\xed\x9f\xbf",
    "above the surrogates": b"\xee\x80\x80",
    "replacement": b"\xef\xbf\xbd",
    "no characters": b"\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\xbf\xbe",
    "byte order mark": b"\xef\xbb\xbf",
    "emoji": "👩‍👩‍👧‍👦".encode(),
}
INVALID = {
    "continuation alone": b"\x80",
    "continuations alone": b"\xbf\x80\xbf",
    "start alone": b"\xc3",
    "start of three": b"\xe2\x82",
    "start of four": b"\xf0\x9f\x98",
    "starts": b"\xc0\xc1\xc3\xc4",
    "overlong slash of two": b"\xc0\xaf",
    "overlong NUL": b"\xc0\x80",
    "overlong of three": b"\xe0\x80\xaf",
    "overlong of four": b"\xf0\x80\x80\xaf",
    "longest overlong of two": b"\xc1\xbf",
    "longest overlong of three": b"\xe0\x9f\xbf",
    "longest overlong of four": b"\xf0\x8f\xbf\xbf",
    "five octets": b"\xf8\x88\x80\x80\x80",
    "six octets": b"\xfc\x84\x80\x80\x80\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "far beyond": b"\xf5\x80\x80\x80",
    "high surrogate": b"\xed\xa0\x80",
    "low surrogate": b"\xed\xbf\xbf",
    "surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "FE": b"\xfe",
    "FF": b"\xff",
    "FE FE FF FF": b"\xfe\xfe\xff\xff",
    "latin": "über".encode("latin-1"),
    "valid and then not": "κόσμε\ud800".encode("utf-8", "surrogatepass"),
}
for name, octets in VALID.items():
    text = holding(octets)
    CASES[f"6 {name}"] = well(frame(TEXT, text), replies=(1,))
    CASES[f"6 {name}, octet by octet"] = well(*fragments(text, *[1] * (len(text) - 1)), replies=(1,))
for name, octets in INVALID.items():
    text = holding(octets)
    CASES[f"6 {name}"] = fails(frame(TEXT, message(7)), frame(TEXT, text), frame(PING, b"late"), code=NOT_UTF8, replies=(7,))
    CASES[f"6 {name}, octet by octet"] = fails(*fragments(text, *[1] * (len(text) - 1)), code=NOT_UTF8)
CASES["6 text that ends inside a character"] = fails(frame(TEXT, "€".encode()[:2]), code=NOT_UTF8)
CASES["6 last piece ends inside a character"] = fails(*fragments("ab€".encode()[:-1], 2), code=NOT_UTF8)
# Fails with the piece that cannot be right any more: no last piece ever comes.
CASES["6 fails at the first wrong piece"] = fails(frame(TEXT, holding(b"\xff")[:-2], fin=False), code=NOT_UTF8)
CASES["6 fails at the second wrong piece"] = fails(
    frame(TEXT, "κό".encode(), fin=False), frame(CONTINUATION, b"\xf4\x90", fin=False), code=NOT_UTF8
)
CASES["6 a new message begins anew"] = well(
    *fragments(holding("é".encode()), 26), frame(TEXT, holding("é".encode(), 2)), replies=(1, 2)
)

# 7: closing
CASES["7 ping, message and close"] = fails(
    frame(PING, b"p"), frame(TEXT, message(1)), frame(PING, b"q"), close(1000), code=1000, replies=(1,), pongs=(b"p", b"q")
)
CASES["7 close"] = fails(close(), code=1005)
CASES["7 close with code"] = fails(close(1000), code=1000)
CASES["7 close with a reason of 123 bytes"] = fails(close(1000, b"*" * 123), code=1000)
CASES["7 close with a reason of 124 bytes"] = fails(close(1000, b"*" * 124))
CASES["7 close with half a code"] = fails(frame(CLOSE, b"\x03"))
CASES["7 close with a reason that is no UTF-8"] = fails(close(1000, b"\xce\xba\xed\xa0\x80"), code=NOT_UTF8)
CASES["7 close with a reason in Greek"] = fails(close(1000, "κόσμε".encode()), code=1000)
for number in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
    CASES[f"7 close with {number}"] = fails(close(number), code=number)
for number in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535):
    CASES[f"7 close with {number}, which nobody may send"] = fails(close(number))
CASES["7 message and close"] = fails(frame(TEXT, message(1)), close(1000), code=1000, replies=(1,))
CASES["7 message behind the close"] = fails(close(1000), frame(TEXT, message(1)), code=1000)
CASES["7 ping behind the close"] = fails(close(1000), frame(PING, b"late"), code=1000)
CASES["7 nonsense behind the close"] = fails(close(1000), b"\xff" * 100, code=1000)
CASES["7 close twice"] = fails(close(1000), close(1001), code=1000)
CASES["7 close between pieces"] = fails(
    frame(TEXT, message(1)[:5], fin=False), close(1000), frame(CONTINUATION, message(1)[5:]), code=1000
)

# Masks and lengths
CASES["unmasked text"] = fails(frame(TEXT, message(1), masked=False))
CASES["unmasked ping"] = fails(frame(PING, b"x", masked=False))
CASES["unmasked close"] = fails(frame(CLOSE, masked=False))
CASES["one byte over the limit"] = fails(frame(TEXT, message(1, FRAME_BYTES + 1)), code=TOO_LARGE)
CASES["2^62 bytes declared"] = fails(frame(TEXT, declared=2**62), code=TOO_LARGE)
CASES["2^64 - 1 bytes declared"] = fails(frame(TEXT, declared=2**64 - 1), code=TOO_LARGE)
CASES["pieces whose sum is over the limit"] = fails(*fragments(message(1, FRAME_BYTES + 1), 30_000, 30_000), code=TOO_LARGE)


def cuts(name: str, sent: bytes) -> list[list[int] | None]:
    """Ways to cut what is sent: as one, then octet by octet, or long ones at random."""
    chance = random.Random(name)
    return [None, [1] * len(sent) if len(sent) < 600 else [chance.randint(1, 9_000) for _ in range(40)]]


@pytest.fixture(scope="module")
def ticket(server: Server) -> str:
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False) as http:
        session = http.post("/sessions", json={"title": "RFC 6455"}).json()
        joined: str = http.post("/join", json={"code": session["join_code"], "nickname": "Ann"}).json()["ticket"]
    return joined


@pytest.mark.parametrize("name", CASES)
async def test_frames(server: Server, ticket: str, sockets: list[Raw], name: str) -> None:
    case = CASES[name]
    for cut in cuts(name, case.sent):
        raw = await Raw.enter(server.url, ticket)
        sockets.append(raw)
        await raw.send(case.sent, cut=cut)
        seen: list[tuple[int, bytes]] = []
        if case.code is None:
            await raw.send(frame(TEXT, message(LAST)))
            await raw.reply(LAST, seen)
            await raw.send(close(1000))
        ending = await raw.until_end()
        ending.frames[:0] = seen
        assert ending.code == (case.code or 1000)
        assert ending.frames[-1][0] == CLOSE, "nothing is said behind the close frame"
        assert [number for number in ending.replies() if number != LAST] == list(case.replies)
        assert ending.pongs == list(case.pongs)
        goodbyes = [text["close_code"] for text in ending.texts if text["type"] == "closing"]
        assert goodbyes == ([case.code] if case.code in (PROTOCOL, TOO_LARGE) else [])


async def test_frames_before_the_hello_fail_the_same(server: Server, sockets: list[Raw]) -> None:
    for sent, code in [
        (frame(3), RFC_ERROR), (frame(TEXT, b"\xff"), NOT_UTF8), (frame(TEXT, b"x", masked=False), RFC_ERROR),
        (frame(TEXT, declared=2**62), TOO_LARGE), (frame(BINARY, b"x"), PROTOCOL), (close(1000), 1000),
    ]:  # fmt: skip
        raw = await Raw.upgrade(server.url)
        sockets.append(raw)
        await raw.send(sent)
        assert (await raw.until_end()).code == code


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["sec-websocket-key:"], 400),
        (["sec-websocket-key: c2hvcnQ="], 400),
        (["sec-websocket-key: not base64 at all!!"], 400),
        (["sec-websocket-version:"], 426),
        (["sec-websocket-version: 12"], 426),
        (["sec-websocket-version: 8, 13"], 426),
        (["origin: http://elsewhere.example"], 403),
        (["sec-websocket-extensions: permessage-deflate; client_max_window_bits"], 101),
        (["sec-websocket-extensions: x-unknown"], 101),
        (["sec-websocket-protocol: chat, plenum.v1"], 101),
        (["sec-websocket-protocol:"], 101),
        (["connection: keep-alive, Upgrade"], 101),
    ],
)
async def test_handshakes(server: Server, sockets: list[Raw], lines: list[str], status: int) -> None:
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    await raw.send(handshake(server.url.removeprefix("http://"), "/ws", *lines))
    answered, headers, _ = await raw.head()
    assert answered == status
    assert "sec-websocket-extensions" not in headers, "nothing is compressed"
    if status == 101:
        offered = any("plenum.v1" in line or "protocol" not in line for line in lines)
        assert headers.get("sec-websocket-protocol") == ("plenum.v1" if offered else None)
    else:
        await raw.rest()
    assert headers.get("sec-websocket-version") == ("13" if status == 426 else None), "RFC 6455 §4.4"


async def test_handshake_octet_by_octet(server: Server, sockets: list[Raw]) -> None:
    raw = await Raw.connect(server.url)
    sockets.append(raw)
    text = handshake(server.url.removeprefix("http://"))
    await raw.send(text, cut=[1] * len(text))
    assert (await raw.head())[0] == 101


async def test_half_a_frame_is_waited_for(server: Server, ticket: str, sockets: list[Raw]) -> None:
    raw = await Raw.enter(server.url, ticket)
    sockets.append(raw)
    first, second = frame(TEXT, message(5)), frame(PING, b"between")
    await raw.send(first + second[:4])
    assert (await raw.reply(5))["type"] == "pong"
    await raw.send(second[4:] + frame(TEXT, message(6)))
    seen: list[tuple[int, bytes]] = []
    assert (await raw.reply(6, seen))["type"] == "pong"
    assert (PONG, b"between") in seen
