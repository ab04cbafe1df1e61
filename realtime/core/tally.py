"""A tally is a sum: what one answer adds, and how answers add up.

An activity type turns an answer into integer counters. Adding and taking away counters is all that
ever happens to a tally, so the order of answers does not matter and it can be rebuilt by adding again.
"""

from collections.abc import Iterable, Mapping
from typing import Final

Counters = Mapping[str, int]

# Counted for every type, whatever the answer says. `#` cannot begin a name that a type chooses.
RESPONSES: Final = "#n"  # responses that stand
PEOPLE: Final = "#people"  # participants with at least one response that stands
ABSTAINED: Final = "#abstained"  # responses that abstain

MAX_COUNTER: Final = 2**53  # above it Lua's numbers are no longer exact


def add(tally: dict[str, int], counters: Counters, times: int = 1) -> None:
    """Add counters to a tally in place; a counter that reaches zero disappears."""
    for name, amount in counters.items():
        total = tally.get(name, 0) + amount * times
        if total:
            tally[name] = total
        else:
            tally.pop(name, None)


def total(many: Iterable[Counters]) -> dict[str, int]:
    """The sum of the counters of many answers."""
    result: dict[str, int] = {}
    for counters in many:
        add(result, counters)
    return result


def under(tally: Counters, prefix: str) -> dict[str, int]:
    """The counters whose name begins with `prefix`, by the rest of their name."""
    return {name[len(prefix) :]: amount for name, amount in tally.items() if name.startswith(prefix)}
