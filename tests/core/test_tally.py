"""A tally is a sum: the order of answers does not matter, and taking away undoes adding."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.core.tally import add, total, under

counters = st.dictionaries(st.sampled_from(["#n", "a", "b", "word:x"]), st.integers(-(2**53), 2**53), max_size=4)


@given(st.lists(counters, max_size=6), st.randoms())
def test_the_order_of_answers_does_not_matter(many: list[dict[str, int]], chance: object) -> None:
    mixed = list(many)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert total(many) == total(mixed)
    assert 0 not in total(many).values()


@given(counters, counters)
def test_taking_away_undoes_adding(base: dict[str, int], one: dict[str, int]) -> None:
    tally = total([base])
    add(tally, one)
    add(tally, one, -1)
    assert tally == total([base])


def test_counters_under_a_prefix() -> None:
    assert under({"choice:a": 1, "choice:b": 2, "choices": 3, "n": 4}, "choice:") == {"a": 1, "b": 2}
