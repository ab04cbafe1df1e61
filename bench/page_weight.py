"""Weight of each page and the time until a person can use it, on a slow phone and bad Wi-Fi.

CPU four times slower, 1.6 Mbit/s down, 750 kbit/s up, 150 ms round trip, nothing cached. Told are requests and bytes on
the wire at the first load (headers included), by kind; first contentful paint; the moment at which the first control can
be used; the largest layout shift; and the same moment at a second visit. Median of several visits.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, CDPSession, Page

from bench.measure import Report, arguments, conclude, leave
from tests.browser.chromium import COMMON, DESKTOP, PHONE, open_browser
from tests.browsers import find_browser
from tests.journey.servers import Server
from tests.journey.stages import Scene, open_stage

CPU_SLOWDOWN: Final = 4
DOWN_BYTES_PER_SECOND: Final = 1_600_000 / 8
UP_BYTES_PER_SECOND: Final = 750_000 / 8
ROUND_TRIP_MS: Final = 150
PARTICIPANT_MOST_BYTES: Final = 60_000  # the promise for a phone's first load
WAIT_MS: Final = 60_000
# A control can be used from the first frame in which it is there, enabled and not covered, and the main thread is free.
_USABLE: Final = """(selector) => new Promise((resolve) => {
  const look = () => {
    const control = [...document.querySelectorAll(selector)].find((each) => each.checkVisibility?.() && !each.disabled);
    if (control) setTimeout(() => resolve(performance.now()), 0);
    else requestAnimationFrame(look);
  };
  look();
})"""
_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_SHIFTS: Final = """new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.plenumShift = (window.plenumShift ?? 0) + each.value;
}).observe({ type: "layout-shift", buffered: true });"""


@dataclass
class Load:
    """One load of a page, as the network saw it."""

    bytes_by_kind: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    paint_ms: float = 0
    usable_ms: float = 0
    shift: float = 0

    @property
    def bytes(self) -> int:
        return sum(self.bytes_by_kind.values())


@dataclass(frozen=True)
class Place:
    """A page to measure: its address, the control a person waits for, and what stands in storage before."""

    name: str
    path: str
    control: str
    device: dict[str, Any]
    storage: dict[str, str] = field(default_factory=dict)


async def slow_down(session: CDPSession) -> None:
    """A slow phone on bad Wi-Fi."""
    await session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    network = {"downloadThroughput": DOWN_BYTES_PER_SECOND, "uploadThroughput": UP_BYTES_PER_SECOND, "latency": ROUND_TRIP_MS}
    await session.send("Network.emulateNetworkConditions", {"offline": False, **network})


@asynccontextmanager
async def weighed(session: CDPSession, load: Load) -> AsyncIterator[None]:
    """Add up what comes over the network meanwhile."""
    kinds: dict[str, str] = {}

    def heard(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def finished(event: dict[str, Any]) -> None:
        if event["encodedDataLength"]:
            kind = kinds.get(event["requestId"], "Other")
            load.bytes_by_kind[kind] = load.bytes_by_kind.get(kind, 0) + int(event["encodedDataLength"])
            load.requests += 1

    session.on("Network.responseReceived", heard)
    session.on("Network.loadingFinished", finished)
    yield
    session.remove_listener("Network.responseReceived", heard)
    session.remove_listener("Network.loadingFinished", finished)


async def visit(browser: Browser, origin: str, place: Place) -> tuple[Load, Load]:
    """A first visit and a second one by the same phone."""
    context = await browser.new_context(**{**COMMON, **place.device})
    await context.add_init_script(_SHIFTS)
    if place.storage:
        page = await context.new_page()
        await page.goto(f"{origin}/api/v1/health/live")
        for name, value in place.storage.items():
            await page.evaluate("([name, value]) => localStorage.setItem(name, value)", [name, value])
        await page.close()
    loads = (Load(), Load())
    for load in loads:
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await session.send("Network.enable")
        await slow_down(session)
        async with weighed(session, load):
            await measure(page, f"{origin}{place.path}", place.control, load)
        await page.close()
    await context.close()
    return loads


async def measure(page: Page, address: str, control: str, load: Load) -> None:
    await page.goto(address, wait_until="commit", timeout=WAIT_MS)
    load.usable_ms = await asyncio.wait_for(page.evaluate(_USABLE, control), WAIT_MS / 1_000)
    await page.wait_for_load_state("networkidle")
    load.paint_ms = await page.evaluate(_PAINT)
    load.shift = await page.evaluate("window.plenumShift ?? 0")


async def places_of(scene: Scene) -> list[Place]:
    """The pages, with a question that is open."""
    await scene.add()
    seat = await scene.join("Ada")
    kept = f'{{"session_id":"{scene.id}","participant_id":"{seat.participant_id}","nickname":"Ada","ticket":"{seat.ticket}"}}'
    secret = f"session={scene.id}&ticket={scene.ticket}"
    return [
        Place("start", "/", "#code", PHONE),
        Place("door", f"/join#{scene.code}", "#nickname", PHONE),
        Place("room", f"/join#{scene.code}", "label.option input", PHONE, {f"plenum.seat.{scene.code}": kept}),
        Place("presenter", f"/present#{secret}", ".controls button", DESKTOP),
        Place("screen", f"/screen#{secret}", "main h1, main .code", DESKTOP),
    ]


def median(loads: list[Load], value: Callable[[Load], float]) -> float:
    return statistics.median(value(load) for load in loads)


def tell(report: Report, name: str, first: list[Load], second: list[Load]) -> None:
    """One line of the table."""
    kinds = first[0].bytes_by_kind
    by_kind = ", ".join(f"{kind.lower()} {size / 1_000:.1f}" for kind, size in sorted(kinds.items(), key=lambda each: -each[1]))
    report.row(
        name, first[0].requests, f"{median(first, lambda each: each.bytes) / 1_000:.1f}",
        f"{median(first, lambda each: each.paint_ms):.0f}", f"{median(first, lambda each: each.usable_ms):.0f}",
        f"{max(each.shift for each in first):.3f}", f"{median(second, lambda each: each.usable_ms):.0f}",
        f"{median(second, lambda each: each.bytes) / 1_000:.1f}", by_kind,
    )  # fmt: skip


async def run(executable: str, visits: int, *, quick: bool) -> Report:
    """Measure all pages."""
    columns = ["page", "requests", "kB", "paint ms", "usable ms", "shift", "usable again ms", "kB again", "kB by kind"]
    report = Report("page_weight", "Pages on a slow phone and bad Wi-Fi", columns)
    async with AsyncExitStack() as ends:
        server = Server(Path(ends.enter_context(tempfile.TemporaryDirectory())))
        ends.callback(server.end)
        await asyncio.to_thread(server.start)
        browser = await ends.enter_async_context(open_browser(executable))
        stage = await open_stage(server.url, server.database_url)
        ends.push_async_callback(stage.close)
        heaviest = slowest = 0.0
        for place in await places_of(await stage.session("Weighed")):
            loads = [await visit(browser, server.url, place) for _ in range(visits)]
            first, second = [each[0] for each in loads], [each[1] for each in loads]
            tell(report, place.name, first, second)
            if place.name in ("door", "room"):
                heaviest = max(heaviest, median(first, lambda each: each.bytes))
                slowest = max(slowest, median(first, lambda each: each.usable_ms))
        report.remark(f"Chromium {browser.version}; median of {visits} visits with nothing cached, and of as many second ones.")
    report.figure("kB first load", heaviest / 1_000)
    report.figure("usable ms", slowest)
    if not quick:
        fits = heaviest <= PARTICIPANT_MOST_BYTES
        most = f"<= {PARTICIPANT_MOST_BYTES / 1_000:.0f} kB"
        report.target("a phone's first load", most, f"{heaviest / 1_000:.1f} kB", reached=fits)
    return report


if __name__ == "__main__":
    options = arguments(__doc__).parse_args()
    found = find_browser()
    if found is None:
        sys.exit("no Chromium or Chrome is installed on this machine")
    chosen = 1 if options.quick else options.repeats
    leave(conclude(asyncio.run(run(found, chosen, quick=options.quick)), options.json))
