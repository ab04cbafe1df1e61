"""Compiles the C part where there is a compiler. Without one the package is whole all the same, only slower at fan-out."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "realtime/delivery/fanout.c"
TARGET = "realtime/delivery/libfanout.so"


class NativeBuildHook(BuildHookInterface):
    """Runs for wheels and for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or not build_native(Path(self.root)):
            return
        # No Python headers are used, so the wheel fits every Python 3 of this platform.
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(TARGET)


def build_native(root: Path) -> bool:
    """Whether the library is there afterwards; PLENUM_NATIVE=0 leaves it out."""
    target = root / TARGET
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    compiler_path = shutil.which(compiler) or shutil.which("cc")
    if os.environ.get("PLENUM_NATIVE") == "0" or compiler_path is None:
        target.unlink(missing_ok=True)
        return False
    fresh = target.with_suffix(f".{os.getpid()}.new")  # a running server has the present one mapped
    command = [compiler_path, "-O2", "-fPIC", "-shared", "-o", str(fresh), str(root / SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"fan-out stays in Python, for the compiler says: {done.stderr.strip()[-500:]}", file=sys.stderr)
        fresh.unlink(missing_ok=True)
        return False
    fresh.replace(target)
    return True
