"""The bootstrap at the root, on clones whose environment is made or cannot be made; nothing is installed."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHOW_ARGUMENTS = "import sys; print(*sys.argv[1:], sep='|'); sys.exit(7)\n"
INSTALLED = ("pyproject.toml", "hatch_build.py", "realtime/delivery/fanout.c", "realtime/core/speedups.c")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with spaces in its path that holds the bootstrap and what it reads."""
    folder = tmp_path / "a clone"
    for name in ("plenum.py", "requirements.lock", "requirements-test.lock", *INSTALLED):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def make_fit(clone: Path, kind: str) -> None:
    """An environment that bears the right stamp, with commands that show how they were called."""
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "plenum").write_text(SHOW_ARGUMENTS)
    (clone / "tests").mkdir()
    (clone / "tests" / "run.py").write_text(SHOW_ARGUMENTS)
    stamp = SimpleNamespace(**runpy.run_path(str(clone / "plenum.py"))).wanted_stamp(kind)
    (clone / ".venv" / "plenum-stamp").write_text(stamp)


def call(clone: Path, *arguments: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    """Runs the clone's bootstrap as a person would, after the statements of `before`."""
    run = "runpy.run_path(sys.argv[0], run_name='__main__')"
    script = f"import runpy, sys; sys.argv = sys.argv[1:]; {before}; {run}"
    command = [sys.executable, "-c", script, str(clone / "plenum.py"), *arguments]
    environment = {**os.environ, "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30, check=False)


@pytest.mark.parametrize(
    ("kind", "arguments", "handed_over"),
    [
        ("run", ["serve", "--port", "80 80"], "serve|--port|80 80\n"),
        ("run", ["migrate", "up"], "migrate|up\n"),
        ("run", [], "\n"),
        ("test", ["test", "tests/core", "-k", "a b"], "tests/core|-k|a b\n"),
    ],
)
def test_hands_arguments_and_status_through(
    clone: Path, kind: str, arguments: list[str], handed_over: str
) -> None:
    make_fit(clone, kind)
    done = call(clone, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (7, handed_over, "")


@pytest.mark.parametrize("changed", ["requirements.lock", *INSTALLED])
def test_installs_anew_when_what_it_installs_has_changed(clone: Path, changed: str) -> None:
    make_fit(clone, "run")
    with (clone / changed).open("a") as file:
        file.write("# another line\n")
    done = call(clone, "serve", before="import subprocess; subprocess.call = lambda *_, **__: 1")
    assert done.returncode == 1
    assert "Preparing .venv from requirements.lock" in done.stdout


def test_says_which_package_makes_environments_possible(clone: Path) -> None:
    done = call(clone, "serve", before="import importlib.util as u; u.find_spec = lambda name: None")
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_says_which_python_it_needs(clone: Path) -> None:
    done = call(clone, "serve", before="sys.version_info = (3, 9, 2)")
    assert done.returncode == 1
    assert "needs Python 3.11 or newer, and this is 3.9." in done.stderr


def test_ctrl_c_while_it_prepares_leaves_no_trace(clone: Path) -> None:
    interrupt = "import subprocess; subprocess.call = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)"
    stopped = call(clone, "serve", before=interrupt)
    assert (stopped.returncode, stopped.stderr) == (130, "")
