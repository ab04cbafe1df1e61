"""What can go wrong here that a caller tells apart; each message says what to do."""


import asyncpg

# What a call may raise when PostgreSQL is away, overloaded or refuses: nothing is known then, and trying again may help.
# An internal error of the client is a connection in a state that a hung or killed server left it in; the pool drops it.
STORAGE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class PersistenceError(Exception):
    """The base of every error that this package raises itself."""


class UnfitDatabase(PersistenceError):
    """PostgreSQL is too old, or set up to forget what it has confirmed."""


class SchemaMismatch(PersistenceError):
    """The database's schema is not the one this program was written for."""


class MigrationBusy(PersistenceError):
    """Another process held the migration lock for the whole wait."""


class Fenced(PersistenceError):
    """The shard has a new epoch (`epoch_over`) or a new lease holder: whoever wrote this must stop."""

    def __init__(self, message: str, *, epoch_over: bool) -> None:
        super().__init__(message)
        self.epoch_over = epoch_over


class ShardCountMismatch(PersistenceError):
    """The store was made with another number of shards, which is fixed for its life."""


class JoinCodeTaken(PersistenceError):
    """Another session has this join code; draw a new one."""


class ParentMissing(PersistenceError):
    """The session (or activity) that the new row belongs to does not exist."""


class ParticipantExists(PersistenceError):
    """A participant with this id is stored already."""
