"""Who may come in, as what, and how often: the parts of the composition that settings about identity decide."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from persistence.pool import Pool
from realtime.commands.actors import Gate
from realtime.commands.doors import Doors
from realtime.commands.guarding import Guard
from realtime.commands.joining import Entrance
from realtime.commands.leasing import Leasing
from realtime.commands.publishing import Publisher
from realtime.commands.ticketing import Ticketing
from realtime.jwts import tokens_of
from realtime.numbers import Numbers
from realtime.paces import Paces
from realtime.rooms import Room
from realtime.settings import Settings
from realtime.store.admissions import Admissions
from realtime.store.live import Live
from realtime.store.passes import Passes
from realtime.store.replicas import Replicas
from realtime.tickets import KeyRing

_MOST_TICKETS: Final = 50_000  # of which a process remembers how often they were used
_MOST_SESSIONS: Final = 10_000
_MOST_NUMBER_DELAY_SECONDS: Final = 2.0  # a number lives for seconds, and an honest hall must not wait longer than it does


class Identity:
    """Built once per process; `ensure` brings a session to life."""

    def __init__(
        self, settings: Settings, pool: Pool, live: Live, replicas: Replicas, ring: KeyRing, publisher: Publisher,
        ensure: Callable[[str], Awaitable[None]], rooms: Callable[[], Mapping[str, Room]],
    ) -> None:  # fmt: skip
        self.tokens = tokens_of(settings)
        self.passes = Passes(live, timeout_seconds=settings.redis_timeout_seconds, lifetime_seconds=settings.pass_seconds)
        self.gate = Gate(live, self.passes, ring, self.tokens, ensure)
        self.entrance = Entrance(
            pool, Admissions(live, most_waiting=settings.accept_waiting), ring, ensure, doors=Doors(),
            codes=_guard(settings), passcodes=_guard(settings), numbers=_guard(settings, _MOST_NUMBER_DELAY_SECONDS),
            paces=Paces(per_second=settings.joins_per_second, burst=settings.join_burst, most=_MOST_SESSIONS),
            ticket_days=settings.ticket_days,
        )  # fmt: skip
        self.ticketing = Ticketing(pool, self.passes, publisher, issuer=self.tokens.issuer)
        self.leasing = Leasing(pool, self.passes, publisher)
        self.numbers = Numbers(pool, replicas, rooms)
        self.requests = Paces(per_second=settings.requests_per_second, burst=settings.request_burst, most=_MOST_TICKETS)
        self.commands = Paces(per_second=settings.commands_per_second, burst=settings.command_burst, most=_MOST_TICKETS)
        self.answers = Paces(per_second=settings.answers_per_second, burst=2 * settings.answers_per_second, most=_MOST_SESSIONS)
        per_minute = settings.sessions_per_minute
        self.creations = Paces(per_second=per_minute / 60, burst=per_minute, most=_MOST_SESSIONS)

    def close(self) -> None:
        """Let threads go."""
        self.tokens.close()


def _guard(settings: Settings, most_delay_seconds: float = 64.0) -> Guard:
    return Guard(
        failures=settings.failures_per_address, window_seconds=settings.failure_window_seconds,
        failures_per_second=settings.failures_per_second, answer_seconds=settings.failure_answer_ms / 1_000,
        most_delay_seconds=most_delay_seconds,
    )  # fmt: skip
