"""All metrics, in one file: name, kind, meaning. Read from the parts when asked for; nothing is counted twice.

The text format is Prometheus' exposition format 0.0.4.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    kind: Literal["counter", "gauge"]
    meaning: str


METRICS: Final[dict[str, Metric]] = {
    "plenum_connections": Metric("gauge", "open connections of this process"),
    "plenum_sessions": Metric("gauge", "sessions with connections in this process"),
    "plenum_frames_sent_total": Metric("counter", "state frames sent"),
    "plenum_ticks_total": Metric("counter", "reads of changed sessions"),
    "plenum_answers_total": Metric("counter", "answers judged by Redis, accepted or not"),
    "plenum_accepts_total": Metric("counter", "round trips that carried answers to Redis"),
    "plenum_answers_waiting": Metric("gauge", "answers waiting for Redis"),
    "plenum_flushed_rows_total": Metric("counter", "rows this process saved"),
    "plenum_flush_failures_total": Metric("counter", "flushes that failed and were tried again"),
    "plenum_dead_letters_total": Metric("counter", "rows PostgreSQL refused and this process set aside"),
    "plenum_shards_owned": Metric("gauge", "shards this process flushes"),
    "plenum_outbox_rows": Metric("gauge", "accepted answers and joins that PostgreSQL has not seen, in the whole store"),
    "plenum_outbox_age_seconds": Metric("gauge", "age of the oldest of them"),
    "plenum_counts_drift": Metric(
        "gauge", "difference between live counts and rows in the last audited session; anything but 0 is an alarm"
    ),
    "plenum_audits_total": Metric("counter", "sessions audited"),
    "plenum_shards_without_epoch": Metric("gauge", "shards that cannot take answers at the moment"),
    "plenum_requests_refused_total": Metric("counter", "HTTP requests and connections ended by a limit of the transport"),
    "plenum_loop_lag_seconds": Metric("gauge", "how late the event loop was at its last check"),
    "plenum_workers": Metric("gauge", "workers of `plenum serve --workers` that are ready"),
    "plenum_engine_restarts_total": Metric("counter", "embedded engines that ended by themselves and were started again"),
    "plenum_worker_restarts_total": Metric("counter", "workers that ended by themselves and were started again"),
}

Readings = Callable[[], Iterable[tuple[str, float]]]


def render(readings: Iterable[tuple[str, float]]) -> str:
    """The exposition text; a reading that is not in the table is a defect and raises KeyError."""
    return render_workers((name, "", value) for name, value in readings)


def render_workers(readings: Iterable[tuple[str, str, float]]) -> str:
    """The exposition text of several workers: metric, worker and value; an empty worker gets no label."""
    lines: dict[str, list[str]] = {}
    for name, worker, value in readings:
        metric = METRICS[name]
        label = f'{{worker="{worker}"}}' if worker else ""
        lines.setdefault(name, [f"# HELP {name} {metric.meaning}", f"# TYPE {name} {metric.kind}"]).append(
            f"{name}{label} {value:g}"
        )
    return "\n".join(line for group in lines.values() for line in group) + "\n"
