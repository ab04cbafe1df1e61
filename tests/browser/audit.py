"""What axe-core says about pages, in light and in dark."""

from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Page

from tests.browser.chromium import SETTLED

# All rules in light, and the size of targets, which axe leaves off by itself; in dark what colours can change.
# The theme is set as its switch sets it, and examined once its transitions are over.
_EXAMINE: Final = (
    f"async (scopes) => {{ const settled = {SETTLED};"
    """
  const found = [];
  const passes = {
    light: { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } },
    dark: { resultTypes: ["violations"], runOnly: ["color-contrast"] },
  };
  const root = document.documentElement;
  const part = scopes.map((each) => [...document.querySelectorAll(each)].at(-1)).find(Boolean) ?? document;
  const before = root.dataset.theme;
  for (const [theme, options] of Object.entries(passes)) {
    root.dataset.theme = theme;
    await settled();
    for (const { id, impact, nodes } of (await axe.run(part, options)).violations)
      for (const { html, failureSummary } of nodes) found.push({ id, impact, theme, html, why: failureSummary });
  }
  root.dataset.theme = before;
  return found;
}"""
)


class Audit:
    """Collects the violations of all states that were looked at, so that one run tells all.

    Of a page with a dialog the dialog is examined, as the rest is out of reach; else the first of `parts` that is there,
    for states that differ in that part alone; else all of it.
    """

    def __init__(self, *parts: str) -> None:
        self.scopes = ["dialog[open]", *parts]
        self.states: list[str] = []
        self.violations: dict[str, list[str]] = {}

    async def look(self, state: str, page: Page) -> None:
        """Examine a page as it stands."""
        self.states.append(state)
        if not await page.evaluate("'axe' in window"):
            await page.evaluate(AXE_SCRIPT)  # over the debugger: the page's own policy allows no such script
        found: list[dict[str, Any]] = await page.evaluate(_EXAMINE, self.scopes)
        for each in found:
            why = " ".join(each["why"].split()[:40])
            fault = f"{each['id']} ({each['impact']}): {each['html'][:140]} | {why}"
            self.violations.setdefault(fault, []).append(f"{state}/{each['theme']}")

    def check(self) -> None:
        """Fail with every violation and where it was first seen."""
        told = [f"{fault}\n    in {len(where)} states, first {where[0]}" for fault, where in self.violations.items()]
        assert not told, "\n".join([f"{len(told)} violations in {len(self.states)} states:", *told])
