"""A frame that is read at a glance is what the strict parser reads; whatever that would take otherwise is left to it."""

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from realtime.web.wire import read_text

LIMIT = 2_000
COMPILED = read_text.__module__ == "realtime.core.speedups"


def frame_of(payload: bytes, *, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


def read_strictly(data: bytes) -> list[object]:
    parser = ServerProtocol(state=OPEN, max_size=LIMIT)
    parser.receive_data(data)
    return parser.events_received() if parser.parser_exc is None else [parser.parser_exc]


@given(st.text(st.characters(codec="ascii"), max_size=LIMIT))
@example("x" * 125)
@example("x" * 126)
@example("x" * LIMIT)
def test_a_whole_frame_of_ascii_is_read(text: str) -> None:
    assert read_text(frame_of(text.encode()), LIMIT) == (text.encode() if COMPILED else None)


@given(
    payload=st.binary(max_size=300), opcode=st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.PING]),
    fin=st.booleans(), edits=st.lists(st.tuples(st.integers(0, 320), st.integers(0, 2), st.binary(max_size=3)), max_size=3),
)  # fmt: skip
def test_what_is_read_is_what_the_parser_reads(
    payload: bytes, opcode: Opcode, fin: bool, edits: list[tuple[int, int, bytes]]
) -> None:
    data = frame_of(payload[:125] if opcode is Opcode.PING else payload, opcode=opcode, fin=fin or opcode is Opcode.PING)
    for place, gone, new in edits:
        data = data[:place] + new + data[place + gone :]
    found = read_text(data, LIMIT)
    if found is not None:
        (frame,) = read_strictly(data)
        assert isinstance(frame, Frame)
        assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, found)
        assert found.isascii()


def test_what_is_no_whole_frame_of_ascii_is_left_to_the_parser() -> None:
    whole = frame_of(b"{}")
    for data in (b"", whole[:1], whole[:-1], whole + b"\x81", frame_of("é".encode()), frame_of(b"x" * (LIMIT + 1)), b"\x81\x02{}"):
        assert read_text(data, LIMIT) is None
