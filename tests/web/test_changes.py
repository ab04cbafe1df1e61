"""Changes over plain HTTP: deltas, 304, waiting and streams, with the same documents as the wire.

A session that has no answers to save and no sockets to count does not move by itself.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from realtime.core.sync import Mirror
from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage, bearer, open_stage
from tests.waiting import eventually

ROOT = "/api/v1"


async def changes(
    scene: Scene, ticket: str, position: dict[str, Any] | None = None, wait: float = 0, **headers: str
) -> httpx.Response:
    query: dict[str, Any] = {} if position is None else {"epoch": position["epoch"], "since": position["offset"]}
    return await scene.stage.http.get(
        f"{scene.path}/changes", params=query | ({"wait": wait} if wait else {}), headers={**bearer(ticket), **headers}, timeout=40
    )


async def test_snapshot_then_deltas_are_what_the_socket_shows(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    mirror = Mirror()
    first = (await changes(scene, seat.ticket)).json()
    assert (first["type"], mirror.apply(first)) == ("snapshot", True)
    accepted = (await scene.answer(activity_id, seat, {"selected": ["b"]})).json()
    second = (await changes(scene, seat.ticket, first["position"])).json()
    assert (second["type"], second["since"], mirror.apply(second)) == ("delta", first["position"]["offset"], True)
    assert second["mine"][activity_id][0]["response_id"] == accepted["id"]
    assert mirror.map[f"counts:{activity_id}"]["responses"] == 1
    phone = await scene.enter(seat)
    assert phone.map[f"view:{activity_id}"] == mirror.map[f"view:{activity_id}"]
    strange = (await changes(scene, seat.ticket, {"epoch": "another", "offset": 1})).json()
    assert (strange["type"], strange["reason"]) == ("snapshot", "epoch")


async def test_who_has_it_already_gets_304(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    paths = ("/changes", "/status", f"/activities/{activity_id}/status", f"/activities/{activity_id}/results")
    tags = {}
    for path in paths:
        full = await scene.get(path, seat.ticket)
        tags[path] = full.headers["etag"]
        again = await stage.http.get(scene.path + path, headers={**bearer(seat.ticket), "if-none-match": f'"x", {tags[path]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags[path]), path
    await scene.answer(activity_id, seat, {"selected": ["a"]})
    await scene.move(activity_id, "closed")
    for path in paths:
        fresh = await stage.http.get(scene.path + path, headers={**bearer(seat.ticket), "if-none-match": tags[path]})
        assert fresh.status_code == 200, path


async def test_waiting_request_is_woken_by_a_change(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state="published")
    seat = await scene.join()
    position = (await changes(scene, seat.ticket)).json()["position"]
    waiting = asyncio.create_task(changes(scene, seat.ticket, position, wait=20))
    await changes(scene, scene.ticket)  # the first is on its way before anything happens
    started = time.monotonic()
    await scene.move(activity_id, "active")
    mirror = Mirror(position["epoch"], position["offset"])
    while f"activity:{activity_id}" not in mirror.map or mirror.map[f"activity:{activity_id}"]["state"] != "active":
        news = (await waiting).json()
        assert mirror.apply(news)
        waiting = asyncio.create_task(changes(scene, seat.ticket, news["position"], wait=20))
    waiting.cancel()
    assert time.monotonic() - started < 5


async def test_waiting_for_nothing_ends_in_time(stage: Stage) -> None:
    scene = await stage.session()
    display = scene.ticket
    position = (await changes(scene, display)).json()["position"]
    started = time.monotonic()
    nothing = await changes(scene, display, position, wait=0.5)
    assert 0.4 < time.monotonic() - started < 5
    assert (nothing.status_code, nothing.json()["set"], nothing.json()["removed"]) == (200, {}, [])
    etag = nothing.headers["etag"]
    assert (await changes(scene, display, position, wait=0.1, **{"if-none-match": etag})).status_code == 304
    too_long = await changes(scene, display, position, wait=26)
    assert (too_long.status_code, too_long.json()["error"]["details"]["field"]) == (422, "wait")


async def test_a_ticket_may_wait_only_so_often(stage: Stage) -> None:
    scene = await stage.session()
    position = (await changes(scene, scene.ticket)).json()["position"]
    waiting = [asyncio.create_task(changes(scene, scene.ticket, position, wait=2)) for _ in range(10)]
    answers = await asyncio.gather(*waiting)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 2
    assert refused[0].headers["retry-after"] == "5"
    assert (await changes(scene, scene.ticket, position, wait=0.1)).status_code == 200


class Events:
    """The events of one stream, as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.documents: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.comments = 0
        self.ended = False
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self.response.aiter_lines():
            if line.startswith("data: "):
                self.documents.append(json.loads(line[6:]))
            elif line.startswith("id: "):
                self.ids.append(line[4:])
            elif line.startswith(":"):
                self.comments += 1
        self.ended = True

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        async def check() -> Any:
            if self._reader.done() and not self.ended:
                self._reader.result()
            return condition()

        await eventually(check, what)

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


