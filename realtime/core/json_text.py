"""The one parser of untrusted JSON: strict about everything PostgreSQL's jsonb or a later reader would stumble on.

The standard library's parser is used because its hooks can see what others silently repair: duplicate
keys, NaN, overlong numbers. One call parses and checks; a refusal names the path of the fault.
"""

import json
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from .errors import Refusal

JsonValue = Any  # None | bool | int | float | str | list | dict, checked by this module

_MAX_ABSOLUTE: Final = 10**15  # beyond it a double no longer holds every integer
_MAX_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Limits:
    """How large and how deep a document may be."""

    max_bytes: int = 65_536
    max_depth: int = 32
    max_keys: int = 2_000
    max_list_entries: int = 2_000


DEFAULT_LIMITS: Final = Limits()


class _Fault:
    """Stands in a parsed tree for something refused, so that the walk can report its path."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code


def _object(pairs: list[tuple[str, Any]]) -> Any:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                result[key] = _Fault("duplicate_key")
            seen.add(key)
    return result


def _integer(text: str) -> Any:
    if len(text.lstrip("-")) > _MAX_DIGITS + 1:
        return _Fault("number_out_of_range")
    value = int(text)
    return value if -_MAX_ABSOLUTE <= value <= _MAX_ABSOLUTE else _Fault("number_out_of_range")


def _fraction(text: str) -> Any:
    mantissa = text.lower().split("e")[0].lstrip("-").replace(".", "").lstrip("0")
    value = float(text)
    if len(mantissa) > _MAX_DIGITS + 2 or not -_MAX_ABSOLUTE <= value <= _MAX_ABSOLUTE:
        return _Fault("number_out_of_range")
    return value


def _constant(_text: str) -> Any:
    return _Fault("number_out_of_range")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)


def decode(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> JsonValue:
    """Parse and check a document.

    Raises Refusal: `malformed`, `too_large`, `too_deep`, `too_many_parts`, `duplicate_key`,
    `number_out_of_range`, `nul_character` or `lone_surrogate`, with the path in `details.field`.
    """
    if len(text) > limits.max_bytes:
        raise Refusal("too_large", details={"max_bytes": limits.max_bytes})
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refusal("malformed", "The message is not valid UTF-8.") from error
    elif not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > limits.max_bytes:
        raise Refusal("too_large", details={"max_bytes": limits.max_bytes})
    # Brackets inside strings only make this count too high, so a low count proves the depth is fine.
    if text.count("[") + text.count("{") > limits.max_depth and _depth(text) > limits.max_depth:
        raise Refusal("too_deep", details={"max_depth": limits.max_depth})
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise Refusal("malformed", details={"reason": str(error)[:200]}) from error
    try:
        check(value, limits)
    except Refusal as refusal:
        # Whoever sent it must learn which of his messages it was, or he would wait and send it for ever.
        message_id = value.get("id") if isinstance(value, dict) else None
        if type(message_id) is int and 0 <= message_id <= 2**53:
            refusal.details["id"] = message_id
        raise
    return value


def is_value(text: bytes) -> bool:
    """Whether a text is one whole document that `decode` takes, with nothing before or behind it."""
    try:
        decode(text)
    except Refusal:
        return False
    return True


def _depth(text: str) -> int:
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def check(value: JsonValue, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse a parsed tree that holds a fault, with the path of the first one found."""
    keys = entries = 0
    waiting: list[tuple[Any, str]] = [(value, "")]
    while waiting:
        node, path = waiting.pop()
        if node is None or node is True or node is False:
            continue
        kind = type(node)
        if kind is str:
            _check_text(node, path)
        elif kind is dict:
            keys += len(node)
            if keys > limits.max_keys:
                raise Refusal("too_many_parts", details={"field": path, "max_keys": limits.max_keys})
            for key, child in node.items():
                _check_text(key, path)
                waiting.append((child, f"{path}.{key}" if path else key))
        elif kind is list:
            entries += len(node)
            if entries > limits.max_list_entries:
                raise Refusal("too_many_parts", details={"field": path, "max_list_entries": limits.max_list_entries})
            waiting.extend((child, f"{path}[{index}]") for index, child in enumerate(node))
        elif kind is _Fault:
            raise Refusal(node.code, details={"field": path[:200]})


def _check_text(text: str, path: str) -> None:
    if text.isascii():
        if "\x00" in text:
            raise Refusal("nul_character", details={"field": path[:200]})
        return
    if "\x00" in text:
        raise Refusal("nul_character", details={"field": path[:200]})
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refusal("lone_surrogate", details={"field": path[:200].encode("utf-8", "replace").decode()}) from None


def encode(value: JsonValue) -> str:
    """Compact JSON text; never NaN, never a raw newline."""
    return _encoder.encode(value)


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)

# Directional overrides and isolates can make a name read as another; zero-width joiners stay (emoji, scripts).
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
# Takes no place on the screen, so that two names which look the same would differ, or a name look like none.
_INVISIBLE: Final = frozenset("\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0\ufff9\ufffa\ufffb")
_HIDDEN: Final = _BIDI_CONTROLS | _INVISIBLE
_JOINERS: Final = "\u200c\u200d "  # mean something only between other characters


def clean_text(text: str, *, keep_lines: bool = False) -> str:
    """Normalise what a person wrote: NFC, no control, direction or invisible characters, single blanks, trimmed."""
    # Normalised last: what stood between a letter and its accent may just have been taken out.
    if keep_lines:
        lines = (" ".join(_visible(line).split()).strip(_JOINERS) for line in text.splitlines())
        return unicodedata.normalize("NFC", "\n".join(lines).strip())
    return unicodedata.normalize("NFC", " ".join(_visible(text.replace("\n", " ").replace("\t", " ")).split()).strip(_JOINERS))


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        for character in text
        if character not in _HIDDEN and (character in "\t\u200d" or unicodedata.category(character) not in ("Cc", "Cs"))
    )
