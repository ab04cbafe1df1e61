"""Engines that outlived their parent, and pid files that lie."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from realtime.engines import Engines
from realtime.engines.binaries import find_valkey
from realtime.engines.leftovers import read_pid
from tests.engines.surroundings import alive, read, urls, write
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(60)
Start = Callable[..., Engines]


def test_a_leftover_is_stopped_and_its_data_kept(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "data"
    engines = start(folder)
    write(urls(engines), "kept")
    engines.stop()

    # As on macOS, where no signal tells a child that its parent died.
    command = [
        find_valkey(),
        "--dir",
        folder / "valkey",
        "--port",
        "0",
        "--appendonly",
        "yes",
        "--set-proc-title",
        "no",
    ]
    orphan = subprocess.Popen([*command, "--unixsocket", folder / "orphan.sock"], stdout=subprocess.DEVNULL)
    wait_until((folder / "orphan.sock").exists)
    (folder / "valkey.pid").write_text(f"{orphan.pid}\n")

    again = start(folder)
    assert orphan.wait(timeout=1) == 0
    assert read(urls(again)) == ("kept", "kept")


def test_a_pid_file_never_ends_a_stranger(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "data"
    start(folder, postgres=False).stop()
    # The right program on another folder, and another program altogether.
    other = start(tmp_path / "other", postgres=False)
    stranger = subprocess.Popen([sys.executable, "-c", "input()", folder / "valkey"], stdin=subprocess.PIPE)
    for pid in (other.valkey_pid, stranger.pid):
        (folder / "valkey.pid").write_text(f"{pid}\n")
        start(folder, postgres=False).stop()
        assert alive(pid)
    stranger.kill()
    stranger.communicate()


def test_postgres_is_not_refused_for_a_pid_that_somebody_else_has_now(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "data"
    engines = start(folder, valkey=False)
    owner = (folder / "postgres").stat()
    engines.kill_postgres()
    engines.stop()
    # PostgreSQL believes a pid of its own user, so the stranger is of that user.
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None)
    pid_file = folder / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

    start(folder, valkey=False)
    assert alive(stranger.pid)
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize("text", ["", "\n", "none\n", "-1\n", "0\n", "1\n"])
def test_a_pid_file_that_says_nothing_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    assert read_pid(tmp_path / "pid") is None
    assert read_pid(tmp_path / "missing") is None
