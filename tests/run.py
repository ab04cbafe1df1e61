"""Every check of the project in one run: `python3 plenum.py test`, from a machine that has only Python.

Lint comes first, then the tests by tier, in two lanes side by side where the machine has two cores: much
of a test of servers is waiting for them. A tier that fails does not stop the next ones, so one run
tells all. With arguments it is pytest and nothing else.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import playwright

from tests.browsers import find_browser, install_browser

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
BIN = Path(sys.executable).parent
TIERS: dict[str, tuple[str, ...]] = {
    "pure": ("core", "activities", "interchange"),
    "engines": (),  # Whatever no other tier names: new folders of tests are never forgotten.
    "journeys": ("journey", "wire"),
    "faults": ("faults", "cluster"),
    "hostile": ("hostile",),
    "browser": ("browser",),
}
# What measures how others fare (hostile) goes beside what computes in one process, not beside a browser.
LANES = (("pure", "engines", "browser"), ("hostile", "journeys", "faults"))
LINTERS = {
    "ruff": [str(BIN / "ruff"), "check", "."],
    "mypy": [str(BIN / "mypy")],
    "imports": [str(BIN / "lint-imports")],
}
COUNTS = "{} passed, {} failed, {} skipped"
XML_COUNTS = ("tests", "errors", "failures", "skipped")  # In pytest's report.
PROGRESS = re.compile(r"[.sxXFE]+ +\[ *\d+%\]$")  # A line of pytest's dots.
NO_TESTS_COLLECTED = 5  # pytest's exit status.


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended, for the table at the end."""

    name: str
    failed: bool
    text: str | None  # None: the counts say it.
    seconds: float = 0.0
    counts: tuple[int, int, int] = (0, 0, 0)  # passed, failed, skipped
    reasons: tuple[str, ...] = ()  # why tests were skipped


def main(arguments: list[str]) -> int:
    """The exit status of the whole run: 0 only where nothing failed."""
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode
    outcomes = [lint(name, command) for name, command in LINTERS.items()]
    outcomes.append(test_javascript())
    with ThreadPoolExecutor(min(len(LANES), os.cpu_count() or 1)) as pool:
        lanes = pool.map(lambda lane: [test_tier(name) for name in lane], LANES)
        outcomes.extend(outcome for lane in lanes for outcome in lane)
    passed, failed, skipped = (sum(outcome.counts[i] for outcome in outcomes) for i in range(3))
    print("\n" + "=" * 78)
    for outcome in outcomes:
        text = outcome.text or COUNTS.format(*outcome.counts)
        print(f"{outcome.name:<20} {text:<44} {outcome.seconds:>8.1f} s")
        for reason in outcome.reasons:
            print(f"{'':<20} skipped: {reason}")
    print("Total:", COUNTS.format(passed, failed, skipped), flush=True)
    return 1 if failed or not passed or any(outcome.failed for outcome in outcomes) else 0


def lint(name: str, command: list[str]) -> Outcome:
    """Runs one linter over the tree."""
    status, seconds = run(f"lint: {name}", command)
    return Outcome(f"lint: {name}", status != 0, "failed" if status else "ok", seconds)


def test_tier(name: str) -> Outcome:
    """Runs one tier in a pytest of its own, so that a crash or a leftover of one cannot spoil the next."""
    title = f"tests: {name}"
    paths = tier_paths(name)
    if not paths:
        return Outcome(title, False, "none")
    if name == "browser" and not (find_browser() or install_browser()):
        # A person may do without; the gate asks for one.
        required = bool(os.environ.get("REQUIRE_BROWSER"))
        return Outcome(title, required, "LEFT OUT: no Chromium or Chrome, and no way to install one")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *paths]
        status, seconds = run_beside(title, command)
        if status == NO_TESTS_COLLECTED:
            return Outcome(title, False, "none", seconds)
        if not report.exists():
            return Outcome(title, True, f"pytest ended with status {status}", seconds)
        suite = next(ET.parse(report).getroot().iter("testsuite"))
        reasons = sorted({skip.get("message", "no reason given") for skip in suite.iter("skipped")})
    tests, errors, failures, skipped = (int(suite.get(each, 0)) for each in XML_COUNTS)
    failed = errors + failures
    return Outcome(title, status != 0, None, seconds, (tests - failed - skipped, failed, skipped), tuple(reasons))


def tier_paths(name: str) -> list[str]:
    """The folders and files of a tier that exist and hold tests, in the order they are to run."""
    named = TIERS[name]
    if not named:
        elsewhere = {folder for tier in TIERS.values() for folder in tier}
        named = tuple(sorted(path.name for path in TESTS.iterdir() if path.name not in elsewhere))
    paths = (TESTS / part for part in named)
    return [str(p) for p in paths if p.match("test_*.py") or (p.is_dir() and any(p.rglob("test_*.py")))]


def test_javascript() -> Outcome:
    """The pages' own modules under `node --test`, on the node in Playwright's wheel: everywhere the same."""
    title = "tests: javascript"
    files = sorted(str(path) for path in TESTS.rglob("*.test.*js"))
    if not files:
        return Outcome(title, False, "none")
    node = str(Path(playwright.__file__).parent / "driver" / "node")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.tap")
        reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
        reporters += ["--test-reporter=tap", f"--test-reporter-destination={report}"]
        status, seconds = run(title, [node, "--test", *reporters, *files])
        tap = report.read_text() if report.exists() else ""
    found = dict(re.findall(r"^# (pass|fail|skipped) (\d+)$", tap, re.MULTILINE))
    passed, failed, skipped = (int(found.get(word, 0)) for word in ("pass", "fail", "skipped"))
    return Outcome(title, status != 0, None, seconds, (passed, failed, skipped))


def run(title: str, command: list[str]) -> tuple[int, float]:
    """Exit status and seconds of a command whose output goes straight to the person."""
    print(f"\n--- {title}", flush=True)
    started = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
    return status, time.monotonic() - started


def run_beside(title: str, command: list[str]) -> tuple[int, float]:
    """As `run` while others run: progress is told at once, everything else in one piece at the end."""
    print(f"--- {title}: begins", flush=True)
    started = time.monotonic()
    told = []
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if PROGRESS.match(line):
                print(f"{title.removeprefix('tests: '):<9}{line}", end="", flush=True)
            else:
                told.append(line)
    print(f"\n--- {title}: ended\n{''.join(told)}", flush=True)
    return process.returncode, time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
