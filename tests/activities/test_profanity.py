"""The word filter: what it finds, what it lets through, what it costs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.activities.profanity import LANGUAGES, WordFilter, word_filter

ENGLISH = word_filter(("english",))


@pytest.mark.parametrize(
    "text",
    [
        "fuck",
        "FUCK!!!",
        "fück",
        "fu\u0301ck",
        "f\u200buck",
        "fuuuuck",
        "f.u.c.k",
        "f u c k",
        "sh1t",
        "$hit",
        "a$$",
        "oh shit, no",
        "what a piece of shit",
    ],
)
def test_finds_words_however_they_are_dressed_up(text: str) -> None:
    assert not ENGLISH.is_clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "as",
        "class",
        "Assistant",
        "Scunthorpe",
        "analysis",
        "Sex education",
        "The penis is an organ",
        "wow!!! ok",
        "a b c d e",
        "Photosynthesis",
        "1 2 3 4",
        "*****",
        "Dickens",
        "🔥",
    ],
)
def test_lets_ordinary_words_through(text: str) -> None:
    assert ENGLISH.is_clean(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_list(language: str) -> None:
    assert word_filter((language,)) is word_filter((language,))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("german", "Du Arschloch"),
        ("german", "SCHEIẞE"),
        ("german", "scheisse"),
        ("french", "merde alors"),
        ("spanish", "mierda"),
        ("polish", "kurwa"),
        ("russian", "ХУЙ"),
        ("chinese", "你他妈的"),
        ("korean", "씨발놈아"),
        ("thai", "ไอ้เหี้ย"),
    ],
)
def test_knows_other_languages(language: str, text: str) -> None:
    assert not word_filter((language,)).is_clean(text)
    assert ENGLISH.is_clean(text)


def test_strikes_out_letter_by_letter() -> None:
    assert ENGLISH.censor("what the fuck, Sir") == "what the ****, Sir"
    assert ENGLISH.censor("f u c k") == "* * * *"
    assert word_filter(("german",)).censor("Scheiße!") == "*******!"


def test_takes_a_presenters_own_words() -> None:
    own = word_filter((), ("Lehrer Lämpel", "Brexit"))
    assert own.censor("brexit und LEHRER LAMPEL") == "****** und ****** ******"


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(["fuck", "f", "u", "c", "k", " ", ".", "d", "i", "*", "ass"])).map("".join)
)
def test_what_was_struck_out_is_clean(text: str) -> None:
    struck = ENGLISH.censor(text)
    assert ENGLISH.censor(struck) == struck
    assert len(struck) == len(text)


@pytest.mark.parametrize(
    "text", ["f.u.c.k " * 125, "a " * 500, "a" * 1_000, "4$$h0l3|!1" * 100, "他" * 1_000, "!" * 1_000]
)
def test_cost_is_bounded(text: str) -> None:
    """Measured: 2 ms for the worst; ten times that says that something became quadratic."""
    everything = word_filter(LANGUAGES)
    everything.find(text)
    best_seconds = min(_seconds(everything, text) for _ in range(5))
    assert best_seconds < 0.03


def _seconds(words: WordFilter, text: str) -> float:
    begin = time.perf_counter()
    words.find(text)
    return time.perf_counter() - begin
