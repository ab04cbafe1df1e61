"""Answers on their way into Redis: all that arrive in one turn of the loop, or while a call is under way, go together.

One round trip carries one script call per activity; one answer waits for nothing but that call. In a cluster
each server has a lane of its own, so that one that hangs holds up nobody else's answers.
"""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from realtime.core.errors import Refusal
from realtime.store import keys, scripts
from realtime.store.codes import ALREADY_ACCEPTED, REFUSALS, REFUSED_BY_HUB, STRANGER
from realtime.store.connection import REDIRECTIONS, as_refusal
from realtime.store.reads import bulk
from realtime.store.servers import Servers

log = logging.getLogger("plenum.store")

CIRCUIT_SECONDS: Final = 0.25  # after a failed call answers get `retry` at once for this long

_FEW: Final = 16  # a call with fewer answers costs so little that nobody need wait for company

_HEAD_PARTS: Final = 30  # of a call, before the bodies
_BODY_PARTS: Final = 5
_ANSWER_PARTS: Final = 5
_OTHER_PARTS: Final = 5  # of a reply, about an answer that was not accepted just now

STALE: Final = "stale"  # the activity's settings changed: judge the answer again
UNKNOWN: Final = "stranger"  # the live store forgot who this is: let the ticket's holder in again
COLD: Final = "cold"  # the session is not live: load it and try again


@dataclass(slots=True)
class Verdict:
    """What became of one submission. `error` is None when it is accepted (now or before, at `at_ms`; 0: not known when)."""

    error: Refusal | str | None
    offset: int = 0
    revision: int = 0
    response_id: str = ""
    epoch: str = ""
    at_ms: int = 0
    duplicate: bool = False


class Target:
    """What is answered: a round of an activity, under settings of a version. One script call is for one of these."""

    __slots__ = ("activity_id", "head", "head_epoch", "key", "most_counters", "round", "session", "settings_version")

    def __init__(
        self, session: keys.Session, activity_id: str, round: int, settings_version: int, most_counters: int = 100_000
    ) -> None:
        self.session = session
        self.activity_id = activity_id
        self.round = round
        self.settings_version = settings_version
        self.most_counters = most_counters  # names in the tally of a round
        self.key = session.id, activity_id, round, settings_version
        self.head = b""  # what is the same in all calls for it, as packed for an epoch
        self.head_epoch = ""


class Body(NamedTuple):
    """What is answered with, as far as many may answer with the same: it is sent once per call."""

    entry: str
    entry_limit: int
    counters: str
    payload: str  # up to what the submission has of its own
    item: str


class Submission(ABC):
    """A checked answer, ready for the accept script. Either `accept` or `decide` is called, once, in the loop.

    `own` is the rest of the payload, ASCII; `refusal` says why it may not be counted, unless it was before; with
    `by_clock` it is a draft that the deadline submits, which may come after it.
    """

    __slots__ = ("body", "by_clock", "by_receipt", "expected_revision", "own", "participant_id", "refusal", "response_id",
                 "revision", "submission_id", "target")  # fmt: skip

    def __init__(
        self, target: Target, body: Body, own: str, participant_id: str, submission_id: str, response_id: str, revision: int = 0,
        expected_revision: int = -1, by_receipt: bool = False, refusal: Refusal | None = None, by_clock: bool = False,
    ) -> None:  # fmt: skip
        self.target = target
        self.body = body
        self.own = own
        self.participant_id = participant_id
        self.submission_id = submission_id
        self.response_id = response_id
        self.revision = revision
        self.expected_revision = expected_revision
        self.by_receipt = by_receipt
        self.refusal = refusal
        self.by_clock = by_clock

    def accept(self, offset: int, revision: int, response_id: str, epoch: str, at_ms: int) -> None:
        """It is accepted, just now."""
        self.decide(Verdict(None, offset, revision, response_id, epoch, at_ms))

    @abstractmethod
    def decide(self, verdict: Verdict) -> None:
        """It is decided in another way, or not yet."""


class Told(Submission):
    """One that tells its verdict to whoever asked."""

    __slots__ = ("_tell",)

    def __init__(self, tell: Callable[[Verdict], None], *about: Any, **how: Any) -> None:
        super().__init__(*about, **how)
        self._tell = tell

    def decide(self, verdict: Verdict) -> None:
        self._tell(verdict)


class _Lane:
    """The way to one server: who waits for it, and who sends."""

    __slots__ = ("last_size", "open_until", "place", "rest", "sender", "sent_at", "waiting")

    def __init__(self, place: str) -> None:
        self.place = place
        self.waiting: list[Submission] = []
        self.open_until = 0.0
        self.sender: asyncio.Task[None] | None = None
        self.sent_at = 0.0
        self.last_size = 0  # answers in the last round trip
        self.rest: asyncio.Event | None = None  # set while the sender waits for a fuller call


