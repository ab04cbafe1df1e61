"""The operator changes the table of responses while a hall answers."""

import asyncio

import pytest

from realtime.engines import Engines
from tests.journey.servers import Server, run_plenum
from tests.journey.stages import Stage, new_id


@pytest.mark.parametrize("server", ["external"], indirect=True)
async def test_a_table_is_cut_while_people_answer(stage: Stage, server: Server, external_engines: Engines) -> None:
    scene = await stage.session()
    activity_id = await scene.add("generic", {}, constraints={"max_responses": 1_000})
    phones = [await scene.enter(await scene.join(f"P{number}")) for number in range(4)]
    tuned = asyncio.Event()
    accepted: list[str] = []

    async def answer(number: int) -> None:
        count = 0
        while not tuned.is_set():
            count += 1
            submission_id = new_id()
            reply = await phones[number].ask(
                "submit", activity_id=activity_id, submission_id=submission_id, data={"n": count}, entry=f"n:{count % 500}"
            )
            assert reply["type"] == "accepted", reply
            accepted.append(submission_id)

    def tune(*arguments: str) -> str:
        ended = run_plenum("tune", *arguments, REDIS_URL=server.redis_url, DATABASE_URL=external_engines.database_url)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    pressing = [asyncio.create_task(answer(number)) for number in range(len(phones))]
    try:
        assert "partitions 4" in await asyncio.to_thread(tune, "partitions", "4")
        assert "foreign-keys off" in await asyncio.to_thread(tune, "foreign-keys", "off")
        before = len(accepted)
        tuned.set()
        await asyncio.gather(*pressing)
        assert len(accepted) > before > 0
        listed = await scene.get(f"/activities/{activity_id}/responses", limit=1)
        assert listed.status_code == 200
        rows = await scene.settled_rows(activity_id)
        # Each stored row is the last answer of its place, and every place that was answered has one.
        assert {str(row["submission_id"]) for row in rows} <= set(accepted)
        assert len(rows) == len({(row["participant_id"], row["entry"]) for row in rows})
        answered = await scene.get(f"/activities/{activity_id}/status")
        assert answered.json()["response_count"] == len(rows)
    finally:
        tuned.set()
        await asyncio.gather(*pressing, return_exceptions=True)
        await asyncio.to_thread(tune, "foreign-keys", "on")
        await asyncio.to_thread(tune, "partitions", "0")
