"""Random walks along the links of the served document: what was made is used, changed, ended and asked for once more.

Nothing is answered with a 5xx, an undocumented status or another shape; what is gone stays gone, a ticket is good for its
own session alone, and at the end of each walk every count is still a recount.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.journey.servers import Server
from tests.journey.stages import POLL, bearer

WALKS: Final = 20
STEPS: Final = 50
CHECKS: Final = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# With these every walk begins; where it goes from there is open.
BEGINNING: Final = ("sessions_create", "sessions_join", "activities_create", "responses_create")
# What is sent where the document's own example would be refused in these sessions.
BODIES: Final[dict[str, Any]] = {
    "activities_create": {"type": "poll", "title": "Any", "config": {"settings": POLL}, "status": "active"},
    "responses_create": {"response_data": {"selected": ["a"]}},
    "responses_create_again": {"response_data": {"selected": ["b"]}},
    "responses_change": {"response_data": {"selected": ["c"]}},
}

document = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))
schema = schemathesis.openapi.from_dict(document)
OPERATIONS: Final[dict[str, Any]] = {
    raw["operationId"]: schema[path][method.upper()]
    for path, methods in document["paths"].items()
    for method, raw in methods.items()
}
CASES: Final[dict[str, st.SearchStrategy[Any]]] = {name: operation.as_strategy() for name, operation in OPERATIONS.items()}
# Of a participant who was removed, what he did stays.
ENDING: Final = {"sessions_delete": "session_id", "activities_delete": "activity_id", "activities_delete_again": "activity_id"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link leads: the values of a path's parameters, and the session that they are of."""

    parameters: tuple[tuple[str, str], ...]
    session_id: str


@dataclass(slots=True)
class World:
    """What a walk has made so far; tickets by session."""

    url: str
    places: dict[str, list[Place]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    seats: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def step(self, draw: Callable[..., Any], name: str) -> None:
        """Do something, mostly with what there is and as somebody who may."""
        raw = OPERATIONS[name].definition.raw
        case = draw(CASES[name])
        case.headers.pop("Idempotency-Key", None)  # what is sent twice is tested elsewhere: here each walk is one of its own
        session_id = None
        if name in self.places and draw(st.integers(0, 19)) < 19:
            place = draw(st.sampled_from(self.places[name]))
            case.path_parameters.update(place.parameters)
            session_id = place.session_id
        if "requestBody" in raw and draw(st.integers(0, 3)) < 3:
            case.body = self._body(name, raw)
        if case.path.endswith("/changes"):
            case.query["wait"] = "0"  # waiting is tested where something happens
        right, is_foreign = raw.get("x-right"), False
        tickets = self.seats if right == "answer" or (right == "watch" and draw(st.booleans())) else self.owners
        ticket = tickets.get(session_id or "")
        others = [each for key, each in tickets.items() if key != session_id]
        if others and draw(st.integers(0, 9)) == 9:
            ticket, is_foreign = draw(st.sampled_from(others)), right is not None and session_id is not None
        headers = bearer(ticket) if right is not None and ticket is not None else {}
        response = case.call_and_validate(base_url=self.url, headers=headers, checks=CHECKS, timeout=20)
        if response.status_code < 300:
            assert not is_foreign, f"{name} takes a ticket of another session"
            assert self.gone.isdisjoint((case.path_parameters or {}).values()), f"{name} still has what was deleted"
            self._learn(name, case, response)

    def _body(self, name: str, raw: dict[str, Any]) -> Any:
        if name == "sessions_join_by_code" and self.codes:
            return {"code": self.codes[-1], "nickname": "Ann"}
        return copy.deepcopy(BODIES.get(name, raw["requestBody"]["content"]["application/json"]["example"]))

    def _learn(self, name: str, case: Any, response: Any) -> None:
        """Take over where the answer leads to."""
        if name in ENDING:
            self.gone.add(case.path_parameters[ENDING[name]])
        links = OPERATIONS[name].definition.raw["responses"][str(response.status_code)].get("links", {})
        if not links:
            return
        made = response.json()
        session_id = made["id"] if name == "sessions_create" else made.get("session_id") or case.path_parameters["session_id"]
        if name == "sessions_create":
            self.owners[session_id] = made["presenter_ticket"]
            self.codes.append(made["join_code"])
        elif name in ("sessions_join", "sessions_join_by_code"):
            self.seats[session_id] = made["ticket"]
        for link in links.values():
            values = tuple((each, follow(where, case, made)) for each, where in link["parameters"].items())
            self.places.setdefault(link["operationId"], []).append(Place(values, session_id))


def follow(expression: str, case: Any, made: dict[str, Any]) -> str:
    """The value of a link's runtime expression."""
    in_body = expression.startswith("$response.body#/")
    found = made[expression.partition("#/")[2]] if in_body else case.path_parameters[expression.removeprefix("$request.path.")]
    assert isinstance(found, str)
    return found


@pytest.fixture(scope="module")
def hub(start_hub: Callable[..., Server]) -> Iterator[Server]:
    """A hub that lets one address found and guess as much as it likes."""
    running = start_hub(
        PLENUM_FAILURES_PER_ADDRESS="1000", PLENUM_FAILURE_WINDOW_SECONDS="1", PLENUM_FAILURE_ANSWER_MS="0",
        PLENUM_SESSIONS_PER_MINUTE="100000",
    )  # fmt: skip
    yield running
    running.end()


@pytest.mark.timeout(240)
@given(data=st.data())
@settings(
    max_examples=WALKS, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_walks(hub: Server, data: st.DataObject) -> None:
    world = World(hub.url)
    for name in BEGINNING:
        world.step(data.draw, name)
    for _ in range(STEPS):
        reachable = [each for each in OPERATIONS if each in world.places or "_id}" not in OPERATIONS[each].path]
        world.step(data.draw, data.draw(st.sampled_from(reachable)))
    for session_id in world.owners.keys() - world.gone:
        path = f"{hub.url}/api/v1/sessions/{session_id}/integrity"
        verdict = httpx.get(path, headers=bearer(world.owners[session_id]), trust_env=False)
        assert verdict.status_code == 200, verdict.text
        assert verdict.json()["sound"], verdict.text
