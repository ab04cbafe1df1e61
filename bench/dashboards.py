"""A presenter's dashboard: what it was shown, and when."""

import asyncio
import re
import time
from dataclasses import dataclass

from bench.phones import Phone, open_phones, seat
from bench.serving import Hall, Served

_RESPONSES = re.compile(rb'"responses":(\d+)')
_SAVED = re.compile(rb'"saved":(\d+)')
_OFFSET = re.compile(rb'"offset":(\d+)')


@dataclass(slots=True)
class Moment:
    """What a dashboard knew at a time of this process' clock."""

    at: float
    responses: int
    saved: int


class Dashboard:
    """A presenter's connection that notes every change of the counts (of all activities together) and of the watermark."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._counts = dict.fromkeys(hall.activities, 0)
        self._needles = {activity_id: b'"counts:' + activity_id.encode() + b'":{' for activity_id in hall.activities}
        self._saved = 0
        self._changed = asyncio.Event()
        self.moments: list[Moment] = []
        self.phone: Phone | None = None

    async def open(self, served: Served) -> None:
        phones = await open_phones(served.port, 1, heard=self._hear)
        self.phone = phones[0]
        await seat(phones, [self._hall.ticket])

    def _hear(self, _: Phone, text: bytes) -> None:
        for activity_id, needle in self._needles.items():
            at = text.find(needle)
            if at >= 0:
                found = _RESPONSES.search(text, at)
                if found:
                    self._counts[activity_id] = int(found.group(1))
        saved = _SAVED.search(text)
        if saved:
            self._saved = int(saved.group(1))
        self.moments.append(Moment(time.perf_counter(), sum(self._counts.values()), self._saved))
        self._changed.set()

    async def shows(self, *, responses: int = 0, saved: int = 0, seconds: float = 30.0) -> float:
        """Wait until it shows so many responses and such a watermark; returns when it first did."""
        async with asyncio.timeout(seconds):
            while True:
                for moment in self.moments:
                    if moment.responses >= responses and moment.saved >= saved:
                        return moment.at
                self._changed.clear()
                await self._changed.wait()

    def leave(self) -> None:
        if self.phone is not None:
            self.phone.transport.abort()


def offset_of(accepted: bytes) -> int:
    """The offset that an acknowledgement tells."""
    found = _OFFSET.search(accepted)
    return int(found.group(1)) if found else 0
