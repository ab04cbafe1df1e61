"""Ctrl-C under load: quick, polite, and nothing accepted is lost; a second start finds everything."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable

import pytest
from websockets.exceptions import ConnectionClosed

from realtime.engines import Engines
from tests.journey.clients import Client
from tests.journey.servers import PLENUM, REPOSITORY, STOP_SECONDS, Server, environment, free_port, processes_of, run_plenum
from tests.journey.stages import Stage
from tests.waiting import wait_until

PHONES = 40
EnterStage = Callable[[Server], Awaitable[Stage]]


async def press_until_closed(phone: Client, activity_id: str) -> None:
    """Answer one entry after the other, as fast as the replies come, until the server says goodbye."""
    number = 0
    while not phone.closed:
        number += 1
        submission_id = f"{id(phone) % 2**32:08x}-0000-4000-8000-{number:012x}"
        try:
            await phone.ask(
                "submit", activity_id=activity_id, submission_id=submission_id, data={"n": number}, entry=f"n:{number}"
            )
        except (ConnectionClosed, AssertionError):
            return  # the end of the connection, which is what this load runs into


async def test_interrupt_under_load_loses_nothing(make_server: Callable[..., Server], enter_stage: EnterStage) -> None:
    server = make_server()
    server.start()
    stage = await enter_stage(server)
    scene = await stage.session()
    activity_id = await scene.add("generic", {}, constraints={"max_responses": 1_000})
    seats = [await scene.join(f"P{number}") for number in range(PHONES)]
    phones = [await scene.enter(seat) for seat in seats]
    presenter = await scene.present()
    load = [asyncio.create_task(press_until_closed(phone, activity_id)) for phone in phones]
    await presenter.until(lambda: presenter.map[f"counts:{activity_id}"]["responses"] > 10 * PHONES, "load")

    started = time.monotonic()
    server.interrupt()
    code = await asyncio.to_thread(server.wait, 10)
    seconds = time.monotonic() - started
    await asyncio.wait_for(asyncio.gather(*load), 5)
    goodbyes = [await phone.until_closed() for phone in phones]
    await stage.close()
    assert code == 0, server.log.read_text()[-3000:]
    assert processes_of(server.data) == []
    assert set(goodbyes) == {4000}
    assert all([frame for frame in phone.frames if frame["type"] == "going_away"] for phone in phones)
    assert "Traceback" not in server.log.read_text()

    server.start()
    accepted = [frame for phone in phones for frame in phone.frames if frame["type"] == "accepted"]
    stage = await enter_stage(server)
    scene.stage = stage
    stored = {str(row["submission_id"]) for row in await scene.rows(activity_id)}
    assert {frame["submission_id"] for frame in accepted} <= stored
    back = await scene.present(presenter.position)
    assert back.welcome["state"]["reason"] == "epoch", "a restart of the store is another epoch"
    assert {"responses": len(stored), "people": PHONES}.items() <= back.map[f"counts:{activity_id}"].items()
    # The last replies may have been lost with the connection: what was sent again is the same response.
    phone = await scene.enter(seats[0], after=phones[0])
    mine = [frame for frame in phones[0].frames if frame["type"] == "accepted"]
    again = await phone.ask(
        "submit", activity_id=activity_id, submission_id=mine[0]["submission_id"], data={"n": 1}, entry="n:1",
        receipt=mine[0]["receipt"],
    )  # fmt: skip
    assert (again["type"], again["duplicate"]) == ("accepted", True)
    assert len(await scene.settled_rows(activity_id)) == len(stored)
    await stage.close()
    server.stop()
    assert seconds < STOP_SECONDS, f"{seconds:.2f} s"


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_second_start_on_a_folder_in_use_is_refused(server: Server) -> None:
    started = time.monotonic()
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(free_port()), "--data-folder", str(server.data)]
    second = run_plenum(*arguments)
    assert second.returncode == 2
    assert f"The data folder {server.data} is in use by process {server.pid}" in second.stderr
    assert "choose another data folder" in second.stderr
    assert "Traceback" not in second.stderr
    assert time.monotonic() - started < 10


def test_port_in_use_is_refused_with_a_sentence(server: Server, external_engines: Engines) -> None:
    urls = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url}
    second = run_plenum("serve", "--host", "127.0.0.1", "--port", str(server.port), **urls)
    assert second.returncode == 2
    assert f"Port {server.port} cannot be used" in second.stderr


async def test_logs_show_no_ticket_and_no_answer(server: Server, enter_stage: EnterStage) -> None:
    stage = await enter_stage(server)
    scene = await stage.session()
    activity_id = await scene.add("generic", {})
    seat = await scene.join("Whoisthis")
    phone = await scene.enter(seat)
    await phone.ask("submit", activity_id=activity_id, submission_id=scene.id, data={"secret": "Nobody-should-log-this"})
    await stage.http.get(f"{scene.path}/status", params={"ticket": seat.ticket})
    await stage.close()
    log = server.log.read_text()
    for text in (seat.ticket, scene.ticket, "Nobody-should-log-this", "Whoisthis"):
        assert text not in log
    assert "Traceback" not in log


def test_interrupt_while_starting_leaves_nothing(make_server: Callable[..., Server]) -> None:
    server = make_server("early")
    server.folder.mkdir()
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(server.port), "--data-folder", str(server.data)]
    with subprocess.Popen(
        [*PLENUM, *arguments], env=environment(), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        wait_until(lambda: processes_of(server.data / "valkey") or process.poll() is not None, "an engine is starting", 20.0)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert process.returncode in (0, 130), json.dumps([output, errors])
    assert "Traceback" not in errors, errors
    assert processes_of(server.data) == []
