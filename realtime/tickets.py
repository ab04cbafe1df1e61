"""Tickets and receipts: who somebody is, and what the server has accepted, in a form it can check later.

A presenter's ticket is random and known to the server by its hash. A participant's ticket and a receipt
are signed with HMAC-SHA-256 by a key of the ring; `kid` says which, so that keys can be rotated. A
signature covers the purpose, so that a receipt is never a ticket.
"""

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from realtime.core.errors import Refusal
from realtime.core.json_text import encode

_TICKET, _RECEIPT = b"plenum-ticket-1\n", b"plenum-receipt-1\n"
_BLOCK_BYTES: Final = sha256().block_size
_INNER_PAD, _OUTER_PAD = bytes(octet ^ 0x36 for octet in range(256)), bytes(octet ^ 0x5C for octet in range(256))
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_RECEIPT_PARTS: Final = (4, 5)  # key, epoch, offset, revision and, in newer ones, the time


@dataclass(frozen=True, slots=True)
class ParticipantTicket:
    """This is participant `participant_id` of session `session_id` until `expires_at_s` (Unix seconds)."""

    session_id: str
    participant_id: str
    nickname: str
    anonymous: bool
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A submission that was accepted, as the receipt claims; `at_ms` is server time, 0 where it is not known."""

    epoch: str
    offset: int
    revision: int
    at_ms: int = 0


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_presenter_ticket(session_id: str) -> str:
    """The session and 256 random bits; shown once, stored as its hash."""
    return f"pt.{session_id}.{secrets.token_urlsafe(32)}"


def presenter_session(ticket: str) -> str | None:
    """The session that a presenter's ticket names; proves nothing before its hash is known."""
    parts = ticket.split(".")
    return parts[1] if len(parts) == 3 and _UUID.fullmatch(parts[1]) else None


def new_pass() -> str:
    """256 random bits that open one socket, once."""
    return f"ws.{secrets.token_urlsafe(32)}"


def hash_user(session_id: str, issuer: str, subject: str) -> str:
    """What is stored for a host's user who has a role in a session, in the place of a ticket's hash."""
    return sha256(f"user\n{session_id}\n{issuer}\n{subject}".encode()).hexdigest()


def hash_ticket(ticket: str) -> str:
    return sha256(ticket.encode()).hexdigest()


class _Signer:
    """HMAC-SHA-256 (RFC 2104 §2) of what begins with a purpose, both hashes ready up to the body.

    Copying a `hmac.HMAC` runs Python code and costs more than the hashing; the standard's own definition does not.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes, purpose: bytes) -> None:
        if len(secret) > _BLOCK_BYTES:
            secret = sha256(secret).digest()
        padded = secret.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(padded.translate(_INNER_PAD) + purpose)
        self._outer = sha256(padded.translate(_OUTER_PAD))

    def sign(self, body: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(body)
        outer.update(inner.digest())
        return outer.digest()


class KeyRing:
    """Signing keys, the one to sign with first."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self.replace(keys)

    def replace(self, keys: Sequence[tuple[str, bytes]]) -> None:
        """Take over the keys that count now; what an absent key signed counts no more."""
        if not keys:
            raise ValueError("a key ring needs a key")
        self._signers = {kid: {purpose: _Signer(secret, purpose) for purpose in (_TICKET, _RECEIPT)} for kid, secret in keys}
        self._kid = keys[0][0]

    def participant_ticket(self, ticket: ParticipantTicket) -> str:
        """The signed text of a participant's ticket."""
        body = _encode(
            encode([ticket.session_id, ticket.participant_id, ticket.nickname, int(ticket.anonymous), ticket.expires_at_s]).encode()
        )
        return f"{self._kid}.{body}.{self._sign(self._kid, _TICKET, body)}"

    def read_participant_ticket(self, text: str, now_s: float) -> ParticipantTicket:
        """Check a ticket; raises Refusal `unauthenticated` or `ticket_expired`."""
        parts = text.split(".")
        known = len(parts) == 3 and parts[0] in self._signers
        if not known or not hmac.compare_digest(parts[2].encode(), self._sign(parts[0], _TICKET, parts[1]).encode()):
            raise Refusal("unauthenticated")
        try:
            session_id, participant_id, nickname, anonymous, expires_at_s = json.loads(_decode(parts[1]))
        except (ValueError, binascii.Error) as error:  # signed by us, so only a bug gets here
            raise Refusal("unauthenticated") from error
        if expires_at_s < now_s:
            raise Refusal("ticket_expired")
        return ParticipantTicket(session_id, participant_id, nickname, bool(anonymous), expires_at_s)

    def receipt(self, submission: "Signed", receipt: Receipt) -> str:
        """The receipt of an accepted submission."""
        return self.receipt_text(submission.text, receipt.epoch, receipt.offset, receipt.revision, receipt.at_ms)

    def receipt_text(self, submission: str, epoch: str, offset: int, revision: int, at_ms: int) -> str:
        """The same from the parts, for answers by the thousand; `submission` is the text of a `Signed`."""
        head = f"{self._kid}.{epoch}.{offset}.{revision}.{at_ms}"
        return f"{head}.{self._sign(self._kid, _RECEIPT, f'{head}.{submission}')}"

    def read_receipt(self, text: str, submission: "Signed") -> Receipt | None:
        """What a receipt proves of this very submission, or None when it proves nothing."""
        head, _, signature = text.rpartition(".")
        parts = head.split(".")
        if len(parts) not in _RECEIPT_PARTS or parts[0] not in self._signers:
            return None
        expected = self._sign(parts[0], _RECEIPT, f"{head}.{submission.text}")
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        return Receipt(parts[1], *map(int, parts[2:]))

    def _sign(self, kid: str, purpose: bytes, body: str) -> str:
        return _encode(self._signers[kid][purpose].sign(body.encode()))


@dataclass(frozen=True, slots=True)
class Signed:
    """What a receipt is bound to; `digest` is that of the answer that was accepted."""

    session_id: str
    activity_id: str
    participant_id: str
    submission_id: str
    round: int
    digest: str

    @property
    def text(self) -> str:
        return signed_text(self.session_id, self.activity_id, self.participant_id, self.submission_id, self.round, self.digest)


def signed_text(session_id: str, activity_id: str, participant_id: str, submission_id: str, round: int, digest: str) -> str:
    """What the signature of a receipt is over, beside the receipt."""
    return f"{session_id}|{activity_id}|{participant_id}|{submission_id}|{round}|{digest}"


def digest_of(data: str) -> str:
    """The digest of an answer's JSON text."""
    return sha256(data.encode()).hexdigest()


def _encode(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
