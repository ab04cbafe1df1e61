"""Starts both engines on one data folder, and stops them."""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from realtime.engines.account import unprivileged_account
from realtime.engines.binaries import find_postgres, find_valkey
from realtime.engines.engine import Engine
from realtime.engines.errors import EngineError, explained
from realtime.engines.folder import claim_folder, make_socket_folder, remove_socket_folder
from realtime.engines.postgres import Postgres
from realtime.engines.probe import free_ports
from realtime.engines.valkey import Valkey

STOP_TIMEOUT_SECONDS = 30.0
_NONE: Mapping[str, str] = {}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Engines:
    """The running engines of one data folder.

    A URL is empty where that engine was not asked for. All methods block. Starting needs the main thread.
    """

    folder: Path
    redis_url: str
    database_url: str
    _valkey: Valkey | None
    _postgres: Postgres | None
    _lock: int
    _start_timeout_seconds: float
    _owner: int = field(default_factory=os.getpid)
    _stopped: list[bool] = field(default_factory=list)

    @property
    def valkey_pid(self) -> int:
        """Valkey's process, also after it ended."""
        return self._started_valkey().pid

    @property
    def postgres_pid(self) -> int:
        """PostgreSQL's first process, also after it ended."""
        return self._started_postgres().pid

    def check(self) -> None:
        """Raise EngineError, with the end of its log, where an engine ended by itself; costs microseconds."""
        for engine in self.parts:
            engine.check()

    def kill_valkey(self) -> None:
        """End Valkey as a crash would, and wait until it is gone."""
        self._started_valkey().kill()

    def kill_postgres(self) -> None:
        """End PostgreSQL as a crash would, and wait until its first process is gone."""
        self._started_postgres().kill()

    def start_valkey(self) -> None:
        """Start Valkey again after it ended, at the same URL."""
        self._start_again(self._started_valkey())

    def start_postgres(self) -> None:
        """Start PostgreSQL again after it ended, at the same URL."""
        self._start_again(self._started_postgres())

    def stop(self) -> None:
        """Stop both cleanly and release the folder; a second call does nothing.

        An engine that takes longer than STOP_TIMEOUT_SECONDS is ended as by a crash, with a warning.
        """
        # A forked child inherits this object and the exit hook; the engines are not its own.
        if self._stopped or os.getpid() != self._owner:
            return
        self._stopped.append(True)
        atexit.unregister(self.stop)
        with explained(self.folder):
            try:
                _stop(self.parts)
            finally:
                _release(self.folder, self._lock)

    def _start_again(self, engine: Engine) -> None:
        if self._stopped:
            raise EngineError("These engines were stopped: start new ones with start_engines.")
        with explained(self.folder):
            engine.spawn(time.monotonic() + self._start_timeout_seconds)
            engine.wait_ready()

    @property
    def parts(self) -> list[Engine]:
        """The engines one by one."""
        return [engine for engine in (self._valkey, self._postgres) if engine is not None]

    def _started_valkey(self) -> Valkey:
        if self._valkey is None:
            raise EngineError("Valkey was not asked for.")
        return self._valkey

    def _started_postgres(self) -> Postgres:
        if self._postgres is None:
            raise EngineError("PostgreSQL was not asked for.")
        return self._postgres


def start_engines(
    folder: Path,
    *,
    tcp: bool = False,
    appendfsync: str = "always",
    start_timeout_seconds: float = 60,
    valkey_options: Mapping[str, str] = _NONE,
    postgres_options: Mapping[str, str] = _NONE,
    valkey: bool = True,
    postgres: bool = True,
) -> Engines:
    """Start the engines on a data folder, and return once both answer; missing folders are made.

    With `tcp` both listen on free ports of 127.0.0.1, without a password: any local user can connect.
    Options are the engines' own settings, by their own names. To be called from the main thread, before the
    event loop runs. Raises EngineError, with nothing left running.
    """
    deadline_seconds = time.monotonic() + start_timeout_seconds
    folder = folder.absolute()
    valkey_program = find_valkey() if valkey else None
    postgres_programs = find_postgres() if postgres else None
    lock = claim_folder(folder)
    started: list[Engine] = []
    try:
        with explained(folder):
            folder = folder.resolve()
            for kind in (Valkey, Postgres):
                kind.end_leftover(folder, deadline_seconds)
            sockets = make_socket_folder(folder)
            ports = free_ports() if tcp else (0, 0)
            own_valkey: Valkey | None = None
            own_postgres: Postgres | None = None
            if valkey_program is not None:
                own_valkey = Valkey(
                    folder,
                    program=valkey_program,
                    sockets=sockets,
                    port=ports[0],
                    appendfsync=appendfsync,
                    options=valkey_options,
                )
                started.append(own_valkey)
            if postgres_programs is not None:
                account = unprivileged_account((folder, sockets, postgres_programs))
                own_postgres = Postgres(
                    folder,
                    programs_folder=postgres_programs,
                    sockets=sockets,
                    port=ports[1],
                    account=account,
                    options=postgres_options,
                )
                started.append(own_postgres)
            for engine in started:
                engine.spawn(deadline_seconds)
            for engine in started:
                engine.wait_ready()
    except BaseException:  # Ctrl-C too: nobody else would end them
        _stop(started)
        _release(folder, lock)
        raise
    engines = Engines(
        folder=folder,
        redis_url=own_valkey.url if own_valkey is not None else "",
        database_url=own_postgres.url if own_postgres is not None else "",
        _valkey=own_valkey,
        _postgres=own_postgres,
        _lock=lock,
        _start_timeout_seconds=start_timeout_seconds,
    )
    # Where the kernel knows no death signal (macOS), an exit without stop() would leave the engines running.
    atexit.register(engines.stop)
    return engines


def _stop(engines: list[Engine]) -> None:
    deadline_seconds = time.monotonic() + STOP_TIMEOUT_SECONDS
    for engine in engines:
        engine.ask_stop()
    for engine in engines:
        if not engine.finish_stop(deadline_seconds):
            _log.warning("%s did not stop within %s s and was ended", engine.name, STOP_TIMEOUT_SECONDS)


def _release(folder: Path, lock: int) -> None:
    try:
        remove_socket_folder(folder)
    finally:
        os.close(lock)
