"""Who asks: the one table of roles and what each may do, and how a ticket becomes an actor."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from realtime.activities.contract import Audience
from realtime.commands.joining import participant_of
from realtime.core.errors import Refusal
from realtime.jwts import Tokens, User
from realtime.store.live import Cold, Joining, Live
from realtime.store.passes import Passes
from realtime.tickets import KeyRing, ParticipantTicket, hash_ticket, hash_user, presenter_session

PRESENTING: Final = frozenset({"owner", "presenter"})

# What each kind of command needs; requirements: one authorisation table in one place.
ALLOWED: Final[dict[str, frozenset[str]]] = {
    "answer": frozenset({"participant"}),
    "watch": frozenset({"participant", "owner", "presenter", "moderator", "display"}),
    "direct": PRESENTING,
    "moderate": PRESENTING | {"moderator"},
    "inspect": PRESENTING | {"moderator"},
    "lead": PRESENTING,  # take the lease, with which alone one may `direct` where somebody holds it
    "own": frozenset({"owner"}),
    # The number that newcomers must show is for those who show it to the room.
    "show": PRESENTING | {"moderator", "display"},
}
# Roles that an owner can give away by a ticket.
GIVEN: Final = ("presenter", "moderator", "display")


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with a valid ticket of one session. `key` names the ticket for limits, never shows it."""

    session_id: str
    role: str
    key: str
    participant_id: str | None = None
    nickname: str | None = None
    anonymous: bool = False

    @property
    def audience(self) -> Audience:
        return Audience.PRESENTERS if self.role in ALLOWED["moderate"] else Audience.PARTICIPANTS

    @property
    def name(self) -> str:
        """For the audit trail."""
        return f"participant:{self.participant_id}" if self.participant_id else f"{self.role}:{self.key[:12]}"

    def need(self, right: str) -> None:
        """Refuse unless this actor's role has the right."""
        if self.role not in ALLOWED[right]:
            raise Refusal("forbidden", details={"role": self.role})


def server_actor(session_id: str) -> Actor:
    """The server itself, when it does what the clock says. It has no rights that a command could ask for."""
    return Actor(session_id, "server", "clock")


