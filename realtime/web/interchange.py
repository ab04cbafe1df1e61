"""Activities in and out over HTTP: as JSON to keep, and from what other tools write."""

import base64
import binascii
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from starlette.responses import Response

from realtime.commands.importing import Importing
from realtime.core.errors import Refusal, invalid
from realtime.interchange.drafts import REASONS, Findings, Words
from realtime.interchange.wording import question_of
from realtime.web import samples
from realtime.web.documents import Document
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Body, Call, Json

_MOST_ENCODED: Final = 10_485_760  # characters; the largest body that a server can be set to take


class ImportedFile(Body):
    """`text`, or the file's bytes as `base64`. Without `create` it is a preview, and nothing is created.

    `only` names the drafts to create by their places in the preview. `words` are what a true-or-false question shows.
    """

    text: Annotated[str, Field(max_length=_MOST_ENCODED)] | None = None
    base64: Annotated[str, Field(max_length=_MOST_ENCODED)] | None = None
    format: Literal["json", "csv", "gift", "xlsx"] | None = None
    create: bool = False
    only: Annotated[list[Annotated[int, Field(ge=0, le=10_000)]], Field(max_length=1_000)] | None = None
    words: Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(min_length=2, max_length=2)] | None = None


class ImportDraft(Document):
    place: Annotated[str, Field(description="line, row or entry of the file")]
    type: str
    title: str
    question: str
    config: dict[str, Any]


class ImportProblem(Document):
    place: Annotated[str, Field(description="line or cell of the file")]
    code: str
    values: dict[str, Any]
    message: str
    note: Annotated[bool, Field(description="told only: the question is imported all the same")]


class ImportResult(Document):
    format: str
    drafts: list[ImportDraft]
    problems: list[ImportProblem]
    created: Annotated[dict[str, str], Field(description="new activities' ids by the place of their draft in `drafts`")]


class Bundle(Document):
    format: str
    version: int
    title: str
    activities: list[dict[str, Any]]


class Interchange:
    def __init__(self, importing: Importing) -> None:
        self._importing = importing

    async def give(self, call: Call) -> Response:
        headers = {"content-disposition": 'attachment; filename="plenum-activities.json"'}
        return Json(await self._importing.bundle(call.actor), headers=headers)

    async def take(self, call: Call) -> Response:
        body = call.body(ImportedFile)
        words = Words(*body.words) if body.words else Words()
        format, findings = await self._importing.read(_content(body), body.format, words)
        drafts = list(findings.drafts)
        created = await self._importing.create(call.actor, findings, body.only) if body.create else {}
        return Json({"format": format, **_document(findings, drafts), "created": {str(place): id for place, id in created.items()}})


def _content(body: ImportedFile) -> bytes:
    if (body.text is None) == (body.base64 is None):
        raise invalid("text", "either text or base64")
    if body.text is not None:
        return body.text.encode()
    try:
        return base64.b64decode(body.base64 or "", validate=True)
    except (ValueError, binascii.Error) as error:
        details = {"field": "base64", "reason": REASONS["bad_base64"], "code": "bad_base64", "values": {}}
        raise Refusal("invalid", details=details) from error


def _document(findings: Findings, drafts: list[Any]) -> dict[str, Any]:
    return {
        "drafts": [
            {
                "place": draft.place, "type": draft.type, "title": draft.title, "question": question_of(_settings(draft.config)),
                "config": draft.config,
            }
            for draft in drafts
        ],
        "problems": [problem.document() for problem in findings.problems],
    }  # fmt: skip


def _settings(config: Any) -> dict[str, Any]:
    settings = config.get("settings")
    return settings if isinstance(settings, dict) else dict(config)


_BUNDLE: Final[dict[str, Any]] = {
    "format": "plenum.activities", "version": 1, "title": "Biology, week 3",
    "activities": [{"type": "poll", "title": "Next topic", "config": {"version": 1, "settings": samples.POLL}}],
}  # fmt: skip

# Before those of the activities: `export` and `import` are no ids.
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/activities/export",
        handler=Interchange.give,
        right="inspect",
        summary="The session's activities as a document that the import takes back",
        answer=Bundle,
        shows=_BUNDLE,
    ),
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/activities/import",
        handler=Interchange.take,
        right="direct",
        summary="Activities from JSON, CSV, GIFT or a workbook: a preview, or all that is good of it",
        body=ImportedFile,
        answer=ImportResult,
        example={"text": "Is the sky blue? {T}", "format": "gift", "create": False},
        shows={"format": "gift", "drafts": [], "problems": [], "created": {}},
    ),
)