@asynccontextmanager
async def stream(scene: Scene, ticket: str, **headers: str) -> AsyncIterator[Events]:
    wanted = {**bearer(ticket), "accept": "text/event-stream", **headers}
    async with scene.stage.http.stream("GET", f"{scene.path}/changes", headers=wanted, timeout=30) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        events = Events(response)
        try:
            yield events
        finally:
            await events.close()


async def test_stream_carries_the_documents_and_counts_as_being_here(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    seat = await scene.join()
    phone = await scene.present()
    mirror = Mirror()
    async with stream(scene, seat.ticket) as events:
        await phone.until(lambda: phone.map.get("people", {}).get("online") == 1, "the stream is online")
        await scene.answer(activity_id, seat, {"selected": ["c"]})
        await events.until(lambda: any(one.get("mine", {}).get(activity_id) for one in events.documents), "the own answer")
        await scene.answer(activity_id, await scene.join("Ben"), {"selected": ["c"]})
        counts = f"counts:{activity_id}"
        await events.until(
            lambda: any(one["set"].get(counts, {}).get("responses") == 2 for one in events.documents), "both answers"
        )
        assert all(mirror.apply(document) for document in events.documents)
        assert mirror.map[f"view:{activity_id}"]["vote_counts"]["c"] == 2
        position = events.documents[-1]["position"]
        assert events.ids[-1] == f"{position['epoch']}.{position['offset']}"
        last_id = events.ids[-1]
    await phone.until(lambda: phone.map["people"]["online"] == 0, "the stream has left")
    async with stream(scene, seat.ticket, **{"last-event-id": last_id}) as events:
        await events.until(lambda: events.documents, "the first document")
        assert (events.documents[0]["type"], events.documents[0]["since"]) == ("delta", position["offset"])


async def test_stream_of_a_removed_participant_ends(stage: Stage) -> None:
    scene = await stage.session()
    seat = await scene.join()
    async with stream(scene, seat.ticket) as events:
        await events.until(lambda: events.documents, "the snapshot")
        gone = await stage.http.delete(f"{ROOT}/participants/{seat.participant_id}", headers=bearer(scene.ticket))
        assert gone.status_code == 204
        await events.until(lambda: events.ended, "the end of the stream")
    assert (await changes(scene, seat.ticket)).json()["code"] == "removed"


@pytest.mark.timeout(90)
async def test_drain_ends_streams_and_waits(make_server: Callable[..., Server]) -> None:
    running = make_server(PLENUM_HEARTBEAT_MS="400")
    running.start()
    stage = await open_stage(running.url, running.database_url)
    try:
        scene = await stage.session()
        async with stream(scene, scene.ticket) as events:
            await events.until(lambda: events.comments > 2, "heartbeats, longer than a silent socket may live")
            position = events.documents[-1]["position"]
            waiting = asyncio.create_task(changes(scene, scene.ticket, position, wait=20))
            await changes(scene, scene.ticket)
            running.interrupt()
            await events.until(lambda: events.ended, "the end of the stream")
            assert (await waiting).status_code in (200, 503)
        assert running.wait(5) == 0
    finally:
        stage.database.terminate()  # its server has gone
        await stage.http.aclose()
