"""The people of a session and what they do on their pages, as they would say it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Locator, Page, expect

SAVED: Final = "Your answer counts and is saved for good."
COUNTED: Final = "Your answer counts. It is being saved now."
KEPT: Final = re.compile("Kept on this device")
TOO_LATE: Final = "Too late: this question had closed. Your answer was not counted."
WAIT_MS: Final = 8_000
RETURN_MS: Final = 40_000  # reconnects are spread over up to 30 s after many failures


@dataclass(frozen=True)
class Phone:
    """A participant's device."""

    page: Page
    url: str

    async def type_code(self, code: str) -> None:
        """From the start page to the door."""
        await self.page.goto(self.url)
        await self.page.get_by_label("Session code").fill(code)
        await self.page.get_by_role("button", name="Continue").click()

    async def follow_link(self, code: str) -> None:
        """By a link or a QR code to the door."""
        await self.page.goto(f"{self.url}/join#{code}")

    async def enter(self, nickname: str | None = None) -> None:
        """Through the door into the room."""
        if nickname is None:
            await self.page.get_by_role("button", name="Join anonymously").click()
        else:
            await self.page.get_by_label("Your name").fill(nickname)
            await self.page.get_by_role("button", name=f"Join as {nickname}", exact=True).click()
        await expect(self.page.locator("header .name")).not_to_be_empty(timeout=WAIT_MS)

    async def join(self, code: str, nickname: str | None = None) -> None:
        """By the link, with or without a name."""
        await self.follow_link(code)
        await self.enter(nickname)

    async def sees(self, question: str, timeout_ms: int = WAIT_MS) -> None:
        await expect(self.page.get_by_role("heading", name=question, exact=True)).to_be_visible(timeout=timeout_ms)

    async def choose(self, *options: str) -> None:
        for option in options:
            await self.page.locator("label.option", has_text=option).click()

    async def answer(self, *options: str) -> None:
        """Choose and send."""
        await self.choose(*options)
        await self.page.get_by_role("button", name=re.compile("^Send")).click()

    async def change(self, *options: str) -> None:
        """Another answer instead of the one that was sent."""
        await self.page.get_by_role("button", name="Change my answer").click()
        await self.answer(*options)

    @property
    def receipt(self) -> Locator:
        return self.page.locator("main > article .receipt p")

    @property
    def banner(self) -> Locator:
        return self.page.locator(".banner")

    async def is_saved(self, timeout_ms: int = WAIT_MS) -> None:
        await expect(self.receipt).to_have_text(SAVED, timeout=timeout_ms)

    async def has_answered(self, option: str) -> None:
        """The own answer is shown: as the choice that is checked, or as the bar that is marked as one's own."""
        own = self.page.locator("label.option.chosen, .bars .own .label").filter(visible=True)
        await expect(own).to_have_text(re.compile(re.escape(option)), timeout=WAIT_MS)


@dataclass(frozen=True)
class Presenter:
    """Who runs the session, at a desk."""

    page: Page
    url: str

    async def create_session(self, title: str) -> str:
        """Name a session and create it; returns its join code."""
        await self.page.goto(f"{self.url}/present")
        await self.page.get_by_label("Name of the session").fill(title)
        await self.page.get_by_role("button", name="Create session").click()
        await expect(self.code).to_have_text(re.compile("^[A-Z0-9]{4,}$"), timeout=WAIT_MS)
        return (await self.code.inner_text()).strip()

    async def take_over(self, session_id: str, ticket: str) -> None:
        """Open the session by its presenter link."""
        await self.page.goto(f"{self.url}/present#session={session_id}&ticket={ticket}")
        await expect(self.code).not_to_be_empty(timeout=WAIT_MS)

    async def write_poll(self, question: str, options: Sequence[str], button: str = "Add and open") -> None:
        """Write a question in the builder."""
        add = self.page.get_by_role("button", name=re.compile("^(Add|Write a question)$")).first
        await add.click()
        await self.page.get_by_label("Question", exact=True).fill(question)
        for number, option in enumerate(options):
            line = self.page.get_by_label(f"Option {chr(65 + number)}", exact=True)
            if not await line.count():
                await self.page.get_by_role("button", name="Another option").click()
            await line.fill(option)
        await self.page.get_by_role("button", name=button, exact=True).click()
        await expect(self.page.locator(".stage").get_by_role("heading", name=question, exact=True)).to_be_visible(timeout=WAIT_MS)

    async def press(self, name: str) -> None:
        """A button of the stage, by its words."""
        await self.page.locator(".controls").get_by_role("button", name=name).click()

    @property
    def code(self) -> Locator:
        return self.page.locator(".share .code")

    @property
    def state(self) -> Locator:
        """The state of the activity on the stage."""
        return self.page.locator(".stage .chip").first

    @property
    def count(self) -> Locator:
        """How many answers the stage shows."""
        return self.page.locator(".stage .count strong")

    @property
    def light(self) -> Locator:
        return self.page.locator(".light")

    def votes(self, option: str) -> Locator:
        return self.page.locator(".stage .bars li", has_text=option).locator("small")
