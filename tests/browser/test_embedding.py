"""A page of another origin shows Plenum where the operator allows it, and nowhere else."""

import functools
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.audit import Audit
from tests.browser.cast import Cast
from tests.browser.watch import OUTAGE
from tests.journey.servers import Server
from tests.journey.stages import open_stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
DEMO = Path(__file__).resolve().parents[2] / "docs" / "embedding.html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Somebody else's web site: its origin, and the folder of its pages."""
    folder = tmp_path / "site"
    folder.mkdir()
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", folder
    running.shutdown()
    running.server_close()
    thread.join(10)


def write_page(folder: Path, **values: str) -> None:
    """The documented page with what its author has to fill in."""
    text = DEMO.read_text(encoding="utf-8")
    for name, value in values.items():
        text = re.sub(rf"\b{name}\b", value, text)
    (folder / "index.html").write_text(text, encoding="utf-8")


async def test_listed_origin_embeds_a_seat_and_a_live_result(
    cast: Cast, site: tuple[str, Path], make_server: Callable[..., Server]
) -> None:
    cast.watch.expect("favicon")  # which the other site does not have
    cast.watch.expect(OUTAGE)  # the server ends before the pages do
    origin, folder = site
    server = make_server(PLENUM_EMBED_ORIGINS=f"{origin}, https://campus.example")
    stage = await open_stage(server.url, server.database_url)
    try:
        scene = await stage.session("Embedded")
        poll = await scene.add("poll", {"question": "Shall we?", "options": ["Yes", "No"]}, reveal={"results": "live"})
        host = await scene.present()
        assert (await host.ask("move_session", focus=poll))["type"] == "done"
        write_page(folder, SERVER=server.url, CODE=scene.code, SESSION=scene.id, DISPLAY_TICKET=scene.ticket)
        page = (await cast.presenter()).page
        await page.goto(f"{origin}/index.html")
        seat, result = page.frame_locator("plenum-session iframe"), page.frame_locator("plenum-results iframe")
        await seat.get_by_role("button", name="Join anonymously").click()
        await seat.locator("label.option", has_text="Yes").click()
        await seat.get_by_role("button", name=re.compile("^Send")).click()
        await expect(result.get_by_role("heading", name="Shall we?")).to_be_visible()
        await expect(result.get_by_text("1 answer", exact=True)).to_be_visible()
        height = await page.locator("plenum-results iframe").evaluate("(frame) => frame.style.height")
        assert height.endswith("px")
        assert 80 <= int(height.removesuffix("px")) <= 4_000
        other = await stage.http.get("/present")
        assert "frame-ancestors 'none'" in other.headers["content-security-policy"]
        assert other.headers["x-frame-options"] == "DENY"
        audit = Audit()
        alone = (await cast.presenter()).page
        await alone.goto(f"{server.url}/embed/results#session={scene.id}&ticket={scene.ticket}")
        await expect(alone.get_by_role("heading", name="Shall we?")).to_be_visible()
        await audit.look("embedded", alone)
        audit.check()
    finally:
        await stage.close()


async def test_other_origins_see_nothing(cast: Cast, site: tuple[str, Path]) -> None:
    cast.watch.expect("frame-ancestors")
    cast.watch.expect("ERR_BLOCKED_BY_RESPONSE")
    cast.watch.expect("favicon")  # which the other site does not have
    cast.watch.expect(OUTAGE)  # the server ends before the pages do
    origin, folder = site
    write_page(folder, SERVER=cast.url, CODE="K7MQ2X", SESSION="none", DISPLAY_TICKET="none")
    page: Page = (await cast.presenter()).page
    async with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        await page.goto(f"{origin}/index.html")
    await expect(page.frame_locator("plenum-session iframe").get_by_role("button", name="Join anonymously")).to_have_count(0)
