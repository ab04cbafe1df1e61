"""A small disk that can be filled and freed; needs the right to mount."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_STEP_BYTES = 65_536


class Disk:
    """A file system of its own in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # until it is full
            while file.write(b"\0" * _STEP_BYTES):
                pass

    def free(self) -> None:
        self._ballast.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, size_megabytes: int) -> Iterator[Disk]:
    """Mount a disk on a new folder; skips the test where that is not allowed."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("filling a disk needs the right to mount one (run as root on Linux)")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_megabytes}m,mode=0755", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"filling a disk needs the right to mount one: {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
