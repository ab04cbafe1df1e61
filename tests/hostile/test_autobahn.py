"""The Autobahn test suite against our protocol classes: sections 1 to 7 (all but limits and compression) and 10.

It runs on Python 2.7 only. `WSTEST` names its program; without it `wstest` is looked for on the PATH. test_websocket_rfc.py holds
the essential cases of the same sections, and runs everywhere.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journey.servers import REPOSITORY, environment, free_port
from tests.waiting import wait_until

SECTIONS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
LEAST_CASES = 240  # fewer would mean that a section was left out
# NON-STRICT: the suite would rather see the same answer earlier; INFORMATIONAL: it has no opinion.
FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}


def find_wstest() -> str | None:
    return os.environ.get("WSTEST") or shutil.which("wstest")


@pytest.fixture
def echo_port() -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.hostile.echo", str(port)], cwd=REPOSITORY, env=environment()) as server:
        try:
            wait_until(lambda: is_listening(port) or server.poll() is not None, "the echo server listens", 20)
            assert server.poll() is None
            yield port
        finally:
            server.kill()


def is_listening(port: int) -> bool:
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted for line in Path("/proc/net/tcp").read_text().splitlines())


@pytest.mark.skipif(find_wstest() is None, reason="wstest is not here: it needs Python 2.7 with autobahntestsuite (see WSTEST)")
@pytest.mark.timeout(180)
def test_autobahn(echo_port: int, tmp_path: Path) -> None:
    specification = {
        "outdir": str(tmp_path / "reports"),
        "servers": [{"agent": "plenum", "url": f"ws://127.0.0.1:{echo_port}/ws", "options": {"version": 18}}],
        "cases": SECTIONS,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    file = tmp_path / "specification.json"
    file.write_text(json.dumps(specification))
    program = find_wstest()
    assert program is not None
    done = subprocess.run(
        [program, "-m", "fuzzingclient", "-s", str(file)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=170
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    results = json.loads((tmp_path / "reports" / "index.json").read_text())["plenum"]
    bad = {
        name: (result["behavior"], result["behaviorClose"])
        for name, result in results.items()
        if not {result["behavior"], result["behaviorClose"]} <= FINE
    }
    assert bad == {}
    assert len(results) >= LEAST_CASES
