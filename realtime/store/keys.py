"""Every Redis key: its name, type, fields and lifetime. Nothing else formats a key.

All keys of a session carry its shard as hash tag, and so does the shard's outbox, so that one script
may touch them together in Redis Cluster and one flusher owns whole shards.

Shard `plenum:{N}:…`                      lives as long as the store
    epoch     HASH   epoch, run_id, pending (accepted answers not yet flushed)
    outbox    STREAM one entry per accept or join call: k kind, s session, a activity, r round,
                     e epoch, t time ms, d lines
    drafts    HASH   session|activity|round|participant -> draft as below that is not stored yet; revision 0: thrown away
    pokes     channel (sharded pub/sub): the id of a session that changed

Session `plenum:{N}:s:<session>:…`        lives until the session is unloaded
    meta      HASH   epoch, offset, accepted_to, flushed_to, hidden_at, cap, locked, state, door (names what newcomers must show),
                     lease (token of who directs), loading, loading_at
    stamps    ZSET   raw key -> offset of its last change
    values    HASH   raw key -> JSON: session, people, saved, activity:<id>, decisions:<id>:<round>,
                     leaderboard
    versions  HASH   raw key -> version of the document last written, so that an older one never wins
    tickets   HASH   sha256 of a presenter's ticket -> role
    people    HASH   participant -> nickname; being here is the right to answer
    removed   HASH   participant -> 1: removed by the presenter, may not come back
    names     HASH   folded nickname -> participant; \x1f and a folded nickname -> last number put behind it
    online    ZSET   participant -> time ms at which the presence lapses
    personal  ZSET   participant -> offset of the last change to what only he sees;
                     ticket:<sha256> -> offset at which a presenter's ticket was revoked
    seen      HASH   submission id -> offset|revision|participant|activity|response id
    extra     HASH   participant -> extra time in percent of the time to answer
    parts     SET    suffixes of the keys below, so that all can be dropped
    scores                 HASH   participant -> JSON of his own points and rank
    activity:<id>          HASH   state, round, version, changes, from_ms, until_ms, limit_ms, closed_offset,
                                  held_until_ms (no draft is saved before: they are being handed in)
    answers:<id>:<round>   HASH   participant[|entry] -> revision|submission|response|offset|flag, counters, payload (3 lines);
                                  flag l stands, li stands and has an item, w withdrawn
    entries:<id>:<round>   HASH   participant -> entries, separated by \x1f (only where several answers are allowed)
    limits:<id>:<round>    HASH   participant[|kind] -> standing entries
    tally:<id>:<round>     HASH   counter -> sum
    items:<id>:<round>     HASH   response id -> JSON
    drafts:<id>:<round>    HASH   participant -> revision|revision of the answer it changes|auto-submit|time ms, data (2 lines)

Global
    plenum:code:<join code>   STRING session id, a cache with a lifetime
    plenum:{N}:pass:<sha256>  STRING JSON of whom a single-use ticket for a socket is for; lives for seconds
    plenum:{0}:idempotency:records  HASH  digest of an idempotency key -> fingerprint of the body, newline, sealed answer
    plenum:{0}:idempotency:index    ZSET  digest -> time ms at which it lapses
"""

from functools import lru_cache
from zlib import crc32

PREFIX = "plenum"
# With a shard, so that there is no slot beside those of the shards whose server has to be known.
IDEMPOTENCY_SHARD = 0
IDEMPOTENCY_RECORDS = f"{PREFIX}:{{{IDEMPOTENCY_SHARD}}}:idempotency:records"
IDEMPOTENCY_INDEX = f"{PREFIX}:{{{IDEMPOTENCY_SHARD}}}:idempotency:index"


def shard_of(session_id: str, shards: int) -> int:
    """The shard that a session lives in; fixed for the life of a store."""
    return crc32(session_id.encode()) % shards


class Shard:
    """The keys of one shard."""

    __slots__ = ("drafts", "epoch", "number", "outbox", "pokes")

    def __init__(self, number: int) -> None:
        self.number = number
        base = f"{PREFIX}:{{{number}}}:"
        self.epoch = base + "epoch"
        self.outbox = base + "outbox"
        self.pokes = base + "pokes"
        self.drafts = base + "drafts"


class Session:
    """The keys of one session; `base` is what scripts prepend to the suffixes above."""

    __slots__ = ("base", "extra", "id", "meta", "names", "online", "parts", "people", "personal", "removed", "scores", "seen",
                 "shard", "stamps", "tickets", "values", "versions")  # fmt: skip

    def __init__(self, session_id: str, shards: int) -> None:
        self.id = session_id
        self.shard = shard_of(session_id, shards)
        self.base = f"{PREFIX}:{{{self.shard}}}:s:{session_id}:"
        self.meta = self.base + "meta"
        self.stamps = self.base + "stamps"
        self.values = self.base + "values"
        self.versions = self.base + "versions"
        self.tickets = self.base + "tickets"
        self.people = self.base + "people"
        self.removed = self.base + "removed"
        self.names = self.base + "names"
        self.online = self.base + "online"
        self.personal = self.base + "personal"
        self.seen = self.base + "seen"
        self.extra = self.base + "extra"
        self.parts = self.base + "parts"
        self.scores = self.base + "scores"

    def fixed(self) -> list[str]:
        """Every key that does not stand in `parts`; `meta` and `parts` come first."""
        return [self.meta, self.parts, self.stamps, self.values, self.versions, self.tickets, self.people, self.removed, self.names,
                self.online, self.personal, self.seen, self.extra, self.scores]  # fmt: skip

    def activity(self, activity_id: str) -> str:
        return f"{self.base}activity:{activity_id}"

    def answers(self, activity_id: str, round: int) -> str:
        return f"{self.base}answers:{activity_id}:{round}"

    def entries(self, activity_id: str, round: int) -> str:
        return f"{self.base}entries:{activity_id}:{round}"

    def limits(self, activity_id: str, round: int) -> str:
        return f"{self.base}limits:{activity_id}:{round}"

    def tally(self, activity_id: str, round: int) -> str:
        return f"{self.base}tally:{activity_id}:{round}"

    def items(self, activity_id: str, round: int) -> str:
        return f"{self.base}items:{activity_id}:{round}"

    def drafts(self, activity_id: str, round: int) -> str:
        return f"{self.base}drafts:{activity_id}:{round}"


@lru_cache(maxsize=4_096)
def session(session_id: str, shards: int) -> Session:
    """The keys of a session, as they are asked for by every answer."""
    return Session(session_id, shards)


def join_code(code: str) -> str:
    return f"{PREFIX}:code:{code}"


def single_pass(shard: int, sha256: str) -> str:
    return f"{PREFIX}:{{{shard}}}:pass:{sha256}"


def answer_field(participant_id: str, entry: str) -> str:
    """The field of a response in `answers:…`."""
    return f"{participant_id}|{entry}" if entry else participant_id
