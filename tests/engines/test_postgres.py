"""The cluster: made whole or not at all, and repaired where a person broke it."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from realtime.engines import EngineError, Engines, binaries, start_engines
from tests.engines.surroundings import read, urls, write
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(60)
Start = Callable[..., Engines]


@pytest.mark.skipif("sys.platform != 'linux'", reason="only Linux ends initdb with its parent")
def test_an_interrupted_initdb_is_begun_again(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "data"
    script = (
        "import sys, pathlib, realtime.engines as e; e.start_engines(pathlib.Path(sys.argv[1]), valkey=False)"
    )
    first = subprocess.Popen([sys.executable, "-c", script, folder])
    wait_until(lambda: any(folder.glob("postgres.new-*/base")))
    first.kill()
    first.wait()
    assert not (folder / "postgres").exists()

    engines = start(folder, postgres=True)
    write(urls(engines), "after all")
    assert read(urls(engines)) == ("after all", "after all")
    engines.stop()
    start(folder, valkey=False)
    assert not list(folder.glob("postgres.new-*/PG_VERSION"))


def test_something_else_in_its_place_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "data" / "postgres" / "letter.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("dear")
    with pytest.raises(EngineError, match="move it away"):
        start_engines(tmp_path / "data", valkey=False)
    assert precious.read_text() == "dear"


def test_a_dropped_database_is_made_again(tmp_path: Path, start: Start) -> None:
    engines = start(tmp_path / "data", valkey=False)

    async def drop() -> None:
        connection = await asyncpg.connect(engines.database_url.replace("/plenum?", "/postgres?"))
        await connection.execute("DROP DATABASE plenum")
        await connection.close()

    async def ask() -> int:
        connection = await asyncpg.connect(engines.database_url)
        answer: int = await connection.fetchval("SELECT 1")
        await connection.close()
        return answer

    asyncio.run(drop())
    engines.kill_postgres()
    engines.start_postgres()
    assert asyncio.run(ask()) == 1


def test_a_crash_with_a_busy_connection_is_waited_out(tmp_path: Path, start: Start) -> None:
    engines = start(tmp_path / "data", valkey=False)

    async def crash_while_busy() -> None:
        connection = await asyncpg.connect(engines.database_url)
        await connection.execute("CREATE SEQUENCE steps")
        busy = asyncio.create_task(
            connection.execute("SELECT count(nextval('steps')) FROM generate_series(1, 1000000)")
        )
        other = await asyncpg.connect(engines.database_url)
        while await other.fetchval("SELECT NOT is_called FROM steps"):
            pass
        engines.kill_postgres()
        engines.start_postgres()
        await asyncio.gather(busy, return_exceptions=True)
        connection.terminate()
        other.terminate()

    asyncio.run(crash_while_busy())
    engines.check()
    assert "pre-existing shared memory block" in (tmp_path / "data" / "postgres.log").read_text()


def test_the_system_s_own_postgres_serves_where_there_is_no_wheel(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("postgres") is None:
        pytest.skip("no postgres on PATH to fall back to")
    monkeypatch.setattr(binaries, "_package_folder", lambda _: None)
    engines = start(tmp_path / "data", valkey=False)
    assert asyncio.run(encoding(engines.database_url)) == "UTF8"


async def encoding(url: str) -> str:
    connection = await asyncpg.connect(url)
    found: str = await connection.fetchval("SHOW server_encoding")
    await connection.close()
    return found
