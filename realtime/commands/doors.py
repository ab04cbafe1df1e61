"""What a session may ask newcomers for beyond its code: a passcode, and the number that the big screen shows."""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import scrypt, sha256
from typing import Any, Final

from realtime.core.errors import Refusal, invalid

PERIOD_SECONDS: Final = 10
_DIGITS: Final = 4
_COST: Final = 2**14  # 16 MiB and some 40 ms for one guess
_MOST_KNOWN: Final = 1_000
_MOST_WAITING: Final = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """What a newcomer shows besides the code."""

    passcode: str | None = None
    second_factor: str | None = None


NOTHING: Final = Shown()


class Doors:
    """Checks what newcomers show. A hall that shows the right passcode costs one hash, not one each."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[str, bytes] = OrderedDict()  # stored hash -> keyed digest of its passcode
        self._turns = asyncio.Semaphore(2)
        self._waiting = 0

    async def check_passcode(self, passcode: str, stored: str) -> None:
        """Refusal `wrong_passcode` unless it is the one that is stored."""
        if not await self._is_passcode(passcode, stored):
            raise Refusal("wrong_passcode")

    def check_number(self, number: str, secret: str, now_s: float) -> None:
        """Refusal `wrong_second_factor` unless it is the number of this turn, of the one before or the next."""
        turn = int(now_s) // PERIOD_SECONDS
        wanted = [number_of(secret, turn + step) for step in (-1, 0, 1)]
        if sum(hmac.compare_digest(number.encode(), one.encode()) for one in wanted) == 0:  # all three are compared
            raise Refusal("wrong_second_factor")

    async def _is_passcode(self, passcode: str, stored: str) -> bool:
        digest = hmac.digest(self._key, f"{stored}\n{passcode}".encode(), "sha256")
        if hmac.compare_digest(self._known.get(stored, b""), digest):
            return True
        if self._waiting >= _MOST_WAITING:
            raise Refusal("limited", after_ms=1_000)
        self._waiting += 1
        try:
            async with self._turns:
                if hmac.compare_digest(self._known.get(stored, b""), digest):
                    return True  # somebody else's try of the same passcode has just been right
                right = await asyncio.to_thread(_matches, passcode, stored)
        finally:
            self._waiting -= 1
        if right:
            self._known[stored] = digest
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return right


async def changed_settings(
    settings: dict[str, Any], *, passcode: str | None = None, second_factor: bool | None = None
) -> dict[str, Any]:
    """The settings with another door: an empty passcode takes it away, None leaves it as it is."""
    wanted = dict(settings)
    if passcode is not None:
        wanted.pop("passcode", None)
        if passcode:
            if not 4 <= len(passcode) <= 64:
                raise invalid("passcode", "between 4 and 64 characters, or empty for none")
            wanted["passcode"] = await asyncio.to_thread(hash_passcode, passcode)
    if second_factor is not None:
        if not second_factor:
            wanted.pop("factor", None)
        elif "factor" not in wanted:
            wanted["factor"] = secrets.token_hex(32)
    return wanted


def number_of(secret: str, turn: int) -> str:
    """The number of one turn of ten seconds."""
    digest = hmac.digest(bytes.fromhex(secret), f"plenum-factor-1\n{turn}".encode(), sha256)
    return f"{int.from_bytes(digest[:8]) % 10**_DIGITS:0{_DIGITS}d}"


def hash_passcode(passcode: str) -> str:
    """What is stored of a passcode."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_stretch(passcode, salt).hex()}"


def _matches(passcode: str, stored: str) -> bool:
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_stretch(passcode, bytes.fromhex(salt)), bytes.fromhex(digest))


def _stretch(passcode: str, salt: bytes) -> bytes:
    return scrypt(passcode.encode(), salt=salt, n=_COST, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=32)
