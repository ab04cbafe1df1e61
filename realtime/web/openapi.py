"""OpenAPI 3.1, made from the table of endpoints and the models that check the traffic."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from realtime.commands.actors import ALLOWED
from realtime.core.errors import REASONS
from realtime.web import documents
from realtime.web.endpoints import ROOT, Endpoint

_REF: Final = "#/components/schemas/"
_ID: Final = {"type": "string", "format": "uuid"}
_PARAMETERS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "session_id": (
        {"type": "string", "pattern": "^([0-9]{1,9}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"},
        "the session's id; an imported session also answers to its former number",
    ),
    "activity_id": (_ID, "the activity's id"),
    "participant_id": (_ID, "the participant's id"),
    "response_id": (_ID, "the response's id"),
    "ticket_id": ({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "the ticket's id, as the list tells it"),
    "code": ({"type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[A-Za-z0-9-]+$"}, "the join code, as people type it"),
    "timestamp": ({"type": "string", "format": "date-time"}, "ISO 8601, with zone or in UTC"),
    "activity_type": ({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,50}$"}, "name or alias of a type"),
}
_LEASE: Final = {
    "name": "Plenum-Lease", "in": "header", "required": False,
    "description": "The token of the lease, where somebody has taken it.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
}  # fmt: skip
_KEY: Final = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "Made by the client before the first try; the same key gets the same answer and creates nothing twice.",
    "schema": {"type": "string", "minLength": 16, "maxLength": 200, "pattern": "^[A-Za-z0-9_-]+$"},
}  # fmt: skip
# What any request may meet: malformed documents, floods, and engines that are away.
_BODY_ERRORS: Final = (
    "malformed", "invalid", "duplicate_key", "nul_character", "lone_surrogate", "number_out_of_range", "too_deep", "too_many_parts",
    "too_large",
)  # fmt: skip
_ALWAYS: Final = ("limited", "overloaded", "unavailable", "recovering", "storage_unavailable", "draining")
_RIGHTS: Final = ("unauthenticated", "ticket_expired", "forbidden", "removed")
_KEYED: Final = ("idempotency_conflict", "under_way", "too_large", "invalid")


def build_openapi(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The whole document."""
    table = list(endpoints)
    named = _names(table)
    paths: dict[str, dict[str, Any]] = {}
    for name, endpoint in named.items():
        paths.setdefault(ROOT + endpoint.path, {})[endpoint.method.lower()] = _operation(name, endpoint, named)
    for tail, verb in (("/", "whole"), ("/ready", "ready"), ("/live", "live")):
        paths[f"{ROOT}/health{tail}"] = {"get": _health(verb)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Plenum",
            "version": version,
            "description": "Live sessions: people answer on their phones, presenters watch the counts, no answer is lost. "
            "The same commands go over the WebSocket, see the AsyncAPI document.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "securitySchemes": {
                "ticket": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A presenter's or a participant's ticket of one session, or a token of the host (JWT).",
                }
            },
        },
    }


def errors_of(endpoint: Endpoint) -> list[str]:
    """Every code that the endpoint may answer with."""
    codes: list[str] = [*_ALWAYS, *endpoint.errors]
    if endpoint.right is not None or endpoint.takes_user:
        codes += _RIGHTS
    if endpoint.right == "direct":
        codes += ["not_directing", "invalid"]
    if endpoint.method != "GET":
        codes.append("wrong_origin")
    if endpoint.body is not None:
        codes += _BODY_ERRORS
    if endpoint.query is not None:
        codes.append("invalid")
    if endpoint.creates:
        codes += _KEYED
    missing = {"session_id": "unknown_session", "activity_id": "unknown_activity", "participant_id": "unknown_participant",
               "response_id": "unknown_response", "ticket_id": "unknown_ticket"}  # fmt: skip
    codes += [missing[name] for name in endpoint.parameters() if name in missing]
    if endpoint.parameters() or endpoint.right is not None:
        codes.append("unknown_session")
    return sorted(set(codes))


def _names(table: Iterable[Endpoint]) -> dict[str, Endpoint]:
    """Every endpoint by what its operation is called."""
    named: dict[str, Endpoint] = {}
    for endpoint in table:
        name = f"{endpoint.noun}_{endpoint.verb}".lower()
        while name in named:  # the same handler under an older path
            name += "_again"
        named[name] = endpoint
    return named


