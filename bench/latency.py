"""Latency: how long until everybody sees a change, in a hall of 5,000 that gives 500 answers a second.

Counts: for each answer and each phone of a random sample, from the press until the first frame whose offset covers the
answer. Status: from sending a presenter's command over HTTP until each of those phones is told the activity's new state.
Both begin before the commit in Redis (by the way to the hub, and for a command by its write to PostgreSQL), so the
delays from the commit to the receipt are shorter than these. Dashboard: the same for a presenter's connection.
"""

import asyncio
import random
import re
import time
from bisect import bisect_right

from bench.answers import Crowd
from bench.dashboards import offset_of
from bench.measure import Report, arguments, conclude, leave, quantile, short, spread
from bench.phones import Phone, open_phones, run, seat
from bench.serving import LIVE_POLL, Hall, Served, plenum

_SAMPLE = 300
_STEP = re.compile(rb'"since":(\d+),"offset":(\d+)')


class Watching(Crowd):
    """A crowd some of whose phones, and a dashboard, note the time and the offset of every frame of state."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: dict[int, list[tuple[int, float]]] = {}
        self.pressed_at: dict[int, float] = {}  # offset of the answer -> time of the press
        self.status_at: dict[bytes, dict[int, float]] = {}

    def _hear(self, phone: Phone, text: bytes) -> None:
        if text.startswith(b'{"type":"accepted"'):
            self.pressed_at[offset_of(text)] = self._sent_at[phone.number]
        super()._hear(phone, text)
        if phone.number in self.watched:
            self.note(phone, text)

    def note(self, phone: Phone, text: bytes) -> None:
        found = _STEP.search(text)
        if found is None:
            return
        now = time.perf_counter()
        self.watched[phone.number].append((int(found.group(2)), now))
        for needle, seen in self.status_at.items():
            if phone.number not in seen and needle in text:
                seen[phone.number] = now

    def delays(self, numbers: list[int], since: float) -> list[float]:
        """From press to sight, of every answer pressed after a time, at each of these connections."""
        found = []
        for number in numbers:
            frames = self.watched[number]
            offsets = [offset for offset, _ in frames]
            for offset, pressed in self.pressed_at.items():
                at = bisect_right(offsets, offset - 1)
                if pressed >= since and at < len(frames):
                    found.append(frames[at][1] - pressed)
        return found


async def change_status(served: Served, hall: Hall, crowd: Watching, times: int) -> list[float]:
    """A presenter opens one prepared activity after the other; the delays until the sample was told."""
    delays = []
    for _ in range(times):
        body = {"type": "poll", "title": "Next", "config": LIVE_POLL}
        path = f"/api/v1/sessions/{hall.id}/activities"
        made = await asyncio.to_thread(served.post, path, body, hall.ticket)
        needle = b'"activity:' + made["id"].encode() + b'":{"id":"' + made["id"].encode() + b'"'
        await asyncio.sleep(0.6)
        seen = crowd.status_at[needle] = {}
        sent = time.perf_counter()
        await asyncio.to_thread(served.post, f"{path}/{made['id']}/transition", {"target_state": "active"}, hall.ticket)
        async with asyncio.timeout(10):
            while len(seen) < len(crowd.watched):
                await asyncio.sleep(0.005)
        delays += [at - sent for at in seen.values()]
        del crowd.status_at[needle]
    return delays


async def measure(served: Served, people: int, rate: float, seconds: float) -> dict[str, float]:
    hall = served.session(most_people=people + 10)
    crowd = Watching()
    await crowd.arrive(served, [hall], people)
    sample = random.sample(range(people), min(_SAMPLE, people))
    presenter = (await open_phones(served.port, 1, heard=crowd._hear, first=people))[0]
    await seat([presenter], [hall.ticket])
    crowd.watched = {number: [] for number in (*sample, people)}
    answering = asyncio.create_task(crowd.press_evenly(rate, seconds + 1.5))
    await asyncio.sleep(1.0)
    since, hub, load = time.perf_counter(), served.cpu("hub"), time.process_time()
    told = sum(len(crowd.watched[number]) for number in sample)
    status = await change_status(served, hall, crowd, max(2, int(seconds / 2)))
    await answering
    passed = time.perf_counter() - since
    hub, load = served.cpu("hub") - hub, time.process_time() - load
    told = sum(len(crowd.watched[number]) for number in sample) - told
    await crowd.settle()
    await asyncio.sleep(1.0)
    counts, dashboard = crowd.delays(sample, since), crowd.delays([people], since)
    found: dict[str, float] = {"rate": len(dashboard) / (crowd.last_at - since)}
    found |= {"hub": hub / passed * 100, "load": load / passed * 100, "told": told / len(sample) / passed}
    for name, delays in (("counts", counts), ("status", status), ("dashboard", dashboard), ("ack", crowd.latencies)):
        found[f"{name} p50"], found[f"{name} p99"] = quantile(delays, 0.5) * 1_000, quantile(delays, 0.99) * 1_000
    presenter.transport.abort()
    crowd.leave()
    return found


async def main(quick: bool, repeats: int) -> Report:
    report = Report("latency", "From press to sight", ["what", "phones", "p50 ms", "p99 ms"])
    people, rate = (300, 100) if quick else (5_000, 500)
    with plenum() as served:
        found = [await measure(served, people, rate, 2.0 if quick else 6.0) for _ in range(repeats)]
    columns = {name: spread([one[name] for one in found]) for name in found[0]}
    for name, title in (
        ("counts", "counts at the phones"), ("status", "status at the phones"), ("dashboard", "counts at the dashboard"),
        ("ack", "acknowledgement"),
    ):  # fmt: skip
        report.row(title, people, columns[f"{name} p50"], columns[f"{name} p99"])
        report.figure(f"{name} p99 ms", columns[f"{name} p99"].median)
    report.remark(
        f"{short(columns['rate'].median)} answers/s. Counted from the press and from sending the command, both of which come "
        "before the commit in Redis; server, engines and phones share the machine."
    )
    told, hub, load = (columns[name].median for name in ("told", "hub", "load"))
    report.remark(
        f"A phone was told {short(told)} times a second, so the load generator reads {short(told * people)} frames a second beside "
        f"its answers: it used {short(load)} % of a core, the hub {short(hub)} %. What a frame waits there counts as well."
    )
    why = (
        f"Each of {short(told)} pushes a second is written to all phones at once, and read one by one by a load generator that is "
        f"busy for {short(load)} % of the time. Counts on phones also wait for a turn, which comes less often while the loop is "
        "late. Phones on machines of their own would show the hub's part alone."
    )
    if not quick:
        for name in ("counts", "status"):
            late = columns[f"{name} p99"].median
            report.target(f"{name} at 5,000 clients, p99", "<= 300 ms", f"{short(late)} ms", reached=late <= 300, why=why)
        late = columns["dashboard p99"].median
        report.target("answer pressed to dashboard updated, p99", "<= 300 ms", f"{short(late)} ms", reached=late <= 300)
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(run(main(options.quick, options.repeats)), options.json))
