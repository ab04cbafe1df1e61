"""Reads GIFT, Moodle's text format for questions.

Understood: multiple choice (one or several right, percentages), true/false, short answer (percentages, `*`), numeric
(tolerance, range, bands round the right number), matching, essay, missing word, titles, feedback where the type has a
place for it, escapes, comments, categories (skipped), `[html]` as text. Not supported: feedback to single answers outside
multiple choice, numeric answers round several numbers, negative weights outside multiple choice, pictures.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from realtime.activities.labels import letter_id
from realtime.interchange.drafts import ENGLISH, Findings, Words, config_of, decimals_of, quiz_config
from realtime.interchange.gift_text import Block, blocks, plain, show, split_format

GAP: Final = "_____"
_TRUTH: Final = re.compile(r"^\s*(T|TRUE|F|FALSE)\s*(#.*)?$", re.IGNORECASE | re.DOTALL)
_WEIGHT: Final = re.compile(r"^\s*%([^%\n]{0,20})%")
_ANSWER: Final = re.compile(r"[=~]")
_LONGEST_EXPLANATION: Final = 2_000
_LONGEST_NUMBER: Final = 40


@dataclass(frozen=True, slots=True)
class _Choice:
    """One answer: `=` is right, a weight (in percent) says how much; the texts still hide their escapes."""

    right: bool
    text: str
    weight: float | None
    feedback: str


class _Unfit(Exception):
    """This question cannot be imported; `code` is a key of PROBLEMS."""

    def __init__(self, code: str, **values: Any) -> None:
        self.code = code
        self.values = values
        super().__init__(code)


def read_gift(text: str, words: Words = ENGLISH) -> Findings:
    """The questions of a GIFT file; each bad one is a problem with its line, and the others are read."""
    findings = Findings()
    for block in blocks(text):
        if findings.full:
            findings.report(f"line {block.line}", "too_many", block.line, most=len(findings.drafts))
            break
        try:
            _Question(block, findings, words).read()
        except _Unfit as fault:
            findings.report(f"line {block.line}", fault.code, block.line, **fault.values)
    return findings


class _Question:
    def __init__(self, block: Block, findings: Findings, words: Words) -> None:
        self._block = block
        self._findings = findings
        self._words = words
        self._markup = False

    def read(self) -> None:
        title, rest = self._title(self._block.text)
        rest, self._markup = split_format(rest)
        if self._markup:
            self._note("html_as_text")
        before, inside, after = _apart(rest)
        if inside is None:
            self._note("no_answer_part")
            return
        stem = self._plain(f"{before.rstrip()} {GAP} {after.lstrip()}" if after.strip() else before)
        if not stem:
            raise _Unfit("no_question")
        answers, _, general = inside.partition("####")
        type, config = self._activity(stem, answers, self._plain(general))
        self._findings.keep(f"line {self._block.line}", type, self._plain(title), config, self._block.line)

    def _title(self, text: str) -> tuple[str, str]:
        text = text.lstrip()
        if not text.startswith("::"):
            return "", text
        title, closed, rest = text[2:].partition("::")
        if not closed:
            raise _Unfit("unclosed_title")
        return title, rest

    def _activity(self, stem: str, inside: str, general: str) -> tuple[str, dict[str, Any]]:
        body = inside.strip()
        if not body:
            return "open_text", config_of({"prompt": stem})
        truth = _TRUTH.match(body)
        if truth:
            return self._truth(stem, truth.group(1)[0].upper() == "T", truth.group(2) or "", general)
        if body.startswith("#"):
            return self._numeric(stem, body[1:])
        choices = self._choices(body)
        if not any(not choice.right for choice in choices):
            paired = ["->" in choice.text for choice in choices]
            if all(paired):
                return self._matching(stem, choices)
            if any(paired):
                raise _Unfit("bad_pair", value=show(choices[paired.index(False)].text))
            return self._short(stem, choices)
        return self._multiple(stem, choices, general)

    # ------------------------------------------------------------------------------------------------ types

    def _truth(self, stem: str, is_true: bool, feedback: str, general: str) -> tuple[str, dict[str, Any]]:
        parts = [self._plain(part) for part in feedback.split("#") if part.strip()]
        settings = {
            "question": stem,
            "options": [{"id": "a", "text": self._words.true}, {"id": "b", "text": self._words.false}],
            "correct": ["a" if is_true else "b"],
        }
        return "quiz", quiz_config(settings | _explained([*parts, general]))

    def _multiple(self, stem: str, choices: Sequence[_Choice], general: str) -> tuple[str, dict[str, Any]]:
        if len(choices) < 2:
            raise _Unfit("too_few_options", n=len(choices))
        ids = [letter_id(index) for index in range(len(choices))]
        texts = [self._plain(choice.text) for choice in choices]
        options = [{"id": id, "text": text} for id, text in zip(ids, texts, strict=True)]
        worth = {id: _worth(choice) for id, choice in zip(ids, choices, strict=True)}
        several = not any(choice.right for choice in choices)
        correct = [id for id, choice in zip(ids, choices, strict=True) if choice.right or (several and worth[id] > 0)]
        if not correct:
            self._note("no_correct")
            return "poll", config_of({"question": stem, "options": options})
        settings: dict[str, Any] = {"question": stem, "options": options, "correct": correct}
        many = several or len(correct) > 1
        settings["max_choices"] = len(options) if many else 1
        if any(choice.weight is not None for choice in choices):
            values = {id: round(value / 100, 6) for id, value in worth.items()}
            if len(correct) > 1 and not several:  # `=` twice: each right one is worth its share
                values |= {id: round(1 / len(correct), 6) for id in correct}
            mapping = {"mapped_values": values, "default_value": 0, "lower_bound": 0, "upper_bound": 1}
            settings |= {"marking": "mapping", "mapping": mapping}
        told = [f"{text}: {self._plain(choice.feedback)}" for text, choice in zip(texts, choices, strict=True) if choice.feedback]
        return "quiz", quiz_config(settings | _explained([*told, general]))

    def _short(self, stem: str, choices: Sequence[_Choice]) -> tuple[str, dict[str, Any]]:
        self._without_feedback(choices)
        answers = []
        for choice in choices:
            weight = 100 if choice.weight is None else choice.weight
            if weight < 0:
                self._note("penalty_left_out")
            answers.append({"text": self._plain(choice.text), "fraction": max(0.0, min(1.0, weight / 100))})
        settings = {"prompt": stem, "answers": answers, "wildcards": any("*" in str(answer["text"]) for answer in answers)}
        return "short_answer", quiz_config(settings)

    def _matching(self, stem: str, choices: Sequence[_Choice]) -> tuple[str, dict[str, Any]]:
        self._without_feedback(choices)
        left: list[dict[str, str]] = []
        right: dict[str, str] = {}  # text -> id
        pairs: dict[str, str] = {}
        for choice in choices:
            first, _, second = choice.text.partition("->")
            name, partner = self._plain(first), self._plain(second)
            if not partner:
                raise _Unfit("bad_pair", value=show(choice.text))
            right_id = right.setdefault(partner, f"r{len(right) + 1}")
            if name:  # without one it is a right side that fits nothing
                left.append({"id": f"l{len(left) + 1}", "text": name})
                pairs[left[-1]["id"]] = right_id
        settings = {
            "prompt": stem, "left": left, "right": [{"id": id, "text": text} for text, id in right.items()], "pairs": pairs,
            "right_reusable": len(set(pairs.values())) < len(pairs),
        }  # fmt: skip
        return "matching", quiz_config(settings)

    def _numeric(self, stem: str, body: str) -> tuple[str, dict[str, Any]]:
        spans = self._spans(body)
        best = max(range(len(spans)), key=lambda index: spans[index][0])
        _, centre, width = spans[best]
        bands: dict[float, float] = {}
        for weight, other, within in spans:
            if weight >= 100:
                continue
            if weight <= 0:
                self._note("penalty_left_out")
            elif other != centre or within <= width or within in bands:
                self._note("weights_left_out")
            else:
                bands[within] = round(weight / 100, 6)
        settings: dict[str, Any] = {
            "prompt": stem, "correct": _tidy(centre), "decimals": max(2, decimals_of(centre, width)),
            "tolerance": {"mode": "absolute", "value": _tidy(width)} if width else {"mode": "exact", "value": 0},
        }  # fmt: skip
        if bands:
            settings["tolerance"] = {"mode": "absolute", "value": _tidy(width)}
            settings["bands"] = [{"within": _tidy(within), "fraction": fraction} for within, fraction in sorted(bands.items())]
        return "numeric", quiz_config(settings)

    def _spans(self, body: str) -> list[tuple[float, float, float]]:
        """Weight, centre and width of every numeric answer."""
        if "=" not in body:
            value, marked, _ = body.partition("#")
            if marked:
                self._note("feedback_left_out")
            return [(100.0, *_span(value))]
        choices = self._choices(body)
        self._without_feedback([choice for choice in choices if choice.right])
        spans = [(100.0 if choice.weight is None else choice.weight, *_span(choice.text)) for choice in choices if choice.right]
        if not spans:
            raise _Unfit("mixed_answers")
        return spans

    # ----------------------------------------------------------------------------------------------- shared

    def _choices(self, body: str) -> list[_Choice]:
        found = list(_ANSWER.finditer(body))
        if not found or body[: found[0].start()].strip():
            raise _Unfit("mixed_answers")
        ends = [*(one.start() for one in found[1:]), len(body)]
        choices = []
        for mark, end in zip(found, ends, strict=True):
            text, _, feedback = body[mark.end() : end].partition("#")
            text, weight = _weighed(text)
            text, markup = split_format(text)
            self._markup = self._markup or markup
            if text.strip():
                choices.append(_Choice(mark.group() == "=", text, weight, feedback.strip()))
            elif mark.group() == "=":
                raise _Unfit("mixed_answers")
        if not choices:
            raise _Unfit("mixed_answers")
        return choices

    def _without_feedback(self, choices: Sequence[_Choice]) -> None:
        if any(choice.feedback for choice in choices):
            self._note("feedback_left_out")

    def _plain(self, text: str) -> str:
        return plain(text, markup=self._markup)

    def _note(self, code: str) -> None:
        known = self._findings.problems[-5:]
        if not any(one.line == self._block.line and one.code == code for one in known):
            self._findings.report(f"line {self._block.line}", code, self._block.line)


def _apart(text: str) -> tuple[str, str | None, str]:
    """What stands before, within and after the braces; within is None where there are none."""
    opened = text.find("{")
    closed = text.find("}")
    if opened < 0 and closed < 0:
        return text, None, ""
    if opened < 0 or 0 <= closed < opened:
        raise _Unfit("stray_brace")
    if closed < 0:
        raise _Unfit("unclosed_brace")
    inside, after = text[opened + 1 : closed], text[closed + 1 :]
    if "{" in inside:
        raise _Unfit("unclosed_brace")
    if "{" in after:
        raise _Unfit("several_answers")
    if "}" in after:
        raise _Unfit("stray_brace")
    return text[:opened], inside, after


def _weighed(text: str) -> tuple[str, float | None]:
    """The text without its weight, and the weight in percent."""
    found = _WEIGHT.match(text)
    if found is None:
        return text, None
    try:
        weight = float(found.group(1).strip().replace(",", "."))
    except ValueError:
        raise _Unfit("bad_weight", value=show(found.group())) from None
    if not -100 <= weight <= 100:
        raise _Unfit("bad_weight", value=show(found.group()))
    return text[found.end() :], weight


def _worth(choice: _Choice) -> float:
    if choice.weight is not None:
        return choice.weight
    return 100.0 if choice.right else 0.0


def _span(text: str) -> tuple[float, float]:
    """Centre and width of `3.14`, `3.14:0.01` or `3..4`."""
    shown = show(text)
    if ".." in shown:
        low, _, high = shown.partition("..")
        ends = sorted((_number(low), _number(high)))
        return (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    value, _, width = shown.partition(":")
    return _number(value), abs(_number(width)) if width.strip() else 0.0


def _number(text: str) -> float:
    shown = text.strip()
    try:
        value = float(shown) if len(shown) <= _LONGEST_NUMBER else float("nan")
    except ValueError:
        raise _Unfit("not_a_number", value=shown) from None
    if not -1e15 <= value <= 1e15:
        raise _Unfit("not_a_number", value=shown)
    return value


def _tidy(value: float) -> float | int:
    """A number without the noise of binary fractions, as an integer where it is one."""
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded


def _explained(parts: Sequence[str]) -> dict[str, str]:
    text = "\n".join(part for part in parts if part)[:_LONGEST_EXPLANATION]
    return {"explanation": text} if text else {}
