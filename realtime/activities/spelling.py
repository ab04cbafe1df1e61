"""How far two texts are apart: edit distances, their use as tolerance for slips, and the `*` wildcard.

The distances are bit-parallel (Hyyrö 2003): one step per character of the longer text, on integers as
wide as the shorter one. Two texts of 500 characters take well below a millisecond, so marking a class
needs no cap of its own beyond the length limits of the settings.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

_FULL: Final = 100.0
_MILD_LENGTH: Final = 3  # H5P: up to three characters nothing is forgiven
_LONG_LENGTH: Final = 9  # H5P: beyond nine characters two slips are forgiven


def levenshtein(a: str, b: str, limit: int | None = None) -> int:
    """The least number of insertions, deletions and replacements; beyond `limit` it is `limit + 1`."""
    return _distance(a, b, limit, transpositions=False)


def damerau_levenshtein(a: str, b: str, limit: int | None = None) -> int:
    """Like `levenshtein`, and two neighbouring characters that changed places are one edit, not two."""
    return _distance(a, b, limit, transpositions=True)


def _distance(a: str, b: str, limit: int | None, *, transpositions: bool) -> int:
    if limit is not None and limit < 0:
        raise ValueError("a limit on a distance cannot be negative")
    if a == b:
        return 0
    if len(a) > len(b):
        a, b = b, a
    if limit is not None and len(b) - len(a) > limit:
        return limit + 1
    distance = _bit_parallel(a, b, limit, transpositions) if a else len(b)
    return distance if limit is None else min(distance, limit + 1)


def _bit_parallel(pattern: str, text: str, limit: int | None, transpositions: bool) -> int:
    places: dict[str, int] = {}
    for index, character in enumerate(pattern):
        places[character] = places.get(character, 0) | 1 << index
    full = (1 << len(pattern)) - 1
    last = 1 << (len(pattern) - 1)
    distance, remaining = len(pattern), len(text)
    up, down = full, 0  # where the distance rises and falls along the pattern, one bit per place
    diagonal = matches_before = 0
    for character in text:
        remaining -= 1
        matches = places.get(character, 0)
        swapped = ((~diagonal & matches) << 1) & matches_before if transpositions else 0
        diagonal = (((matches & up) + up) ^ up) | matches | down | swapped
        rises = down | (full & ~(diagonal | up))
        falls = diagonal & up
        if rises & last:
            distance += 1
        elif falls & last:
            distance -= 1
        if limit is not None and distance - remaining > limit:
            return limit + 1
        rises = rises << 1 | 1
        up = (falls << 1 | ~(diagonal | rises)) & full
        down = rises & diagonal & full
        diagonal &= full
        matches_before = matches
    return distance


def similarity_percent(a: str, b: str, at_least: float = 0) -> float:
    """`(longer - distance) / longer * 100` with the Levenshtein distance; 0.0 when it is below `at_least`."""
    longer = max(len(a), len(b))
    if not longer:
        return _FULL
    # One more than the exact bound would be harmless: the comparison below decides.
    limit = min(longer, max(0, int(longer * (_FULL - at_least) / _FULL + 1e-9)))
    distance = levenshtein(a, b, limit)
    if distance > limit:
        return 0.0
    similarity = (longer - distance) / longer * _FULL
    return similarity if similarity >= at_least else 0.0


def close_enough_h5p(expected: str, given: str) -> bool:
    """Whether `given` is `expected` but for slips as H5P forgives them.

    One slip beyond 3 characters of the expected text, two beyond 9. Both texts come normalised.
    Digits are never slips: where a number is expected, 1945 is not 1946.
    """
    if given == expected:
        return True
    if len(expected) <= _MILD_LENGTH or not given:
        return False
    digits = [character for character in expected if character.isdigit()]
    if digits and digits != [character for character in given if character.isdigit()]:
        return False
    limit = 2 if len(expected) > _LONG_LENGTH else 1
    return damerau_levenshtein(expected, given, limit) <= limit


def matches_wildcard(pattern: str, text: str, case_sensitive: bool = False) -> bool:
    r"""Whether `text` fits `pattern`, where `*` stands for any characters or none and `\*` for an asterisk.

    Never a regular expression: the parts between asterisks are searched one after the other, each
    only behind the one before, so hostile patterns cost no more than honest ones.
    """
    if not case_sensitive:
        pattern, text = _fold(pattern), _fold(text)
    first, *rest = _parts(pattern)
    if not rest:
        return text == first
    *middle, last = rest
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end < len(first):
        return False
    position = len(first)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _parts(pattern: str) -> Iterator[str]:
    part: list[str] = []
    escaped = False
    for character in pattern:
        if escaped:
            part.append(character if character == "*" else "\\" + character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "*":
            yield "".join(part)
            part = []
        else:
            part.append(character)
    if escaped:
        part.append("\\")
    yield "".join(part)
