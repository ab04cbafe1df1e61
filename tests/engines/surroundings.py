"""What the tests of the engines look at and act with."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from realtime.engines import Engines

REPOSITORY = Path(__file__).resolve().parents[2]
ORDINARY_ID = 65534


class Parent:
    """Another process that holds engines; of another user where `user` is given."""

    def __init__(self, folder: Path, *options: str, user: int | None = None) -> None:
        python = sys.executable if user is None else reachable_python()
        identity: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        self.process = subprocess.Popen(
            [python, str(Path(__file__).with_name("parent.py")), str(folder), *options],
            cwd="/",
            env={"PYTHONPATH": f"{REPOSITORY}:{Path(asyncpg.__file__).parents[1]}", "PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **identity,
        )
        assert self.process.stdout is not None
        self.told: dict[str, Any] = json.loads(self.process.stdout.readline() or "{}")

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> None:
        """Let it stop its engines and exit."""
        self.process.communicate()


def reachable_python() -> str:
    """An interpreter that any user may run; skips the test where root keeps the only one to itself."""
    for candidate in (Path(sys.executable), Path("/usr/bin/python3")):
        real = candidate.resolve()
        open_way = real.exists() and all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
        version = "import sys; sys.exit(sys.version_info < (3, 11))"
        if open_way and subprocess.run([candidate, "-c", version], check=False).returncode == 0:
            return str(candidate)
    pytest.skip(
        "no Python >= 3.11 on this machine can be run by an ordinary user (root keeps it in its home)"
    )


def write(engines_url: tuple[str, str], text: str) -> None:
    """Leave a mark in both engines."""
    with redis.Redis.from_url(engines_url[0]) as client:
        client.set("mark", text)

    async def insert() -> None:
        connection = await asyncpg.connect(engines_url[1])
        await connection.execute("CREATE TABLE IF NOT EXISTS marks (mark text)")
        await connection.execute("INSERT INTO marks VALUES ($1)", text)
        await connection.close()

    asyncio.run(insert())


def read(engines_url: tuple[str, str]) -> tuple[str, str]:
    """The last mark in Valkey and in PostgreSQL."""
    with redis.Redis.from_url(engines_url[0], decode_responses=True) as client:
        in_valkey = client.get("mark")

    async def select() -> str:
        connection = await asyncpg.connect(engines_url[1])
        found: str = await connection.fetchval("SELECT mark FROM marks ORDER BY ctid DESC LIMIT 1")
        await connection.close()
        return found

    return str(in_valkey), asyncio.run(select())


def urls(engines: Engines) -> tuple[str, str]:
    """Both URLs of running engines."""
    return engines.redis_url, engines.database_url


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    if sys.platform != "linux":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"

