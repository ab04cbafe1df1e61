"""The way past the layers answers as the way through them does: same refusals, same headers."""

from typing import Any

import httpx
import pytest

from tests.journey.stages import Stage

ROUTED = "/api/v1/sessions"  # takes a body without a ticket as well, and goes through every layer
ASKED: dict[str, tuple[bytes, dict[str, str]]] = {
    "an unknown field": (b'{"rank":1}', {}),
    "no JSON": (b"{", {}),
    "a key twice": (b'{"nickname":"a","nickname":"b"}', {}),
    "another site": (b"{}", {"origin": "https://elsewhere.example"}),
    "another site by fetch": (b"{}", {"sec-fetch-site": "cross-site"}),
    "too much": (b"[" * 2_000_000, {}),
}


def of(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    document = answer.json()
    # When, and which field of which model.
    for name in ("timestamp", "detail", "error"):
        document.pop(name, None)
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length", "location")}
    return answer.status_code, document, headers


@pytest.mark.parametrize("kind", ASKED)
async def test_both_ways_refuse_in_the_same_words(stage: Stage, kind: str) -> None:
    body, headers = ASKED[kind]
    headers = {"content-type": "application/json", **headers}
    express = await stage.http.post("/api/v1/join", content=body, headers=headers)
    routed = await stage.http.post(ROUTED, content=body, headers=headers)
    assert of(express) == of(routed)
    assert express.status_code >= 400


async def test_who_is_let_in_gets_the_headers_of_every_answer(stage: Stage) -> None:
    scene = await stage.session()
    express = await stage.http.post("/api/v1/join", json={"code": scene.code, "nickname": "Ann"})
    routed = await stage.http.post(ROUTED, json={"title": "Another"})
    assert (express.status_code, of(express)[2]) == (201, of(routed)[2])
    by_id = await stage.http.post(f"{ROUTED}/{scene.id}/join", json={"nickname": "Ben"})
    assert express.json().keys() == by_id.json().keys()
    assert express.json()["session_state"].keys() == by_id.json()["session_state"].keys()


async def test_what_is_not_posted_there_goes_through_the_layers(stage: Stage) -> None:
    answer = await stage.http.get("/api/v1/join")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["x-frame-options"] == "DENY"
