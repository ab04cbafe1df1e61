"""Two processes on one Redis and one PostgreSQL are one Plenum."""

import pytest

from tests.journey.servers import Server
from tests.journey.stages import Stage, new_id


@pytest.mark.parametrize("server", ["external"], indirect=True)
async def test_what_one_hub_accepts_the_other_shows(stage: Stage, server: Server, impatient_server: Server) -> None:
    scene = await stage.session()
    activity_id = await scene.add(state="draft")
    presenter = await scene.present()
    seat = await scene.join()
    elsewhere = Stage(impatient_server.url, stage.http, stage.database, stage.clients)
    phone = await elsewhere.enter(seat.ticket)
    assert (await presenter.ask("move", activity_id=activity_id, to="active"))["type"] == "done"
    # Right behind the reply: the other process has not been told yet, and must look before it refuses.
    press = {"activity_id": activity_id, "submission_id": new_id(), "data": {"selected": ["b"]}}
    accepted = await phone.ask("submit", **press)
    assert accepted["type"] == "accepted", accepted
    await presenter.until(lambda: presenter.map[f"counts:{activity_id}"]["responses"] == 1, "counted here")
    back = await scene.enter(seat, after=phone)
    assert back.gaps == 0, "a position of one process is good in the other"
    assert (await back.ask("submit", **press))["duplicate"] is True
    assert len(await scene.settled_rows(activity_id)) == 1
