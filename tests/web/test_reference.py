"""The reference is made from the code: files are fresh, examples are valid, pages need nobody else."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from realtime.core.messages import COMMANDS, PUSHES, REPLIES
from realtime.web.api import ENDPOINTS
from realtime.web.asyncapi import type_of
from realtime.web.endpoints import Endpoint
from realtime.web.openapi import errors_of
from tests.journey.stages import Stage

ROOT = Path(__file__).resolve().parents[2]
FOUNDING = """
GET /health/ · GET /health/ready · GET /health/live · POST /sessions · GET /sessions · GET /sessions/{session_id} ·
PUT /sessions/{session_id} · DELETE /sessions/{session_id} · GET /sessions/code/{code} · GET /sessions/{session_id}/status ·
POST /sessions/{session_id}/join · GET /sessions/{session_id}/nicknames/validate · GET /sessions/{session_id}/participants ·
POST /participants/{participant_id}/heartbeat · DELETE /participants/{participant_id} ·
POST /sessions/{session_id}/activities/{activity_id}/responses · GET /sessions/{session_id}/activities/{activity_id}/responses ·
GET /sessions/{session_id}/activities/{activity_id}/responses/{participant_id} · PUT /responses/{response_id} ·
DELETE /responses/{response_id} · GET /sessions/{session_id}/participants/{participant_id}/responses ·
GET /sessions/{session_id}/activities/{activity_id}/responses/since/{timestamp} · POST /sessions/{session_id}/activities ·
GET /sessions/{session_id}/activities · GET /activities/{activity_id} · PUT /activities/{activity_id} ·
DELETE /activities/{activity_id} · PATCH /activities/{activity_id}/status · GET /sessions/{session_id}/activities/active ·
GET /sessions/{session_id}/activities/{activity_id}/status · GET /activities/types · GET /activities/types/{activity_type}/schema ·
POST /activities/validate · POST /sessions/{session_id}/activities/framework · POST /activities/{activity_id}/transition ·
POST /activities/{activity_id}/responses · GET /activities/{activity_id}/results · GET /activities/{activity_id}/status/framework
"""


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def files() -> dict[Path, str]:
    made: dict[Path, str] = runpy.run_path(str(ROOT / "docs" / "reference.py"))["documents"]()
    return made


def test_files_are_fresh() -> None:
    stale = [path.name for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text]
    assert stale == [], "run `python docs/reference.py`"


def test_every_route_of_the_founding_system_is_served() -> None:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))["paths"]
    ours = {f"{method.upper()} {path.removeprefix('/api/v1')}" for path, methods in paths.items() for method in methods}
    missing = {route.strip() for route in FOUNDING.split("·")} - ours
    assert missing == set()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name_of)
def test_examples_fit_their_models(endpoint: Endpoint) -> None:
    assert endpoint.summary
    assert (endpoint.body is None) == (endpoint.example is None)
    if endpoint.body is not None:
        endpoint.body.model_validate(endpoint.example)
    assert (endpoint.answer is None) == (endpoint.status == 204 or bool(endpoint.files))
    if endpoint.answer is not None:
        TypeAdapter(endpoint.answer).validate_json(json.dumps(endpoint.shows))
    assert errors_of(endpoint)


@pytest.mark.parametrize("model", [*COMMANDS, *REPLIES, *PUSHES], ids=type_of)
def test_every_message_has_a_valid_example(model: Any) -> None:
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text("utf-8"))
    (example,) = document["components"]["messages"][type_of(model)]["examples"]
    model.model_validate_json(json.dumps(example["payload"]))


async def test_reference_is_served_and_needs_nobody_else(stage: Stage) -> None:
    for name in ("openapi", "asyncapi"):
        served = await stage.http.get(f"/api/v1/{name}.json")
        assert served.json() == json.loads((ROOT / "docs" / f"{name}.json").read_text("utf-8"))
    for path in ("/docs", "/docs/messages"):
        page = await stage.http.get(path)
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert not re.search(r"<script|<style|style=|\son\w+=|https?://", page.text)
        (sheet,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)
        assert (await stage.http.get(sheet)).headers["content-type"].startswith("text/css")
        targets = set(re.findall(r'href="#([^"]+)"', page.text))
        assert targets <= set(re.findall(r'id="([^"]+)"', page.text))
