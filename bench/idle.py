"""Idle phones: what a connection costs that does nothing but live.

Joined participants of halls of 500 sit on one process and do what a real client does: they hear heartbeats and send
a ping of the protocol once per heartbeat. Memory is the growth of the hub's PSS per connection, its presence state
included; what the kernel holds for the sockets is told apart. CPU is measured over a minute of idling.
"""

import asyncio
import gc
import time
from collections import Counter
from pathlib import Path

from bench.answers import Crowd
from bench.measure import Report, arguments, conclude, leave, resident_bytes, short
from bench.phones import frame, run
from bench.serving import plenum

_HEARTBEAT_SECONDS = 15.0
_HALL = 500
_PING = frame(b'{"type":"ping","id":7}')


def slab_bytes() -> int:
    """What the kernel holds in its caches for sockets, files and their like, on the whole machine."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1]) * 1_024
    return 0


async def beat(crowd: Crowd) -> None:
    """Every phone pings once per heartbeat, all at their own moments; those that have come meanwhile too.

    By the clock: what this process had no time for while phones arrived is made up for, or the server would take them for gone.
    """
    steps, step, began = 300, 0, time.monotonic()
    while True:
        await asyncio.sleep(_HEARTBEAT_SECONDS / steps)
        due = int((time.monotonic() - began) / _HEARTBEAT_SECONDS * steps)
        for number in range(max(step, due - steps), due):
            for phone in crowd.phones[number % steps :: steps]:
                if not phone.closed:
                    phone.transport.write(_PING)
        step = due


async def main(quick: bool, people: int, seconds: float) -> Report:
    report = Report("idle", "Idle phones on one process", ["phones", "hub KiB each", "kernel KiB each, both ends", "% of a core"])
    with plenum(PLENUM_CONNECTIONS="30000") as served:
        warm = Crowd()  # imports, caches and pools are there before anything is counted
        await warm.arrive(served, [served.session(most_people=_HALL + 10)], 50)
        await asyncio.sleep(3)
        hub = served.pids("hub")
        before = served.cpu("hub")
        await asyncio.sleep(3 if quick else 10)
        alone = (served.cpu("hub") - before) / (3 if quick else 10) * 100
        empty, kernel = resident_bytes(*hub), slab_bytes()
        crowd = Crowd()
        farewells: Counter[bytes] = Counter()
        crowd.on_state = lambda _, text: farewells.update([text[:60]] if text.startswith(b'{"type":"closing"') else [])
        beating = asyncio.create_task(beat(crowd))
        halls = [served.session(most_people=_HALL + 10) for _ in range(-(-people // _HALL))]
        await crowd.arrive(served, halls, min(_HALL, people))
        gc.collect()
        await asyncio.sleep(3 if quick else 20)  # a whole heartbeat, so that everybody has pinged and presence is settled
        each, below = (resident_bytes(*hub) - empty) / people / 1_024, (slab_bytes() - kernel) / people / 1_024
        before = served.cpu("hub")
        await asyncio.sleep(seconds)
        share = (served.cpu("hub") - before) / seconds * 100
        grown = (resident_bytes(*hub) - empty) / people / 1_024
        beating.cancel()
        gone = sum(phone.closed for phone in crowd.phones)
        if gone:
            raise RuntimeError(f"{gone} phones were closed: {farewells}")
        report.row(people, short(each), short(below), short(share))
        report.figure("KiB each", grown)
        report.figure("% of a core", share)
        report.figure("idle us per phone and second", share / 100 / people * 1e6)
        report.remark(
            f"Sessions of {min(_HALL, people)}. After {seconds:.0f} s of idling a phone took {short(grown)} KiB. The process "
            f"itself, with flusher and empty, took {short(alone)} % of a core. The kernel's part is the growth of its caches on "
            "the whole machine, so other programs move it, and it counts the client's end as well."
        )
        if not quick:
            report.target(f"{people} idle phones, each", "<= 24 KiB", f"{short(grown)} KiB", reached=grown <= 24)
            report.target(f"{people} idle phones, CPU", "< 10 % of a core", f"{short(share)} %", reached=share < 10)
        crowd.leave()
        warm.leave()
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    given.add_argument("--phones", type=int, default=0, help="how many (default: 10,000)")
    options = given.parse_args()
    chosen = options.phones or (500 if options.quick else 10_000)
    leave(conclude(run(main(options.quick, chosen, 5.0 if options.quick else 60.0)), options.json))
