"""Every knob of Plenum: one table, the only reader of the environment.

A variable is `PLENUM_` and the field's name in capitals, except REDIS_URL, DATABASE_URL and PORT, which
platforms give under these names; WEB_CONCURRENCY is read where PLENUM_WORKERS is not set. None is mandatory.
`docs/settings.md` is generated from this table.
"""

import dataclasses
import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


def environment() -> Mapping[str, str]:
    """The process' environment; nobody else reads it."""
    return os.environ


class UnfitSettings(Exception):
    """A setting has a value that cannot be used; the sentence names the variable."""


def knob(
    default: Any, doc: str, *, least: float | None = None, most: float | None = None, variable: str = "", also: str = "",
    secret: bool = False,
) -> Any:  # fmt: skip
    """A setting. `also` is a second variable that platforms set; the first counts more."""
    metadata = {"doc": doc, "least": least, "most": most, "variable": variable, "also": also, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    # Where
    # Phones in the room must reach it; who wants only this machine says so.
    host: str = knob("0.0.0.0", "address the server listens on")  # noqa: S104
    port: int = knob(8000, "port the server listens on", least=0, most=65_535, variable="PORT")
    public_url: str = knob("", "the address people type, if it is not this machine's (for links, QR codes and the Origin check)")
    data_folder: str = knob("", "folder of the embedded engines; empty: a folder of the user's data directory")
    redis_url: str = knob("", "an operator's Redis or Valkey; empty: the embedded one", variable="REDIS_URL", secret=True)
    database_url: str = knob("", "an operator's PostgreSQL; empty: the embedded one", variable="DATABASE_URL", secret=True)
    workers: int = knob(
        1, "hub processes of `plenum serve`, which share the port; more than the machine has cores gains nothing",
        least=1, most=64, also="WEB_CONCURRENCY",
    )  # fmt: skip
    log_level: Literal["debug", "info", "warning", "error"] = knob("info", "how much is logged")
    log_format: Literal["text", "json"] = knob("text", "shape of log lines")

    crash_at: str = knob("", "test hook: the named point at which this process kills itself")

    # The live store
    shards: int = knob(16, "shards that sessions hash to; fixed for the life of a store", least=1, most=1_024)
    appendfsync: Literal["always", "everysec"] = knob(
        "always", "durability of the embedded Valkey: survive a power cut, or lose up to a second"
    )
    redis_timeout_seconds: float = knob(1.0, "longest wait for one call to Redis before answers get `retry`", least=0.05, most=60)
    redis_connections: int = knob(16, "most connections to Redis per process", least=2, most=1_000)
    accept_batch: int = knob(100, "most answers in one script call", least=1, most=500)
    accept_pipeline: int = knob(2_000, "most answers in one round trip to Redis", least=1, most=20_000)
    accept_pause_ms: int = knob(
        20, "where answers pour in, time from one round trip to Redis to the next that a call may take to fill", least=0, most=200
    )
    accept_waiting: int = knob(
        20_000, "most answers waiting for Redis in one process; above it they get `retry`", least=1, most=1_000_000
    )
    judgements: int = knob(20_000, "judged answers that a process remembers, so that equal ones are judged once", least=2)
    reads_waiting: int = knob(20_000, "most reads waiting for Redis in one process; above it commands get `retry`", least=1)
    reads_at_once: int = knob(500, "most reads in one round trip to Redis", least=1, most=20_000)
    outbox_high_water: int = knob(
        1_000_000, "most accepted answers per shard that PostgreSQL has not seen; above it new ones get `retry`", least=100
    )
    changes_limit: int = knob(20_000, "most keys of one session", least=100, most=1_000_000)
    replicas: int = knob(2_000, "most sessions a process keeps a copy of beyond those with connections", least=1)
    load_claim_seconds: float = knob(5.0, "after this time another process may take over loading a session", least=0.5, most=300)

    # PostgreSQL
    database_pool_size: int = knob(10, "most connections to PostgreSQL per process", least=2, most=500)
    database_timeout_seconds: float = knob(5.0, "longest wait for one statement", least=0.1, most=600)
    database_connect_seconds: float = knob(5.0, "longest wait for a connection", least=0.1, most=600)
    flush_rows: int = knob(1_000, "rows per flush", least=1, most=20_000)
    flush_age_ms: int = knob(50, "longest an answer waits for a flush to fill up", least=1, most=60_000)
    flush_retry_ms: int = knob(200, "first pause after a failed flush; doubles up to 30 times this", least=1, most=60_000)
    lease_seconds: float = knob(5.0, "how long a flusher owns its shards without renewing", least=1, most=300)
    settle_seconds: float = knob(
        2.0, "longest a list of responses waits for answers that are accepted but not yet saved", least=0, most=60
    )

    # Connections
    tick_ms: int = knob(100, "shortest time between two pushes to a session", least=10, most=10_000)
    push_share: float = knob(
        0.4, "most of the time that pushing to one session may take; a large audience is told less often", least=0.05, most=0.95
    )
    lag_ms: int = knob(80, "when the event loop is late by this much, ticks take twice as long", least=1, most=1_000)
    slow_tick_ms: int = knob(2_000, "how often sessions are read without a poke, which heals lost ones", least=100, most=60_000)
    heartbeat_ms: int = knob(15_000, "longest silence on a connection, either way", least=100, most=300_000)
    hello_seconds: float = knob(5.0, "longest wait for the first frame", least=0.1, most=60)
    presence_ms: int = knob(30_000, "how long somebody counts as online after last being seen", least=1_000, most=600_000)
    frame_bytes: int = knob(65_536, "largest frame a client may send", least=1_024, most=1_048_576)
    body_bytes: int = knob(1_048_576, "largest body of an HTTP request", least=1_024, most=10_485_760)
    buffer_bytes: int = knob(
        65_536, "unsent bytes after which a connection is left behind (and later brought up to date)", least=4_096
    )
    stall_seconds: float = knob(10.0, "a connection that takes nothing for this long is closed", least=0.1, most=300)
    header_seconds: float = knob(5.0, "longest wait for the header of an HTTP request", least=0.1, most=60)
    body_seconds: float = knob(10.0, "longest wait for its body; a second more for each 1,000 bytes", least=0.1, most=600)
    keep_alive_seconds: float = knob(15.0, "how long an HTTP connection is kept for the next request", least=0.1, most=600)
    sockets: int = knob(
        18_000, "most open sockets of the listener; lowered to 200 below the process' limit of open files", least=1
    )
    greetings: int = knob(
        64, "hellos answered at a time; in a storm the others wait, those who come back first", least=1, most=10_000
    )
    greetings_waiting: int = knob(12_000, "hellos that may wait for their turn", least=1)
    connections: int = knob(12_000, "most connections per process", least=1)
    waiting_requests: int = knob(5_000, "most HTTP requests per process that wait for changes or stream them", least=1)
    idempotency_records: int = knob(10_000, "answers kept for requests that are sent again with the same Idempotency-Key", least=1)
    idempotency_hours: float = knob(24.0, "how long such an answer is kept", least=0.01, most=720)
    idempotency_bytes: int = knob(65_536, "largest body of a request with an Idempotency-Key", least=1_024, most=1_048_576)
    connections_per_ticket: int = knob(8, "most connections with one ticket per process", least=1)
    reconnect_window_ms: int = knob(5_000, "clients spread their reconnects over this time after a crash", least=0, most=600_000)
    drain_seconds: float = knob(10.0, "longest a shutdown takes", least=0.1, most=600)

    # The clock
    clock_ms: int = knob(200, "how often a process looks for activities whose time is over", least=20, most=60_000)
    draft_bytes: int = knob(65_536, "largest draft of an answer", least=256, most=1_048_576)
    most_drafts: int = knob(10_000, "drafts that a round of an activity may have", least=0, most=1_000_000)
    draft_store_ms: int = knob(500, "how often drafts that changed are stored in PostgreSQL", least=20, most=60_000)
    most_unsaved_drafts: int = knob(
        5_000, "drafts of a shard that may wait to be stored; beyond it new ones are told to retry", least=1, most=1_000_000
    )
    most_decisions: int = knob(5_000, "contributions of a round about which something may be decided", least=1, most=100_000)

    # Operation
    metrics_port: int = knob(0, "port of /metrics on this machine only; 0: none", least=0, most=65_535)
    audit_seconds: float = knob(10.0, "a session of this process is recounted this often", least=0.1, most=86_400)
    key_settle_seconds: float = knob(
        60.0, "a new signing key is used after this time, when every process knows it", least=0, most=3_600
    )

    # Scoring
    scoring_sweep_ms: int = knob(1_000, "how often closed activities are looked for that are to be marked", least=20, most=60_000)
    scoring_chunk: int = knob(200, "participants whose answers are marked at a time", least=1, most=10_000)
    leaderboard_entries: int = knob(20, "places on the live leaderboard; all of it is read by page", least=1, most=1_000)

    # Who may come in, and how often
    trusted_proxies: str = knob(
        "", "addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas; empty: nobody's"
    )
    embed_origins: str = knob("", "origins of other sites whose pages may show /embed/… in a frame, separated by commas")
    cors_origins: str = knob(
        "", "origins of other sites whose pages may use the API and the socket, separated by commas; never with credentials"
    )
    pass_seconds: float = knob(30.0, "how long a single-use ticket for the socket is good", least=1, most=30)
    failures_per_address: int = knob(
        20, "wrong codes, or wrong passcodes of a session, from one address within the window before it is slowed down",
        least=1, most=1_000,
    )
    failure_window_seconds: float = knob(600.0, "the window in which failures of an address count", least=1, most=86_400)
    failures_per_second: float = knob(
        50.0, "failures of all addresses; above it those who have shown no right code must wait", least=0.1, most=100_000
    )
    failure_answer_ms: int = knob(100, "every failed try is answered after this time, whatever was wrong", least=0, most=5_000)
    joins_per_second: float = knob(
        200.0, "newcomers of one session per process, once the burst is used up", least=0.1, most=100_000
    )
    join_burst: int = knob(5_000, "newcomers of one session who need not wait", least=1, most=1_000_000)
    sessions_per_minute: float = knob(
        600.0, "sessions created from one address, which may also come at once", least=1, most=1_000_000
    )
    commands_per_second: float = knob(
        50.0, "answers and commands of one ticket per process, over the socket", least=0.1, most=100_000
    )
    command_burst: int = knob(300, "answers and commands of one ticket that may come at once", least=1, most=1_000_000)
    answers_per_second: float = knob(
        20_000.0, "answers of one session per process; twice as many may come at once", least=1, most=10_000_000
    )
    requests_per_second: float = knob(100.0, "HTTP requests with one ticket per process", least=0.1, most=100_000)
    request_burst: int = knob(500, "HTTP requests with one ticket that may come at once", least=1, most=1_000_000)

    # A host's own users, by JSON Web Token
    jwt_secret: str = knob("", "the secret that a host signs tokens with (HS256), at least 32 bytes", secret=True)
    jwt_jwks_file: str = knob("", "a file with the public keys that a host signs tokens with (RS256, ES256)")
    jwt_jwks_url: str = knob("", "an address with these keys instead; read when needed, at most every 30 seconds")
    jwt_issuer: str = knob("", "what a token's `iss` must be; needed with any of the above")
    jwt_audience: str = knob("", "what a token's `aud` must hold; needed with any of the above")
    jwt_presenters: str = knob(
        "", "`claim=value` that makes a user a presenter, who may create sessions; empty: every user is one"
    )
    jwt_required: Literal["nobody", "presenters", "everybody"] = knob(
        "nobody", "who must show a token of the host: those who create sessions, or everybody who joins as well"
    )

    # Sessions
    max_participants: int = knob(10_000, "people in one session unless it sets its own cap", least=1, most=1_000_000)
    max_activities: int = knob(500, "activities in one session", least=1, most=10_000)
    response_bytes: int = knob(65_536, "largest answer", least=256, most=1_048_576)
    config_bytes: int = knob(1_048_576, "largest activity config", least=1_024, most=10_485_760)
    ticket_days: float = knob(30.0, "how long a participant's ticket is valid", least=0.01, most=3_650)
    join_code_length: int = knob(6, "characters of a join code", least=4, most=12)
    strict_types: bool = knob(False, "refuse activity types that are not registered")
    exports: int = knob(2, "results written as files at a time in one process; others wait for their turn", least=1, most=100)
    export_bytes: int = knob(1_073_741_824, "largest file of results", least=1_048_576)
    page_limit: int = knob(1_000, "most rows of one page", least=1, most=10_000)

    @classmethod
    def read(cls, environment: Mapping[str, str], **given: Any) -> "Settings":
        """Settings from an environment, overridden by what was given (command line); raises UnfitSettings."""
        values: dict[str, Any] = {}
        types = typing.get_type_hints(cls)
        for knob_field in dataclasses.fields(cls):
            name = variable_of(knob_field)
            if given.get(knob_field.name) is not None:
                value: Any = given[knob_field.name]
            elif name in environment:
                value = _parse(name, environment[name], types[knob_field.name])
            elif knob_field.metadata["also"] in environment:
                name = knob_field.metadata["also"]
                value = _parse(name, environment[name], types[knob_field.name])
            else:
                continue
            _check(name, value, knob_field.metadata, types[knob_field.name])
            values[knob_field.name] = value
        return cls(**values)


def variable_of(knob_field: "dataclasses.Field[Any]") -> str:
    """The environment variable of a setting."""
    return knob_field.metadata["variable"] or f"PLENUM_{knob_field.name.upper()}"


def _parse(name: str, text: str, kind: Any) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.strip().lower()]
        if kind in (int, float):
            return kind(text)
    except (ValueError, KeyError) as error:
        raise UnfitSettings(f"{name} is {text!r}, which is not a {'yes or no' if kind is bool else 'number'}.") from error
    return text


def _check(name: str, value: Any, metadata: Mapping[str, Any], kind: Any) -> None:
    choices = typing.get_args(kind)
    if choices and value not in choices:
        raise UnfitSettings(f"{name} is {value!r}; it must be one of {', '.join(map(str, choices))}.")
    least, most = metadata["least"], metadata["most"]
    if least is not None and not value >= least:  # so that "nan" is refused, which is neither less nor more
        raise UnfitSettings(f"{name} is {value}; it must be at least {least}.")
    if most is not None and value > most:
        raise UnfitSettings(f"{name} is {value}; it must be at most {most}.")
