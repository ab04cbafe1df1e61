"""docs/performance.json: every bench has run, and every row that must be reached was measured."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
# One pattern per row of the table of what must be reached, by the bench that measures it.
ROWS = {
    "fanout": ("fan-out to 1000, of the C limit", "fan-out to 5000, of the C limit", "fan-out to 5000, times the Starlette loop"),
    "ingest": ("hub CPU of an answer", "answers/s of the plain stack", "Redis CPU per answer"),
    "flush": ("flush, of the bare statement", "backlog"),
    "hall": ("acknowledgement p95", "acknowledgement p99", "dashboard after the last", "all saved"),
    "idle": ("10000 idle phones, each", "10000 idle phones, CPU"),
    "storm": ("joins per CPU-second", "^5000 join", "5000 phones back after kill -9, exact"),
    "outage": ("valkey killed among 5000", "postgres killed among 5000"),
    "latency": ("counts at 5,000 clients", "status at 5,000 clients"),
    "growth": ("10 to 10,000 phones", "1 to 1,000 sessions"),
    "soak": ("memory after warm-up", "drift of counts"),
    "workers": ("two workers against one",),
    "page_weight": ("a phone's first load",),
}


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    found = importlib.util.spec_from_file_location("pages", ROOT / "bench" / "pages.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_stored_results_are_whole(pages: ModuleType) -> None:
    results = pages.read_results()
    assert set(json.loads(pages.RESULTS.read_text(encoding="utf-8"))) == set(results) <= set(ROWS)
    for name, report in results.items():
        assert (report["name"], bool(report["machine"]), bool(report["at"])) == (name, True, True)
        assert all(len(row) == len(report["columns"]) for row in report["rows"])


@pytest.mark.parametrize("name", ROWS)
def test_what_must_be_reached_was_measured(name: str, pages: ModuleType) -> None:
    report = pages.read_results().get(name)
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    if report is None:
        assert re.search(rf"no stored results yet of .*`bench\.{name}`", page)
        return
    measured = [target["what"] for target in report["targets"]]
    assert all(any(re.search(row, what) for what in measured) for row in ROWS[name]), measured


def test_the_page_says_what_was_missed(pages: ModuleType) -> None:
    stored = json.loads(pages.RESULTS.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    missed = [target for report in stored.values() for target in report["targets"] if not target["reached"]]
    assert page.count("**missed**") == 2 * len(missed)  # in the table and in its paragraph
