"""Words nobody wants on the big screen: finds them in what people write, in the languages a presenter names.

The word lists are those of the `glin-profanity` package; finding is ours. The package's own scanner took
30 to 80 ms for 1,000 characters with all its languages, and an answer is checked on the event loop. Set
look-ups take a tenth of that for the worst text. Lists of all languages at once would be useless: "top",
"it", "edit" and "con" are on some of them. So an activity names its languages, and words that lessons
need are let through.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal, get_args

from glin_profanity.data.dictionary import dictionary  # type: ignore[import-untyped]

Language = Literal[
    "arabic", "chinese", "czech", "danish", "dutch", "english", "finnish", "french", "german", "hindi",
    "hungarian", "italian", "japanese", "korean", "norwegian", "persian", "polish", "portuguese", "russian",
    "spanish", "swedish", "thai", "turkish",
]  # fmt: skip
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_ORDINARY: Final = """
anus rectum penis vagina vulva clitoris semen sperm genitals nipple nipples intercourse sex sexo ejaculation
fecal nude nudity nackt naakt nudo incest erotic swastika nazi rape sadism domination escort eunuch lolita
bondage voyeur simp scat skeet snatch spunk twinkie playboy santorum suck sucks butt bs mf xx smut
bitte folle veuve meuf teuf gerbe duro pesce pompa pipa monta mona sega troia balle palle pinto saco burro
mama comer gat hol pot paal palen beurt del muts eikel nicht mof jajko jajo cyc olla stake trio asno orina
edit cm top din it meme oyna sayfa takip cikar 18+ 31 bira dede durum cif pvp hack hile kazma odun vodka
"""
# On the lists, but ordinary in a lesson, in a meeting or in a neighbouring sense.
HARMLESS: Final = frozenset(_ORDINARY.split())

MASK: Final = "*"
_LONGEST_PHRASE: Final = 5  # words; the few longer entries of the lists are sentences nobody types
_LONGEST_WORD: Final = 16  # characters, spelled out letter by letter or inside an unspaced script
_SHORTEST_SPELLED: Final = 4  # "a s s" is too often three letters
_MOST_KNOWN: Final = 8_192  # words of texts, of which a filter remembers whether they are listed
_LONGEST_KNOWN: Final = 32
_ASCII_WORD: Final = re.compile(r"[0-9a-z@$!]+")
_DRAWN_OUT: Final = re.compile(r"(.)\1\1+", re.DOTALL)
_UNSPACED: Final = (("\u0e00", "\u0e7f"), ("\u3040", "\u30ff"), ("\u4e00", "\u9fff"), ("\uac00", "\ud7a3"))
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_L: Final = str.maketrans("013457@$!", "oleastasl")


class WordFilter:
    """Finds listed words in a text, also accented, drawn out, with figures for letters, or spelled out."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: set[str] = set()
        self._phrases: set[tuple[str, ...]] = set()
        self._first_words: set[str] = set()
        self._unspaced: set[str] = set()
        self._known: dict[str, bool] = {}  # of the words people write most are the same few thousand
        for word in words:
            parts = tuple(token for token, _, _ in _tokens(word))
            if len(parts) == 1:
                self._words.add(parts[0])
                if _is_unspaced(parts[0]) and len(parts[0]) > 1:
                    self._unspaced.add(parts[0])
            elif 1 < len(parts) <= _LONGEST_PHRASE and max(map(len, parts)) > 1:
                self._phrases.add(parts)
                self._first_words.add(parts[0])

    def find(self, text: str) -> list[tuple[int, int]]:
        """The places of listed words as (start, end) in `text`, in order; they may overlap."""
        tokens = list(_tokens(text))
        found = [(start, end) for token, start, end in tokens if self._is_listed(token)]
        for token, start, end in tokens:
            # A folded token has the length of its source here: these scripts have no case and no accents.
            if end - start == len(token) and _is_unspaced(token):
                found += [(start + low, start + high) for low, high in self._inside(token)]
        for run in _runs(text, tokens):
            found += self._phrases_in(run)
        return sorted(found)

    def is_clean(self, text: str) -> bool:
        return not self.find(text)

    def censor(self, text: str) -> str:
        """The text with every listed word struck out, character by character."""
        letters = list(text)
        for start, end in self.find(text):
            for index in range(start, end):
                if not letters[index].isspace():
                    letters[index] = MASK
        return "".join(letters)

    def _is_listed(self, token: str) -> bool:
        found = self._known.get(token)
        if found is None:
            found = self._look_up(token)
            if len(token) <= _LONGEST_KNOWN:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[token] = found
        return found

    def _look_up(self, token: str) -> bool:
        if token in self._words:
            return True
        forms = {token, token.translate(_LEET), token.translate(_LEET_L)} if not token.isalpha() else {token}
        if any(form.isalpha() and form in self._words for form in forms):
            return True
        # Letters drawn out ("fuuuck"): three or more alike may stand for one or for two.
        drawn = (form for form in forms if _DRAWN_OUT.search(form))
        return any(_squeeze(form, keep) in self._words for form in drawn for keep in (1, 2))

    def _inside(self, token: str) -> Iterator[tuple[int, int]]:
        for low in range(len(token)):
            for high in range(low + 2, min(len(token), low + _LONGEST_WORD) + 1):
                if token[low:high] in self._unspaced:
                    yield low, high

    def _phrases_in(self, run: list[tuple[str, int, int]]) -> Iterator[tuple[int, int]]:
        words = [token for token, _, _ in run]
        for first in range(len(run)):
            longest = _LONGEST_PHRASE if words[first] in self._first_words else 0
            for last in range(first + 1, min(len(run), first + longest)):
                if tuple(words[first : last + 1]) in self._phrases:
                    yield run[first][1], run[last][2]
            spelled = ""
            for index in range(first, min(len(run), first + _LONGEST_WORD)):
                if len(words[index]) != 1:
                    break
                spelled += words[index]
                if len(spelled) >= _SHORTEST_SPELLED and spelled in self._words:
                    yield run[first][1], run[index][2]


