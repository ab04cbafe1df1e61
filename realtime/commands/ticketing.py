"""Further tickets of a session: given out, listed, taken back, and changed into passes for one socket."""

import logging
from typing import Final

from persistence import tickets
from persistence.errors import STORAGE_ERRORS, ParentMissing
from persistence.pool import Pool
from persistence.tickets import TicketRow
from realtime.commands.actors import GIVEN, Actor
from realtime.commands.audits import audited
from realtime.commands.publishing import Publisher
from realtime.core.errors import Refusal, invalid
from realtime.core.json_text import clean_text
from realtime.store.passes import Passes
from realtime.tickets import hash_ticket, hash_user, new_pass, new_presenter_ticket

log = logging.getLogger("plenum.commands")

_MOST_TICKETS: Final = 100  # of one session that count at a time
_MOST_LISTED: Final = 1_000


class Ticketing:
    """The owner's commands about tickets, and everybody's about his own pass. `issuer` is that of a host's tokens."""

    def __init__(self, pool: Pool, passes: Passes, publisher: Publisher, *, issuer: str) -> None:
        self._pool = pool
        self._passes = passes
        self._publisher = publisher
        self._issuer = issuer

    async def issue(self, actor: Actor, role: str, *, label: str, subject: str | None = None) -> tuple[TicketRow, str | None]:
        """A ticket of a role, shown only now; for a host's user (`subject`) none, because he shows his host's token."""
        actor.need("own")
        if role not in GIVEN:
            raise invalid("role", f"one of {', '.join(GIVEN)}")
        if subject is not None and not self._issuer:
            raise invalid("subject", "this server takes no tokens of a host")
        label = clean_text(label)
        ticket = new_presenter_ticket(actor.session_id) if subject is None else None
        sha256 = hash_user(actor.session_id, self._issuer, subject or "") if ticket is None else hash_ticket(ticket)
        try:
            async with audited(self._pool, actor) as audit:
                known = await tickets.of_session(audit.connection, actor.session_id, limit=_MOST_LISTED)
                if len(known) >= _MOST_LISTED or sum(row.revoked_at is None for row in known) >= _MOST_TICKETS:
                    raise Refusal("too_many_tickets")
                if ticket is None and any(row.sha256 == sha256 and row.role == "owner" for row in known):
                    raise Refusal("in_use", details={"field": "subject", "reason": "this user owns the session"})
                row = await (tickets.create if ticket else tickets.grant)(
                    audit.connection, sha256=sha256, session_id=actor.session_id, role=role, label=label
                )
                await audit.record("ticket_issued", role=role, label=label, ticket=sha256[:12])
                owed = await audit.owe("ticket", sha256)
        except ParentMissing as error:
            raise Refusal("unknown_session") from error
        await self._publisher.pay_soon(owed)  # a ticket that nobody was shown would count all the same
        return row, ticket

    async def browse(self, actor: Actor) -> list[TicketRow]:
        """Every ticket of the session, oldest first, also the revoked ones."""
        actor.need("own")
        try:
            return await tickets.of_session(self._pool, actor.session_id, limit=_MOST_LISTED)
        except STORAGE_ERRORS as error:
            raise Refusal("storage_unavailable", after_ms=1_000) from error

    async def revoke(self, actor: Actor, sha256: str) -> None:
        """Take a ticket back; its connections end at once. Who revokes again heals what got lost the first time."""
        actor.need("own")
        if sha256 == actor.key:
            raise Refusal("in_use", "A ticket cannot revoke itself.")
        async with audited(self._pool, actor) as audit:
            known = await tickets.of_session(audit.connection, actor.session_id, limit=_MOST_LISTED)
            row = next((one for one in known if one.sha256 == sha256), None)
            if row is None:
                raise Refusal("unknown_ticket")
            if await tickets.revoke(audit.connection, sha256):
                await audit.record("ticket_revoked", role=row.role, label=row.label, ticket=sha256[:12])
            owed = await audit.owe("ticket", sha256)
        await self._publisher.pay(owed)

    async def make_pass(self, actor: Actor) -> tuple[str, int]:
        """A ticket that opens one socket, and for how many ms it does."""
        ticket = new_pass()
        holder = [actor.session_id, actor.role, actor.key, actor.participant_id, actor.nickname, actor.anonymous]
        await self._passes.keep(hash_ticket(ticket), holder)
        return ticket, self._passes.lifetime_ms
