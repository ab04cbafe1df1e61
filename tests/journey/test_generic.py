"""Types that nobody registered take any JSON, count it and keep it as it came."""

import json
from typing import Any

import pytest

from tests.journey.stages import Stage, new_id

STRUCTURES: list[dict[str, Any]] = [
    {"mood": "fine"},
    {},
    {"readings": [1, 2.5, -3, None, True, False], "unit": "°C"},
    {"nested": {"deep": {"deeper": [{"list": [[], {}]}]}}},
    {"text": "Zwölf Boxkämpfer 👩‍👩‍👧 \n\t'quoted' \\ back"},
    {"grid": [[row * column for column in range(12)] for row in range(12)]},
    {"": "empty key", "key with blanks": 0, "ключ": "кириллица"},
]


@pytest.mark.parametrize("name", ["sketch_board", "generic", "my-own_type9"])
async def test_any_json_is_counted_and_stored_as_it_came(stage: Stage, name: str) -> None:
    scene = await stage.session()
    activity_id = await scene.add(name, {"prompt": "Send us anything", "nested": {"rule": [1, 2]}})
    for number, data in enumerate(STRUCTURES):
        seat = await scene.join(f"P{number}")
        if number % 2:
            answer = await scene.answer(activity_id, seat, data)
            assert answer.status_code == 201, answer.text
        else:
            phone = await scene.enter(seat)
            accepted = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data=data)
            assert accepted["type"] == "accepted", accepted
    rows = await scene.settled_rows(activity_id)
    assert [json.loads(row["response_data"])["data"] for row in rows] == STRUCTURES
    presenter = await scene.present()
    assert {"responses": 7, "people": 7, "abstained": 0}.items() <= presenter.map[f"counts:{activity_id}"].items()
    listed = (await scene.get(f"/activities/{activity_id}/responses")).json()
    assert [item["response_data"]["data"] for item in reversed(listed["responses"])] == STRUCTURES


async def test_what_the_metadata_says_is_stored_beside_the_answer(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add("generic", {})
    phone = await scene.enter(await scene.join())
    metadata = {"device_type": "phone", "client_timestamp": "2026-01-01T12:00:00Z"}
    await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"a": 1}, metadata=metadata)
    (row,) = await scene.settled_rows(activity_id)
    assert json.loads(row["response_data"])["metadata"] == metadata