@lru_cache(maxsize=128)
def word_filter(languages: tuple[Language, ...], extra: tuple[str, ...] = ()) -> WordFilter:
    """The filter for some languages and a presenter's own words; built once and kept."""
    listed = (word for language in languages for word in _listed(language))
    return WordFilter([*(word for word in listed if word.casefold() not in HARMLESS), *extra])


@lru_cache(maxsize=len(LANGUAGES))
def _listed(language: Language) -> tuple[str, ...]:
    words = tuple(dictionary.get_words(language))
    if not words:  # the package only prints a warning; an empty filter would pass everything unseen
        raise LookupError(f"glin-profanity has no word list for {language!r}")
    return words


@lru_cache(maxsize=8_192)
def _fold(character: str) -> str:
    """What a character counts as: lower case, without accents; empty for marks and invisible characters."""
    folded = unicodedata.normalize("NFKC", character.casefold())
    if not "\uac00" <= character <= "\ud7a3":  # Hangul syllables would fall apart into letters
        folded = unicodedata.normalize("NFD", folded)
    return "".join(
        part for part in folded if not "\u0300" <= part <= "\u036f" and unicodedata.category(part) != "Cf"
    )


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of a text, folded, each with its place: letters, figures and signs that stand for letters."""
    if text.isascii():
        # The same, for most of what is written: to fold is to write in lower case, and no place moves.
        for match in _ASCII_WORD.finditer(text.lower()):
            yield from _trimmed(match[0], match.start(), match.end())
        return
    token: list[str] = []
    start = end = 0
    for index, character in enumerate(text):
        folded = _fold(character)
        if folded and _is_of_word(folded):
            if not token:
                start = index
            token.append(folded)
            end = index + 1
        elif not folded and token:
            end = index + 1  # an accent or an invisible character belongs to the letter before it
        elif token:
            yield from _trimmed("".join(token), start, end)
            token = []
    if token:
        yield from _trimmed("".join(token), start, end)


@lru_cache(maxsize=8_192)
def _is_of_word(folded: str) -> bool:
    return all(part.isalnum() or part in "@$!" or unicodedata.category(part)[0] == "M" for part in folded)


def _trimmed(token: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """A token without the exclamation marks that end its sentence; nothing where only signs are left."""
    bare = token.rstrip("!")
    if bare.isalnum() or any(character.isalnum() for character in bare):
        yield bare, start, end - (len(token) - len(bare))


def _runs(text: str, tokens: list[tuple[str, int, int]]) -> Iterator[list[tuple[str, int, int]]]:
    """Neighbouring words; struck-out ones part them, so that striking out never makes a new phrase."""
    run: list[tuple[str, int, int]] = []
    for token in tokens:
        if run and MASK in text[run[-1][2] : token[1]]:
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _is_unspaced(token: str) -> bool:
    """Whether a token is of a script that puts no blanks between words, or glues endings to them."""
    return not token.isascii() and any(first <= part <= last for part in token for first, last in _UNSPACED)


def _squeeze(token: str, keep: int) -> str:
    """A token with runs of three or more equal characters cut to `keep`."""
    return _DRAWN_OUT.sub(lambda run: run[1] * keep, token)
