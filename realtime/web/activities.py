"""Activities over HTTP: author, open and close, look at their results."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from persistence.activities import ActivityRow
from realtime.activities.registry import Registry
from realtime.commands.directing import Directing
from realtime.commands.moderating import Moderating
from realtime.commands.reading import Reading
from realtime.core.errors import Refusal
from realtime.core.session import legacy_status
from realtime.web import bodies, documents, samples
from realtime.web.endpoints import Endpoint
from realtime.web.requests import Call, Json, conditional
from realtime.web.shapes import activity_body, page_of


class Activities:
    def __init__(self, directing: Directing, moderating: Moderating, reading: Reading, registry: Registry) -> None:
        self._directing = directing
        self._moderating = moderating
        self._reading = reading
        self._registry = registry

    async def create(self, call: Call) -> Response:
        body = call.body(bodies.NewActivity)
        row = await self._directing.create_activity(
            call.actor, body.type, title=body.title, config=body.config, order_index=body.order_index,
            state="draft" if body.status is None else _state(body.status),
        )  # fmt: skip
        return _answer(row, 201)

    async def create_in_framework(self, call: Call) -> Response:
        body = call.body(bodies.FrameworkActivity)
        row = await self._directing.create_activity(
            call.actor, body.activity_type, title=body.title, config=_with_metadata(body), order_index=body.order_index
        )
        return _answer(row, 201)

    async def browse(self, call: Call) -> Response:
        page = call.query(bodies.ActivityPage)
        everything = [activity_body(*one) for one in await self._reading.shown_activities(call.actor)]
        wanted = [one for one in everything if page.status in (None, one["status"])]
        shown = wanted[page.offset : page.offset + page.limit]
        return Json({"activities": shown, "items": shown, **page_of(len(wanted), page.offset, page.limit, len(shown))})

    async def active(self, call: Call) -> Response:
        """The activity in focus, else the first open one; null where none is open."""
        room = await self._reading.session_status(call.actor)
        if room["current_activity_id"] is None:
            return Json(None)
        row, shown = await self._reading.shown_activity(call.actor, room["current_activity_id"])
        return Json(activity_body(row, shown) | {"active_activity_ids": room["active_activity_ids"]})

    async def read(self, call: Call) -> Response:
        row, shown = await self._reading.shown_activity(call.actor, call.id("activity_id"))
        return Json(activity_body(row, shown), headers={"etag": f'"{row.version}"'})

    async def change(self, call: Call) -> Response:
        body, activity_id = call.body(bodies.ChangedActivity), call.id("activity_id")
        present = await self._reading.activity(call.actor, activity_id)
        if body.type is not None and self._registry.canonical(body.type) != present.type:
            raise Refusal("in_use", details={"field": "type", "reason": "the type is fixed; create another activity"})
        moves = body.status is not None and body.status != legacy_status(present.state)
        if body.status is not None and moves:
            await self._directing.may_move(call.actor, present.state, _state(body.status))
        row = await self._directing.update_activity(
            call.actor,
            activity_id,
            title=body.title,
            config=body.config,
            order_index=body.order_index,
            expected_version=call.expected_version(body.expected_version),
        )
        if body.status is not None and moves:
            row = await self._move(call, activity_id, body.status)
        return _answer(row)

    async def delete(self, call: Call) -> Response:
        await self._directing.delete_activity(call.actor, call.id("activity_id"))
        return Response(status_code=204)

    async def set_status(self, call: Call) -> Response:
        return _answer(await self._move(call, call.id("activity_id"), call.query(bodies.Status).status))

    async def move(self, call: Call) -> Response:
        body = call.body(bodies.Transition)
        row = await self._move(
            call,
            call.id("activity_id"),
            body.target_state,
            expected_version=call.expected_version(body.expected_version),
            new_round=body.new_round,
            force=body.force,
            reason=body.reason,
        )
        return _answer(row)

    async def reveal(self, call: Call) -> Response:
        body = call.body(bodies.Reveal)
        version = call.expected_version(body.expected_version)
        return _answer(await self._directing.reveal(call.actor, call.id("activity_id"), body.revealed, expected_version=version))

    async def decide(self, call: Call) -> Response:
        body = call.body(bodies.Decision)
        return Json(
            await self._moderating.decide(
                call.actor, call.id("activity_id"), body.decision, expected_version=body.expected_version
            )
        )

    async def status(self, call: Call) -> Response:
        return conditional(call.request, await self._reading.activity_status(call.actor, call.id("activity_id")))

    async def framework_status(self, call: Call) -> Response:
        return conditional(call.request, await self._reading.framework_status(call.actor, call.id("activity_id")))

    async def results(self, call: Call) -> Response:
        return conditional(call.request, await self._reading.results(call.actor, call.id("activity_id")))

    async def _move(self, call: Call, activity_id: str, to: str, **options: Any) -> ActivityRow:
        return await self._directing.move(call.actor, activity_id, _state(to), **options)


def _state(name: str) -> str:
    """Our state, also by the founding system's name for it."""
    return bodies.TARGETS.get(name, name)


def _answer(row: ActivityRow, status: int = 200) -> Response:
    return Json(activity_body(row), status, {"location": f"/api/v1/activities/{row.id}", "etag": f'"{row.version}"'})


