"""Activity types over HTTP: what there is, how it is configured, and whether a config fits."""

import sys
from typing import Any

from starlette.responses import Response

from realtime.activities.config import Config, read_config
from realtime.activities.registry import Kind, Registry
from realtime.core.errors import Refusal
from realtime.web import bodies, documents
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json


class Types:
    def __init__(self, registry: Registry, *, strict_types: bool) -> None:
        self._registry = registry
        self._strict_types = strict_types

    async def browse(self, call: Call) -> Response:
        return Json({"activity_types": [_summary(kind) for kind in self._registry.kinds().values()]})

    async def schema(self, call: Call) -> Response:
        name = self._registry.canonical(call.request.path_params["activity_type"])
        kind = self._registry.kinds().get(name)
        if kind is None:
            raise Refusal("not_found")
        schema = {
            "config": Config.model_json_schema(),
            "settings": kind.settings_model.model_json_schema(),
            "answer": kind.answer_model.model_json_schema(),
        }
        return Json({"activity_type": name, "schema": schema, "example": dict(kind.example)})

    async def validate(self, call: Call) -> Response:
        body = call.body(bodies.CheckedConfig)
        known = self._registry.canonical(body.activity_type) in self._registry.kinds()
        warnings = [] if known else [f"{body.activity_type}: not a registered type; its answers are stored unchecked"]
        try:
            config = read_config(self._registry.resolve(body.activity_type, strict=self._strict_types), body.configuration)
        except Refusal as refusal:
            fault = f"{refusal.details.get('field', 'configuration')}: {refusal.details.get('reason', refusal.message)}"
            return Json({"valid": False, "errors": [fault], "warnings": warnings, "configuration": None})
        return Json({"valid": True, "errors": [], "warnings": warnings, "configuration": config.model_dump(mode="json")})


def _summary(kind: Kind) -> dict[str, Any]:
    text = (type(kind).__doc__ or sys.modules[type(kind).__module__].__doc__ or "").strip().partition("\n")[0]
    return {
        "id": kind.name,
        "name": kind.name.replace("_", " ").capitalize(),
        "description": text,
        "version": str(kind.version),
        "aliases": list(kind.aliases),
    }


_POLL = {"question": "Which?", "options": ["A", "B"]}

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/activities/types",
        handler=Types.browse,
        right=None,
        summary="The registered activity types",
        answer=documents.TypeList,
        shows={"activity_types": [{"id": "poll", "name": "Poll", "description": "", "version": "1", "aliases": ["vote"]}]},
    ),
    Endpoint(
        method="GET",
        path="/activities/types/{activity_type}/schema",
        handler=Types.schema,
        right=None,
        summary="The JSON schemas of a type's settings and answers, with an example",
        answer=documents.TypeSchema,
        errors=("not_found",),
        shows={
            "activity_type": "poll",
            "schema": {"config": {}, "settings": {}, "answer": {}},
            "example": {"settings": {}, "answers": []},
        },
    ),
    Endpoint(
        method="POST",
        path="/activities/validate",
        handler=Types.validate,
        right=None,
        summary="Whether a config fits its type",
        body=bodies.CheckedConfig,
        answer=documents.Validation,
        example={"activity_type": "poll", "configuration": _POLL},
        shows={"valid": True, "errors": [], "warnings": [], "configuration": None},
    ),
)
