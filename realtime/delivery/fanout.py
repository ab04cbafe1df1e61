"""Ready frames to many sockets: one to all of them, or to each its own.

The calls into `fanout.c` where it was compiled, the same in Python where not. Both write past the
transports, so a socket may only be given when nothing waits in its transport, and once.
"""

import ctypes
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

Failed: TypeAlias = list[tuple[int, int]]  # (index, bytes taken; -1: broken) of each that did not take its whole frame
FanOut: TypeAlias = Callable[["array[int]", bytes], Failed]  # to each descriptor that is not negative the same
HandOut: TypeAlias = Callable[["array[int]", Sequence[bytes]], Failed]

LIBRARY: Final = Path(__file__).parent / "libfanout.so"


@dataclass(frozen=True, slots=True)
class Writers:
    """Both ways to write."""

    fan_out: FanOut
    hand_out: HandOut


def _write(descriptor: int, frame: bytes) -> int:
    """How much a socket took, without waiting; -1 where it is broken."""
    try:
        return os.write(descriptor, frame)
    except BlockingIOError:
        return 0
    except OSError:
        return -1


def fan_out_in_python(descriptors: "array[int]", frame: bytes) -> Failed:
    """Send a frame to each descriptor that is not negative, without waiting."""
    taken = ((index, _write(descriptor, frame)) for index, descriptor in enumerate(descriptors) if descriptor >= 0)
    return [one for one in taken if one[1] != len(frame)]


def hand_out_in_python(descriptors: "array[int]", frames: Sequence[bytes]) -> Failed:
    """Send each descriptor its own frame, without waiting."""
    taken = ((index, _write(descriptor, frames[index])) for index, descriptor in enumerate(descriptors))
    return [one for one in taken if one[1] != len(frames[one[0]])]


IN_PYTHON: Final = Writers(fan_out_in_python, hand_out_in_python)


def load_native(path: Path = LIBRARY) -> Writers | None:
    """The compiled calls, or None where there are none that this machine can load."""
    try:
        library = ctypes.CDLL(str(path))
        same, own = library.plenum_fan_out, library.plenum_hand_out
    except (OSError, AttributeError):
        return None
    pointer = ctypes.POINTER(ctypes.c_int)
    same.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, pointer, pointer]
    own.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, pointer, pointer]
    same.restype = own.restype = ctypes.c_int

    def fan_out(descriptors: "array[int]", frame: bytes) -> Failed:
        address, count = descriptors.buffer_info()
        results = (ctypes.c_int * count)(), (ctypes.c_int * count)()
        return _read(results, same(address, count, frame, len(frame), *results))

    def hand_out(descriptors: "array[int]", frames: Sequence[bytes]) -> Failed:
        address, count = descriptors.buffer_info()
        sizes = array("i", map(len, frames))
        results = (ctypes.c_int * count)(), (ctypes.c_int * count)()
        return _read(results, own(address, sizes.buffer_info()[0], count, b"".join(frames), *results))

    return Writers(fan_out, hand_out)


def _read(results: tuple[Any, Any], failed: int) -> Failed:
    return list(zip(results[0][:failed], results[1][:failed], strict=True)) if failed else []


def choose_writers() -> Writers:
    """The fastest that are here."""
    return load_native() or IN_PYTHON
