"""The embedded engines end in the middle of a question: the server starts them again, and nothing accepted is lost."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.journey.clients import Client
from tests.journey.servers import Server, free_port
from tests.journey.stages import Stage, new_id
from tests.waiting import eventually

EnterStage = Callable[[Server], Awaitable[Stage]]
_BACK_SECONDS = 40.0


def kill_engine(server: Server, stem: str) -> int:
    """End one as the kernel does when memory is short."""
    pid = int((server.data / f"{stem}.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    return pid


async def press_until_accepted(phone: Client, activity_id: str, choice: str) -> dict[str, Any]:
    """As every client does: the same submission again for as long as it is told to retry."""
    submission_id = new_id()

    async def accepted() -> dict[str, Any] | None:
        reply = await phone.ask("submit", activity_id=activity_id, submission_id=submission_id, data={"selected": [choice]})
        assert reply["type"] in ("accepted", "retry"), reply
        return reply if reply["type"] == "accepted" else None

    found: dict[str, Any] = await eventually(accepted, "the answer is accepted", _BACK_SECONDS)
    return found


@pytest.mark.timeout(150)
async def test_engines_that_end_are_started_again(make_server: Callable[..., Server], enter_stage: EnterStage) -> None:
    metrics = free_port()
    server = make_server("ending", PLENUM_METRICS_PORT=str(metrics))
    server.start()
    scene = await (await enter_stage(server)).session()
    activity_id = await scene.add()
    phones = [await scene.enter(await scene.join(f"P{number}")) for number in range(5)]
    for phone in phones[:3]:
        await press_until_accepted(phone, activity_id, "a")

    pids = [kill_engine(server, "valkey")]
    await press_until_accepted(phones[3], activity_id, "b")
    pids.append(kill_engine(server, "postgres"))
    last = await press_until_accepted(phones[4], activity_id, "b")
    await phones[4].until(lambda: phones[4].map["saved"] >= last["offset"], "all is saved", _BACK_SECONDS)

    assert not any(phone.closed for phone in phones), "nobody had to connect again"
    scene.stage = await enter_stage(server)
    rows = await scene.settled_rows(activity_id)
    assert len(rows) == 5
    presenter = await scene.present()
    await presenter.until(lambda: presenter.map[f"counts:{activity_id}"]["responses"] == 5, "counts equal rows")
    log = server.log.read_text()
    assert "Valkey ended" in log
    assert "PostgreSQL ended" in log
    async with httpx.AsyncClient() as http:
        told = (await http.get(f"http://127.0.0.1:{metrics}/metrics")).text
    assert float(told.split("\nplenum_engine_restarts_total ")[1].split("\n")[0]) >= 2
    assert not set(pids) & {int((server.data / f"{stem}.pid").read_text()) for stem in ("valkey", "postgres")}
    await scene.stage.close()
    server.stop()
