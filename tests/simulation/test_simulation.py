"""The protocol keeps its promises under every seed, and each rule of it is needed: without it some seed breaks one."""

import pytest

from tests.simulation.rules import RULES, Violation
from tests.simulation.world import find_violation, run

SEEDS = 1_000
CHUNK = 250
MOST_SEEDS = 6_000

# Where a rule was last seen to be needed, and the property that broke. Chance moves when the model changes, so a seed
# that fails no more only costs a search.
KNOWN: dict[str, tuple[int, str]] = {
    "dedup": (0, "P3 P8"),
    "on_conflict": (0, "P7"),
    "rebuild_from_pg": (0, "P3 P9"),
    "epoch_on_restart": (1, "P11"),
    "outbox_until_persisted": (5, "P1"),
    "receipts": (1, "P1"),
    "epoch_guarded_trim": (281, "P1 P7"),
    "watermark_after_commit": (0, "P7"),
    "gap_check": (1, "P4"),
    "atomic_script": (0, "P3"),
    "pg_epoch_fence": (1845, "P3"),
    "status_first": (296, "P10"),
    "readmit_holder": (42, "P1"),
    "exact_resume": (78, "P4"),
    "closed_offset_floor": (118, "P7"),
    "closed_offset_made_up": (1, "P7"),
    "fenced_recovery_retries": (14, "P1"),
    "fenced_recovery_lets_go": (552, "P1"),
    "ahead_falls_with_it": (8, "P1 P7"),
    "fenced_flusher_asks": (2431, "P1"),
    "withdrawal_receipts": (12, "P1"),
    "withdrawal_first": (667, "P1"),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_promise_holds(first: int) -> None:
    found = find_violation(frozenset(), range(first, first + CHUNK))
    assert found is None, f"{found[1]}: replay with `python -m tests.simulation --seed {found[0]}`"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("rule", RULES)
def test_without_the_rule_a_promise_breaks(rule: str) -> None:
    seed, promises = KNOWN[rule]
    without = frozenset({rule})
    found = find_violation(without, range(seed, seed + 1)) or find_violation(without, range(MOST_SEEDS))
    assert found is not None, f"{MOST_SEEDS} seeds pass without the rule {rule!r}: it is not needed, or not tested"
    assert found[1].startswith(tuple(promises.split())), found[1]


def test_a_seed_plays_the_same_each_time() -> None:
    seed, _ = KNOWN["receipts"]
    texts = set()
    for _ in range(2):
        with pytest.raises(Violation) as broken:
            run(seed, frozenset({"receipts"}))
        texts.add(str(broken.value))
    assert len(texts) == 1
