"""The same over the wire, with processes that die between the steps of scoring and of a correction."""

import asyncio
from pathlib import Path

import pytest

from tests.journey.servers import Server
from tests.journey.stages import Scene, Seat, open_stage
from tests.scoring.stage import QUIZ
from tests.waiting import eventually


async def points(scene: Scene) -> dict[str, int]:
    query = "SELECT participant_id::text AS who, sum(delta)::int AS points FROM points_ledger WHERE session_id = $1 GROUP BY 1"
    records = await scene.stage.database.fetch(query, scene.id)
    return {record["who"]: record["points"] for record in records}


async def play(scene: Scene, seats: list[Seat]) -> str:
    activity_id = await scene.add("quiz", dict(QUIZ), scoring={"mode": "accuracy", "points": 1_000})
    for index, seat in enumerate(seats):
        answer = await scene.answer(activity_id, seat, {"selected": ["ab"[index % 2]]})
        assert answer.status_code == 201, answer.text
    return activity_id


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", ["chunk_scored", "scored"])
async def test_a_process_that_dies_while_it_scores(tmp_path: Path, point: str) -> None:
    knobs = {"PLENUM_SCORING_SWEEP_MS": "50", "PLENUM_SCORING_CHUNK": "2"}
    server = Server(tmp_path, PLENUM_CRASH_AT=point, **knobs)
    try:
        server.start()
        stage = await open_stage(server.url, server.database_url)
        scene = await stage.session()
        seats = [await scene.join(f"P{number}") for number in range(6)]
        activity_id = await play(scene, seats)
        closing = asyncio.create_task(scene.move(activity_id, "closed"))  # the server may die before it has answered
        assert await asyncio.to_thread(server.wait, 20) < 0
        await asyncio.gather(closing, return_exceptions=True)
        await asyncio.gather(stage.close(), return_exceptions=True)
    finally:
        server.end()

    server = Server(tmp_path, **knobs)
    try:
        server.start()
        stage = await open_stage(server.url, server.database_url)
        scene = Scene(stage, scene.id, scene.code, scene.ticket)
        await eventually(lambda: _all(scene, 6), "everybody has points")
        found = await points(scene)
        assert [found[seat.participant_id] for seat in seats] == [1_000, 0] * 3
        assert await stage.database.fetchval("SELECT count(*) FROM points_ledger WHERE session_id = $1", scene.id) == 6

        # A corrected key goes the same way, by a command on the socket.
        presenter = await scene.present()
        done = await presenter.ask("correct_key", activity_id=activity_id, settings={"correct": ["b"]})
        assert done["type"] == "done", done
        assert done["result"]["activity"]["config"]["settings"]["correct"] == ["b"]
        await eventually(lambda: _are(scene, seats, [0, 1_000] * 3), "marked again")
        team = await presenter.ask("assign_team", participant_id=seats[0].participant_id, team="Red")
        assert team["result"] == {"participant_id": seats[0].participant_id, "team": "Red"}
        guest = await scene.enter(seats[0])
        refused = await guest.ask("correct_key", activity_id=activity_id, settings={"correct": ["a"]})
        assert refused["code"] == "forbidden"
        await stage.close()
        server.stop()
    finally:
        server.end()


async def _all(scene: Scene, count: int) -> bool:
    noted = "SELECT scored_version = version FROM activities WHERE session_id = $1"
    return len(await points(scene)) == count and bool(await scene.stage.database.fetchval(noted, scene.id))


async def _are(scene: Scene, seats: list[Seat], wanted: list[int]) -> bool:
    found = await points(scene)
    return [found[seat.participant_id] for seat in seats] == wanted
