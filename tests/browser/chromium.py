"""The machine's own Chromium under Playwright, and the screens that people hold or stand before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, async_playwright

FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
}  # fmt: skip
DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1440, "height": 900}}
# English whatever the machine speaks; bars that glide would be measured half-way.
COMMON: Final[dict[str, Any]] = {"locale": "en-GB", "timezone_id": "UTC", "reduced_motion": "reduce"}

# A function of the page: over once nothing moves any more. One transition may set off the next, of what inherits from it.
SETTLED: Final = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let quiet = 0; quiet < 2; quiet += 1) {
    await frame();
    const moving = document.getAnimations().filter((each) => each.playState === "running");
    if (moving.length) quiet = -1;
    await Promise.all(moving.map((each) => each.finished.catch(() => {})));
  }
}"""


@asynccontextmanager
async def open_browser(executable: str) -> AsyncIterator[Browser]:
    """A browser process of its own; gone at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