class Gate:
    """Turns tickets into actors. `ensure` brings a session to life; `tokens` reads those of a host."""

    def __init__(
        self, live: Live, passes: Passes, ring: KeyRing, tokens: Tokens, ensure: Callable[[str], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._live = live
        self._passes = passes
        self._ring = ring
        self._tokens = tokens
        self._ensure = ensure
        self._clock = clock

    async def admit(self, ticket: str, session_id: str | None = None, *, by_socket: bool = False) -> Actor:
        """The actor of a ticket, for one session if given.

        A participant whom the live store has forgotten is admitted again by what the ticket says, unless
        removed. A pass is taken by sockets alone, and once. Raises Refusal `unauthenticated`,
        `ticket_expired`, `removed`, or a retry.
        """
        if ticket.startswith("pt."):
            named = presenter_session(ticket)
            if named is None:
                raise Refusal("unauthenticated")
            if session_id is not None and named != session_id:
                raise Refusal("forbidden")
            return await self._admit_presenter(hash_ticket(ticket), named)
        if ticket.startswith("ws."):
            return await self._admit_pass(ticket, by_socket)
        if self._tokens.is_token(ticket):
            return await self._admit_user(await self.user(ticket), session_id)
        known = self._ring.read_participant_ticket(ticket, self._clock())
        if session_id is not None and known.session_id != session_id:
            raise Refusal("forbidden")
        return await self._admit_participant(known)

    def recognise(self, ticket: str) -> Actor | None:
        """The participant whom a ticket of ours names, by its signature alone; None where more must be looked at.

        Whether the live store knows him under this name is for the caller to find out, from what he reads of him anyway;
        where it does not, `admit` decides. Raises Refusal `unauthenticated` or `ticket_expired`.
        """
        if ticket.startswith(("pt.", "ws.")) or self._tokens.is_token(ticket):
            return None
        known = self._ring.read_participant_ticket(ticket, self._clock())
        return Actor(known.session_id, "participant", known.participant_id, known.participant_id, known.nickname, known.anonymous)

    def is_token(self, text: str) -> bool:
        """Whether this is a token of a host, where such are taken."""
        return self._tokens.is_token(text)

    async def user(self, token: str) -> User:
        """The host's user whom a token names; Refusal `unauthenticated` or `ticket_expired`."""
        return await self._tokens.read(token, self._clock())

    async def _admit_pass(self, ticket: str, by_socket: bool) -> Actor:
        holder = await self._passes.take(hash_ticket(ticket)) if by_socket else None
        if holder is None:
            raise Refusal("unauthenticated")
        session_id, role, key, participant_id, nickname, anonymous = holder
        if participant_id is not None:
            return await self._admit_participant(ParticipantTicket(session_id, participant_id, nickname, anonymous, 0))
        actor = await self._admit_presenter(key, session_id)
        if actor.role != role:
            raise Refusal("unauthenticated")
        return actor

    async def _admit_user(self, user: User, session_id: str | None) -> Actor:
        """A host's user, by the role that was given to him in this session, else by the place he took as a participant."""
        if session_id is None:
            raise Refusal("forbidden", "A token of your host needs a path that names the session.")
        digest = hash_user(session_id, user.issuer, user.subject)
        try:
            return await self._admit_presenter(digest, session_id)
        except Refusal as refusal:
            if refusal.code != "unauthenticated":
                raise
        participant_id = participant_of(session_id, digest)
        nickname = await self._live.nickname_of(session_id, participant_id)
        if nickname is None:
            raise Refusal("removed" if await self._live.is_removed(session_id, participant_id) else "forbidden")
        return Actor(session_id, "participant", participant_id, participant_id, nickname, False)

    async def _admit_presenter(self, digest: str, session_id: str) -> Actor:
        role = await self._live.role_of(session_id, digest)
        if role is None:
            try:
                await self._ensure(session_id)  # perhaps the session is not live at the moment
            except Refusal as error:
                raise Refusal("unauthenticated") if error.code == "unknown_session" else error from error
            role = await self._live.role_of(session_id, digest)
        if role is None:
            raise Refusal("unauthenticated")
        return Actor(session_id, role, digest)

    async def _admit_participant(self, known: ParticipantTicket) -> Actor:
        session_id, participant_id = known.session_id, known.participant_id
        nickname = await self._live.nickname_of(session_id, participant_id)
        if nickname is None:
            try:
                await self._ensure(session_id)
            except Refusal as error:
                raise Refusal("unauthenticated") if error.code == "unknown_session" else error from error
            nickname = await self._join(session_id, Joining(participant_id, known.nickname, known.anonymous, holder=True))
        return Actor(session_id, "participant", participant_id, participant_id, nickname, known.anonymous)

    async def confirm(self, actor: Actor) -> None:
        """Refuse a presenter whose ticket was revoked since it was admitted: nobody told a connection that was not there yet."""
        if actor.participant_id is None and await self._live.role_of(actor.session_id, actor.key) != actor.role:
            raise Refusal("unauthenticated")

    async def readmit(self, actor: Actor) -> None:
        """Let a participant in again whose join the live store forgot while the connection lived on."""
        assert actor.participant_id is not None
        await self._join(
            actor.session_id, Joining(actor.participant_id, actor.nickname or "Anonymous", actor.anonymous, holder=True)
        )

    async def _join(self, session_id: str, joining: Joining) -> str:
        try:
            (result,) = await self._live.join(session_id, [joining])
        except Cold as error:
            raise Refusal("recovering", after_ms=200) from error
        if isinstance(result, Refusal):
            raise result
        return result
