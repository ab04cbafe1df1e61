"""Presses: answers like one that was judged before, on the shortest way from a frame to its reply."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from realtime.activities.contract import ActivityType
from realtime.activities.projection import ActivityCopy, live_of
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.judgements import Judgement, Judgements, admission, name_of
from realtime.core.errors import Refusal
from realtime.core.messages import Frame
from realtime.core.presses import Press, accepted_text
from realtime.core.refusals import refusal_frame
from realtime.core.session import VISIBLE
from realtime.identifiers import new_uuid
from realtime.store import keys
from realtime.store.intake import Intake, Submission, Target, Verdict
from realtime.store.replicas import Replica, Replicas
from realtime.tickets import KeyRing, signed_text

_MOST_ROUNDS: Final = 64  # of one activity, of which answers come at the same time


class Presser(Protocol):
    """Who hears what became of a press: a refusal, or the offset and the ready reply."""

    def reply(self, frame: Frame) -> None: ...
    def acknowledge(self, offset: int, text: bytes) -> None: ...


class Standing:
    """An activity as its document says it now, with all that is the same for every answer to it."""

    __slots__ = ("admits", "config", "document", "from_ms", "id", "kind", "round", "session", "settings", "targets", "version",
                 "visible")  # fmt: skip

    def __init__(self, copy: ActivityCopy, registry: Registry, session: keys.Session) -> None:
        assert copy.document is not None
        self.id, self.document = copy.id, copy.document
        self.kind, self.config, self.settings = copy.rules(registry)
        self.session = session
        self.round: int = self.document["round"]
        self.version: int = self.document["settings_version"]
        self.from_ms: int | None = self.document.get("from_ms") or None
        self.visible = self.document["state"] in VISIBLE
        self.admits = type(self.kind).admit is ActivityType.admit  # whoever may answer at all
        self.targets: dict[int, Target] = {}

    def target(self, round: int) -> Target:
        target = self.targets.get(round)
        if target is None:
            if len(self.targets) >= _MOST_ROUNDS:
                self.targets.clear()
            target = Target(self.session, self.id, round, self.version, self.kind.most_counters)
            self.targets[round] = target
        return target


class Pressing:
    """Puts presses into the intake. `look_again` judges one from the beginning, for which the verdict is no answer yet."""

    def __init__(
        self, replicas: Replicas, intake: Intake, registry: Registry, ring: KeyRing, judgements: Judgements, *, shards: int,
        durability: str, look_again: Callable[[Actor, Press, Presser, Verdict], None], clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._replicas = replicas
        self._intake = intake
        self._registry = registry
        self._judgements = judgements
        self._shards = shards
        self._clock = clock
        self.ring = ring
        self.durability = durability
        self.look_again = look_again

    def take(self, actor: Actor, press: Press, presser: Presser) -> bool:
        """Count an answer like one that was judged before; False where there was none, and nothing was done."""
        replica = self._replicas.peek(actor.session_id)
        copy = None if replica is None else replica.activities.get(press.activity_id)
        if copy is None or copy.document is None:
            return False
        standing = self.standing_of(copy, actor.session_id)
        judgement = self._judgements.find((press.activity_id, standing.version, press.data))
        if judgement is None or not standing.visible or actor.role != "participant":
            return False
        assert replica is not None
        self._put(actor, press, presser, standing, judgement, copy, replica)
        return True

    def standing_of(self, copy: ActivityCopy, session_id: str) -> Standing:
        """What is kept ready with the copy of an activity, made anew with each of its documents."""
        standing = copy.standing
        if not isinstance(standing, Standing) or standing.document is not copy.document:
            standing = copy.standing = Standing(copy, self._registry, keys.session(session_id, self._shards))
        return standing

    def _put(
        self, actor: Actor, press: Press, presser: Presser, standing: Standing, judgement: Judgement, copy: ActivityCopy,
        replica: Replica,
    ) -> None:  # fmt: skip
        participant_id = actor.participant_id
        assert participant_id is not None
        kind, settings, from_ms = standing.kind, standing.settings, standing.from_ms
        now_ms = int(self._clock() * 1_000)
        elapsed_ms = None if from_ms is None else max(0, now_ms - from_ms)
        body = judgement.shared
        if body is None:
            body = judgement.body(kind, settings, elapsed_ms, participant_id, name_of(actor, standing.config))
        pressed = Pressed(
            standing.target(press.round or standing.round), body, judgement.rest(press.metadata, elapsed_ms), participant_id,
            press.submission_id, new_uuid(now_ms), press.revision or 0,
        )  # fmt: skip
        if not standing.admits:
            pressed.refusal = admission(kind, live_of(copy, settings, replica.people), participant_id, judgement.answer)
        pressed.pressing, pressed.actor, pressed.press, pressed.presser = self, actor, press, presser
        pressed.judgement, pressed.now_ms = judgement, now_ms
        self._intake.put(pressed)


class Pressed(Submission):
    """A press on its way into the live store, which replies by itself."""

    __slots__ = ("actor", "judgement", "now_ms", "press", "presser", "pressing")

    actor: Actor
    judgement: Judgement
    now_ms: int
    press: Press
    presser: Presser
    pressing: Pressing

    def accept(self, offset: int, revision: int, response_id: str, epoch: str, at_ms: int) -> None:  # noqa: ARG002 - as told
        """Accepted just now: as of the moment in which it arrived here."""
        self._acknowledge(offset, revision, response_id, epoch, self.now_ms, duplicate=False)

    def decide(self, verdict: Verdict) -> None:
        error = verdict.error
        if error is None:
            self._acknowledge(verdict.offset, verdict.revision, verdict.response_id, verdict.epoch, verdict.at_ms, duplicate=True)
        elif isinstance(error, Refusal) and not (error.code == "wrong_round" and self.press.round is None):
            self.presser.reply(refusal_frame(self.press.id, error))
        else:
            self.pressing.look_again(self.actor, self.press, self.presser, verdict)

    def _acknowledge(self, offset: int, revision: int, response_id: str, epoch: str, at_ms: int, *, duplicate: bool) -> None:
        press, pressing, round = self.press, self.pressing, self.target.round
        activity_id, submission_id = press.activity_id, press.submission_id
        signed = signed_text(self.actor.session_id, activity_id, self.participant_id, submission_id, round, self.judgement.digest)
        receipt = pressing.ring.receipt_text(signed, epoch, offset, revision, at_ms)
        text = accepted_text(
            press.id, activity_id, submission_id, response_id, self.body.entry, round, revision, epoch, offset, receipt,
            pressing.durability, duplicate,
        )  # fmt: skip
        self.presser.acknowledge(offset, text)
