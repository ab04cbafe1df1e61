"""Plenum for Python programs: join a session, answer, follow its state, present.

joined = await join("https://plenum.example", "K7QX2M")
async with connect("https://plenum.example", joined.ticket) as session:
    async for state in session.changes():
        ...
"""

from realtime.client.connection import Session, connect
from realtime.client.errors import ConnectionEnded, OutboxFull, OutcomeUnknown, Refused, Unreachable
from realtime.client.events import Event
from realtime.client.http import CreatedSession, Joined, create_session, join
from realtime.client.outbox import Entry, Outbox
from realtime.client.patience import Patience
from realtime.client.submitted import Submitted

__all__ = [
    "ConnectionEnded",
    "CreatedSession",
    "Entry",
    "Event",
    "Joined",
    "Outbox",
    "OutboxFull",
    "OutcomeUnknown",
    "Patience",
    "Refused",
    "Session",
    "Submitted",
    "Unreachable",
    "connect",
    "create_session",
    "join",
]
