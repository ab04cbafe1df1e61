"""One ready frame to many sockets.

The call into `fanout.c` where it was compiled, the same in Python where not. Both write past the
transports, so a socket may only be given when nothing waits in its transport.
"""

import ctypes
import os
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

# descriptors, frame -> (index, bytes taken; -1: broken) of each that did not take the whole frame
FanOut: TypeAlias = Callable[["array[int]", bytes], list[tuple[int, int]]]

LIBRARY: Final = Path(__file__).parent / "libfanout.so"


def fan_out_in_python(descriptors: "array[int]", frame: bytes) -> list[tuple[int, int]]:
    """Send a frame to each descriptor that is not negative, without waiting."""
    failed: list[tuple[int, int]] = []
    size, write = len(frame), os.write
    for index, descriptor in enumerate(descriptors):
        if descriptor < 0:
            continue
        try:
            taken = write(descriptor, frame)
        except BlockingIOError:
            taken = 0
        except OSError:
            taken = -1
        if taken != size:
            failed.append((index, taken))
    return failed


def load_native(path: Path = LIBRARY) -> FanOut | None:
    """The compiled call, or None where there is none that this machine can load."""
    try:
        call = ctypes.CDLL(str(path)).plenum_fan_out
    except (OSError, AttributeError):
        return None
    pointer = ctypes.POINTER(ctypes.c_int)
    call.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, pointer, pointer]
    call.restype = ctypes.c_int

    def fan_out(descriptors: "array[int]", frame: bytes) -> list[tuple[int, int]]:
        address, count = descriptors.buffer_info()
        results = (ctypes.c_int * count)(), (ctypes.c_int * count)()
        failed: int = call(address, count, frame, len(frame), *results)
        return list(zip(results[0][:failed], results[1][:failed], strict=True)) if failed else []

    return fan_out


def choose_fan_out() -> FanOut:
    """The fastest that is here."""
    return load_native() or fan_out_in_python
