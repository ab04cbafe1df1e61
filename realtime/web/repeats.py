"""Idempotency-Key: a POST that is sent again gets the answer of the first time instead of being done twice.

The answer of a creation may hold a ticket, and tickets are stored nowhere in the clear: an answer is sealed
with the client's own key, of which the server keeps only a hash.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import Response

from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.store.idempotency import Idempotency

# Long enough that nobody guesses somebody else's: the key alone opens the answer to an anonymous creation.
_KEY: Final = re.compile(r"[\x21-\x7e]{16,200}")
_KEPT_HEADERS: Final = ("location", "content-type")


class Repeats:
    """Runs a creation once per key, scope and path."""

    def __init__(self, store: Idempotency, *, most_bytes: int) -> None:
        self._store = store
        self._most_bytes = most_bytes

    async def once(self, key: str, scope: str, path: str, text: bytes, act: Callable[[], Awaitable[Response]]) -> Response:
        """The answer of `act`, or that of the first time. Raises Refusal `idempotency_conflict`, `under_way`."""
        key = key.strip('"')
        if not _KEY.fullmatch(key):
            raise Refusal("invalid", details={"field": "Idempotency-Key", "reason": "16 to 200 visible ASCII characters"})
        if len(text) > self._most_bytes:
            raise Refusal("too_large", details={"field": "Idempotency-Key", "max_bytes": self._most_bytes})
        name = _digest("name", key, scope, path)
        fingerprint = hashlib.sha256(text).hexdigest()
        found = await self._store.claim(name, fingerprint)
        if found is not None:
            known, sealed = found
            if known != fingerprint:
                raise Refusal("idempotency_conflict", details={"field": "Idempotency-Key"})
            if not sealed:
                raise Refusal("under_way", after_ms=1_000)
            return _open(sealed, key)
        try:
            answer = await act()
        except BaseException:
            await self._store.release(name, fingerprint)  # nothing was created; the next try is a first one
            raise
        if 200 <= answer.status_code < 300:
            await self._store.finish(name, fingerprint, _seal(answer, key))
        else:
            await self._store.release(name, fingerprint)
        return answer


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stream(key: str, nonce: bytes, length: int) -> bytes:
    """A key stream that only the holder of the key can make again; the nonce is never used twice."""
    return hashlib.shake_256(b"plenum-idempotency-1\n" + nonce + key.encode()).digest(length)


def _seal(answer: Response, key: str) -> str:
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    plain = encode([answer.status_code, headers, bytes(answer.body).decode()]).encode()
    nonce = secrets.token_bytes(16)
    sealed = bytes(a ^ b for a, b in zip(plain, _stream(key, nonce, len(plain)), strict=True))
    return base64.b64encode(nonce + sealed).decode()


def _open(text: str, key: str) -> Response:
    raw = base64.b64decode(text)
    nonce, sealed = raw[:16], raw[16:]
    plain = bytes(a ^ b for a, b in zip(sealed, _stream(key, nonce, len(sealed)), strict=True))
    status, headers, body = json.loads(plain)
    return Response(body, status, {**headers, "cache-control": "no-store", "idempotent-replayed": "true"})
