"""The generated parts of docs/performance.md and docs/scaling.md, from docs/performance.json; docs/generate.py puts them there."""

import ast
import json
import math
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "docs" / "performance.json"
ORDER: Final = (
    "fanout", "ingest", "workers", "hall", "storm", "outage", "latency", "idle", "growth", "flush", "soak", "page_weight",
)  # fmt: skip


def read_results(path: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """The stored report of every bench, in the order in which they are told."""
    stored: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {name: stored[name] for name in ORDER if name in stored}


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def about(name: str) -> str:
    """What a bench does, in its own words."""
    tree = ast.parse((ROOT / "bench" / f"{name}.py").read_text(encoding="utf-8"))
    return ast.get_docstring(tree) or ""


def targets(results: dict[str, dict[str, Any]]) -> str:
    """Every row that must be reached, and whether it was."""
    rows = [
        [f"[{target['what']}](#{anchor(report['title'])})", target["wanted"], target["measured"], verdict(target)]
        for report in results.values()
        for target in report["targets"]
    ]
    return table(["what", "wanted", "measured", ""], rows)


def verdict(target: dict[str, Any]) -> str:
    return "reached" if target["reached"] else "**missed**"


def anchor(title: str) -> str:
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter == "-")


def section(name: str, report: dict[str, Any]) -> str:
    """One bench: what it measures, its table, what it says about it, and a sentence for each row that it must reach."""
    parts = [f"## {report['title']}", f"`python -m bench.{name}`, {report['at'][:16].replace('T', ' ')} UTC.", about(name)]
    parts.append(table(report["columns"], report["rows"]))
    parts += report["remarks"]
    for target in report["targets"]:
        sentence = f"*{target['what'][:1].upper()}{target['what'][1:]}*: wanted {target['wanted']}, measured {target['measured']}: "
        parts.append(sentence + verdict(target) + "." + (f" {target['why']}" if target.get("why") else ""))
    return "\n\n".join(parts)


def performance() -> str:
    """All of docs/performance.md that figures are in."""
    results = read_results()
    machines = {json.dumps(report["machine"], sort_keys=True): report["machine"] for report in results.values()}
    parts = ["## Reached and missed", targets(results), "## Machine"]
    missing = [name for name in ORDER if name not in results]
    if missing:
        parts.insert(2, f"There are no stored results yet of {', '.join(f'`bench.{name}`' for name in missing)}.")
    parts += ["; ".join(f"{name} {value}" for name, value in one.items()) + "." for one in machines.values()]
    parts += [section(name, report) for name, report in results.items()]
    return "\n\n".join(parts)


# What a reader of the README wants to know first: a target of a bench, and what it means to him.
HEADLINES: Final = (
    ("hall", "5000 answer in 2 s: acknowledgement p95", "5,000 phones answer in two seconds: 95 of 100 hear *accepted* within"),
    ("hall", "5000 answer in 2 s: dashboard after the last", "and the presenter sees the last of them after"),
    ("latency", "counts at 5,000 clients, p99", "500 answers a second: 99 of 100 times a phone of 5,000 sees the new count within"),
    ("storm", "5000 join", "5,000 phones join at once: the last is in after"),
    ("storm", "5000 phones back after kill -9, exact", "5,000 phones are back, exactly, after the server was killed:"),
    ("outage", "valkey killed among 5000 phones: answers go on", "Redis dies with 5,000 phones in the room: answers go on after"),
    ("idle", "10000 idle phones, each", "a phone that only waits takes, of the server's memory"),
    ("flush", "backlog of 1 million rows drains while answers go on", "PostgreSQL was away, and a million answers are saved:"),
)


def headlines() -> str:
    """Some results in the words of a person who wants to know whether his hall fits."""
    results = read_results()
    rows = []
    for bench, what, meaning in HEADLINES:
        target = next(one for one in results[bench]["targets"] if one["what"] == what)
        rows.append([meaning, f"**{target['measured']}**"])
    return table(["on two cores, with Valkey, PostgreSQL and all the phones on them", "measured"], rows)


# ------------------------------------------------------------------------------------------------ capacity

