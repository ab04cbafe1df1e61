"""What `accepted` survives: the crash of the process, and what the announced durability says beyond that."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from realtime.engines import Engines, start_engines
from tests.journey.servers import Server, run_plenum
from tests.journey.stages import Stage, new_id
from tests.waiting import eventually

EnterStage = Callable[[Server], Awaitable[Stage]]
# The dead process' lease on the shards is what the next one waits for.
NEVER_FLUSHED = {"PLENUM_FLUSH_AGE_MS": "60000", "PLENUM_FLUSH_ROWS": "20000", "PLENUM_LEASE_SECONDS": "1"}


@pytest.mark.parametrize("kind", ["embedded", "external"])
async def test_accepted_answers_survive_a_crash_of_the_server(
    make_server: Callable[..., Server], enter_stage: EnterStage, external_engines: Engines, empty_database: str, kind: str
) -> None:
    engines: dict[str, str] = {}
    if kind == "external":
        engines = {"REDIS_URL": external_engines.redis_url.rpartition("/")[0] + "/5", "DATABASE_URL": empty_database}
        assert run_plenum("migrate", "up", **engines).returncode == 0
    server = make_server(kind, **NEVER_FLUSHED, **engines)
    server.start()
    stage = await enter_stage(server)
    scene = await stage.session()
    activity_id = await scene.add()
    phones = [await scene.enter(await scene.join(f"P{number}")) for number in range(10)]
    accepted = [
        await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["b"]}) for phone in phones
    ]
    assert await scene.rows(activity_id) == [], "none of them is in PostgreSQL yet"
    server.end()  # kill -9
    for phone in phones:
        assert await phone.until_closed() == 1006
    await stage.close()

    server.start()
    scene.stage = stage = await enter_stage(server)
    rows = await eventually(lambda: scene.settled_rows(activity_id), "the rows")
    assert {str(row["submission_id"]) for row in rows} == {frame["submission_id"] for frame in accepted}
    presenter = await scene.present()
    assert presenter.map[f"counts:{activity_id}"]["responses"] == 10
    await stage.close()


@pytest.mark.parametrize(
    ("options", "durability"),
    [({"appendfsync": "everysec"}, "second"), ({"appendonly": "no"}, "memory")],
)
async def test_durability_is_announced_as_redis_has_it(
    make_server: Callable[..., Server], enter_stage: EnterStage, external_engines: Engines, tmp_path: Path,
    options: dict[str, str], durability: str,
) -> None:  # fmt: skip
    engines = start_engines(tmp_path / "redis", tcp=True, postgres=False, valkey_options=options)
    try:
        server = make_server(REDIS_URL=engines.redis_url, DATABASE_URL=external_engines.database_url)
        server.start()
        stage = await enter_stage(server)
        scene = await stage.session()
        activity_id = await scene.add()
        phone = await scene.enter(await scene.join())
        assert phone.welcome["durability"] == durability
        accepted = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["b"]})
        assert accepted["durability"] == durability
        await stage.close()
        server.stop()
    finally:
        engines.stop()