def _with_metadata(body: bodies.FrameworkActivity) -> dict[str, Any]:
    """The config with what the founding system keeps beside it."""
    config = dict(body.configuration)
    if body.description is not None:
        display = config.get("display")
        config["display"] = {"description": body.description, **(display if isinstance(display, Mapping) else {})}
    seconds = (body.activity_metadata or {}).get("duration_seconds")
    if isinstance(seconds, int):
        constraints = config.get("constraints")
        config["constraints"] = {"time_limit": seconds, **(constraints if isinstance(constraints, Mapping) else {})}
    return config


_IN_SESSION, _ALONE = "/sessions/{session_id}/activities/{activity_id}", "/activities/{activity_id}"
_MOVES = ("illegal_move", "version_conflict", "in_use", "session_ended")


def _both(**fields: Any) -> tuple[Endpoint, Endpoint]:
    """The same endpoint under the session and, as in the founding system, by the activity alone."""
    tail = fields.pop("tail", "")
    return Endpoint(path=_IN_SESSION + tail, **fields), Endpoint(path=_ALONE + tail, **fields)


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/activities",
        handler=Activities.create,
        right="direct",
        summary="Add an activity",
        body=bodies.NewActivity,
        answer=documents.Activity,
        status=201,
        creates=True,
        makes="activity_id",
        errors=("unknown_type", "illegal_move", "session_ended"),
        example={"type": "poll", "title": "Next topic", "config": {"settings": samples.POLL}},
        shows=samples.ACTIVITY,
    ),
    Endpoint(
        method="POST",
        path="/sessions/{session_id}/activities/framework",
        handler=Activities.create_in_framework,
        right="direct",
        summary="Add an activity in the founding framework's form",
        body=bodies.FrameworkActivity,
        answer=documents.Activity,
        status=201,
        creates=True,
        makes="activity_id",
        errors=("unknown_type",),
        example={
            "activity_type": "poll",
            "title": "Next topic",
            "configuration": {"question": "Which?", "options": ["A", "B"]},
            "activity_metadata": {"duration_seconds": 300},
        },
        shows=samples.ACTIVITY,
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/activities",
        handler=Activities.browse,
        right="watch",
        summary="The activities that the role may see, in their order",
        query=bodies.ActivityPage,
        answer=documents.ActivityList,
        shows={"activities": [samples.ACTIVITY], "items": [samples.ACTIVITY], **samples.PAGE},
    ),
    Endpoint(
        method="GET",
        path="/sessions/{session_id}/activities/active",
        handler=Activities.active,
        right="watch",
        summary="The activity to look at now, or null",
        answer=documents.Activity,
        nullable=True,
        shows=samples.ACTIVITY,
    ),
    Endpoint(
        method="GET",
        path=_IN_SESSION,
        handler=Activities.read,
        right="inspect",
        summary="An activity with its whole config",
        answer=documents.Activity,
        shows=samples.ACTIVITY,
    ),
    Endpoint(
        method="GET",
        path=_ALONE,
        handler=Activities.read,
        right="watch",
        summary="An activity as the role may see it",
        answer=documents.Activity,
        shows=samples.ACTIVITY,
    ),
    *_both(
        method="PUT",
        handler=Activities.change,
        right="direct",
        summary="Change an activity",
        body=bodies.ChangedActivity,
        answer=documents.Activity,
        errors=_MOVES,
        example={"title": "The next topic", "expected_version": 2},
        shows=samples.ACTIVITY,
    ),
    *_both(method="DELETE", handler=Activities.delete, right="direct", summary="Delete an activity and its responses", status=204),
    *_both(
        method="PATCH",
        tail="/status",
        handler=Activities.set_status,
        right="direct",
        summary="Open, end or cancel an activity",
        query=bodies.Status,
        answer=documents.Activity,
        errors=_MOVES,
        shows=samples.ACTIVITY,
    ),
    *_both(
        method="POST",
        tail="/transition",
        handler=Activities.move,
        right="direct",
        summary="Bring an activity into another state",
        body=bodies.Transition,
        answer=documents.Activity,
        errors=_MOVES,
        example={"target_state": "active"},
        shows=samples.ACTIVITY,
    ),
    *_both(
        method="POST",
        tail="/reveal",
        handler=Activities.reveal,
        right="direct",
        summary="Show or hide the results to everybody",
        body=bodies.Reveal,
        answer=documents.Activity,
        errors=_MOVES,
        example={"revealed": True},
        shows=samples.ACTIVITY,
    ),
    *_both(
        method="POST",
        tail="/decisions",
        handler=Activities.decide,
        right="moderate",
        summary="Approve, hide, pin or group contributions, as the type allows",
        body=bodies.Decision,
        answer=documents.Decided,
        errors=("activity_not_open", "activity_full", "version_conflict", "wrong_round", "unknown_response", "illegal_move"),
        example={"decision": {"action": "approve", "item_id": samples.RESPONSE_ID}},
        shows=samples.DECIDED,
    ),
    *_both(
        method="GET",
        tail="/status",
        handler=Activities.status,
        right="watch",
        summary="Where an activity stands, cheap enough to poll",
        answer=documents.ActivityStatus,
        also=(304,),
        shows=samples.ACTIVITY_STATUS,
    ),
    *_both(
        method="GET",
        tail="/results",
        handler=Activities.results,
        right="watch",
        summary="The results that the role may see",
        answer=documents.Results,
        also=(304,),
        shows=samples.RESULTS,
    ),
    Endpoint(
        method="GET",
        path=_ALONE + "/status/framework",
        handler=Activities.framework_status,
        right="watch",
        summary="Where an activity stands, in the founding framework's words",
        answer=documents.FrameworkStatus,
        also=(304,),
        shows=samples.FRAMEWORK_STATUS,
    ),
)
