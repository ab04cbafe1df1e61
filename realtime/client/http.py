"""The two requests before there is a connection: make a session, join one. Standard library, in a thread."""

import asyncio
import json
import random
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from realtime.client.errors import Refused, Unreachable

_TIMEOUT_SECONDS: Final = 10.0
_JOIN_TRIES: Final = 6
_FIRST_PAUSE_SECONDS: Final = 0.25
_ANSWER_BYTES_LIMIT: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class CreatedSession:
    """A new session and its owner's ticket, which is shown only now."""

    session: dict[str, Any]
    presenter_ticket: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A participant's place in a session."""

    session_id: str
    participant_id: str
    nickname: str
    ticket: str


async def create_session(
    base_url: str, title: str, *, source_address: str | None = None, tls: ssl.SSLContext | None = None
) -> CreatedSession:
    """Make a session; tried once, as a second try could make a second one. Raises Refused, Unreachable."""
    answer = await _post(base_url, "/api/v1/sessions", {"title": title}, source_address, tls)
    return CreatedSession(answer["session"], answer["presenter_ticket"])


async def join(
    base_url: str,
    code: str,
    nickname: str | None = None,
    join_id: str | None = None,
    *,
    source_address: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Joined:
    """Join a session by its code; the same `join_id` is the same participant, so that trying again is safe.

    Raises Refused for good, Refused with `after_ms` or Unreachable when several tries did not get through.
    """
    body: dict[str, Any] = {"code": code, "join_id": join_id or uuid.uuid4().hex}
    if nickname is not None:
        body["nickname"] = nickname
    for attempt in range(1, _JOIN_TRIES + 1):
        pause_seconds = _FIRST_PAUSE_SECONDS * 2**attempt
        try:
            answer = await _post(base_url, "/api/v1/join", body, source_address, tls)
        except Refused as refusal:
            if refusal.after_ms is None or attempt == _JOIN_TRIES:
                raise
            pause_seconds = max(pause_seconds, refusal.after_ms / 1_000)
        except Unreachable:
            if attempt == _JOIN_TRIES:
                raise
        else:
            return Joined(answer["session_id"], answer["participant_id"], answer["nickname"], answer["ticket"])
        await asyncio.sleep(pause_seconds * (0.5 + random.random()))
    raise AssertionError("the last try returns or raises")


async def _post(
    base_url: str, path: str, body: Mapping[str, Any], source_address: str | None, tls: ssl.SSLContext | None
) -> dict[str, Any]:
    return await asyncio.to_thread(_ask, base_url, path, body, source_address, tls)


def _ask(
    base_url: str, path: str, body: Mapping[str, Any], source_address: str | None, tls: ssl.SSLContext | None
) -> dict[str, Any]:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise Unreachable(f"{base_url!r} is not the http address of a server")
    local = None if source_address is None else (source_address, 0)
    connection = (
        HTTPSConnection(parts.hostname, parts.port, timeout=_TIMEOUT_SECONDS, source_address=local, context=tls)
        if parts.scheme == "https"
        else HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_SECONDS, source_address=local)
    )
    try:
        text = json.dumps(body, ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "accept": "application/json", "connection": "close"}
        connection.request("POST", parts.path.rstrip("/") + path, text, headers)
        answer = connection.getresponse()
        status, content = answer.status, answer.read(_ANSWER_BYTES_LIMIT)
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{base_url} does not answer: {error}") from error
    finally:
        connection.close()
    try:
        document = json.loads(content)
    except ValueError as error:
        raise Unreachable(f"{base_url} answered {status} and no JSON") from error
    if not isinstance(document, dict):
        raise Unreachable(f"{base_url} answered {status} and no object")
    if status >= 400:
        raise read_problem(document, status)
    return document


def read_problem(document: Mapping[str, Any], status: int) -> Refused:
    """The refusal that a problem document tells."""
    error = document.get("error")
    error = error if isinstance(error, dict) else {}
    code = document.get("code") or error.get("code") or "internal"
    message = document.get("detail") or error.get("message") or f"The server answered {status}."
    after_ms = document.get("after_ms")
    if after_ms is None and (document.get("retry") or status in (429, 503)):
        after_ms = 1_000
    return Refused(code, message, error.get("details"), after_ms=after_ms)
