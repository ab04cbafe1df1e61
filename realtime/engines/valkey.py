"""The embedded Valkey."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from realtime.engines.binaries import VALKEY_NAMES
from realtime.engines.engine import Engine
from realtime.engines.probe import Address, ask_valkey

PROBE_TIMEOUT_SECONDS = 2.0


class Valkey(Engine):
    """Valkey with an append-only file: what was acknowledged under `always` outlives a power cut."""

    name = "Valkey"
    stem = "valkey"
    programs = VALKEY_NAMES
    stop_signal = signal.SIGTERM
    last_signal = signal.SIGKILL

    def __init__(
        self,
        folder: Path,
        *,
        program: Path,
        sockets: Path,
        port: int,
        appendfsync: str,
        options: Mapping[str, str],
    ) -> None:
        """Port 0 means: on a socket in the folder `sockets` only."""
        super().__init__(folder, account=None)
        self._program = program
        self._sockets = sockets / "valkey"
        self._address = Address(port=port) if port else Address(path=self._sockets / "valkey.sock")
        self._appendfsync = appendfsync
        self._options = options

    @property
    def url(self) -> str:
        """Where it listens, as redis-py reads it."""
        if self._address.path is None:
            return f"redis://127.0.0.1:{self._address.port}/0"
        return f"unix://{quote(str(self._address.path))}"

    def prepare(self) -> None:
        """Make its folders."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        self._sockets.mkdir(mode=0o700, exist_ok=True)

    def command(self) -> list[str]:
        """The program with every setting as an argument; there is no configuration file to drift."""
        settings = {
            "dir": str(self.data),
            "port": str(self._address.port),
            "bind": "127.0.0.1",
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            # A list of pairs is searched from its start, and every answer looks for its participant in one of these.
            "hash-max-listpack-entries": "64",
            "always-show-logo": "no",
            # Keeps the command line as it was spawned, by which a leftover is recognised.
            "set-proc-title": "no",
        }
        if self._address.path is not None:
            settings |= {"unixsocket": str(self._address.path), "unixsocketperm": "700"}
        settings |= self._options
        command = [str(self._program)]
        for key, value in settings.items():
            command += [f"--{key}", value]
        return command

    def ready(self) -> bool:
        """Whether this child has loaded its data and answers."""
        try:
            fields = ask_valkey(self._address, PROBE_TIMEOUT_SECONDS)
        except OSError:
            return False  # nobody listens yet; the caller knows the deadline
        # The pid, because on TCP somebody else may have taken the port.
        return fields.get("process_id") == str(self.pid) and fields.get("loading") == "0"
