"""The bytes of our own frames, read back by another's parser."""

from collections.abc import Callable, Generator

import pytest
from websockets.frames import Frame, Opcode

from realtime.core.errors import CLOSE_MEANINGS, FIRST_FINAL_CODE, CloseCode
from realtime.web.wire import closing_frame, frame_text


def parse(framed: bytes) -> Frame:
    reader = Frame.parse(reader_of(framed), mask=False)
    try:
        while True:
            next(reader)
    except StopIteration as done:
        frame: Frame = done.value
        return frame


def reader_of(framed: bytes) -> Callable[[int], Generator[None, None, bytes]]:
    """A reader over bytes, as the parser wants one."""
    at = 0

    def read(count: int) -> Generator[None, None, bytes]:
        nonlocal at
        at += count
        yield from ()  # nothing to wait for
        return framed[at - count : at]

    return read


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_frame_is_final_unmasked_text_of_any_length(length: int) -> None:
    payload = b"x" * length
    frame = parse(frame_text(payload))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, payload)


@pytest.mark.parametrize("code", CloseCode)
def test_goodbye_says_what_the_range_of_its_code_says(code: CloseCode) -> None:
    said = closing_frame(code)
    assert (said.close_code, said.code, said.message) == (int(code), code.name.lower(), CLOSE_MEANINGS[code])
    assert said.reconnect is (code < FIRST_FINAL_CODE)
    assert 4_000 <= code < 5_000