BUSY: Final = 0.6  # how much of a core may be taken in the busiest minute
HALL: Final = 1_000  # phones in a session
ANSWER_SECONDS: Final = 20.0  # in the busiest minute everybody answers once within this time
FRAMES: Final = 2.0  # frames of counts to each phone a second while answers come
JOIN_SECONDS: Final = 300.0
HUB_GIB: Final = 0.1  # a hub before its first phone
SAVE_SECONDS: Final = 60.0  # saving may take this long for what was accepted in the rush


class Costs:
    """What one core, one Redis and one PostgreSQL carry, from the measured figures."""

    def __init__(self, results: dict[str, dict[str, Any]]) -> None:
        ingest, storm = results["ingest"]["figures"], results["storm"]["figures"]
        self.hub_us = ingest["hub us 1000"]
        self.valkey_us = ingest["valkey us 1000"]
        self.deliveries = results["fanout"]["figures"]["product 5000"]
        self.joins = storm["join per cpu"]
        self.join_valkey_us = storm["join valkey"]
        self.idle_us = results["idle"]["figures"]["idle us per phone and second"]
        self.phone_kib = results["idle"]["figures"]["KiB each"]
        self.rows = results["flush"]["figures"]["flusher rows/s"]

    def hubs(self, phones: int) -> float:
        """Cores in the busiest minute: answers, their counts to everybody, and heartbeats."""
        rush = phones / ANSWER_SECONDS * self.hub_us / 1e6 + phones * FRAMES / self.deliveries + phones * self.idle_us / 1e6
        return max(rush, phones / JOIN_SECONDS / self.joins) / BUSY

    def memory_gib(self, phones: int) -> float:
        return phones * self.phone_kib / 2**20 + HUB_GIB * math.ceil(self.hubs(phones))

    def redises(self, phones: int) -> float:
        return max(phones / ANSWER_SECONDS * self.valkey_us, phones / JOIN_SECONDS * self.join_valkey_us) / 1e6 / BUSY

    def postgreses(self, phones: int) -> float:
        return phones / SAVE_SECONDS / self.rows / BUSY


def round_up(cores: float) -> str:
    return f"{max(1, math.ceil(cores)):,}"


def capacity() -> str:
    """What one of each carries, and how many it takes."""
    costs = Costs(read_results())
    one = table(
        ["one of", "carries", "measured as"],
        [
            ["hub core", f"{1e6 / costs.hub_us:,.0f} answers/s", f"{costs.hub_us:.0f} µs per answer (`bench.ingest`)"],
            ["", f"{costs.deliveries:,.0f} frames/s to phones", "the whole product with 5,000 phones (`bench.fanout`)"],
            ["", f"{costs.joins:,.0f} joins/s", "full joins (`bench.storm`)"],
            ["", f"{1e6 / costs.idle_us:,.0f} idle phones, {costs.phone_kib:.1f} KiB each", "`bench.idle`"],
            ["Redis core", f"{1e6 / costs.valkey_us:,.0f} answers/s", f"{costs.valkey_us:.0f} µs per answer (`bench.ingest`)"],
            ["PostgreSQL", f"{costs.rows:,.0f} rows/s saved", "all required indexes and keys, one flusher (`bench.flush`)"],
        ],
    )
    sizes = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
    many = table(
        ["phones", "answers/s in the rush", "hub cores", "memory of hubs", "Redis cores", "PostgreSQL servers"],
        [
            [
                f"{phones:,}", f"{phones / ANSWER_SECONDS:,.0f}", round_up(costs.hubs(phones)),
                f"{costs.memory_gib(phones):,.1f} GiB", round_up(costs.redises(phones)), round_up(costs.postgreses(phones)),
            ]
            for phones in sizes
        ],
    )  # fmt: skip
    first = {"a hub core": costs.hubs(1), "a Redis core": costs.redises(1), "PostgreSQL": costs.postgreses(1)}
    order = sorted(first, key=lambda name: -first[name])
    limits = "; ".join(f"{name} at {1 / first[name]:,.0f} phones" for name in order)
    model = (
        f"The model: halls of {HALL:,}. In the busiest moment everybody answers within {ANSWER_SECONDS:.0f} s and is shown new "
        f"counts {FRAMES:.0f} times a second; people join over {JOIN_SECONDS / 60:.0f} minutes; what came in a rush may take "
        f"{SAVE_SECONDS:.0f} s to be saved; no core is more than {BUSY:.0%} busy; a hub takes {HUB_GIB} GiB before its first phone."
    )
    return "\n\n".join([one, model, many, f"With one of each, this fills up first: {limits}."])
