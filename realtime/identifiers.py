"""New names for things: UUIDv7, join codes."""

import os
import random
import secrets
import time
from typing import Final

# An id is a name and never a secret, so it need not cost a system call; one draw is one step of C, for all threads.
_draw = random.Random(os.urandom(32))
os.register_at_fork(after_in_child=lambda: _draw.seed(os.urandom(32)))

# The bits 10 in front of two drawn ones.
_VARIANTS: Final = {f"{drawn:x}": f"{8 | drawn & 3:x}" for drawn in range(16)}

# 31 symbols without those that people confuse when read aloud or from the last row (0 O 1 I L).
CODE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def new_uuid(now_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562 §5.7): ordered by time, so that B-tree indexes grow at one end."""
    time_text = f"{time.time_ns() // 1_000_000 if now_ms is None else now_ms:012x}"
    drawn = f"{_draw.getrandbits(76):019x}"
    return f"{time_text[:8]}-{time_text[8:]}-7{drawn[:3]}-{_VARIANTS[drawn[3]]}{drawn[4:7]}-{drawn[7:]}"


def new_join_code(length: int) -> str:
    """A code for people to type; a name to look up, never a secret."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))


def read_join_code(text: str) -> str:
    """A code as people type it: any case, with blanks and dashes."""
    return "".join(character for character in text.upper() if character.isalnum())
