"""What `plenum seed` puts into an installation: two schools in two languages, and every type in every state."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from realtime.activities.registry import Registry
from realtime.core.session import MOVES

Answer = Mapping[str, Any]
Draw = Callable[[random.Random, int], Answer]  # what a person answers, by their place in the list

_ENGLISH: Final = (
    "Ada", "Alan", "Barbara", "Bo", "Chidi", "Dmitri", "Edsger", "Emmy", "Farah", "Grace", "Hedy", "Ines", "Jun", "Kofi",
    "Lin", "Mary", "Noor", "Olu", "Priya", "Quentin", "Radia", "Sofia", "Tim", "Uma", "Vera", "Wei", "Xenia", "Yuki",
    None, None,
)  # fmt: skip
_GERMAN: Final = ("Anneliese", "Björn", "Çağla", "Dörte", "Emil", "Frieda", "Götz", "Hilde", "İpek", "Jürgen", "Käthe", None)
TEAMS: Final = ("Roots", "Leaves")
# What in the types' own examples would let the clock change the state, or keep answers waiting.
_UNTIMED: Final[Mapping[str, Mapping[str, Any]]] = {"quiz": {"phases": None}, "planning_poker": {"timer": 0}}


@dataclass(frozen=True, slots=True)
class Question:
    """One activity: how it is set up, where it stands, and who answered what. The first person always answers right."""

    type: str
    title: str
    settings: Mapping[str, Any]
    state: str = "closed"
    draw: Draw | None = None
    second_draw: Draw | None = None  # a second round, of people who have talked about it
    revealed: bool = False
    envelope: Mapping[str, Any] = field(default_factory=dict)
    decisions: Sequence[Mapping[str, Any]] = ()  # `item` in one stands for the place of a contribution
    share: float = 1.0  # of the people answer


@dataclass(frozen=True, slots=True)
class Sample:
    """One session with its people and its questions, in order."""

    name: str
    title: str
    description: str
    people: Sequence[str | None]
    questions: Sequence[Question]
    ends: bool = False
    focus: int | None = None
    in_teams: bool = False


def samples(registry: Registry) -> tuple[Sample, ...]:
    """All sessions, always the same."""
    return (_biology(), _review(), _catalogue(registry))


# ------------------------------------------------------------------------------------------------ an English lecture


def _biology() -> Sample:
    scored = {"scoring": {"mode": "accuracy", "points": 1_000, "streak": "kahoot"}}
    questions = (
        Question("poll", "Warming up", _choices("How did you get here today?", "By bicycle", "By train", "On foot", "By car"),
                 draw=_favoured("abcd"), revealed=True),
        Question("word_cloud", "One word for today", {"prompt": "One word for photosynthesis", "moderate_submissions": False},
                 draw=_words("Light", "Leaf", "Sugar", "Green", "Oxygen", "Sun", "Chlorophyll", "Water"), revealed=True),
        Question("quiz", "Where does it happen?", {
                     **_choices("Where does the Calvin cycle run?", "In the stroma", "In the thylakoid", "In the cytosol"),
                     "correct": ["a"], "explanation": "Its enzymes are dissolved in the stroma."},
                 draw=_right_or("a", "bc", 0.45), second_draw=_right_or("a", "bc", 0.8), revealed=True, envelope=scored),
        Question("quiz", "What comes out?", {
                     **_choices("Which gas do leaves give off in the light?", "Carbon dioxide", "Oxygen", "Nitrogen"),
                     "correct": ["b"]},
                 draw=_right_or("b", "ac", 0.75), revealed=True, envelope=scored),
        Question("numeric", "Count the photons", {
                     "prompt": "How many photons does one molecule of oxygen take?", "min": 0, "max": 100, "correct": 8,
                     "tolerance": {"mode": "absolute", "value": 1}},
                 draw=lambda dice, at: {"value": 8 if at == 0 else max(0, round(dice.gauss(9, 4)))}, revealed=True,
                 envelope=scored),
        Question("rating", "How sure are you?", {
                     "prompt": "How sure are you?", "min": 1, "max": 5, "labels": {"1": "not at all", "5": "very"},
                     "items": [{"id": "light", "text": "The light reactions"}, {"id": "dark", "text": "The Calvin cycle"}]},
                 draw=lambda dice, _: {"ratings": {"light": dice.randint(2, 5), "dark": dice.randint(1, 4)}}, revealed=True),
        Question("open_text", "What is unclear?", {"prompt": "What is still unclear?", "max_length": 300}, state="paused",
                 draw=_sentences("Why it is called the dark reaction", "Where the electrons go", "Nothing, thank you"), share=0.6),
        Question("qna", "Ask anything", {"topic": "Questions about photosynthesis", "moderate_questions": True,
                                         "max_open_per_participant": 3}, state="active",
                 draw=_asked("Will this be in the exam?", "How do plants in the shade do it?", "Is there a lab for this?",
                             "What happens to the oxygen?", "Could you show the second slide again?"), share=0.2,
                 decisions=({"action": "approve", "item": 0}, {"action": "approve", "item": 1}, {"action": "pin", "item": 1},
                            {"action": "approve", "item": 2}, {"action": "answer", "item": 2, "text": "On Thursday, room 12."},
                            {"action": "reject", "item": 3})),
        Question("poll", "Next week", _choices("What shall we do next week?", "Respiration", "Fermentation", "A field trip"),
                 state="active", draw=_favoured("abc"), share=0.5),
        Question("survey", "Before you go", {"items": [
                     {"id": "pace", "type": "poll", "required": True,
                      "settings": _choices("How was the pace?", "Too slow", "Good", "Too fast")},
                     {"id": "why", "type": "open_text", "settings": {"prompt": "Where did we lose you?"}}]}, state="draft"),
    )  # fmt: skip
    return Sample(
        "biology", "Biology, week 3: photosynthesis", "A lecture that is running: half of it is behind us.", _ENGLISH, questions,
        focus=8, in_teams=True,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ a German review


def _review() -> Sample:
    questions = (
        Question("poll", "Stimmung", _choices("Wie war die Projektwoche?", "Großartig", "Gut", "Anstrengend", "Zu lang"),
                 draw=_favoured("abcd"), revealed=True),
        Question("quiz", "Gut aufgepasst?", {
                     **_choices("Wie viele Bäume haben wir gepflanzt?", "Vierzig", "Sechzig", "Achtzig"), "correct": ["b"]},
                 draw=_right_or("b", "ac", 0.6), revealed=True, envelope={"scoring": {"mode": "accuracy", "points": 500}}),
        Question("rating", "Wie zufrieden?", {
                     "prompt": "Wie zufrieden bist du?", "min": 1, "max": 5, "labels": {"1": "gar nicht", "5": "sehr"},
                     "items": [{"id": "plan", "text": "Die Planung"}, {"id": "team", "text": "Die Zusammenarbeit"}]},
                 draw=lambda dice, _: {"ratings": {"plan": dice.randint(2, 5), "team": dice.randint(3, 5)}}, revealed=True),
        Question("brainstorm", "Ideen", {"prompt": "Was machen wir nächstes Jahr anders?", "columns": ["Behalten", "Ändern"],
                                         "max_ideas": 3},
                 draw=lambda dice, at: {"action": "idea", "column": ("Behalten", "Ändern")[at % 2], "text": dice.choice(
                     ("Früher anfangen", "Mehr Pausen", "Die Gruppen mischen", "Das Abschlussfest", "Mehr Werkzeug"))},
                 revealed=True),
        Question("open_text", "Danke", {"prompt": "Wem möchtest du danken?", "show_to_participants": True},
                 draw=_sentences("Der Küche für die Suppe", "Allen, die am Freitag aufgeräumt haben", "Frau Öztürk"),
                 revealed=True, envelope={"constraints": {"identity": "anonymous"}}, share=0.7),
    )  # fmt: skip
    return Sample(
        "projektwoche", "Projektwoche: Rückblick", "Eine Sitzung, die zu Ende ist.", _GERMAN, questions, ends=True
    )


# ------------------------------------------------------------------------------------------------ everything there is


def _catalogue(registry: Registry) -> Sample:
    """Each type once in each state, by its own example."""
    return Sample(
        "catalogue", "Every type in every state", "What there is, for those who test or translate.",
        _ENGLISH[:6], tuple(_of_each(registry)),
    )  # fmt: skip


def _of_each(registry: Registry) -> Iterator[Question]:
    for name, kind in sorted(registry.kinds().items()):
        settings = {**kind.example["settings"], **_UNTIMED.get(name, {})}
        given = [each for each in kind.example["answers"] if each]

        for state in MOVES:
            is_open = state not in ("draft", "published")
            yield Question(
                name, f"{name}: {state}", settings, state=state, draw=_taken_in_turn(given) if is_open else None,
                revealed=state == "closed",
            )  # fmt: skip


# ------------------------------------------------------------------------------------------------ what people say


def _choices(question: str, *options: str) -> dict[str, Any]:
    return {"question": question, "options": [{"id": "abcdefgh"[at], "text": text} for at, text in enumerate(options)]}


def _favoured(ids: str) -> Draw:
    """The earlier options more often, as halls have their favourites."""
    return lambda dice, _: {"selected": [ids[min(int(abs(dice.gauss(0, len(ids) * 0.45))), len(ids) - 1)]]}


def _right_or(right: str, wrong: str, share: float) -> Draw:
    return lambda dice, at: {"selected": [right if at == 0 or dice.random() < share else dice.choice(wrong)]}


def _taken_in_turn(answers: Sequence[Answer]) -> Draw:
    return lambda _, at: answers[at % len(answers)]


def _words(*words: str) -> Draw:
    return lambda dice, _: {"words": [words[min(int(abs(dice.gauss(0, 3))), len(words) - 1)]]}


def _sentences(*sentences: str) -> Draw:
    return lambda _, at: {"entries": [sentences[at % len(sentences)]]}


def _asked(*questions: str) -> Draw:
    return lambda _, at: {"action": "question", "text": questions[at % len(questions)], "anonymous": at % 3 == 2}
