"""The one parser of untrusted JSON: whatever PostgreSQL's jsonb or a later reader would stumble on is refused."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.core.errors import Refusal
from realtime.core.json_text import DEFAULT_LIMITS, Limits, check, clean_text, decode, encode

SMALL = Limits(max_bytes=200, max_depth=4, max_keys=5, max_list_entries=5)


def refused(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decode(text, limits)
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        (r'{"a":"x\u0000y"}', "nul_character", "a"),
        (r'{"a":{"b":["x","\u0000"]}}', "nul_character", "a.b[1]"),
        (r'{"a":{"\u0000":1}}', "nul_character", "a"),
        (r'["\u0000"]', "nul_character", "[0]"),
        (r'"\u0000é"', "nul_character", ""),
        (r'{"a":"\ud800"}', "lone_surrogate", "a"),
        (r'{"a":["\udc00x"]}', "lone_surrogate", "a[0]"),
        (r'{"a":"\ude00\ud83d"}', "lone_surrogate", "a"),
        (r'{"\ud83d":1}', "lone_surrogate", ""),
        ('{"a":NaN}', "number_out_of_range", "a"),
        ('{"a":Infinity}', "number_out_of_range", "a"),
        ('{"a":[-Infinity]}', "number_out_of_range", "a[0]"),
        ("NaN", "number_out_of_range", ""),
        ('{"a":1e400}', "number_out_of_range", "a"),
        ('{"a":-1e400}', "number_out_of_range", "a"),
        ('{"a":1e131071}', "number_out_of_range", "a"),
        ('{"a":18446744073709551616}', "number_out_of_range", "a"),
        ('{"a":1000000000000001}', "number_out_of_range", "a"),
        ('{"a":-1000000000000001}', "number_out_of_range", "a"),
        ('{"a":1.0000000000000001e15}', "number_out_of_range", "a"),
        ('{"a":0.1234567890123456789}', "number_out_of_range", "a"),
        ('{"a":' + "9" * 5_000 + "}", "number_out_of_range", "a"),
        ('{"a":-' + "9" * 5_000 + "}", "number_out_of_range", "a"),
        ('{"a":1,"b":2,"a":3}', "duplicate_key", "a"),
        ('{"o":[{"k":1,"k":1}]}', "duplicate_key", "o[0].k"),
        ("[" * 33 + "]" * 33, "too_deep", None),
        ('{"a":' * 33 + "1" + "}" * 33, "too_deep", None),
        ("[" * 30_000 + "]" * 30_000, "too_deep", None),
        ("[" * 60_000, "too_deep", None),
        ("[" + "1," * 2_000 + "1]", "too_many_parts", ""),
        ("{" + ",".join(f'"{n}":1' for n in range(2_001)) + "}", "too_many_parts", ""),
        ("[" + ",".join(["[1,2,3,4]"] * 500) + "]", "too_many_parts", None),
        ('"' + "x" * 65_536 + '"', "too_large", None),
        ('"' + "é" * 32_768 + '"', "too_large", None),
        ("", "malformed", None),
        ("{", "malformed", None),
        ('{"a":1}x', "malformed", None),
        ('{"a":01}', "malformed", None),
        ('{"a":.5}', "malformed", None),
        ("{'a':1}", "malformed", None),
        ('{"a":1,}', "malformed", None),
        ('{"a":"\n"}', "malformed", None),
        ('{"a":"\x00"}', "malformed", None),
        ("\ufeff{}", "malformed", None),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text: str, code: str, path: str | None) -> None:
    for sent in (text, text.encode("utf-8", "surrogatepass")):
        refusal = refused(sent)
        assert refusal.code == code
        if path is not None:
            assert refusal.details["field"] == path
        json.dumps(refusal.details).encode("utf-8")  # can be told to the client
        assert len(str(refusal.details)) < 1_000


@pytest.mark.parametrize(
    "raw",
    [
        b'"\xed\xa0\x80"',  # CESU-8: a surrogate in three bytes
        b'"\xc0\x80"', b'"\xff"', b'"\xf4\x90\x80\x80"', b"\xff\xfe[\x00]\x00", '"é"'.encode("latin-1"), b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_bytes_that_are_not_utf8_are_malformed(raw: bytes) -> None:
    assert refused(raw).code == "malformed"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("-0", 0), ("1000000000000000", 10**15), ("-1000000000000000", -(10**15)), ("1e15", 1e15), ("0.1", 0.1),
        ("0.30000000000000004", 0.30000000000000004), ("-2.5E-3", -0.0025), ("1e-9", 1e-9), ("true", True), ("null", None),
        (r'"\ud83d\ude00"', "😀"), (r'"\u2028\u007f"', "\u2028\x7f"), (' [ 1 , "a" ] ', [1, "a"]),
        ('{"":{"":1}}', {"": {"": 1}}), ("[" * 32 + "]" * 32, None), (r'"[[[[{{{{\"[["', '[[[[{{{{"[['),
    ],
)  # fmt: skip
def test_what_is_accepted(text: str, value: Any) -> None:
    decoded = decode(text)
    assert value is None or decoded == value
    assert decode(text.encode()) == decoded


def test_brackets_in_texts_are_no_depth() -> None:
    assert decode(encode(["[" * 100, '\\"{' * 50])) == ["[" * 100, '\\"{' * 50]


def test_limits_can_be_set_smaller() -> None:
    assert refused("[[[[[1]]]]]", SMALL).code == "too_deep"
    assert refused("[1,2,3,4,5,6]", SMALL).details == {"field": "", "max_list_entries": 5}
    assert refused('{"a":{"b":1,"c":1,"d":1,"e":1,"f":1}}', SMALL).details == {"field": "a", "max_keys": 5}
    assert refused(" " * 201, SMALL).details == {"max_bytes": 200}
    assert refused('"' + "é" * 100 + '"', SMALL).code == "too_large"


def test_a_tree_from_elsewhere_can_be_checked() -> None:
    check({"a": ["b", 1, None, True]})
    with pytest.raises(Refusal) as caught:
        check({"a": [{"b": "\x00"}]})
    assert caught.value.details["field"] == "a[0].b"


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**15), 10**15),
        st.floats(-1e14, 1e14, allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(values)
def test_what_we_write_we_read(value: Any) -> None:
    text = encode(value)
    assert "\n" not in text
    assert decode(text) == value


@given(st.text() | st.binary())
def test_nothing_but_refusals_comes_out(sent: str | bytes) -> None:
    try:
        value = decode(sent)
    except Refusal as refusal:
        json.dumps(refusal.details).encode("utf-8")
    else:
        assert decode(encode(value)) == value


def test_not_a_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(float("nan"))


@given(st.text(), st.booleans())
def test_cleaning_twice_is_cleaning_once(text: str, keep_lines: bool) -> None:
    once = clean_text(text, keep_lines=keep_lines)
    assert clean_text(once, keep_lines=keep_lines) == once
    assert once == once.strip()
    assert unicodedata.is_normalized("NFC", once)
    assert not {unicodedata.category(one) for one in once.replace("\n", "")} & {"Cc", "Cs"}
    assert keep_lines or "\n" not in once


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  Ada \t  Lovelace \n", "Ada Lovelace"), ("e\u0301", "é"), ("a\u202eb\u2066c", "abc"), ("a\x00\x1b\x7fb", "ab"),
        ("e\u200e\u0301", "é"), ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"), ("می\u200cخواهم", "می\u200cخواهم"),
        ("A\u200bd\u00ada\ufeff", "Ada"), ("\u200d", ""), ("\u3164", ""), ("\u200b \u200d\u200c", ""), ("a\u3000b", "a b"),
        ("", ""),
        ("\ud800a", "a"),
    ],
)  # fmt: skip
def test_what_cleaning_does(text: str, clean: str) -> None:
    assert clean_text(text) == clean


def test_lines_are_kept_where_they_matter() -> None:
    assert clean_text(" a  b \r\n\n c\u2028d \n", keep_lines=True) == "a b\n\nc\nd"
    assert clean_text(" a  b \r\n\n c") == "a b c"
