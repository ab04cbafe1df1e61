"""Tickets and receipts: what was signed is believed, and nothing else, however it was changed."""

import dataclasses
import hmac
import random
import string

import pytest

from realtime.core.errors import Refusal
from realtime.identifiers import new_uuid
from realtime.tickets import (
    KeyRing,
    ParticipantTicket,
    Receipt,
    Signed,
    _Signer,
    digest_of,
    hash_ticket,
    new_presenter_ticket,
    presenter_session,
)  # fmt: skip

OLD, NEW = ("k1", b"1" * 32), ("k2", b"2" * 32)
RING = KeyRing([OLD])
ADA = ParticipantTicket(new_uuid(), new_uuid(), 'Ada 🔥|."', False, 2_000_000_000)
ANSWER = Signed(new_uuid(), new_uuid(), new_uuid(), new_uuid(), 1, digest_of('{"selected":["a"]}'))
RECEIPT = Receipt("abc-0123", 17, 3, 1_790_000_000_123)


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 200])
def test_the_signature_is_hmac_sha_256(size: int) -> None:
    secret, body = b"s" * size, ANSWER.text.encode()
    assert _Signer(secret, b"purpose\n").sign(body) == hmac.digest(secret, b"purpose\n" + body, "sha256")


def mutations(text: str) -> set[str]:
    """A signed text with something changed in it, everywhere and in many ways."""
    chance = random.Random(1)
    made = {"", ".", "..", "...", "." + text, text[:-1], text[1:], text * 2, text.swapcase()}
    made |= {text + end for end in ".A=\n"}
    for index in range(len(text)):
        other = chance.choice([one for one in string.ascii_letters + string.digits + "-_." if one != text[index]])
        before, after = text[:index], text[index + 1 :]
        made |= {before + other + after, before + after, before + text[index] * 2 + after}
    parts = text.split(".")
    made |= {".".join(parts[::-1]), ".".join(parts[:-1]), ".".join([*parts[:-1], ""]), ".".join(["k2", *parts[1:]])}
    return made - {text}


def test_a_ticket_says_who_somebody_is_until_it_expires() -> None:
    text = RING.participant_ticket(ADA)
    assert RING.read_participant_ticket(text, 1_999_999_999) == ADA
    anonymous = dataclasses.replace(ADA, anonymous=True)
    assert RING.read_participant_ticket(RING.participant_ticket(anonymous), 0) == anonymous
    with pytest.raises(Refusal, match="ticket_expired"):
        RING.read_participant_ticket(text, 2_000_000_001)


def test_no_change_of_a_ticket_goes_unnoticed() -> None:
    text = RING.participant_ticket(ADA)
    assert len(mutations(text)) > 300
    for changed in mutations(text):
        with pytest.raises(Refusal, match="unauthenticated"):
            RING.read_participant_ticket(changed, 0)


def test_a_receipt_proves_what_was_accepted() -> None:
    text = RING.receipt(ANSWER, RECEIPT)
    assert RING.read_receipt(text, ANSWER) == RECEIPT


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(Signed)])
def test_a_receipt_is_bound_to_every_field_of_the_answer(name: str) -> None:
    text = RING.receipt(ANSWER, RECEIPT)
    other = 2 if name == "round" else '{"selected":["b"]}' if name == "data" else new_uuid()
    assert RING.read_receipt(text, dataclasses.replace(ANSWER, **{name: other})) is None


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(Receipt)])
def test_a_receipt_is_bound_to_where_it_was_accepted(name: str) -> None:
    kid, epoch, offset, revision, at_ms, signature = RING.receipt(ANSWER, RECEIPT).split(".")
    parts = {"epoch": epoch, "offset": offset, "revision": revision, "at_ms": at_ms} | {name: "9"}
    assert RING.read_receipt(".".join([kid, *parts.values(), signature]), ANSWER) is None
    assert RING.read_receipt(f"{kid}.{epoch}.{offset}.{revision}.{signature}", ANSWER) is None


def test_no_change_of_a_receipt_goes_unnoticed() -> None:
    text = RING.receipt(ANSWER, RECEIPT)
    for changed in mutations(text):
        assert RING.read_receipt(changed, ANSWER) is None


def test_a_receipt_is_no_ticket_and_a_ticket_no_receipt() -> None:
    with pytest.raises(Refusal, match="unauthenticated"):
        RING.read_participant_ticket(RING.receipt(ANSWER, RECEIPT), 0)
    assert RING.read_receipt(RING.participant_ticket(ADA), ANSWER) is None


def test_keys_are_rotated_without_sending_anybody_away() -> None:
    old_ticket, old_receipt = RING.participant_ticket(ADA), RING.receipt(ANSWER, RECEIPT)
    both = KeyRing([NEW, OLD])
    assert both.read_participant_ticket(old_ticket, 0) == ADA
    assert both.read_receipt(old_receipt, ANSWER) == RECEIPT
    assert both.participant_ticket(ADA).startswith("k2.")
    with pytest.raises(Refusal, match="unauthenticated"):
        RING.read_participant_ticket(both.participant_ticket(ADA), 0)
    with pytest.raises(Refusal, match="unauthenticated"):
        KeyRing([NEW]).read_participant_ticket(old_ticket, 0)
    # The same name with another secret is another key.
    with pytest.raises(Refusal, match="unauthenticated"):
        KeyRing([(OLD[0], b"x" * 32)]).read_participant_ticket(old_ticket, 0)
    with pytest.raises(ValueError, match="key"):
        KeyRing([])


def test_a_presenters_ticket_names_its_session_and_is_never_stored() -> None:
    session_id = new_uuid()
    made = {new_presenter_ticket(session_id) for _ in range(100)}
    assert len(made) == 100
    for ticket in made:
        assert presenter_session(ticket) == session_id
        assert len(ticket.split(".")[2]) >= 43  # 256 bits
        assert len(hash_ticket(ticket)) == 64
    for text in ("", "pt", "pt..", "pt.x.y"):
        assert presenter_session(text) is None
    for text in (f"pt.{session_id.upper()}.y", f"pt.{session_id}", f"pt.{session_id}.a.b", f"pt.{session_id}\n.y"):
        assert presenter_session(text) is None
