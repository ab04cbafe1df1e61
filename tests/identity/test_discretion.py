"""The check of all logs at the end of a run finds what it looks for, and the mask of log lines hides it."""

import logging
from pathlib import Path

import pytest

from realtime.logs import Discretion, JsonLines, TextLines
from realtime.tickets import KeyRing, ParticipantTicket, Receipt, Signed, new_pass, new_presenter_ticket
from tests.journey import issued

SESSION = "0195a7c0-1111-7000-8000-000000000001"
RING = KeyRing([("a1b2c3d4", b"k" * 32)])
SIGNED = Signed(SESSION, SESSION, SESSION, SESSION, 1, "{}")
SECRETS = {
    "presenter's ticket": new_presenter_ticket(SESSION),
    "participant's ticket": RING.participant_ticket(ParticipantTicket(SESSION, SESSION, "Ann", False, 2_000_000_000)),
    "pass": new_pass(),
    "receipt": RING.receipt(SIGNED, Receipt("b3f1c2d4-e5a6071800000000", 17, 1)),
    "host's token": f"eyJhbGciOiJIUzI1NiJ9.{'e' * 60}.{'s' * 43}",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_in_a_log_would_be_found(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issued, "issued", set())
    monkeypatch.setattr(issued, "logs", [tmp_path / "server.log", tmp_path / "gone.log"])
    issued.note({"session": {"ticket": SECRETS[kind]}})
    (tmp_path / "server.log").write_text("12:00:00 INFO all is well\n")
    assert issued.found_in_logs() == set()
    (tmp_path / "server.log").write_text(f"12:00:00 ERROR a request failed: GET /x?ticket={SECRETS[kind]}\n")
    assert issued.found_in_logs() == {SECRETS[kind].rpartition(".")[2]}


@pytest.mark.parametrize("kind", SECRETS)
def test_whatever_is_logged_with_a_secret_is_logged_without_it(kind: str) -> None:
    record = logging.LogRecord("plenum.web", logging.ERROR, "", 0, "it failed with %s.", (SECRETS[kind],), None)
    assert Discretion().filter(record)
    assert SECRETS[kind].rpartition(".")[2] not in record.getMessage()


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("shape", [TextLines, JsonLines])
def test_a_trace_is_logged_without_it_too(kind: str, shape: type[logging.Formatter]) -> None:
    try:
        raise ValueError(SECRETS[kind])
    except ValueError as error:
        record = logging.LogRecord("plenum.web", logging.ERROR, "", 0, "it failed", (), (ValueError, error, error.__traceback__))
    line = shape().format(record)
    assert "ValueError" in line
    assert SECRETS[kind].rpartition(".")[2] not in line
