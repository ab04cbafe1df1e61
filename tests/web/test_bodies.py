"""Bodies that no honest client sends, at every endpoint that takes one: 4xx, with the path of the field."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from realtime.core.errors import REASONS
from realtime.web.api import ENDPOINTS
from realtime.web.endpoints import ROOT, Endpoint
from tests.journey.stages import Stage, bearer

WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]
NAMES = [f"{endpoint.method} {endpoint.path}" for endpoint in WITH_BODY]
DEEP = "[" * 60 + "]" * 60


def spoil(example: dict[str, Any], member: str) -> bytes:
    """The example with one more member, given as JSON text."""
    text = json.dumps(example)
    return (text[:-1] + ("," if example else "") + member + "}").encode()


FAULTS = {
    "unknown field": ('"no_such_field":1', "invalid", "no_such_field"),
    "duplicate key": ('"twice":1,"twice":2', "duplicate_key", "twice"),
    "NaN": ('"number":NaN', "number_out_of_range", "number"),
    "infinity": ('"number":{"deep":[1,-Infinity]}', "number_out_of_range", "number.deep[1]"),
    "NUL": ('"writing":["a\\u0000"]', "nul_character", "writing[0]"),
    "lone surrogate": ('"writing":"\\ud800"', "lone_surrogate", "writing"),
    "too deep": (f'"deep":{DEEP}', "too_deep", None),
}


Send = Callable[[bytes], Awaitable[httpx.Response]]


async def sender(stage: Stage, endpoint: Endpoint) -> Send:
    """Sends bodies to an endpoint of a session in which its path exists, by somebody who may."""
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    response = (await scene.answer(activity_id, seat, {"selected": ["a"]})).json()
    path = endpoint.path.format(
        session_id=scene.id, activity_id=activity_id, participant_id=seat.participant_id, response_id=response["id"]
    )
    ticket = seat.ticket if endpoint.right == "answer" else scene.ticket
    headers = bearer(ticket) if endpoint.right else {}
    return lambda content: stage.http.request(endpoint.method, ROOT + path, content=content, headers=headers)


def assert_refused(answer: httpx.Response, code: str, field: str | None) -> None:
    problem = answer.json()
    assert (problem["code"], answer.status_code) == (code, REASONS[code].status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["error"]["details"].get("field") == field, answer.text


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=NAMES)
async def test_hostile_bodies_are_refused_with_the_path_of_the_fault(stage: Stage, endpoint: Endpoint) -> None:
    send = await sender(stage, endpoint)
    assert endpoint.example is not None
    for member, code, field in FAULTS.values():
        assert_refused(await send(spoil(dict(endpoint.example), member)), code, field)
    for content in (b"[]", b"null", b"7", b'"text"'):
        assert_refused(await send(content), "invalid", "body")
    for content in (b"", b"{", b"\xff\xfe"):
        assert (await send(content)).json()["code"] == "malformed"
    huge = await send(b'{"x":"' + b"y" * 1_100_000 + b'"}')
    assert (huge.status_code, huge.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/sessions", {"title": 7}, "title"),
        ("/sessions", {"title": "x" * 256}, "title"),
        ("/sessions", {"title": "T", "max_participants": "300"}, "max_participants"),
        ("/sessions", {"title": "T", "max_participants": 1.5}, "max_participants"),
        ("/join", {"code": "x" * 41}, "code"),
        ("/join", {"code": "ABCDEF", "join_id": "short"}, "join_id"),
        ("/activities/validate", {"activity_type": "poll"}, "configuration"),
    ],
)
async def test_field_at_fault_is_named(stage: Stage, path: str, body: dict[str, Any], field: str) -> None:
    assert_refused(await stage.http.post(ROOT + path, json=body), "invalid", field)
