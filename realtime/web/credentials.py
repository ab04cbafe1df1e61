"""The documents about tickets, passes, leases and numbers: what is shown of them, and what only once."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from realtime.web.documents import Document


class Ticket(Document):
    id: Annotated[str, Field(description="names the ticket and opens nothing")]
    role: str
    label: str
    own: Annotated[bool, Field(description="the one that was shown with this request")]
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None


class IssuedTicket(Ticket):
    ticket: Annotated[str | None, Field(description="shown only here; null for a host's user, who shows the host's token")]


class TicketList(Document):
    tickets: list[Ticket]


class Pass(Document):
    ticket: Annotated[str, Field(description="for one `hello`, and no other use")]
    expires_in_ms: int


class Director(Document):
    token: Annotated[int, Field(description="for the header Plenum-Lease, and for `hello`")]
    label: str
    role: str
    since_ms: int


class Lease(Document):
    director: Director


class SecondFactorNow(Document):
    number: Annotated[str | None, Field(description="null where the session asks for none")]
    until_ms: int
