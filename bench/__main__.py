"""`python -m bench report`: run every bench, store the results in docs/performance.json, write the pages made from them.

    python -m bench report                 all, with three repeats; some twenty-five minutes, and half an hour for the soak
    python -m bench report fanout ingest   only these; the others keep their stored results
    python -m bench report --take a.json   take a result that `python -m bench.NAME --json a.json` wrote elsewhere
    python -m bench list                   what there is
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.pages import ORDER, RESULTS, ROOT, about


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what there is")
    report = commands.add_parser("report", help="measure, store, write the pages")
    report.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ORDER)} (default: all)")
    report.add_argument("--take", nargs="+", metavar="PATH", help="results to take instead of measuring")
    report.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    if given.command == "list":
        for name in ORDER:
            print(f"python -m bench.{name:10} {about(name).splitlines()[0]}")
        return 0
    if unknown := set(given.names) - set(ORDER):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    if given.take:
        fresh = [json.loads(Path(path).read_text(encoding="utf-8")) for path in given.take]
    else:
        fresh = [measure(name, given.repeats) for name in given.names or ORDER]
    store(fresh)
    subprocess.run([sys.executable, str(ROOT / "docs" / "generate.py")], check=True)
    missed = [target["what"] for one in fresh for target in one["targets"] if not target["reached"]]
    print(f"\n{len(fresh)} benches stored in {RESULTS.relative_to(ROOT)}; missed: {', '.join(missed) or 'nothing'}")
    return 0


def measure(name: str, repeats: int) -> dict[str, object]:
    """One bench in a process of its own; a missed target is a result like any other."""
    with tempfile.TemporaryDirectory(prefix="plenum-bench-") as folder:
        path = Path(folder) / "result.json"
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}", "--json", str(path), "--repeats", str(repeats)], cwd=ROOT, check=False
        )
        if not path.exists():
            raise SystemExit(f"bench.{name} failed with {done.returncode}; nothing was stored")
        found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        return found


def store(fresh: list[dict[str, object]]) -> None:
    """Put results beside those that are stored already."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    stored |= {str(one["name"]): one for one in fresh}
    RESULTS.write_text(json.dumps(stored, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
