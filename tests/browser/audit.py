"""What axe-core says about pages, in light and in dark."""

import json
from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

SCHEMES: Final = ("light", "dark")
# All rules in light; in dark only what colours can change. The size of targets is a rule that axe leaves off.
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "light": {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}
# The colours have changed, and have finished changing.
_SETTLED: Final = "scheme => document.documentElement.dataset.theme === scheme && document.getAnimations().every((each) => each.playState !== 'running')"


class Audit:
    """Collects the violations of all states that were looked at, so that one run tells all."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.violations: dict[str, list[str]] = {}

    async def look(self, state: str, page: Page) -> None:
        """Examine a page as it stands."""
        self.states.append(state)
        import time; t0=time.perf_counter()
        for scheme in SCHEMES:
            await show_in(page, scheme)
            if not await page.evaluate("'axe' in window"):
                await page.evaluate(AXE_SCRIPT)  # over the debugger: the page's own policy allows no such script
            found = await page.evaluate(f"axe.run({json.dumps(_OPTIONS[scheme])})")
            for violation in found["violations"]:
                for node in violation["nodes"]:
                    why = " ".join(node["failureSummary"].split()[:40])
                    fault = f"{violation['id']} ({violation['impact']}): {node['html'][:140]} | {why}"
                    self.violations.setdefault(fault, []).append(f"{state}/{scheme}")
        await show_in(page, "light")
        global SPENT; SPENT=globals().get("SPENT",0)+time.perf_counter()-t0

    def check(self) -> None:
        print("SPENT", SPENT, len(self.states))
        """Fail with every violation and where it was first seen."""
        told = [f"{fault}\n    in {len(where)} states, first {where[0]}" for fault, where in self.violations.items()]
        assert not told, "\n".join([f"{len(told)} violations in {len(self.states)} states:", *told])


async def show_in(page: Page, scheme: str) -> None:
    """Let the page follow the system's choice of light or dark."""
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.wait_for_function(_SETTLED, arg=scheme)
