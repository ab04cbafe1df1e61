"""The served OpenAPI document is true: nothing it allows gets a 5xx, an undocumented status or another shape of answer."""

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.journey.servers import Server
from tests.journey.stages import POLL, bearer

EXAMPLES = 12  # per operation; all together must stay under a minute
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="session")
def room(server: Server) -> dict[str, str]:
    """A session with an open poll, a participant and a response: what the ids of paths are replaced by."""
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False) as http:
        session = http.post("/sessions", json={"title": "Any"}).json()
        owner = bearer(session["presenter_ticket"])
        body = {"type": "poll", "title": "Any", "config": {"settings": POLL}, "status": "active"}
        activity = http.post(f"/sessions/{session['id']}/activities", json=body, headers=owner).json()
        seat = http.post("/join", json={"code": session["join_code"], "nickname": "Ann"}).json()
        answer = {"response_data": {"selected": ["a"]}}
        response = http.post(f"/activities/{activity['id']}/responses", json=answer, headers=bearer(seat["ticket"])).json()
    return {
        "session_id": session["id"], "activity_id": activity["id"], "participant_id": seat["participant_id"],
        "response_id": response["id"],
        "code": session["join_code"], "activity_type": "poll", "owner": session["presenter_ticket"], "participant": seat["ticket"],
    }  # fmt: skip


# The served document is this file, which test_reference.py makes sure of.
schema = schemathesis.openapi.from_path(Path(__file__).resolve().parents[2] / "docs" / "openapi.json")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_whatever_the_document_allows_is_answered_as_it_says(case: Any, server: Server, room: dict[str, str]) -> None:
    aim_at(case, room)
    case.call_and_validate(base_url=server.url, headers=headers_for(case, room), checks=CHECKS, timeout=20)


def aim_at(case: Any, room: dict[str, str]) -> None:
    """Half of the requests go to what exists; what would end the room for the others never does."""
    ends = case.method == "DELETE" or (case.method == "PUT" and case.path.endswith("/sessions/{session_id}"))
    if not ends and uuid.uuid5(uuid.NAMESPACE_OID, repr((case.body, case.query))).int % 4:
        for name in case.path_parameters or {}:
            case.path_parameters[name] = room.get(name, case.path_parameters[name])
        if case.query:
            case.query.pop("participant_id", None)  # somebody else's is refused before anything else is looked at
    if case.path.endswith("/changes"):
        case.query["wait"] = "0"  # waiting is tested where something happens


def headers_for(case: Any, room: dict[str, str]) -> dict[str, str]:
    right = case.operation.definition.raw.get("x-right")
    return {} if right is None else bearer(room["participant" if right == "answer" else "owner"])
