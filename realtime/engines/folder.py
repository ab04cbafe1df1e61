"""The data folder: its default place, its lock, and the private folder for the sockets.

`lock` names the owner; `valkey/` and `postgres/` hold the data; `run` is the folder of the sockets, or a link
to one elsewhere where this path is too long for a socket.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from realtime.engines.errors import EngineError, explained

# sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero.
SOCKET_PATH_MAX_BYTES = 100
_LONGEST_SOCKET = "postgres/.s.PGSQL.5432"
_RUNTIME_PREFIX = "plenum-"
# PostgreSQL splits its socket folders at commas and URLs split at colons; such a path moves elsewhere too.
_PLAIN_PATH = re.compile(r"[\w./ -]+")


def default_folder(environment: Mapping[str, str]) -> Path:
    """Where the data goes when nobody says: `$XDG_DATA_HOME/plenum`, else `~/.local/share/plenum`.

    Raises EngineError for a user without a home.
    """
    data_home = Path(environment.get("XDG_DATA_HOME", ""))
    if data_home.is_absolute():  # the XDG specification tells to ignore a relative one
        return data_home / "plenum"
    home = environment.get("HOME", "")
    if not home:
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError as error:
            raise EngineError("This user has no home folder: set HOME, or choose a data folder.") from error
    return Path(home) / ".local" / "share" / "plenum"


def claim_folder(folder: Path) -> int:
    """Make the folder if it is missing, lock it, and return the descriptor that holds the lock until closed.

    Raises EngineError naming the holder where another process has it.
    """
    with explained(folder):
        # Root's PostgreSQL runs as another user, who must be able to pass through to its own folder.
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise EngineError(
                f"The data folder {folder} is in use by process {holder}: "
                "stop that one, or choose another data folder."
            ) from error
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return descriptor


def make_socket_folder(folder: Path) -> Path:
    """A fresh private folder whose path is short enough for sockets; `folder` must be locked by us."""
    remove_socket_folder(folder)
    link = folder / "run"
    mode = 0o711 if os.geteuid() == 0 else 0o700
    if _fits(link):
        link.mkdir(mode=mode)
        return link
    # Both are only the parents of a folder with a random name and mode 0700.
    for base in (Path(tempfile.gettempdir()).resolve(), Path("/tmp")):  # noqa: S108
        if _fits(base / f"{_RUNTIME_PREFIX}12345678"):
            runtime = Path(tempfile.mkdtemp(prefix=_RUNTIME_PREFIX, dir=base))
            runtime.chmod(mode)
            link.symlink_to(runtime)  # so that the next start finds and removes it, should we be killed
            return runtime
    raise EngineError(
        f"The paths of {folder} and of the temporary folder are too long for sockets: "
        "choose a data folder with a shorter path, or set TMPDIR to one."
    )


def remove_socket_folder(folder: Path) -> None:
    """Remove what `make_socket_folder` made, also in an earlier run."""
    link = folder / "run"
    if link.is_symlink():
        runtime = link.readlink()
        if _is_runtime(runtime):
            shutil.rmtree(runtime)
        link.unlink()
    elif link.exists():
        shutil.rmtree(link)


def _fits(runtime: Path) -> bool:
    longest = os.fspath(runtime / _LONGEST_SOCKET)
    return len(os.fsencode(longest)) <= SOCKET_PATH_MAX_BYTES and _PLAIN_PATH.fullmatch(longest) is not None


def _is_runtime(runtime: Path) -> bool:
    # Never follow the link blindly: the temporary folder is shared, and the name may be somebody else's now.
    if not runtime.name.startswith(_RUNTIME_PREFIX) or runtime.is_symlink() or not runtime.is_dir():
        return False
    return runtime.stat().st_uid == os.geteuid()
