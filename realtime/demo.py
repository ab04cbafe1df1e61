"""A sample session and an audience of simulated phones, so that a newcomer sees a live dashboard at once."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from realtime.activities.registry import installed
from realtime.client import (
    ConnectionEnded,
    CreatedSession,
    Joined,
    Outbox,
    OutcomeUnknown,
    Refused,
    Session,
    Unreachable,
    connect,
    create_session,
    join,
)

# The types shown, in order, and what differs from the type's own example; those not installed are left out.
_PROGRAMME: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    (
        "poll",
        "Warming up",
        {
            "question": "How did you get here today?",
            "options": [
                {"id": "bike", "text": "By bicycle"},
                {"id": "train", "text": "By train"},
                {"id": "foot", "text": "On foot"},
                {"id": "car", "text": "By car"},
                {"id": "bed", "text": "I am still in bed"},
            ],
            "max_choices": 1,
        },
    ),
    ("word_cloud", "One word", {"moderate_submissions": False}),
    ("rating", "How sure are you?", {}),
    ("quiz", "Where does it happen?", {}),
    ("ranking", "What matters most?", {}),
    ("qna", "Ask anything", {"moderate_questions": False}),
)
_NAMES: Final = (
    "Ada", "Alan", "Barbara", "Bo", "Chidi", "Dmitri", "Edsger", "Emmy", "Farah", "Grace", "Hedy", "Ines", "Jun",
    "Kofi", "Lin", "Mary", "Noor", "Olu", "Priya", "Quentin", "Radia", "Sofia", "Tim", "Uma", "Vera", "Wei",
    "Xenia", "Yuki",
)  # fmt: skip
_WORDS: Final = (
    "Light", "Leaf", "Energy", "Sugar", "Water", "Green", "Sun", "Oxygen", "Chlorophyll", "Curious",
    "Coffee", "Photons",
)  # fmt: skip
_SENTENCES: Final = (
    "Why is it called the dark reaction?",
    "Could you show the second slide again?",
    "How do plants in the shade do it?",
    "Will this be in the exam?",
    "What happens to the oxygen?",
    "Is there a lab for this?",
)
_JOINING_AT_ONCE: Final = 8
_DROPPING: Final = 0.1  # of the phones lose their connection after an answer, and come back
_CHANGING: Final = 0.15  # change their answer once
_NAMED: Final = 0.7  # give a name


@dataclass(slots=True)
class Tally:
    """What the audience did."""

    joined: int = 0
    accepted: int = 0
    refused: int = 0


async def prepare(base_url: str) -> CreatedSession:
    """Make a sample session with one activity of each shown type, and open the first of them."""
    made = await create_session(base_url, "Plenum demo")
    kinds = installed().kinds()
    shown = [each for each in _PROGRAMME if each[0] in kinds]
    async with connect(base_url, made.presenter_ticket) as host:
        for index, (name, title, changes) in enumerate(shown):
            config = {"settings": {**kinds[name].example["settings"], **changes}}
            command = {"type": "create_activity", "activity_type": name, "title": title, "config": config}
            done = await host.command({**command, "order_index": index})
            if index == 0:
                await _open(host, done["activity"]["id"])
    return made


async def perform(base_url: str, public_url: str, *, phones: int, seconds: float, say: Callable[[str], Any]) -> None:
    """Prepare a session, tell where to watch it, and play: open one activity after the other to an audience.

    The audience stays, and answers whatever is opened, until this is cancelled.
    """
    made = await prepare(base_url)
    session_id, code = made.session["id"], made.session["join_code"]
    say(f"  Watch it live  {public_url}/present#session={session_id}&ticket={made.presenter_ticket}")
    say(f"  Join in        {public_url}/join#{code}\n")
    say(f"  {phones} simulated phones join and answer for {seconds:g} seconds.")
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        group.create_task(run_audience(base_url, code, phones=phones, seconds=seconds, stay=True, tally=tally))
        group.create_task(_direct(base_url, made.presenter_ticket, seconds))
        await asyncio.sleep(seconds)
        say(f"  {tally.accepted} answers are in. The phones stay, and answer whatever you open.")


async def run_audience(
    base_url: str,
    code: str,
    *,
    phones: int,
    seconds: float,
    stay: bool = False,
    seed: int | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Let simulated phones join and answer what is open, at the times of people; returns what they did.

    They take up to half of `seconds` to answer an activity, and leave after `seconds` unless they `stay`. A
    given `tally` is counted up meanwhile.
    """
    tally = tally or Tally()
    dice = random.Random(seed)
    door = asyncio.Semaphore(_JOINING_AT_ONCE)
    audience = [Phone(base_url, code, tally, random.Random(dice.random()), seconds) for _ in range(phones)]
    try:
        async with asyncio.timeout(None if stay else seconds), asyncio.TaskGroup() as group:
            for phone in audience:
                group.create_task(phone.run(door))
    except TimeoutError:
        return tally  # the time was up, as asked
    return tally


