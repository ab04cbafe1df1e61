"""What one accepted answer costs, whole path: frame in, checked, counted in Valkey, acknowledged, saved by the way."""

import asyncio
import time
from collections.abc import Sequence

from bench.measure import Report, Spread, arguments, conclude, leave, quantile, spread
from bench.phones import Phone, join_all, open_phones, run, seat, submit
from bench.serving import Served, plenum


class Meter:
    """Counts acknowledgements and lets each phone answer again at once, or not."""

    def __init__(self) -> None:
        self.accepted = 0
        self.other: list[bytes] = []
        self.sent_at: dict[int, float] = {}
        self.latencies: list[float] = []
        self.again = False
        self.activity_id = ""

    def heard(self, phone: Phone, text: bytes) -> None:
        if text.startswith(b'{"type":"accepted"'):
            now = time.perf_counter()
            self.accepted += 1
            self.latencies.append(now - self.sent_at[phone.number])
            if self.again:
                self.press(phone)
        elif text.startswith((b'{"type":"refused"', b'{"type":"retry"')):
            self.other.append(text)

    def press(self, phone: Phone) -> None:
        self.sent_at[phone.number] = time.perf_counter()
        phone.transport.write(submit(self.activity_id, phone.number + 10, "abcd"[phone.number % 4]))


async def saturate(served: Served, people: int, seconds: float, repeats: int) -> dict[str, Spread]:
    """Everybody answers, and changes the answer as soon as it is acknowledged."""
    hall = served.session(most_people=people + 10)
    joined = await join_all(served.port, hall.code, people)
    meter = Meter()
    meter.activity_id = hall.activities[0]
    phones = await open_phones(served.port, people, heard=meter.heard)
    await seat(phones, [one["ticket"] for one in joined])
    found: dict[str, list[float]] = {name: [] for name in ("rate", "hub", "valkey", "postgres", "p50", "p95")}
    meter.again = True
    for phone in phones:
        meter.press(phone)
    await asyncio.sleep(0.5)
    for _ in range(repeats):
        before = {part: served.cpu(part) for part in ("hub", "valkey", "postgres")}
        counted, started = meter.accepted, time.perf_counter()
        meter.latencies.clear()
        await asyncio.sleep(seconds)
        took, answers = time.perf_counter() - started, meter.accepted - counted
        found["rate"].append(answers / took)
        for part, cpu in before.items():
            found[part].append((served.cpu(part) - cpu) / answers * 1e6)
        found["p50"].append(quantile(meter.latencies, 0.5) * 1_000)
        found["p95"].append(quantile(meter.latencies, 0.95) * 1_000)
    meter.again = False
    if meter.other:
        raise RuntimeError(f"not accepted: {meter.other[0].decode()}")
    for phone in phones:
        phone.transport.abort()
    return {name: spread(values) for name, values in found.items()}


async def main(quick: bool, repeats: int, cases: Sequence[int]) -> Report:
    report = Report(
        "ingest", "Ingest: one accepted answer", ["case", "answers/s", "hub us", "valkey us", "postgres us", "p50 ms", "p95 ms"]
    )
    with plenum() as served:
        for people in cases:
            found = await saturate(served, people, 1.0 if quick else 3.0, repeats)
            report.row(f"{people} phones", *(found[name] for name in ("rate", "hub", "valkey", "postgres", "p50", "p95")))
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats, (100, 1_000))), options.json))
