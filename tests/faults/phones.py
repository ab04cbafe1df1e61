"""Simulated phones: each is the client that integrators use, and everything it does and hears is noted."""

import asyncio
import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any, Final

from realtime.client import Event, Outbox, OutboxFull, Patience, Session, join
from tests.faults.history import History, View

# As the library's, only sooner.
PATIENCE: Final = Patience(base_seconds=0.05, cap_seconds=0.5, open_seconds=1.0, stable_seconds=1.0)
CHOICES: Final = ("a", "b", "c")


class Phone:
    """One device: a participant's, or a presenter's screen."""

    def __init__(self, name: str, url: str, session_id: str, ticket: str, role: str, participant_id: str, history: History) -> None:
        self.name = name
        self.role = role
        self.ticket = ticket
        self.session_id = session_id
        self.participant_id = participant_id
        self.on_saved: Callable[[Event], None] = lambda _: None
        self._history = history
        self._url = url
        self.session = self._make(Outbox())

    def _make(self, outbox: Outbox) -> Session:
        return Session(self._url, self.ticket, outbox=outbox, patience=PATIENCE, on_event=self._hear, client_name=self.name)

    def restore(self, outbox: Outbox) -> None:
        """Begin with what an earlier page had kept; before the session is started."""
        self.session = self._make(outbox)

    def _hear(self, event: Event) -> None:
        # The welcome is told before the client has read from it who it is.
        known = dataclasses.replace(event, session_id=self.session_id, participant_id=self.participant_id)
        self._history.note(self.name, self.role, known)
        if event.kind == "saved":
            self.on_saved(known)

    def press(self, activity_id: str, choice: str, **options: Any) -> bool:
        """Answer; False when the outbox is full, and then nothing was sent."""
        try:
            self.session.press(activity_id, {"selected": [choice]}, **options)
        except OutboxFull:
            return False
        return True

    @property
    def at_rest(self) -> bool:
        return self.session.online and len(self.session.outbox) == 0

    def view(self) -> View:
        epoch, offset = self.session.position
        return View(self.role, epoch, offset, dict(self.session.state))


class Crowd:
    """The phones of one session, and the load they make; all choices come from one seed."""

    def __init__(self, url: str, history: History, seed: int) -> None:
        self.phones: list[Phone] = []
        self.pressed = 0
        self._url = url
        self._history = history
        self._random = random.Random(seed)

    async def enter(self, code: str, count: int) -> None:
        """Let people join and connect."""
        start = len(self.phones)

        async def one(number: int) -> Phone:
            joined = await join(self._url, code, f"P{number}")
            phone = Phone(
                f"phone-{joined.session_id[-4:]}-{number}", self._url, joined.session_id, joined.ticket, "participant",
                joined.participant_id, self._history,
            )  # fmt: skip
            phone.session.start()
            return phone

        self.phones += await asyncio.gather(*(one(number) for number in range(start, start + count)))
        async with asyncio.timeout(30):
            await asyncio.gather(*(phone.session.ready() for phone in self.phones[start:]))

    def press_one(self, activities: dict[str, str]) -> None:
        """Somebody answers something."""
        phone = self._random.choice(self.phones)
        kind = "many" if self._random.random() < 0.7 else "one"
        choices = [activity_id for activity_id, of in activities.items() if of == kind] or list(activities)
        if phone.session.trouble is None or not phone.session.outbox or len(phone.session.outbox) < 150:
            self.pressed += phone.press(self._random.choice(choices), self._random.choice(CHOICES))

    async def press(self, activities: dict[str, str], *, rate: float, seconds: float) -> None:
        """Answer at a rate, evenly."""
        started = time.monotonic()
        done = 0
        while (elapsed := time.monotonic() - started) < seconds:
            while done < elapsed * rate:
                self.press_one(activities)
                done += 1
            await asyncio.sleep(0.01)

    def unrest(self) -> str:
        """Who is not at rest, and why."""
        told = [
            f"{phone.name}: online {phone.session.online}, {len(phone.session.outbox)} wait, position {phone.session.position}, "
            f"saved {phone.session.state.get('saved')}, trouble {phone.session.trouble!r}, "
            f"first {next(iter(phone.session.outbox), None)}"
            for phone in self.phones
            if not phone.at_rest
        ]
        return "\n".join(told[:5]) + f"\n{len(told)} of {len(self.phones)} phones are not at rest"

    async def close(self) -> None:
        await asyncio.gather(*(phone.session.close() for phone in self.phones))
