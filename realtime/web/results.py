"""Results over HTTP: an overview, one activity, people by the page, and all of it as files."""

import asyncio
from collections.abc import AsyncIterator
from typing import IO, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from starlette.responses import Response, StreamingResponse

from realtime.commands.exporting import Exported, Exporting
from realtime.commands.reporting import Reporting
from realtime.core.messages import Uuid
from realtime.interchange.sheets import MEDIA
from realtime.web import samples
from realtime.web.bodies import number
from realtime.web.documents import Document
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json, Query

_CHUNK_BYTES: Final = 65_536


# ---------------------------------------------------------------------------------------------- what is asked


def _flag(value: Any) -> Any:
    return {"1": True, "true": True, "0": False, "false": False}.get(value, value) if isinstance(value, str) else value


Flag = Annotated[bool, BeforeValidator(_flag)]


class ExportOptions(Query):
    """`bom`: begin a CSV with a byte order mark, for spreadsheets that take it for something else than UTF-8 otherwise."""

    format: Literal["csv", "xlsx", "json", "ndjson"] = "csv"
    bom: Flag = False


class SessionExport(ExportOptions):
    """`table`: which of the tables a CSV holds; the other formats hold all of them."""

    table: Literal["responses", "activities", "participants"] = "responses"


class ReportOptions(Query):
    """`round`: which one; the present one unless given."""

    round: number(1, 32_000) | None = None  # type: ignore[valid-type]


class PeoplePage(Query):
    """`after` is the `next` of the page before."""

    after: Uuid | None = None
    limit: number(1, 100) = 50  # type: ignore[valid-type]


# --------------------------------------------------------------------------------------------- what is answered


class RoundCount(Document):
    round: int
    responses: Annotated[int, Field(description="stored, without the withdrawn ones")]
    participants: int
    withdrawn: int
    live: Annotated[int | None, Field(description="as the stage counts them; equal to `responses` once all is saved")]


class ActivityOverview(Document):
    activity_id: str
    number: int
    title: str
    question: str
    type: str
    state: str
    revealed: bool
    present_round: int
    anonymous: Annotated[bool, Field(description="nothing tells who answered")]
    rounds: list[RoundCount]


class ResultsOverview(Document):
    session_id: str
    title: str
    state: str
    join_code: str
    created_at: str
    participants: int
    saved: Annotated[int, Field(description="the watermark: everything accepted up to it is in these numbers")]
    complete: Annotated[bool, Field(description="nothing that was accepted before the request is missing")]
    activities: list[ActivityOverview]


class ActivityReport(Document):
    """`activity`, `counts`, `view` and `items` are as the wire has them; `course` says when the answers came."""

    activity_id: str
    number: int
    title: str
    question: str
    type: str
    state: str
    revealed: bool
    present_round: int
    anonymous: bool
    round: int
    activity: dict[str, Any] | None
    counts: dict[str, Any] | None
    view: Any
    items: dict[str, Any]
    course: list[dict[str, Any]]
    changes: Annotated[list[dict[str, Any]], Field(description="what became of everybody's answer from one round to the next")]
    withheld: bool
    saved: int
    complete: bool


class PeopleResults(Document):
    """Ask again with `after` = `next` until it is null."""

    participants: list[dict[str, Any]]
    next: str | None
    complete: bool


# ------------------------------------------------------------------------------------------------ who answers


class Results:
    def __init__(self, reporting: Reporting, exporting: Exporting) -> None:
        self._reporting = reporting
        self._exporting = exporting

    async def overview(self, call: Call) -> Response:
        return Json(await self._reporting.overview(call.actor))

    async def report(self, call: Call) -> Response:
        round = call.query(ReportOptions).round
        return Json(await self._reporting.activity(call.actor, call.id("activity_id"), round=round))

    async def people(self, call: Call) -> Response:
        page = call.query(PeoplePage)
        return Json(await self._reporting.people(call.actor, after=page.after, limit=page.limit))

    async def export_session(self, call: Call) -> Response:
        options = call.query(SessionExport)
        exported = await self._exporting.session(call.actor, options.format, table=options.table, bom=options.bom)
        return send(exported)

    async def export_activity(self, call: Call) -> Response:
        options = call.query(ExportOptions)
        return send(await self._exporting.activity(call.actor, call.id("activity_id"), options.format, bom=options.bom))


def send(exported: Exported) -> Response:
    """A file in pieces; it is gone from the disk when the answer ends, however it ends."""
    headers = {
        "content-length": str(exported.size_bytes),
        "content-disposition": f'attachment; filename="plenum.{exported.format}"; filename*=UTF-8\'\'{_quoted(exported.name)}',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "plenum-saved": str(exported.saved),
        "plenum-complete": "true" if exported.complete else "false",
    }
    return StreamingResponse(_pieces(exported.file), media_type=MEDIA[exported.format], headers=headers)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield piece
    finally:
        file.close()


def _quoted(name: str) -> str:
    """RFC 5987: every byte that is no letter, digit, dot or dash in percent."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in name.encode())


_COUNT: Final = {"round": 1, "responses": 1, "participants": 1, "withdrawn": 0, "live": 1}
_ABOUT: Final[dict[str, Any]] = {
    "activity_id": samples.ACTIVITY_ID, "number": 1, "title": "Next topic", "question": "Which topic next?",
    "type": "poll", "state": "closed",
    "revealed": True, "present_round": 1, "anonymous": False,
}  # fmt: skip
_EXPORT: Final[dict[str, Any]] = {
    "session_id": samples.SESSION_ID, "title": "Biology, week 3", "exported_at": samples.MOMENT, "saved": 17, "complete": True,
    "tables": [{"name": "participants", "columns": ["participant", "points"],
                "rows": [{"participant": samples.PARTICIPANT_ID, "points": 900}]}],
}  # fmt: skip
_FILES: Final = tuple(MEDIA[format].partition(";")[0] for format in ("csv", "xlsx", "json", "ndjson"))

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/results",
        handler=Results.overview,
        right="inspect",
        summary="What every activity and round brought, and whether all of it is stored",
        answer=ResultsOverview,
        shows={
            "session_id": samples.SESSION_ID, "title": "Biology, week 3", "state": "active", "join_code": "K7MQ2X",
            "created_at": samples.MOMENT, "participants": 1, "saved": 17, "complete": True,
            "activities": [_ABOUT | {"rounds": [_COUNT]}],
        },
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/results/participants",
        handler=Results.people,
        right="inspect",
        summary="Participants with their answers and points, by the page",
        query=PeoplePage,
        answer=PeopleResults,
        shows={"participants": [], "next": None, "complete": True},
    ),
    Endpoint(
        method="GET",
        path="/activities/{activity_id}/report",
        handler=Results.report,
        right="inspect",
        summary="One activity: a round's result, its course over time, and what changed between rounds",
        query=ReportOptions,
        answer=ActivityReport,
        shows=_ABOUT | {
            "round": 1, "activity": None, "counts": None, "view": None, "items": {}, "course": [], "changes": [], "withheld": False,
            "saved": 17, "complete": True,
        },
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/export",
        handler=Results.export_session,
        right="inspect",
        summary="Everything that was answered, as a file",
        query=SessionExport,
        files=_FILES,
        shows=_EXPORT,
        errors=("too_large",),
    ),
    Endpoint(
        method="GET",
        path="/activities/{activity_id}/export",
        handler=Results.export_activity,
        right="inspect",
        summary="One activity's answers with the columns of its type, as a file",
        query=ExportOptions,
        files=_FILES,
        shows=_EXPORT,
        errors=("too_large",),
    ),
)  # fmt: skip
