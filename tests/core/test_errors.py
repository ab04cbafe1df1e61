"""Every code has a sentence and a status, and the range of a close code is the advice."""

import re
from pathlib import Path

import pytest

from realtime.core.errors import CLOSE_MEANINGS, FIRST_FINAL_CODE, REASONS, CloseCode, Refusal, invalid

SOURCE = Path(__file__).parents[2]
RETRIES = {"limited", "overloaded", "unavailable", "recovering", "storage_unavailable", "draining", "internal"}


def test_what_is_worth_another_try() -> None:
    assert {code for code, reason in REASONS.items() if reason.retry} >= RETRIES
    assert {reason.status for reason in REASONS.values() if reason.retry} <= {409, 429, 500, 503}
    assert all(400 <= reason.status < 500 for reason in REASONS.values() if not reason.retry)


@pytest.mark.parametrize("code", sorted(REASONS))
def test_a_code_is_a_word_and_its_text_a_sentence(code: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert re.fullmatch(r"[A-Z].*\.", REASONS[code].message)
    refusal = Refusal(code)
    assert (refusal.message, refusal.retry, refusal.details) == (REASONS[code].message, REASONS[code].retry, {})


def test_a_person_reads_why_his_answer_was_not_counted() -> None:
    for code in ("activity_closed", "activity_not_open", "activity_paused"):
        assert "not counted" in REASONS[code].message


def test_a_refusal_names_the_field_at_fault() -> None:
    refusal = invalid("data.selected", "unknown", "unknown_option")
    assert (refusal.code, refusal.details) == ("unknown_option", {"field": "data.selected", "reason": "unknown"})
    assert str(Refusal("limited", "Wait.")) == "limited: Wait."
    with pytest.raises(KeyError):
        Refusal("no_such_code")


def test_close_codes_say_whether_to_come_back() -> None:
    assert set(CLOSE_MEANINGS) == set(CloseCode)
    assert FIRST_FINAL_CODE == 4500
    for code in CloseCode:
        assert 4000 <= code <= 4999
        assert re.fullmatch(r"[A-Z].*\.", CLOSE_MEANINGS[code])
    final = {code.name for code in CloseCode if code >= FIRST_FINAL_CODE}
    assert final >= {"UNAUTHENTICATED", "REMOVED", "SESSION_ENDED", "PROTOCOL", "TOO_LARGE", "FLOOD", "UNSUPPORTED"}


def test_every_code_that_is_raised_is_in_the_table() -> None:
    for path in [*(SOURCE / "realtime").rglob("*.py")]:
        for code in re.findall(r'\bRefusal\(\s*"([a-z_]+)"', path.read_text(encoding="utf-8")):
            assert code in REASONS, f"{path.name}: {code}"
