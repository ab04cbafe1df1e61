"""The pictures of the README, of the data that `plenum seed` makes: `python -m tests.browser.readme [FOLDER]`."""

import argparse
import asyncio
import base64
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, expect

from tests.browser.cast import Cast
from tests.browser.chromium import SETTLED, open_browser
from tests.browsers import find_browser
from tests.journey.servers import Server, run_plenum
from tests.journey.stages import Scene, Stage, open_stage

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
PHONE: Final = {"width": 360, "height": 700}
DESK: Final = {"width": 1280, "height": 760}
QUESTIONS: Final = {
    "Where does it happen?": "Where does the Calvin cycle run?", "One word for today": "One word for photosynthesis",
}  # fmt: skip
SCREEN: Final = {"width": 1280, "height": 720}


# A page of the browser's own makes WebP of a PNG, at a tenth of its size.
_SHRINK: Final = """async (png) => {
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/webp", 0.85).split(",")[1];
}"""


class Camera:
    """Takes pictures small enough to be kept beside the source."""

    def __init__(self, folder: Path, darkroom: Page) -> None:
        self._folder = folder
        self._darkroom = darkroom
        self.taken: list[Path] = []

    async def take(self, name: str, page: Page) -> None:
        await page.mouse.move(0, 0)
        await page.evaluate(f"async () => {{ scrollTo(0, 0); await ({SETTLED})(); }}")
        png = base64.b64encode(await page.screenshot()).decode()
        self.taken.append(self._folder / f"{name}.webp")
        self.taken[-1].write_bytes(base64.b64decode(await self._darkroom.evaluate(_SHRINK, png)))


async def take_all(executable: str, folder: Path) -> list[Path]:
    """Start a server, seed it, and take each picture; returns what was written."""
    async with AsyncExitStack() as ends:
        server = Server(
            Path(ends.enter_context(tempfile.TemporaryDirectory())), PLENUM_PUBLIC_URL="https://plenum.example"
        )
        ends.callback(server.end)
        await asyncio.to_thread(server.start)
        stores = {"REDIS_URL": server.redis_url, "DATABASE_URL": server.database_url}
        seeded = await asyncio.to_thread(lambda: run_plenum("seed", "--json", **stores))
        assert seeded.returncode == 0, seeded.stderr
        lecture = json.loads(seeded.stdout)[0]
        browser = await ends.enter_async_context(open_browser(executable))
        stage = await open_stage(server.url, server.database_url)
        ends.push_async_callback(stage.close)
        cast = Cast(server.url, browser, browser, await ends.enter_async_context(AsyncExitStack()))
        camera = Camera(folder, await browser.new_page())
        await _walk(cast, stage, lecture, camera)
        return camera.taken


async def _walk(cast: Cast, stage: Stage, lecture: dict[str, Any], camera: Camera) -> None:
    scene = Scene(stage, lecture["id"], lecture["join_code"], lecture["tickets"]["owner"])
    host = await scene.present()
    by_title = {row["title"]: row["id"] for row in (await scene.get("/activities")).json()["activities"]}

    phone = await cast.phone(viewport=PHONE)
    await phone.join(scene.code, "Robin")
    await phone.choose("A field trip")
    await camera.take("phone-question", phone.page)
    await host.ask("reveal", activity_id=by_title["Next week"])
    await phone.answer("A field trip")
    await phone.is_saved()
    await phone.has_answered("A field trip")
    await camera.take("phone-receipt", phone.page)

    desk = await cast.presenter(viewport=DESK)
    await desk.take_over(scene.id, scene.ticket)
    await expect(desk.light).to_contain_text("answers are saved")
    await desk.page.locator(".agenda li > button").nth(8).click()
    await expect(desk.page.locator(".stage .bars li")).to_have_count(3)
    await camera.take("presenter", desk.page)

    screen = (await cast.presenter(viewport=SCREEN)).page
    await screen.goto(f"{cast.url}/screen#session={scene.id}&ticket={lecture['tickets']['display']}")
    shown = (("screen-quiz", "Where does it happen?", ".bars li"), ("screen-cloud", "One word for today", ".cloud"))
    for name, title, drawn in shown:
        assert (await host.ask("move_session", focus=by_title[title]))["type"] == "done"
        await expect(screen.locator("h1")).to_have_text(QUESTIONS[title])
        await expect(screen.locator(drawn).first).to_be_visible()
        await camera.take(name, screen)


def main() -> int:
    """The exit status; 2 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.readme", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to; default: docs/images")
    folder = parser.parse_args().folder
    executable = find_browser()
    if executable is None:
        sys.stderr.write("no Chromium or Chrome is installed on this machine\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for path in asyncio.run(take_all(executable, folder)):
        sys.stdout.write(f"{path.name} {path.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
