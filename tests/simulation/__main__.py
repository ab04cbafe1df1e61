"""Play seeds: `python -m tests.simulation [--seeds N] [--first S] [--seed S] [--without RULE]`."""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.rules import RULES, Violation
from tests.simulation.world import run


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds to play")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="replay this one seed with a trace")
    parser.add_argument("--without", action="append", default=[], choices=RULES, help="leave a rule out")
    parser.add_argument("--most", type=int, default=50, help="stop after so many violations")
    given = parser.parse_args()
    without = frozenset(given.without)
    if given.seed is not None:
        try:
            run(given.seed, without, trace=True)
        except Violation as violation:
            say(f"seed {given.seed}: {violation}")
            return 1
        say(f"seed {given.seed}: every promise holds")
        return 0
    found: Counter[str] = Counter()
    first: dict[str, int] = {}
    began = time.monotonic()
    played = 0
    for seed in range(given.first, given.first + given.seeds):
        played += 1
        try:
            run(seed, without)
        except Violation as violation:
            found[str(violation)] += 1
            first.setdefault(str(violation), seed)
        if found.total() >= given.most:
            break
    seconds = time.monotonic() - began
    say(f"without {', '.join(sorted(without)) or 'nothing'}: {played} seeds in {seconds:.1f} s, {found.total()} violations")
    for text, times in found.most_common():
        say(f"  {times:5} x {text} (first with --seed {first[text]})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