class Intake:
    """Collects submissions and sends them in batches; never more than one round trip under way to a server."""

    def __init__(
        self, servers: Servers, shards: list[keys.Shard], *, batch: int, pipeline: int, waiting: int,
        high_water: int, timeout_seconds: float, changes_limit: int = 20_000, pause_ms: int = 0,
        settled: Callable[[], None] = lambda: None, fault: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._servers = servers
        self._incarnation = servers.incarnation
        self._shards = shards
        self._batch = batch
        self._pipeline = pipeline
        self._most_waiting = waiting
        self._high_water = high_water
        self._most_keys = changes_limit * 9 // 10  # the rest is for what presenters write
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_ms / 1_000
        self._settled = settled  # after each call's verdicts: what they say may go out together
        self._fault = fault  # test hook
        self._lanes: dict[str, _Lane] = {}
        self.waiting = 0  # answers that no call carries yet
        self.judged = 0
        self.calls = 0

    def put(self, submission: Submission) -> None:
        """Take a submission, which gets its verdict. Above the limit it is told to retry at once."""
        place = self._incarnation.places[submission.target.session.shard]
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(place)
        if self.waiting >= self._most_waiting:
            submission.decide(Verdict(Refusal("overloaded", after_ms=1_000)))
            return
        if time.monotonic() < lane.open_until:
            submission.decide(Verdict(Refusal("unavailable", after_ms=500)))
            return
        lane.waiting.append(submission)
        self.waiting += 1
        if lane.sender is None:
            # The task starts in the next turn of the loop: by then everything of this turn is here.
            lane.sender = self._servers.errands.start(self._send_all(lane))
        elif lane.rest is not None and len(lane.waiting) >= self._batch:
            lane.rest.set()

    async def _send_all(self, lane: _Lane) -> None:
        try:
            while lane.waiting:
                await self._gather(lane)
                taken, lane.waiting = lane.waiting[: self._pipeline], lane.waiting[self._pipeline :]
                self.waiting -= len(taken)
                await self._send(lane, taken)
        finally:
            lane.sender = None
            if lane.place not in self._incarnation.places:
                self._lanes.pop(lane.place, None)  # a server that holds nothing any more

    async def _gather(self, lane: _Lane) -> None:
        """Where answers pour in, let some more come: a call costs Redis and the hub the same for one answer and for ten.

        Whoever answers alone never waits, and in a crowd nobody longer than the pause.
        """
        wait = lane.sent_at + self._pause_seconds - time.monotonic()
        if wait <= 0 or lane.last_size < _FEW or len(lane.waiting) >= self._batch:
            return
        lane.rest = asyncio.Event()
        timer = asyncio.get_running_loop().call_later(wait, lane.rest.set)
        try:
            await lane.rest.wait()
        finally:
            timer.cancel()
            lane.rest = None

    async def _send(self, lane: _Lane, taken: list[Submission]) -> None:
        groups: dict[tuple[str, str, int, int], list[Submission]] = {}
        for submission in taken:
            groups.setdefault(submission.target.key, []).append(submission)
        lane.sent_at, lane.last_size = time.monotonic(), len(taken)
        calls: list[tuple[str, list[Submission]]] = []
        packed: list[bytes] = []
        for group in groups.values():
            shard = group[0].target.session.shard
            epoch = self._incarnation.epochs[shard]
            if epoch is None:
                _tell(group, Refusal("recovering", after_ms=500))
                continue
            for start in range(0, len(group), self._batch):
                part = group[start : start + self._batch]
                packed.append(self._pack(part, epoch))
                calls.append((epoch, part))
        if not calls:
            return
        self._fault("before_accept")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                results = await self._servers.send(lane.place, b"".join(packed), len(packed))
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("accept failed, answers get retry: %s", str(error) or type(error).__name__)
            # Those who waited behind this call have waited long enough; for a moment nobody else is made to.
            lane.open_until = time.monotonic() + CIRCUIT_SECONDS
            waiting, lane.waiting = lane.waiting, []
            self.waiting -= len(waiting)
            for part in (*(part for _, part in calls), waiting):
                _tell(part, as_refusal(error))
            if isinstance(error, ReadOnlyError):
                await self._servers.at(lane.place).connection_pool.disconnect()
            return
        self._fault("after_accept")
        self.calls += 1
        self.judged += sum(len(part) for _, part in calls)
        if any(isinstance(result, NoScriptError) for result in results):
            await self._reload(lane)
        try:
            for (epoch, part), result in zip(calls, results, strict=True):
                self._deliver(part, epoch, result)
        finally:
            self._settled()

    async def _reload(self, lane: _Lane) -> None:
        try:
            await scripts.load(self._servers.at(lane.place))
        except RedisError as error:
            log.warning("scripts could not be loaded: %s", error)

    def _pack(self, part: list[Submission], epoch: str) -> bytes:
        """The script call for answers to one activity, as it goes over the connection."""
        target = part[0].target
        if target.head_epoch != epoch:
            target.head, target.head_epoch = b"".join(map(bulk, self._head(target, epoch))), epoch
        bodies: dict[Body, str] = {}
        answers = []
        for one in part:
            what = bodies.get(one.body)
            if what is None:
                what = bodies[one.body] = str(len(bodies) + 1)
            if one.revision or one.expected_revision != -1 or one.refusal or one.by_receipt or one.by_clock:
                what = f"{what}|{one.revision}|{one.expected_revision}|{_standing(one)}"
            person, submission, response, own = one.participant_id, one.submission_id, one.response_id, one.own
            answers.append(
                f"${len(person)}\r\n{person}\r\n${len(submission)}\r\n{submission}\r\n"
                f"${len(response)}\r\n{response}\r\n${len(own)}\r\n{own}\r\n${len(what)}\r\n{what}\r\n"
            )
        count = _HEAD_PARTS + _BODY_PARTS * len(bodies) + _ANSWER_PARTS * len(part)
        texts = b"".join(bulk(text) for body in bodies for text in body)
        return b"*%d\r\n%b%b%b%b" % (count, target.head, bulk(len(bodies)), texts, "".join(answers).encode("ascii"))

    def _head(self, target: Target, epoch: str) -> list[Any]:
        session, activity_id, round = target.session, target.activity_id, target.round
        shard = self._shards[session.shard]
        return [
            "EVALSHA", scripts.DIGESTS["accept"], 17, shard.epoch, session.meta, session.activity(activity_id), session.stamps,
            session.parts, session.people, session.seen, session.answers(activity_id, round), session.entries(activity_id, round),
            session.limits(activity_id, round), session.tally(activity_id, round), session.items(activity_id, round),
            session.personal, shard.outbox, session.drafts(activity_id, round), session.extra,
            session.removed,
            epoch, session.id, activity_id, round, target.settings_version, self._high_water, shard.pokes,
            self._most_keys, target.most_counters,
        ]  # fmt: skip

    def _deliver(self, part: list[Submission], epoch: str, result: Any) -> None:
        if isinstance(result, ResponseError):
            text = str(result)
            if text.startswith("EPOCH"):
                self._incarnation.lose(part[0].target.session.shard, epoch)
                _tell(part, Refusal("recovering", after_ms=500))
            elif text.startswith("COLD"):
                _tell(part, COLD)
            elif text.startswith("STALE"):
                _tell(part, STALE)
            elif isinstance(result, ReadOnlyError):
                # This server was made a replica; whatever becomes master next is another incarnation.
                log.warning("redis has become read-only")
                self._incarnation.lose_place(self._incarnation.places[part[0].target.session.shard])
                _tell(part, as_refusal(result))
            elif isinstance(result, REDIRECTIONS):
                _tell(part, as_refusal(result))
            else:
                log.error("accept was refused by Redis: %s", text)
                _tell(part, as_refusal(result))
            return
        if isinstance(result, Exception):
            _tell(part, as_refusal(result))
            return
        at_ms, offset, others = result[0], result[1], iter(result[2])
        for one, revision, response_id in zip(part, result[3::2], result[4::2], strict=True):
            if revision:
                offset += 1
                one.accept(offset, revision, response_id or one.response_id, epoch, at_ms)
            else:
                one.decide(_read_other(one, epoch, *islice(others, _OTHER_PARTS)))


def _read_other(one: Submission, epoch: str, code: int, offset: int, revision: int, response_id: str, at_ms: int) -> Verdict:
    """What the script says of an answer that it did not accept just now."""
    verdict = Verdict(None, offset, revision, response_id, epoch, at_ms, code == ALREADY_ACCEPTED)
    if code == STRANGER:
        verdict.error = UNKNOWN
    elif code == REFUSED_BY_HUB:
        verdict.error = one.refusal
    elif code != ALREADY_ACCEPTED:
        details = {"revision": revision} if revision else {}
        verdict.error = Refusal(REFUSALS[code], details=details, after_ms=2_000 if code == -20 else None)
    return verdict


def _tell(part: list[Submission], error: Refusal | str) -> None:
    for one in part:
        one.decide(Verdict(error))


def _standing(one: Submission) -> str:
    """Whether it is to be counted, as the script reads it."""
    return "2" if one.refusal else "1" if one.by_receipt else "3" if one.by_clock else "0"
