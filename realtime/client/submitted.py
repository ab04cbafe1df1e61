"""What became of one press, and a participant's own responses as the server tells them."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from realtime.client.errors import ConnectionEnded, Refused
from realtime.client.outbox import Entry

Own = dict[str, list[dict[str, Any]]]  # own responses by activity id


class Submitted:
    """One press: `acceptance` is the server's `accepted`, `refusal` its final no; neither: nothing is known.

    A refusal `superseded` means that a newer answer of the same person stands.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.acceptance: dict[str, Any] | None = None
        self.refusal: Refused | None = None
        self.is_saved = False
        self._ended: ConnectionEnded | None = None
        self._decided = asyncio.Event()
        self._settled = asyncio.Event()

    @property
    def submission_id(self) -> str:
        return self.entry.submission_id

    @property
    def accepted(self) -> bool:
        return self.acceptance is not None

    async def decided(self) -> "Submitted":
        """Wait until it is accepted or refused, however many connections it takes; raises ConnectionEnded."""
        await self._decided.wait()
        if self._ended is not None and self.acceptance is None and self.refusal is None:
            raise self._ended
        return self

    async def saved(self) -> None:
        """Wait until the database holds it; raises Refused or ConnectionEnded."""
        await self._settled.wait()
        if self.refusal is not None:
            raise self.refusal
        if not self.is_saved and self._ended is not None:
            raise self._ended

    def accept(self, frame: dict[str, Any]) -> None:
        self.acceptance = frame
        self._decided.set()

    def refuse(self, refusal: Refused) -> None:
        self.refusal = refusal
        self._decided.set()
        self._settled.set()

    def save(self) -> None:
        self.is_saved = True
        self._settled.set()

    def end(self, reason: ConnectionEnded) -> None:
        self._ended = reason
        self._decided.set()
        self._settled.set()


def own_response(frame: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    """An own response, from an acceptance and the entry that was accepted."""
    told = ("response_id", "entry", "round", "revision", "submission_id", "offset")
    return {name: frame[name] for name in told} | {"data": entry.data, "withdrawn": entry.withdraw}


def merge_own(own: Own, activity_id: str, responses: Iterable[dict[str, Any]]) -> None:
    """Take changed responses into `own`; of one response the higher revision stands."""
    kept = {(each["round"], each["entry"]): each for each in own.get(activity_id, [])}
    for each in responses:
        place = (each["round"], each["entry"])
        if place not in kept or kept[place]["revision"] <= each["revision"]:
            kept[place] = each
    own[activity_id] = list(kept.values())


def highest_own_revision(own: Own, activity_id: str, in_round: int | None) -> int:
    """The highest revision of a person's responses to a round of an activity."""
    return max(
        (each["revision"] for each in own.get(activity_id, ()) if in_round in (None, each["round"])),
        default=0,
    )
