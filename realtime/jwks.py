"""A host's public keys: a JWK set (RFC 7517) from a file or an address, read by a thread of its own, seldom.

The loop never waits for the host for longer than `_PATIENCE_SECONDS`, and only where a token names a key that is
not known. However many unknown keys are named, the set is read at most every `_LEAST_SECONDS`.
"""

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError

log = logging.getLogger("plenum.jwks")

_LEAST_SECONDS: Final = 30.0  # between two readings
_FRESH_SECONDS: Final = 300.0  # after this time a set is read again beside the traffic
_STALE_SECONDS: Final = 3_600.0  # after this time a set that could not be read again counts no more
_PATIENCE_SECONDS: Final = 4.0
_MOST_BYTES: Final = 262_144
_MOST_KEYS: Final = 100
_ALGORITHMS: Final = {"RSA": "RS256", "EC P-256": "ES256"}
_LEAST_RSA_BITS: Final = 2_048


class KeysAway(Exception):
    """The set could not be read, and none is known."""


class KeySet:
    """Keys by `kid`. `load` reads the document and may block; it runs in one thread, one call at a time."""

    def __init__(self, load: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._keys: dict[str | None, tuple[str, Any]] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Future[bytes] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="jwks")

    async def find(self, kid: str | None) -> tuple[str, Any] | None:
        """The algorithm and the key of an id, or None where the host has no such key. Raises KeysAway."""
        now = self._clock()
        if now - self._read_at > _STALE_SECONDS:
            self._keys = {}
        known = self._keys.get(kid)
        if known is not None and now - self._read_at < _FRESH_SECONDS:
            return known
        if self._reading is None and now - self._tried_at >= _LEAST_SECONDS:
            self._tried_at = now
            self._reading = asyncio.get_running_loop().run_in_executor(self._thread, self._load)
            self._reading.add_done_callback(self._take)
        if known is None and self._reading is not None:
            await asyncio.wait({self._reading}, timeout=_PATIENCE_SECONDS)
            known = self._keys.get(kid)
        if known is None and not self._keys:
            raise KeysAway
        return known

    def _take(self, reading: "asyncio.Future[bytes]") -> None:
        self._reading = None
        if reading.cancelled():
            return
        error = reading.exception()
        try:
            if error is not None:
                raise error
            self._keys = read_keys(reading.result())
            self._read_at = self._clock()
        except (OSError, ValueError) as fault:
            log.warning("the host's keys cannot be read, %d known ones stay: %s", len(self._keys), fault)

    def close(self) -> None:
        """Let the thread go, also where it hangs."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def read_keys(text: bytes) -> dict[str | None, tuple[str, Any]]:
    """The usable keys of a set, each with the one algorithm that it is good for; raises ValueError.

    Whatever a token says, an RSA key verifies RS256 and a P-256 key ES256. Secrets in a set are left out: a
    public document is no place for them. A set of one key without an id has it under None.
    """
    from jwt import PyJWK  # noqa: PLC0415 - only a server that takes tokens of a host needs it
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - as above

    document = json.loads(text)
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list) or len(found) > _MOST_KEYS:
        raise ValueError(f"a JWK set of at most {_MOST_KEYS} keys is needed")
    keys: dict[str | None, tuple[str, Any]] = {}
    for one in found:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        algorithm = _ALGORITHMS.get(f"{one.get('kty')} {one.get('crv', '')}".strip())
        if algorithm is None or one.get("alg", algorithm) != algorithm:
            continue
        try:
            key = PyJWK(one, algorithm).key
        except (PyJWTError, ValueError, TypeError) as error:
            log.warning("a key of the host is left out: %s", type(error).__name__)
            continue
        if algorithm == "RS256" and key.key_size < _LEAST_RSA_BITS:
            log.warning("a key of the host is left out: fewer than %d bits", _LEAST_RSA_BITS)
            continue
        kid = one.get("kid")
        if isinstance(kid, str) or (kid is None and len(found) == 1):
            keys[kid] = algorithm, key
    if not keys:
        raise ValueError("the JWK set holds no RSA or P-256 key for signatures")
    return keys


def from_file(path: str) -> Callable[[], bytes]:
    """Reads the set from a file."""

    def load() -> bytes:
        with Path(path).open("rb") as file:
            return _bounded(file.read(_MOST_BYTES + 1))

    return load


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def from_url(url: str) -> Callable[[], bytes]:
    """Reads the set from the operator's own address: no redirects, little patience, few bytes."""
    opener = urllib.request.build_opener(_NoRedirects)

    def load() -> bytes:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            opened = opener.open(url, timeout=_PATIENCE_SECONDS / 2)
        except HTTPError as refused:
            refused.close()  # it is the answer as well, with a connection of its own
            raise
        with opened as answer:
            text = b""
            while chunk := answer.read1(16_384):
                text = _bounded(text + chunk)
                if time.monotonic() > deadline:
                    raise TimeoutError("the address answers too slowly")
            return text

    return load


def _bounded(text: bytes) -> bytes:
    if len(text) > _MOST_BYTES:
        raise ValueError(f"larger than {_MOST_BYTES} bytes")
    return text
