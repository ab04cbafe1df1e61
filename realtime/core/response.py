"""What was accepted and still has to reach PostgreSQL: the rows that travel through the outbox.

The store writes them (one outbox entry holds a batch), the flusher reads them. Both sides use these
two records, so neither knows the other's representation.
"""

from dataclasses import dataclass


@dataclass(slots=True, unsafe_hash=True)  # `frozen` would make each of thousands a second cost four times as much
class Response:
    """An accepted answer with its place in the session's order.

    `id` is made by the hub when a participant first answers and stays the same through changes.
    `entry` names which of the participant's responses this is (empty where one answer per person applies).
    `revision` counts the changes from 1; ties are broken by the larger `submission_id`. `response_data` is the
    JSON text of the stored envelope.
    `accepted_at_ms` is Redis server time in Unix milliseconds. A withdrawn response keeps its row.
    """

    id: str
    session_id: str
    activity_id: str
    participant_id: str
    round: int
    entry: str
    revision: int
    submission_id: str
    offset: int
    epoch: str
    accepted_at_ms: int
    response_data: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """A participant who was admitted to a session and is not yet in PostgreSQL."""

    participant_id: str
    session_id: str
    nickname: str
    anonymous: bool
    joined_at_ms: int
