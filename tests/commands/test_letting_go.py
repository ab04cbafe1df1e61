"""Sessions come and go over a process that runs on: nothing that it keeps grows with how many there have been."""

import contextlib
import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from redis.exceptions import ResponseError

from realtime import paces
from realtime.activities.contract import Audience
from realtime.commands import guarding, joining, judgements
from realtime.commands.actors import Actor
from realtime.commands.joining import Newcomer
from realtime.core.messages import Submit
from realtime.core.presses import read_press
from realtime.identifiers import new_uuid
from realtime.rooms import Connection
from realtime.store import replicas
from realtime.store.live import Cold
from tests.commands.stage import POLL, Stage, Wire, refused
from tests.waiting import eventually

_OURS = ("realtime.", "persistence.")
_BEFORE, _MORE = 3, 12


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept for a while after it was last used, is kept for no time."""
    monkeypatch.setattr(replicas, "_REST_SECONDS", 0.0)
    monkeypatch.setattr(judgements, "_UNUSED_SECONDS", 0.0)
    monkeypatch.setattr(joining, "_CACHE_SECONDS", 0.0)
    monkeypatch.setattr(joining, "_CODE_KEPT_SECONDS", 0.0)
    monkeypatch.setattr(guarding, "_MOST_GOOD", 1)
    monkeypatch.setattr(paces, "_FORGOTTEN_AFTER", 1)


def sizes_of(root: Any) -> Counter[str]:
    """Entries of every table that an object of ours leads to, summed by the class and attribute that hold it."""
    sizes: Counter[str] = Counter()
    seen: set[int] = set()
    found: list[tuple[str, Any]] = [("", root)]
    while found:
        name, thing = found.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        if isinstance(thing, Mapping | set | frozenset | list | tuple) or type(thing).__name__ == "deque":
            sizes[name] += len(thing)
            parts = [*thing.keys(), *thing.values()] if isinstance(thing, Mapping) else thing
            found += [(f"{name}[]", part) for part in parts]
        elif type(thing).__module__.startswith(_OURS):
            found += [(f"{type(thing).__name__}.{key}", value) for key, value in attributes_of(thing)]
    return sizes


def attributes_of(thing: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with contextlib.suppress(AttributeError):
                yield name, getattr(thing, name)


class Heard:
    """Keeps what became of a press."""

    def __init__(self, frames: list[Any]) -> None:
        self.reply = frames.append
        self.acknowledge = lambda _, ready: frames.append(ready)


async def come_and_go(stage: Stage) -> None:
    """A session with all that happens in one, which then is deleted, and asked for once more."""
    app = stage.app
    await stage.set()
    row = await app.reading.session(stage.session_id)
    poll = await stage.open(settings=POLL)
    people = []
    for name in ("Ann", "Bob"):
        _, joined = await app.entrance.join_by_code(row.join_code, Newcomer(name, new_uuid()))
        people.append(await app.gate.admit(joined.ticket))
    connections = [await connect(stage, person) for person in (stage.presenter, *people)]
    data = {"selected": ["a"]}
    frames: list[Any] = []
    first = Submit(id=1, activity_id=poll, submission_id=new_uuid(), data=data)
    app.answering.submit(people[0], first, frames.append, data=b'{"selected":["a"]}')
    await eventually(lambda: frames, "the first answer is judged")
    text = f'{{"id":2,"type":"submit","activity_id":"{poll}","submission_id":"{new_uuid()}","data":{{"selected":["a"]}}}}'
    press = read_press(text.encode())
    assert press is not None
    assert app.answering.press(people[1], press, Heard(frames)), "it is known by its text"
    await eventually(lambda: len(frames) == 2, "the second answer is counted")
    await app.directing.move(stage.presenter, poll, "closed")
    await stage.verify()
    for connection in connections:
        app.hub.detach(connection)
    await app.directing.delete_session(stage.presenter)
    assert (await refused(app.reading.replica(stage.session_id))).code == "unknown_session"


async def connect(stage: Stage, actor: Actor) -> Connection:
    audience = actor.audience if actor.participant_id is None else Audience.PARTICIPANTS
    connection = Connection(actor.session_id, actor.role, audience, actor.participant_id, actor.key, Wire())
    await stage.app.hub.attach(connection, "", None)
    stage.app.hub.settle(connection)
    return connection


async def test_what_a_process_keeps_does_not_grow_with_the_sessions_it_has_had(stage: Stage, forgetful: None) -> None:
    quiet = stage.session_id

    async def nobody_is_connected() -> None:
        """The copy that was used last is kept, whichever it is: here always that of the same session."""
        await eventually(lambda: not stage.app.hub.rooms, "nobody is connected")
        await stage.app.reading.replica(quiet)

    for _ in range(_BEFORE):
        await come_and_go(stage)
    await nobody_is_connected()
    before = sizes_of(stage.app)
    for _ in range(_MORE):
        await come_and_go(stage)

    def grown() -> dict[str, tuple[int, int]]:
        return {name: (before[name], size) for name, size in sizes_of(stage.app).items() if size >= before[name] + _MORE}

    await nobody_is_connected()
    await eventually(lambda: not grown(), f"nothing has grown by as much as there were sessions: {grown()}")


async def test_what_redis_refuses_is_gone_without_the_garbage_collector(stage: Stage) -> None:
    def left() -> list[ResponseError]:
        return [thing for thing in gc.get_objects() if isinstance(thing, ResponseError)]

    gc.collect()
    others = {id(one) for one in left()}  # what earlier tests still hold is theirs
    gc.disable()
    try:
        for _ in range(5):
            with pytest.raises(Cold):
                await stage.app.live.changes(new_uuid(), 0)
        await eventually(lambda: {id(one) for one in left()} <= others, "no reply waits for the collector")
    finally:
        gc.enable()