class Phone:
    """One simulated person: joins, thinks, answers, sometimes changes its mind or loses its connection."""

    def __init__(self, base_url: str, code: str, tally: Tally, dice: random.Random, seconds: float) -> None:
        self._base_url = base_url
        self._code = code
        self._tally = tally
        self._dice = dice
        self._seconds = seconds
        self._outbox = Outbox()
        self._answered: set[tuple[str, int]] = set()

    async def run(self, door: asyncio.Semaphore) -> None:
        """Take part until cancelled, or until the session ends."""
        await asyncio.sleep(self._dice.random() * self._seconds * 0.25)
        try:
            async with door:
                joined = await join(self._base_url, self._code, self._name())
            self._tally.joined += 1
            while True:
                await self._attend(joined)
                await asyncio.sleep(self._dice.uniform(0.5, 8.0))  # in the lift
        except (ConnectionEnded, Refused, Unreachable):
            return  # the session is over, full or gone: people put their phones away

    async def _attend(self, joined: Joined) -> None:
        """Answer what opens, until the connection drops."""
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                connect(self._base_url, joined.ticket, outbox=self._outbox, client_name="plenum-demo")
            )
            while True:
                state = await session.until(lambda state: bool(self._unanswered(state)))
                activity = self._unanswered(state)[0]
                self._answered.add((activity["id"], activity["round"]))
                await asyncio.sleep(self._dice.triangular(0.3, self._seconds * 0.5, self._seconds * 0.1))
                await self._answer(session, activity)
                if self._dice.random() < _CHANGING:
                    await asyncio.sleep(self._dice.uniform(0.5, 5.0))
                    await self._answer(session, activity)
                if self._dice.random() < _DROPPING:
                    return

    async def _answer(self, session: Session, activity: Mapping[str, Any]) -> None:
        answer = draw_answer(activity["type"], activity["config"]["settings"], self._dice)
        if answer is None:
            return
        submitted = await session.submit(activity["id"], answer)
        if submitted.accepted:
            self._tally.accepted += 1
        else:
            self._tally.refused += 1  # closed in the meantime, perhaps: final, and shown to a person

    def _unanswered(self, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            value
            for key, value in state.items()
            if key.startswith("activity:") and value["state"] == "active" and (value["id"], value["round"]) not in self._answered
        ]

    def _name(self) -> str | None:
        if self._dice.random() > _NAMED:
            return None
        return f"{self._dice.choice(_NAMES)} {self._dice.randint(1, 99)}"


def draw_answer(name: str, settings: Mapping[str, Any], dice: random.Random) -> dict[str, Any] | None:
    """A plausible answer to an activity of that type; None where the type has no example to follow."""
    match name:
        case "poll" | "quiz":
            options = [option["id"] for option in settings["options"]]
            count = dice.randint(settings.get("min_choices", 1), settings.get("max_choices", 1))
            return {"selected": sorted(_favour(options, dice)[:count])}
        case "word_cloud":
            return {"words": dice.sample(_WORDS, k=dice.randint(1, settings.get("max_words_per_submission", 1)))}
        case "rating":
            return {"ratings": {item["id"]: _rate(settings, dice) for item in settings["items"]}}
        case "ranking" | "ordering":
            return {"order": _favour([item["id"] for item in settings["items"]], dice)}
        case "qna":
            return {"action": "question", "text": dice.choice(_SENTENCES), "anonymous": dice.random() < 0.5}
        case "open_text":
            return {"entries": [dice.choice(_SENTENCES)]}
    kind = installed().kinds().get(name)
    return dict(dice.choice(kind.example["answers"])) if kind is not None else None


def _favour(ids: list[str], dice: random.Random) -> list[str]:
    """All ids, the earlier ones more often in front, as halls have their favourites."""
    return sorted(ids, key=lambda each: ids.index(each) + dice.gauss(0, len(ids) * 0.6))


def _rate(settings: Mapping[str, Any], dice: random.Random) -> int:
    least, most, step = int(settings["min"]), int(settings["max"]), max(1, int(settings.get("step", 1)))
    return least + step * round(dice.triangular(0, (most - least) // step, (most - least) / step * 0.7))


async def _open(host: Session, activity_id: str) -> None:
    await host.command({"type": "move", "activity_id": activity_id, "to": "active"})
    await host.command({"type": "move_session", "focus": activity_id})


async def _direct(base_url: str, ticket: str, seconds: float) -> None:
    """Open the activities that are still drafts, one after the other."""
    async with connect(base_url, ticket) as host:
        activities = [value for key, value in host.state.items() if key.startswith("activity:")]
        drafts = sorted((each for each in activities if each["state"] == "draft"), key=lambda each: each["order_index"])
        for activity in drafts:
            await asyncio.sleep(seconds / (len(drafts) + 1))
            try:
                await _open(host, activity["id"])
            except (Refused, OutcomeUnknown):
                continue  # somebody who watches was quicker, and directs it their own way
