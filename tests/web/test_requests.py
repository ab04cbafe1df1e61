"""From HTTP to checked values, and from refusals to problem documents."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.commands.reading import read_cursor, write_cursor
from realtime.core.errors import REASONS, Refusal
from realtime.web.requests import problem, read_timestamp


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T05:04:05+02:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T05:04:05 02:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),  # a plus sign that became a blank
        ("2026-01-02T03:04:05.678901Z", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_timestamp_is_read_with_and_without_zone(text: str, moment: datetime) -> None:
    assert read_timestamp(text) == moment


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "1969-12-31", "9999-12-31", "12:00", "2026-01-02T03:04:05+99:00"])
def test_timestamp_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_timestamp(text)
    assert refused.value.code == "invalid_timestamp"


@given(st.text(max_size=30))
def test_any_text_is_a_timestamp_or_refused(text: str) -> None:
    try:
        assert read_timestamp(text).tzinfo is UTC
    except Refusal as refused:
        assert refused.code == "invalid_timestamp"  # noqa: PT017 - either outcome is right


@given(st.integers(0, 2**62 - 1))
def test_cursor_comes_back_as_it_was(seq: int) -> None:
    assert read_cursor(write_cursor(seq)) == seq


@given(st.text(max_size=30))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        assert 0 <= read_cursor(text) < 2**62
    except Refusal as refused:
        assert refused.code == "invalid"  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("code", REASONS)
def test_problem_says_what_the_table_says(code: str) -> None:
    answer = problem(Refusal(code, details={"field": "x"}, after_ms=1_500))
    body = json.loads(bytes(answer.body))
    assert (answer.status_code, answer.media_type) == (REASONS[code].status, "application/problem+json")
    assert body["type"] == f"/errors#{code}"
    assert body["error"] == {"code": code, "message": REASONS[code].message, "details": {"field": "x"}}
    assert answer.headers.get("retry-after") == ("2" if REASONS[code].retry else None)
    assert ("www-authenticate" in answer.headers) == (REASONS[code].status == 401)
    assert answer.headers["cache-control"] == "no-store"
