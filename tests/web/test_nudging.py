"""Who has not answered, and the word to them."""

from typing import Any

import pytest

from tests.journey.stages import Stage
from tests.waiting import eventually


async def test_a_nudge_names_who_is_missing_and_reaches_their_phones(stage: Stage) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    ada, ben = await scene.join("Ada"), await scene.join("Ben")
    phones = [await scene.enter(seat) for seat in (ada, ben)]
    await scene.answer(activity_id, ada, {"selected": ["a"]})
    path = f"/activities/{activity_id}"

    async def two_are_here() -> bool:
        return bool((await scene.get(f"/activities/{activity_id}/unanswered")).json()["online"] == 2)

    await eventually(two_are_here, "both phones are here")
    found = (await scene.get(f"/activities/{activity_id}/unanswered")).json()
    assert found == {"online": 2, "waiting": 1, "participants": [{"participant_id": ben.participant_id, "nickname": "Ben"}]}

    nudged = await scene.post(f"{path}/nudge", {})
    assert (nudged.status_code, nudged.json()["waiting"]) == (200, 1)
    for phone in phones:
        await phone.until(lambda one=phone: one.map.get("nudge", {}).get("activity_id") == activity_id, "the word arrives")
    again = await scene.post(f"{path}/nudge", {})
    assert (again.status_code, again.json()["error"]["code"]) == (429, "limited")
    assert (await scene.post(f"{path}/nudge", {}, ada.ticket)).status_code == 403
    await scene.move(activity_id, "closed")
    assert (await scene.post(f"{path}/nudge", {})).json()["error"]["code"] == "activity_not_open"


@pytest.mark.parametrize("config", [{"constraints": {"identity": "anonymous"}}, {"reveal": {"names": "nobody"}}])
async def test_of_an_activity_without_names_nobody_is_named(stage: Stage, config: dict[str, Any]) -> None:
    scene = await stage.session()
    activity_id = await scene.add(**config)
    phone = await scene.enter(await scene.join("Ada"))

    async def one_is_missing() -> bool:
        found = (await scene.get(f"/activities/{activity_id}/unanswered")).json()
        return bool(found == {"online": 1, "waiting": 1, "participants": []})

    await eventually(one_is_missing, "the number, and no name")
    await phone.close()
