"""The embedded PostgreSQL, with its cluster and the database `plenum`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from realtime.engines.account import Account
from realtime.engines.binaries import POSTGRES_NAMES
from realtime.engines.engine import Engine, advice
from realtime.engines.errors import EngineError
from realtime.engines.leftovers import is_engine, read_pid, wait_until
from realtime.engines.probe import Address, ask_postgres

DATABASE = "plenum"
SOCKET_PORT = 5432
GROUP_END_SECONDS = 0.2
_UNFINISHED_PREFIX = "postgres.new-"
_NO_SUCH_DATABASE = "3D000"
_STARTING_UP = "57P03"
_CREATED_ALREADY = "42P04"


class Postgres(Engine):
    """PostgreSQL with fsync on; run by `nobody` where we are root, because it refuses root."""

    name = "PostgreSQL"
    stem = "postgres"
    programs = POSTGRES_NAMES
    stop_signal = signal.SIGINT  # "fast": ends connections, writes a checkpoint
    last_signal = signal.SIGQUIT  # "immediate": as safe as a power cut, recovers at the next start
    # After a crash of the first process the others need a moment to notice and to let go of the memory.
    passing_reason = "pre-existing shared memory block"

    def __init__(
        self,
        folder: Path,
        *,
        programs_folder: Path,
        sockets: Path,
        port: int,
        account: Account | None,
        options: Mapping[str, str],
    ) -> None:
        """Port 0 means: on a socket in the folder `sockets` only."""
        super().__init__(folder, account)
        self._programs_folder = programs_folder
        self._sockets = sockets / "postgres"
        self._port = port
        socket_path = self._sockets / f".s.PGSQL.{SOCKET_PORT}"
        self._address = Address(port=port) if port else Address(path=socket_path)
        self._options = options

    @property
    def url(self) -> str:
        """Where it listens, as asyncpg and SQLAlchemy read it."""
        if self._address.path is None:
            return f"postgresql://postgres@127.0.0.1:{self._port}/{DATABASE}"
        return f"postgresql://postgres@/{DATABASE}?host={quote(str(self._sockets))}&port={SOCKET_PORT}"

    def prepare(self) -> None:
        """Make the socket folder, and the cluster where there is none yet."""
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        self._give_away(self._sockets)
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._forget_reused_pid()

    def command(self) -> list[str]:
        """The program with every setting as an argument, over what the cluster's own file says."""
        settings = {
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or SOCKET_PORT),
            "unix_socket_directories": "" if self._port else str(self._sockets),
            "unix_socket_permissions": "0700",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "shared_buffers": "128MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "max_connections": "100",
            "logging_collector": "off",
            "log_checkpoints": "off",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        settings |= self._options
        command = [str(self._programs_folder / "postgres"), "-D", str(self.data)]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        return command

    def ready(self) -> bool:
        """Whether this child takes statements on the database `plenum`, which is made where it is missing."""
        if not self._says_ready():
            return False
        try:
            failure = ask_postgres(self._address, DATABASE, "SELECT 1", timeout_seconds=10)
            if failure == _NO_SUCH_DATABASE:
                creation = f"CREATE DATABASE {DATABASE}"
                failure = ask_postgres(self._address, "postgres", creation, timeout_seconds=60)
        except OSError:
            return False  # not listening yet, or just ended; the caller knows the deadline
        if failure not in {None, _STARTING_UP, _CREATED_ALREADY}:
            raise EngineError(
                f"PostgreSQL refuses the database {DATABASE} (SQLSTATE {failure}): see its log {self.log}, "
                f"which ends:\n{self.said()}"
            )
        return failure is None

    def _says_ready(self) -> bool:
        # The eighth line of postmaster.pid is the server's state; the first proves that it is this child's.
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"

    def _make_cluster(self) -> None:
        """Make the cluster beside its place and move it there complete: a half-made one is never used."""
        if self.data.exists() and any(self.data.iterdir()):
            raise EngineError(
                f"The folder {self.data} holds something, but no PostgreSQL cluster: "
                "move it away, then start again."
            )
        for unfinished in self.folder.glob(f"{_UNFINISHED_PREFIX}*"):
            # What an initdb in its last breath still writes there is removed at the next start.
            shutil.rmtree(unfinished, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=_UNFINISHED_PREFIX, dir=self.folder))
        try:
            self._give_away(fresh)
            self._run_initdb(fresh)
            fresh.rename(self.data)
        except BaseException:  # Ctrl-C too: half a cluster must not be taken for a whole one
            shutil.rmtree(fresh, ignore_errors=True)  # the first failure is the one to tell
            raise
        _sync_folder(self.folder)

    def _run_initdb(self, fresh: Path) -> None:
        command = [str(self._programs_folder / "initdb"), "-D", str(fresh), "-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--no-instructions", *self._locale_arguments()]
        initdb = self.launch(command)
        try:
            status = initdb.wait(self._seconds_left())
        except subprocess.TimeoutExpired as error:
            raise EngineError("PostgreSQL's initdb was not done in time: give it longer.") from error
        finally:
            if initdb.poll() is None:
                _end_group(initdb)
        if status != 0:
            said = self.said()
            raise EngineError(
                f"PostgreSQL could not make its cluster: "
                f"{advice(said)}see its log {self.log}, which ends:\n{said}"
            )

    def _locale_arguments(self) -> list[str]:
        shown = subprocess.run(
            [self._programs_folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
        major = int(shown.split("(PostgreSQL) ")[1].split(".")[0].split()[0])
        if major < 17:
            return ["--locale=C.UTF-8"]
        # The builtin provider sorts alike on every machine; the C library is asked for nothing but "C".
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]

    def _forget_reused_pid(self) -> None:
        # After a power cut or in a restarted container the pid of an old postmaster.pid may be anybody's, and
        # PostgreSQL would refuse for ever. Only then is the file removed: else it guards the shared memory.
        pid_file = self.data / "postmaster.pid"
        pid = read_pid(pid_file)
        if pid is not None and _exists(pid) and not is_engine(pid, self.programs, self.data):
            pid_file.unlink()

    def _give_away(self, path: Path) -> None:
        if self.account is None:
            return
        try:
            os.chown(path, self.account.uid, self.account.gid)
        except OSError as error:
            raise EngineError(
                f"PostgreSQL refuses root, and root may not give {path} to user {self.account.uid} here "
                f"({error.strerror}): start as another user, or set DATABASE_URL to a server of your own."
            ) from error


def _end_group(initdb: subprocess.Popen[bytes]) -> None:
    """End initdb with the programs it started, which would go on writing into the folder to be removed."""

    def gone() -> bool:
        initdb.poll()  # a child that nobody asked about still counts as one of the group
        try:
            os.killpg(initdb.pid, 0)
        except ProcessLookupError:
            return True
        return False

    os.killpg(initdb.pid, signal.SIGKILL)
    # Not waited for longer: the dead may stay in the group until process 1 looks after them.
    wait_until(gone, time.monotonic() + GROUP_END_SECONDS)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
