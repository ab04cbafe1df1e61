"""Where the machine's own Chromium or Chrome is; the browser tests drive that one and download none."""

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MACOS_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
APT_TIMEOUT_SECONDS = 600


def find_browser() -> str | None:
    """The path for Playwright's `executable_path`, or None where no such browser is installed."""
    candidates = [*(shutil.which(name) for name in NAMES), *MACOS_PATHS]
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


def install_browser() -> str | None:
    """Debian's Chromium by apt-get, where that needs no password; None where it cannot be had so."""
    apt = shutil.which("apt-get")
    if not apt:
        return None
    as_root: list[str] = []
    if os.geteuid() != 0:
        sudo = shutil.which("sudo")
        if not sudo or subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode != 0:
            return None
        as_root = [sudo, "-n", "env"]
    print("Installing Debian's chromium for the browser tests …", flush=True)
    install = [*as_root, apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ([*as_root, apt, "update", "-qq"], install):
        try:
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=APT_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"apt-get did not finish within {APT_TIMEOUT_SECONDS} s.")
            return None
        if done.returncode != 0:
            print(done.stderr[-2000:])
    return find_browser()
