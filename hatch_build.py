"""Compiles the C parts where there is a compiler. Without one the package is whole all the same, only slower in a crowd."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


@dataclass(frozen=True)
class Library:
    """One C file. What includes Python's header uses its stable ABI, from 3.11 on."""

    source: str
    target: str
    python: bool

    def options(self) -> list[str]:
        if not self.python:
            return []
        # On macOS the interpreter's symbols are found when it is loaded.
        names = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
        return [f"-I{sysconfig.get_path('include')}", *names]


LIBRARIES = (
    Library("realtime/delivery/fanout.c", "realtime/delivery/libfanout.so", python=False),
    Library("realtime/core/speedups.c", "realtime/core/speedups.abi3.so", python=True),
)


class NativeBuildHook(BuildHookInterface):
    """Runs for wheels and for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        built = [library for library in LIBRARIES if build_native(root, library)]
        if not built:
            return
        python = "cp311-abi3" if any(library.python for library in built) else "py3-none"
        build_data["pure_python"] = False
        build_data["tag"] = f"{python}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].extend(library.target for library in built)


def build_native(root: Path, library: Library) -> bool:
    """Whether the library is there afterwards; PLENUM_NATIVE=0 leaves it out."""
    target = root / library.target
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    compiler_path = shutil.which(compiler) or shutil.which("cc")
    if os.environ.get("PLENUM_NATIVE") == "0" or compiler_path is None:
        target.unlink(missing_ok=True)
        return False
    fresh = target.with_suffix(f".{os.getpid()}.new")  # a running server has the present one mapped
    command = [compiler_path, "-O2", "-fPIC", "-shared", *library.options(), "-o", str(fresh), str(root / library.source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        # One that was built before another Python or another source came would be worse than none.
        target.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)
        print(f"{library.source} stays in Python, for the compiler says: {done.stderr.strip()[-500:]}", file=sys.stderr)
        return False
    fresh.replace(target)
    return True
