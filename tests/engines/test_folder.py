"""Where the data may lie."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from realtime.engines import EngineError, Engines, default_folder, start_engines
from realtime.engines.folder import make_socket_folder, remove_socket_folder
from tests.engines.surroundings import ORDINARY_ID, Parent, read, urls, write

pytestmark = pytest.mark.timeout(60)
Start = Callable[..., Engines]


def test_the_default_folder_follows_the_xdg_specification() -> None:
    assert default_folder({"XDG_DATA_HOME": "/data", "HOME": "/home/a"}) == Path("/data/plenum")
    assert default_folder({"XDG_DATA_HOME": "data", "HOME": "/home/a"}) == Path("/home/a/.local/share/plenum")
    assert default_folder({"HOME": "/home/a"}) == Path("/home/a/.local/share/plenum")
    assert default_folder({}).is_absolute()


def test_a_long_path_with_spaces_works_and_leaves_no_runtime_folder(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / ("a long name, " * 8).strip() / "and 'another'"
    assert len(os.fsencode(folder)) > 108
    engines = start(folder)
    runtime = (folder / "run").readlink()
    write(urls(engines), "far away")
    engines.stop()
    assert not runtime.exists()
    again = start(folder)
    assert read(urls(again)) == ("far away", "far away")


def test_the_runtime_folder_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    first = make_socket_folder(folder)
    assert first.stat().st_mode & 0o066 == 0
    second = make_socket_folder(folder)
    assert not first.exists()
    remove_socket_folder(folder)
    assert not second.exists()

    precious = tmp_path / "precious"
    precious.mkdir()
    (folder / "run").symlink_to(precious)
    remove_socket_folder(folder)
    assert precious.exists()


def test_a_relative_path_means_the_same_later(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engines = start(Path("data"), postgres=False)
    monkeypatch.chdir("/")
    assert (tmp_path / "data" / "valkey").is_dir()
    engines.kill_valkey()
    engines.start_valkey()


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for impossible in (tmp_path / "file", tmp_path / "file" / "data", Path("/proc/none/data")):
        with pytest.raises(EngineError, match=f"The data folder {impossible} cannot be .*choose another"):
            start_engines(impossible)


@pytest.mark.skipif(
    "os.geteuid() != 0", reason="only root can make a folder that somebody else may not write"
)
def test_a_folder_of_somebody_else_is_told_in_a_sentence(
    open_folder: Path, parent: Callable[..., Parent]
) -> None:
    os.chown(open_folder, 0, 0)
    open_folder.chmod(0o755)
    said = parent(open_folder / "data", user=ORDINARY_ID).told["error"]
    assert f"The data folder {open_folder / 'data'} cannot be written (Permission denied" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif("os.geteuid() != 0", reason="only root can mount a small file system")
def test_a_full_disk_is_told_in_a_sentence(small_disk: Path) -> None:
    folder = small_disk / "data"
    with pytest.raises(EngineError, match="its disk is full: free some space"):
        start_engines(folder)
    assert not list(folder.glob("postgres*/"))

    space = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes(space.f_bavail * space.f_frsize))
    with pytest.raises(EngineError, match=r"disk.* is full: free some space"):
        start_engines(folder)
