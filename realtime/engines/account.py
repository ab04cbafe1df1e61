"""Who runs an engine that refuses to be run by root."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from realtime.engines.errors import EngineError


@dataclass(frozen=True)
class Account:
    """The unprivileged user for an engine; `passes_folders` where folders on its way are closed to it."""

    uid: int
    gid: int
    passes_folders: bool


def unprivileged_account(paths: Iterable[Path]) -> Account | None:
    """The user `nobody` when we are root, able to reach all `paths`; None for an ordinary user.

    Raises EngineError where there is nobody but root.
    """
    if os.geteuid() != 0:
        return None
    # initdb looks its user up, so it must be somebody the machine knows; minimal images lack `nobody`.
    known = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    if not known:
        raise EngineError(
            "PostgreSQL refuses to run as root and this machine knows no other user: "
            "start as another user, or set DATABASE_URL to a server of your own."
        )
    entry = known.get("nobody") or next(iter(known.values()))
    passes_folders = not all(_open_to_others(path) for path in paths)
    return Account(entry.pw_uid, entry.pw_gid, passes_folders)


def _open_to_others(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.is_dir())
