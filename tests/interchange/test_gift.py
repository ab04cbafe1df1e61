"""GIFT: what Moodle's own examples mean, what cannot be read, and that nothing makes the reader fail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.activities.config import read_config
from realtime.activities.registry import installed
from realtime.interchange.drafts import Draft, Findings, Words
from realtime.interchange.gift import read_gift


def only(text: str, **words: Any) -> Draft:
    """The one draft of a text, which its type accepts."""
    findings = read_gift(text, **words)
    (draft,) = findings.drafts
    read_config(installed().resolve(draft.type), draft.config)
    return draft


def settings(text: str) -> dict[str, Any]:
    found: dict[str, Any] = only(text).config["settings"]
    return found


def codes(findings: Findings) -> list[tuple[str, str]]:
    return [(problem.place, problem.code) for problem in findings.problems]


def test_multiple_choice_with_one_right_answer() -> None:
    draft = only("// who\n::Grant's tomb::Who's buried in Grant's tomb?{\n=Grant\n~no one #was true for 12 years\n~Napoleon\n}")
    assert (draft.type, draft.title, draft.place) == ("quiz", "Grant's tomb", "line 2")
    assert draft.config["settings"] == {
        "question": "Who's buried in Grant's tomb?",
        "options": [{"id": "a", "text": "Grant"}, {"id": "b", "text": "no one"}, {"id": "c", "text": "Napoleon"}],
        "correct": ["a"],
        "max_choices": 1,
        "explanation": "no one: was true for 12 years",
    }
    assert draft.config["scoring"]["mode"] == "accuracy"
    assert draft.config["reveal"]["answer_key"] == "on_reveal"


def test_several_right_answers_keep_their_percentages() -> None:
    found = settings("What two people are entombed in Grant's tomb? {~%-100%No one ~%50%Grant ~%50%Grant's wife ~%-100%Father}")
    assert (found["correct"], found["max_choices"], found["marking"]) == (["b", "c"], 4, "mapping")
    assert found["mapping"]["mapped_values"] == {"a": -1.0, "b": 0.5, "c": 0.5, "d": -1.0}
    assert (found["mapping"]["lower_bound"], found["mapping"]["upper_bound"]) == (0, 1)


def test_missing_word_leaves_a_gap() -> None:
    assert settings("Grant is {~buried =entombed ~living} in Grant's tomb.")["question"] == "Grant is _____ in Grant's tomb."


@pytest.mark.parametrize(("answer", "correct"), [("TRUE", "a"), ("T", "a"), ("F#why#yes", "b"), ("false", "b")])
def test_true_false_in_the_words_of_the_page(answer: str, correct: str) -> None:
    draft = only(f"The sun rises in the east.{{{answer}}}", words=Words("Wahr", "Falsch"))
    assert draft.config["settings"]["correct"] == [correct]
    assert [option["text"] for option in draft.config["settings"]["options"]] == ["Wahr", "Falsch"]


def test_short_answers_with_percentages_and_wildcards() -> None:
    found = settings("Two plus two {=four =%50%fo*r =%0%five}")
    assert found["answers"] == [
        {"text": "four", "fraction": 1.0},
        {"text": "fo*r", "fraction": 0.5},
        {"text": "five", "fraction": 0.0},
    ]
    assert found["wildcards"] is True


@pytest.mark.parametrize(
    ("answer", "correct", "width"),
    [("3:2", 3, 2), ("1..5", 3, 2), ("3.141..3.142", 3.1415, 0.0005), ("3.1415:0.0005", 3.1415, 0.0005), ("-12", -12, 0)],
)
def test_numbers_with_tolerance_or_range(answer: str, correct: float, width: float) -> None:
    found = settings(f"What is pi? {{#{answer}}}")
    assert found["correct"] == pytest.approx(correct)
    assert found["tolerance"]["value"] == pytest.approx(width)
    assert found["tolerance"]["mode"] == ("absolute" if width else "exact")


def test_numbers_with_a_wider_band_for_half_the_points() -> None:
    found = settings("When was Grant born? {#\n=1822:0\n=%50%1822:2\n}")
    assert (found["correct"], found["bands"]) == (1822, [{"within": 2, "fraction": 0.5}])


def test_matching_with_a_partner_for_several_and_one_for_nobody() -> None:
    found = settings("Match. {=Canada -> Ottawa =Italy -> Rome =Vatican -> Rome = -> Berlin}")
    assert [item["text"] for item in found["left"]] == ["Canada", "Italy", "Vatican"]
    assert [item["text"] for item in found["right"]] == ["Ottawa", "Rome", "Berlin"]
    assert (found["pairs"], found["right_reusable"]) == ({"l1": "r1", "l2": "r2", "l3": "r2"}, True)


def test_essay_and_comments_and_categories() -> None:
    findings = read_gift("$CATEGORY: a/b\n\n// nothing\n\nWrite about Grant {}\n// the end")
    assert [(draft.type, draft.config["settings"]["prompt"]) for draft in findings.drafts] == [("open_text", "Write about Grant")]
    assert not findings.problems


def test_escapes_stand_for_themselves() -> None:
    found = settings(r"Which answer equals 5\:? {~ \= 2 + 2 = \{5\} ~ 2 \# 3\~ ~back\\slash}")
    assert found["question"] == "Which answer equals 5:?"
    assert [option["text"] for option in found["options"]] == ["= 2 + 2", "{5}", "2 # 3~", "back\\slash"]


def test_markup_becomes_text_and_is_told() -> None:
    findings = read_gift("[html]<p>Is <b>this</b> 1 &lt; 2?</p> {T}")
    assert findings.drafts[0].config["settings"]["question"] == "Is this 1 < 2?"
    assert codes(findings) == [("line 1", "html_as_text")]


def test_general_feedback_becomes_the_explanation() -> None:
    assert settings("Q {=a ~b ####Because.}")["explanation"] == "Because."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a { =b ~c", "unclosed_brace"), ("a } b { =c ~d }", "stray_brace"), ("a {=b ~c} d {=e ~f}", "several_answers"),
        ("::never closed", "unclosed_title"), ("{=a ~b}", "no_question"),
        ("a {~b}", "too_few_options"), ("a {b =c}", "mixed_answers"),
        ("a {#x}", "not_a_number"), ("a {#1:y}", "not_a_number"), ("a {~%x%b =c}", "bad_weight"), ("a {=b -> c =d}", "bad_pair"),
        ("a {~%200%b =c}", "bad_weight"), ("a {#nan}", "not_a_number"),
    ],
)  # fmt: skip
def test_bad_question_names_its_line_and_spares_the_others(text: str, code: str) -> None:
    findings = read_gift(f"First {{T}}\n\n{text}\n\nLast {{F}}")
    assert codes(findings) == [("line 3", code)]
    assert [draft.place for draft in findings.drafts] == ["line 1", "line 5"]
    assert findings.problems[0].message


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        ("text only", "no_answer_part", None), ("Q {~a ~b}", "no_correct", "poll"),
        ("Q {=a#yes}", "feedback_left_out", "short_answer"),
        ("Q {#=1 =%50%9}", "weights_left_out", "numeric"), ("Q {=a =%-50%b}", "penalty_left_out", "short_answer"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_said(text: str, code: str, kind: str | None) -> None:
    findings = read_gift(text)
    assert codes(findings) == [("line 1", code)]
    assert findings.problems[0].note
    assert [draft.type for draft in findings.drafts] == ([] if kind is None else [kind])


PIECES = st.sampled_from([" ", "{", "}", "=", "~", "#", "::", ":",
                          "%50%", "%", "->", "\\", "\n", "\n\n", "T", "3..4", "1:2", "####", "//", "a",
                          "[html]", "<b>", "&lt;", "$CATEGORY: x\n", "\ufdd0", "é"])  # fmt: skip


@given(st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=60).map("".join)))
def test_nothing_makes_it_fail(text: str) -> None:
    findings = read_gift(text)
    assert all(problem.message and problem.place for problem in findings.problems)
    assert all(draft.config["settings"] for draft in findings.drafts)


SPECIAL = str.maketrans({character: "\\" + character for character in "~=#{}:\\"})
WORD = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc", "Cs", "Zs"]), min_size=1, max_size=12)


@given(WORD, st.lists(WORD, min_size=2, max_size=6))
def test_whatever_is_escaped_comes_back_as_it_was(question: str, options: list[str]) -> None:
    # A comment, a category, an arrow or a format mark means something at its place even without a special character.
    text = "Q" + question.translate(SPECIAL) + " {=" + " ~".join("x" + option.translate(SPECIAL) for option in options) + "}"
    draft = read_gift(text).drafts[0]
    assert draft.config["settings"]["question"] == "Q" + question
    assert [option["text"] for option in draft.config["settings"]["options"]] == ["x" + option for option in options]
