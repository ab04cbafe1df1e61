"""Edit distances against a plain table of distances, and the vectors of the marking rules that use them."""

import random
import time

import pytest

from realtime.activities.spelling import (
    close_enough_h5p,
    damerau_levenshtein,
    levenshtein,
    matches_wildcard,
    similarity_percent,
)


def plain_distance(a: str, b: str, transpositions: bool) -> int:
    table = [[max(i, j) if not i or not j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            best = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if transpositions and i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, table[i - 2][j - 2] + 1)
            table[i][j] = best
    return table[-1][-1]


def test_distances_equal_a_plain_table() -> None:
    chance = random.Random(1)
    for _ in range(1_500):
        a = "".join(chance.choices("abcd", k=chance.randrange(9)))
        b = "".join(chance.choices("abcd", k=chance.randrange(9)))
        for transpositions, function in ((False, levenshtein), (True, damerau_levenshtein)):
            expected = plain_distance(a, b, transpositions)
            assert function(a, b) == function(b, a) == expected, (a, b)
            for limit in range(5):
                assert function(a, b, limit) == min(expected, limit + 1), (a, b, limit)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        levenshtein("a", "b", -1)


@pytest.mark.parametrize(
    ("expected", "given", "similarity"),
    [
        ("photosynthesis", "fotosynthesis", 85.71),
        ("photosynthesis", "photosynthesi", 92.86),
        ("photosynthesis", "photo", 35.71),
        ("symmetric", "asymmetric", 90.0),
        ("potassium nitrate", "potassium nitrite", 94.1),
        ("sulphate", "sulphite", 87.5),
        ("acid", "acids", 80.0),
        ("", "", 100.0),
        ("", "abc", 0.0),
    ],
)
def test_similarity(expected: str, given: str, similarity: float) -> None:
    assert similarity_percent(expected, given) == pytest.approx(similarity, abs=0.05)
    reached = similarity if similarity >= 85 else 0
    assert similarity_percent(expected, given, 85) == pytest.approx(reached, abs=0.05)


def test_similarity_on_the_threshold_itself_counts() -> None:
    assert similarity_percent("a" * 20, "a" * 17 + "bbb", 85) == 85.0
    assert similarity_percent("a" * 20, "a" * 16 + "bbbb", 85) == 0.0


@pytest.mark.parametrize(
    ("expected", "given", "accepted"),
    [
        ("receive", "recieve", True),
        ("cat", "cut", False),
        ("photosynthesis", "photosyntesys", True),
        ("photosynthesis", "fotosyntesys", False),
        ("1945", "1946", False),
        ("vitamin b12", "vitamine b12", True),
        ("cats", "", False),
    ],
)
def test_slips_as_h5p_forgives_them(expected: str, given: str, accepted: bool) -> None:
    assert close_enough_h5p(expected, given) is accepted


@pytest.mark.parametrize(
    ("pattern", "text", "case_sensitive", "accepted"),
    [
        ("chloroph*", "Chlorophyl", False, True),
        ("chloroph*", "Chlorophyl", True, False),
        ("*", "", False, True),
        ("a*a", "a", False, False),
        ("a*b*c", "axxbyyc", False, True),
        ("a*b*c", "axxyyc", False, False),
        ("*b*b", "ab", False, False),
        (r"2\*3", "2*3", False, True),
        (r"2\*3", "2xx3", False, False),
        ("a.c", "abc", False, False),
        ("straße", "STRASSE", False, True),
        (r"a\b", r"a\b", True, True),
        ("end\\", "end\\", True, True),
    ],
)
def test_wildcards(pattern: str, text: str, case_sensitive: bool, accepted: bool) -> None:
    assert matches_wildcard(pattern, text, case_sensitive) is accepted


def test_hostile_texts_cost_little() -> None:
    started = time.process_time()
    for _ in range(20):
        matches_wildcard("*a" * 50 + "b", "a" * 2_000)
        levenshtein("ab" * 250, "ba" * 250)
        damerau_levenshtein("ab" * 250, "ba" * 250)
    assert time.process_time() - started < 1.0
