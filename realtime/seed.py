"""`plenum seed`: sample data that went the way of all data, through the commands, the store and the flusher."""

import asyncio
import json
import random
import sys
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final

from persistence import events, sessions
from persistence.sessions import SessionRow
from realtime.activities.registry import installed
from realtime.app import App
from realtime.commands.actors import Actor
from realtime.commands.joining import Joined, Newcomer
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.core.messages import Accepted, Frame, Submit
from realtime.seed_content import TEAMS, Answer, Draw, Question, Sample, samples
from realtime.tickets import hash_ticket

_SEED: Final = 2_026  # of all dice: every installation gets the same answers
_MOST_LINES: Final = 100  # of the audit that are read to find what was made before
_SAVED_SECONDS: Final = 30.0
_ON_THE_WAY: Final[dict[str, tuple[str, ...]]] = {"paused": ("paused",), "closed": ("closed",), "cancelled": ("cancelled",)}
_SHOWN_PEOPLE: Final = 2  # whose tickets are told, so that a program can answer as them


@dataclass(frozen=True, slots=True)
class Seeded:
    """One session as it is told: how to get in, and what is in it. The tickets are known only to who made it."""

    name: str
    id: str
    title: str
    join_code: str
    is_new: bool
    activities: int = 0
    people: int = 0
    answers: int = 0
    tickets: dict[str, str] | None = None


class Unseeded(Exception):
    """The sample data could not be made; the sentence says why."""


async def seed(app: App, *, again: bool, as_json: bool, url: str) -> int:
    """Make the sessions that are not there yet, or all of them again, and tell what there is; 1 where one could not be made."""
    made: list[Seeded] = []
    failure = ""
    async with app.flushing():
        for sample in samples(installed()):
            try:
                made.append(await _bring(app, sample, again=again))
            except Unseeded as error:
                failure = f"“{sample.title}” could not be made: {error}"
                break  # what was made before is told all the same: its links are known only now
    if as_json:
        print(json.dumps([asdict(one) for one in made], indent=2, ensure_ascii=False))
    else:
        for one in made:
            print("\n".join(_lines(one, url)))
        if not all(one.is_new for one in made):
            print("\nWhat was there is as it was; its links were told when it was made. `plenum seed --again` makes all anew.")
    if failure:
        print(f"plenum: {failure}", file=sys.stderr)
    return 1 if failure else 0


def _lines(one: Seeded, url: str) -> list[str]:
    head = f"\n{one.title}  (join code {one.join_code})"
    if not one.is_new or one.tickets is None:
        return [f"{head}\n  is there already, session {one.id}"]
    links = {
        "owner": f"{url}/present#session={one.id}&ticket={one.tickets['owner']}",
        "presenter": f"{url}/present#session={one.id}&ticket={one.tickets['presenter']}",
        "moderator": f"{url}/present#session={one.id}&ticket={one.tickets['moderator']}",
        "big screen": f"{url}/screen#session={one.id}&ticket={one.tickets['display']}",
        "results": f"{url}/results#session={one.id}&ticket={one.tickets['owner']}",
        "join": f"{url}/join#{one.join_code}",
    }
    counts = f"  {one.activities} activities, {one.people} participants, {one.answers} answers"
    return [head, counts, *(f"  {role:<11}{link}" for role, link in links.items())]


async def _bring(app: App, sample: Sample, *, again: bool) -> Seeded:
    """One session: as it is found, or made; one that was begun and never finished is made again."""
    found, is_whole = await _find(app, sample)
    if found is not None and is_whole and not again:
        return Seeded(sample.name, found.id, found.title, found.join_code, is_new=False)
    try:
        if found is not None:
            await app.directing.delete_session(Actor(found.id, "owner", _actor_of(sample)))
        return await _Making(app, sample).make()
    except Refusal as refusal:
        raise Unseeded(f"{refusal.message} ({refusal.code} {encode(refusal.details)})") from refusal


def _actor_of(sample: Sample) -> str:
    return f"seed:{sample.name}"


async def _find(app: App, sample: Sample) -> tuple[SessionRow | None, bool]:
    """The session that an earlier run made, by what the audit says, and whether that run came to its end."""
    lines = await events.of_actor(app.pool, _actor_of(sample), limit=_MOST_LINES)
    begun = next((line for line in lines if line.action == "seed_begun"), None)
    row = None if begun is None else await sessions.read(app.pool, begun.session_id)
    is_whole = row is not None and any(line.action == "seeded" and line.session_id == row.id for line in lines)
    return row, is_whole


