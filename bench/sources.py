"""Addresses of this machine that a load generator's connections come from."""

import itertools
from typing import Final

# The kernel looks for a free port of an address one by one. Where thousands are taken, or were a minute ago, a storm would
# measure that search, and a second storm would be slower than the first.
_CONNECTIONS_PER_ADDRESS: Final = 1_000
_made = itertools.count()


def next_source() -> str:
    """The address for one more connection."""
    address = next(_made) // _CONNECTIONS_PER_ADDRESS
    return f"127.{1 + address // 62_500 % 100}.{1 + address // 250 % 250}.{1 + address % 250}"
