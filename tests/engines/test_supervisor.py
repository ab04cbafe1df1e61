"""The life of the engines: start, stop, crash, and the death of their parent."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from realtime.engines import EngineError, Engines, start_engines, supervisor
from tests.engines.surroundings import ORDINARY_ID, Parent, alive, read, urls, write
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(60)
Start = Callable[..., Engines]
MakeParent = Callable[..., Parent]


def test_data_survives_a_stop_and_a_start(tmp_path: Path, start: Start) -> None:
    engines = start(tmp_path / "data")
    write(urls(engines), "first")
    engines.stop()
    engines.stop()
    assert not alive(engines.valkey_pid)
    assert not alive(engines.postgres_pid)
    assert not (tmp_path / "data" / "run").exists()
    assert "database system is shut down" in (tmp_path / "data" / "postgres.log").read_text()

    again = start(tmp_path / "data")
    assert read(urls(again)) == ("first", "first")
    assert urls(again) == urls(engines)


async def test_the_database_url_serves_sqlalchemy_too(tmp_path: Path, start: Start) -> None:
    engines = start(tmp_path / "data with spaces", valkey=False)
    assert engines.redis_url == ""
    pool = create_async_engine(engines.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with pool.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT current_database(), getdatabaseencoding(), current_setting('fsync'), datlocale "
                "FROM pg_database WHERE datname = current_database()"
            )
        )
        assert tuple(found.one()) == ("plenum", "UTF8", "on", "C.UTF-8")
    await pool.dispose()


def test_tcp_is_reachable_on_the_loopback_only(tmp_path: Path, start: Start) -> None:
    engines = start(tmp_path / "data", tcp=True)
    write(urls(engines), "by tcp")
    assert read(urls(engines)) == ("by tcp", "by tcp")
    ports = [int(port) for url in urls(engines) for port in re.findall(r"127\.0\.0\.1:(\d+)/", url)]
    assert len(ports) == 2
    for port in ports:
        # The whole of 127/8 is this machine; a server bound to every address would answer here.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=1)


def test_a_second_start_is_refused_and_names_the_holder(
    tmp_path: Path, start: Start, parent: MakeParent
) -> None:
    engines = start(tmp_path / "data", postgres=False)
    refused = parent(tmp_path / "data", "no-postgres").told["error"]
    assert str(tmp_path / "data") in refused
    assert f"process {os.getpid()}" in refused
    with pytest.raises(EngineError, match="in use by process"):
        start_engines(tmp_path / "data")
    assert alive(engines.valkey_pid)


def assert_dies_with_its_parent(make: MakeParent, folder: Path, user: int | None) -> None:
    first = make(folder, user=user)
    write((first.told["redis_url"], first.told["database_url"]), "before the crash")
    first.kill()
    pids = int(first.told["valkey_pid"]), int(first.told["postgres_pid"])
    wait_until(lambda: not any(alive(pid) for pid in pids))
    assert "database system is shut down" in (folder / "postgres.log").read_text()
    assert "ready to exit" in (folder / "valkey.log").read_text()

    again = make(folder, user=user)
    marks = read((again.told["redis_url"], again.told["database_url"]))
    assert marks == ("before the crash", "before the crash")
    again.stop()
    assert again.process.returncode == 0
    assert "was not properly shut down" not in (folder / "postgres.log").read_text()


@pytest.mark.skipif("sys.platform != 'linux'", reason="only Linux ends a child with its parent")
def test_engines_end_cleanly_when_their_parent_is_killed(tmp_path: Path, parent: MakeParent) -> None:
    assert_dies_with_its_parent(parent, tmp_path / "data", user=None)


@pytest.mark.skipif("sys.platform != 'linux'", reason="only Linux ends a child with its parent")
@pytest.mark.skipif(
    "os.geteuid() != 0", reason="only root can become another user; the test above ran as one"
)
def test_the_same_as_an_ordinary_user(open_folder: Path, parent: MakeParent) -> None:
    assert_dies_with_its_parent(parent, open_folder / "data", user=ORDINARY_ID)
    assert {path.stat().st_uid for path in (open_folder / "data").iterdir()} == {ORDINARY_ID}


@pytest.mark.skipif("os.geteuid() != 0", reason="only root gives PostgreSQL to another user")
def test_root_keeps_one_capability_only_where_folders_are_closed(
    tmp_path: Path, open_folder: Path, start: Start
) -> None:
    tmp_path.chmod(0o700)
    kept = {}
    for folder in (tmp_path / "data", open_folder / "data"):
        pid = start(folder, valkey=False).postgres_pid
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\t(\d+)\t\1\t\1\t\1$", status, re.MULTILINE)
        assert not re.search(r"^Uid:\t0", status, re.MULTILINE)
        kept[folder] = int(re.findall(r"^CapEff:\t(\w+)$", status, re.MULTILINE)[0], 16)
    assert kept[tmp_path / "data"] in {1 << 1, 1 << 2}
    assert kept[open_folder / "data"] in {
        0,
        kept[tmp_path / "data"],
    }  # not 0 where the wheel is behind root's door


@pytest.mark.parametrize("tcp", [False, True])
def test_each_engine_can_crash_and_return_at_the_same_url(tmp_path: Path, start: Start, tcp: bool) -> None:
    engines = start(tmp_path / "data", tcp=tcp)
    write(urls(engines), "kept")
    engines.check()

    engines.kill_valkey()
    with pytest.raises(EngineError, match=r"Valkey ended \(exit status -9\)"):
        engines.check()
    engines.start_valkey()
    engines.check()

    first = engines.postgres_pid
    engines.kill_postgres()
    engines.start_postgres()
    assert engines.postgres_pid != first
    assert read(urls(engines)) == ("kept", "kept")

    with pytest.raises(EngineError, match="running already"):
        engines.start_valkey()
    engines.stop()
    with pytest.raises(EngineError, match="were stopped"):
        engines.start_valkey()


def test_an_exit_without_a_stop_is_a_clean_stop(tmp_path: Path) -> None:
    code = "import pathlib, sys, realtime.engines; realtime.engines.start_engines(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, tmp_path / "data"], check=True)
    assert not (tmp_path / "data" / "run").exists()
    assert "database system is shut down" in (tmp_path / "data" / "postgres.log").read_text()


def test_a_forked_child_does_not_stop_the_engines(tmp_path: Path, start: Start) -> None:
    engines = start(tmp_path / "data", postgres=False)
    child = os.fork()
    if child == 0:
        engines.stop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    engines.check()


def test_starting_outside_the_main_thread_is_refused(tmp_path: Path) -> None:
    said: list[str] = []

    def run() -> None:
        with pytest.raises(EngineError) as refused:
            start_engines(tmp_path / "data")
        said.append(str(refused.value))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert said == ["Engines can only be started from the main thread."]


def test_ctrl_c_reaches_the_parent_alone(tmp_path: Path, start: Start) -> None:
    engines = start(tmp_path / "data")
    for pid in (engines.valkey_pid, engines.postgres_pid):
        assert os.getsid(pid) == pid  # a terminal signals only its own session


def test_an_engine_that_does_not_stop_is_ended_with_a_warning(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT_SECONDS", 0.1)
    engines = start(tmp_path / "data", postgres=False)
    os.kill(engines.valkey_pid, signal.SIGSTOP)
    engines.stop()
    assert not alive(engines.valkey_pid)
    assert caplog.messages == ["Valkey did not stop within 0.1 s and was ended"]


def test_nothing_is_left_where_one_engine_fails(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with pytest.raises(EngineError, match="PostgreSQL ended while starting") as failed:
        start_engines(folder, postgres_options={"shared_buffers": "much"})
    assert 'invalid value for parameter "shared_buffers"' in str(failed.value)
    assert not alive(
        int(re.findall(r"^(\d+):M .*just started", (folder / "valkey.log").read_text(), re.MULTILINE)[0])
    )
    assert not (folder / "valkey.pid").exists()
    assert not (folder / "run").exists()