class _Making:
    """One session while it is made."""

    def __init__(self, app: App, sample: Sample) -> None:
        self._app = app
        self._sample = sample
        self._dice = random.Random(f"{_SEED} {sample.name}")
        self._owner = Actor("", "owner", "")
        self._people: list[Actor] = []
        self._answers = 0

    async def make(self) -> Seeded:
        app, sample = self._app, self._sample
        row, ticket, screen_ticket = await app.directing.create_session(sample.title, description=sample.description)
        self._owner = Actor(row.id, "owner", hash_ticket(ticket))
        await self._note("seed_begun")
        tickets = {"owner": ticket, "display": screen_ticket}
        for role, label in (("presenter", "Ben, second device"), ("moderator", "Mo, at the back")):
            _, given = await app.identity.ticketing.issue(self._owner, role, label=label)
            tickets[role] = given or ""
        joined = [await self._join(row, at, name) for at, name in enumerate(sample.people)]
        self._people = [await app.gate.admit(one.ticket) for one in joined]
        tickets |= {f"participant {at + 1}": one.ticket for at, one in enumerate(joined[:_SHOWN_PEOPLE])}
        if sample.in_teams:
            for at, person in enumerate(self._people):
                await app.standings.assign_team(self._owner, person.participant_id or "", TEAMS[at % len(TEAMS)])
        ids = [await self._play(question) for question in sample.questions]
        if sample.focus is not None:
            await app.directing.move_session(self._owner, focus=ids[sample.focus])
        if sample.ends:
            await app.directing.move_session(self._owner, to="completed")
        await self._save()
        await app.scoring.sweep()
        await self._note("seeded")
        return Seeded(
            sample.name, row.id, row.title, row.join_code, is_new=True, activities=len(ids), people=len(self._people),
            answers=self._answers, tickets=tickets,
        )  # fmt: skip

    async def _note(self, action: str) -> None:
        await events.record(self._app.pool, session_id=self._owner.session_id, actor=_actor_of(self._sample), action=action)

    async def _join(self, row: SessionRow, at: int, name: str | None) -> Joined:
        return await self._app.entrance.join(row, Newcomer(name, f"seed-{self._sample.name}-{at:03}"))

    async def _play(self, question: Question) -> str:
        """Bring one activity to where it shall stand, by the way that a presenter takes."""
        directing, owner = self._app.directing, self._owner
        config = {**question.envelope, "settings": dict(question.settings)}
        activity = await directing.create_activity(owner, question.type, title=question.title, config=config)
        if question.draw is None:
            if question.state != "draft":
                await directing.move(owner, activity.id, question.state)
            return activity.id
        await directing.move(owner, activity.id, "active")
        items = await self._answer(activity.id, question.draw, question.share)
        if question.second_draw is not None:
            await directing.move(owner, activity.id, "closed")
            await self._save()
            await self._app.scoring.sweep()
            await directing.move(owner, activity.id, "active", new_round=True)
            items = await self._answer(activity.id, question.second_draw, question.share)
        for decision in question.decisions:
            wanted = {name: value for name, value in decision.items() if name != "item"} | {"item_id": items[decision["item"]]}
            await self._app.moderating.decide(owner, activity.id, wanted)
        for state in _ON_THE_WAY.get(question.state, ()):
            await directing.move(owner, activity.id, state)
        if question.revealed:
            await directing.reveal(owner, activity.id, True)
        return activity.id

    async def _answer(self, activity_id: str, draw: Draw, share: float) -> list[str]:
        """Everybody answers, in the same order on every installation; returns the ids of what was counted."""
        taking_part = self._people[: max(1, round(len(self._people) * share))]
        given = [draw(self._dice, at) for at in range(len(taking_part))]
        await self._app.reading.replica(self._owner.session_id)  # the copy by which answers are judged
        frames = await asyncio.gather(*(
            self._submit(person, activity_id, answer) for person, answer in zip(taking_part, given, strict=True)
        ))  # fmt: skip
        counted = [frame.response_id for frame in frames if isinstance(frame, Accepted)]
        if not counted:
            raise Unseeded(f"no answer to activity {activity_id} was taken: {frames[0]!r}")
        self._answers += len(counted)
        return counted

    async def _submit(self, person: Actor, activity_id: str, answer: Answer) -> Frame:
        verdict: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        submission_id = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        data: Any = dict(answer)
        command = Submit(id=1, activity_id=activity_id, submission_id=submission_id, data=data)
        self._app.answering.submit(person, command, verdict.set_result)
        return await verdict

    async def _save(self) -> None:
        """Wait until everything that was accepted is in PostgreSQL, as points need it."""
        try:
            async with asyncio.timeout(_SAVED_SECONDS):
                while not await self._app.reading.settle(self._owner.session_id):  # noqa: ASYNC110 - the flusher says nothing
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise Unseeded("what was accepted is not saved yet; run it again once PostgreSQL keeps up.") from error