def _operation(name: str, endpoint: Endpoint, named: Mapping[str, Endpoint]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": endpoint.summary,
        "tags": [endpoint.noun.removesuffix("Feed").lower()],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint), *_header_parameters(endpoint)],
        "responses": _responses(endpoint, _links(endpoint, named)),
        "security": [{"ticket": []}] if endpoint.right is not None else [{}, {"ticket": []}] if endpoint.takes_user else [],
    }
    if endpoint.right is not None:
        roles = sorted(ALLOWED[endpoint.right])
        own = " A participant may ask about himself only." if endpoint.self_or else ""
        operation["description"] = f"For: {', '.join(roles)}.{own}"
        operation["x-right"] = endpoint.right
    if endpoint.body is not None:
        content = {"schema": {"$ref": _REF + endpoint.body.__name__}, "example": endpoint.example}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PARAMETERS[name][0], "description": _PARAMETERS[name][1]}
        for name in endpoint.parameters()
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema()
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _without_null(field)}
        for name, field in schema.get("properties", {}).items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; there is no way to write null in a query."""
    choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    shown = {
        name: value for name, value in field.items() if name not in ("anyOf", "title") and not (name == "default" and value is None)
    }
    return shown | choices[0] if choices else shown


def _header_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [*([_LEASE] if endpoint.right == "direct" else []), *([_KEY] if endpoint.creates else [])]


def _links(source: Endpoint, named: Mapping[str, Endpoint]) -> dict[str, Any]:
    """What can be done with that which an endpoint makes, and where its answer says what is needed for it."""
    if source.makes is None or source.answer is None:
        return {}
    known = {name: f"$request.path.{name}" for name in source.parameters()}
    known |= {name: f"$response.body#/{name}" for name in source.answer.model_fields if name in _PARAMETERS}
    known.setdefault(source.makes, "$response.body#/id")
    return {
        name: {"operationId": name, "parameters": {each: known[each] for each in target.parameters()}}
        for name, target in named.items()
        if source.makes in target.parameters() and known.keys() >= set(target.parameters())
    }


def _responses(endpoint: Endpoint, links: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in (endpoint.status, *endpoint.also):
        answer: dict[str, Any] = {"description": {304: "Not modified: the ETag is still right."}.get(status, "Done.")}
        if status not in (204, 304) and endpoint.answer is not None:
            schema: dict[str, Any] = {"$ref": _REF + endpoint.answer.__name__}
            if endpoint.nullable:
                schema = {"anyOf": [schema, {"type": "null"}]}
            answer["content"] = {"application/json": {"schema": schema, "example": endpoint.shows}}
            if endpoint.streams:
                answer["content"]["text/event-stream"] = {"schema": {"type": "string"}}
        if links and status != 304:
            answer["links"] = links
        if status == endpoint.status and endpoint.files:
            answer["content"] = {media: {"schema": {}} for media in endpoint.files}
            answer["content"]["application/json"] = {"schema": {"type": "object"}, "example": endpoint.shows}
        responses[str(status)] = answer
    by_status: dict[int, list[str]] = {}
    for code in errors_of(endpoint):
        by_status.setdefault(REASONS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        content = {"application/problem+json": {"schema": {"$ref": _REF + "Problem"}}}
        responses[str(status)] = {"description": ", ".join(codes), "content": content}
    return responses


def _health(verb: str) -> dict[str, Any]:
    content = {
        "application/json": {"schema": {"$ref": _REF + "Health"}, "example": {"status": "alive" if verb == "live" else "ready"}}
    }
    responses = {"200": {"description": "Takes traffic.", "content": content}}
    if verb != "live":
        responses["503"] = {"description": "Takes none.", "content": content}
    return {
        "operationId": f"health_{verb}",
        "summary": "Whether this process is fit",
        "tags": ["health"],
        "responses": responses,
        "security": [],
    }


def _schemas(table: list[Endpoint]) -> dict[str, Any]:
    bodies: set[type[BaseModel]] = {endpoint.body for endpoint in table if endpoint.body is not None}
    answers: set[type[BaseModel]] = {endpoint.answer for endpoint in table if endpoint.answer is not None}
    answers |= {documents.Problem, documents.Health}
    wanted: list[tuple[type[BaseModel], Any]] = [
        (model, "validation") for model in sorted(bodies, key=lambda model: model.__name__)
    ]
    wanted += [(model, "validation") for model in sorted(answers, key=lambda model: model.__name__)]
    _, schema = models_json_schema(wanted, ref_template=_REF + "{model}")
    schemas: dict[str, Any] = schema["$defs"]
    return schemas
