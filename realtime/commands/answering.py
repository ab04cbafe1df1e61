"""Answers: from a checked frame to a verdict, without a task and without a round trip of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from realtime.activities.answers import envelope, judge
from realtime.activities.contract import ActivityType
from realtime.activities.crowding import fold
from realtime.activities.projection import ActivityCopy, live_of
from realtime.activities.registry import Registry
from realtime.commands.actors import Actor
from realtime.commands.judgements import Judgements, admission, is_alike_for_all, judgement_of, name_of
from realtime.commands.pressing import Presser, Pressing
from realtime.core import json_text
from realtime.core.errors import Refusal
from realtime.core.json_text import encode
from realtime.core.messages import Accepted, Frame, Submit, Withdraw, read_command
from realtime.core.presses import Press
from realtime.core.refusals import refusal_frame
from realtime.core.session import VISIBLE
from realtime.identifiers import new_uuid
from realtime.loops import Errands
from realtime.store.intake import COLD, UNKNOWN, Body, Intake, Told, Verdict
from realtime.store.live import Cold
from realtime.store.replicas import Replica, Replicas
from realtime.tickets import KeyRing, Receipt, Signed, digest_of

Reply = Callable[[Frame], None]

MOST_JUDGEMENTS: Final = 4  # an answer is judged again when settings change under it, but not for ever


class Answering:
    """Judges answers and puts them into the intake; the reply comes when Redis has decided."""

    def __init__(
        self, replicas: Replicas, intake: Intake, registry: Registry, ring: KeyRing, errands: Errands, *,
        shards: int, durability: str, ensure: Callable[[str], Any], readmit: Callable[[Actor], Awaitable[None]],
        most_slow: int, most_judgements: int, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._replicas = replicas
        self._intake = intake
        self._registry = registry
        self._ring = ring
        self._shards = shards
        self._durability: Any = durability
        self._ensure = ensure
        self._readmit = readmit
        self._most_slow = most_slow
        self._errands = errands
        self._clock = clock
        self._slow: set[asyncio.Task[None]] = set()
        self._judgements = Judgements(most_judgements)
        self._pressing = Pressing(
            replicas, intake, registry, ring, self._judgements, shards=shards, durability=durability, look_again=self._press_again,
            clock=clock,
        )  # fmt: skip
        self.press: Final[Callable[[Actor, Press, Presser], bool]] = self._pressing.take

    def submit(self, actor: Actor, command: Submit | Withdraw, reply: Reply, *, data: bytes = b"") -> None:
        """Judge and count an answer; `reply` is called exactly once, now or later, never raises.

        `data` is the answer's text as it was sent, by which the next one like it is known.
        """
        self._judge(actor, command, reply, 1, data=data)

    async def submit_draft(self, actor: Actor, command: Submit, *, at_ms: int) -> Frame:
        """Put a draft through the same path when time is up, as of the moment it was last saved."""
        verdict: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._judge(actor, command, lambda frame: None if verdict.done() else verdict.set_result(frame), 1, at_ms)
        return await verdict

    def _judge(
        self, actor: Actor, command: Submit | Withdraw, reply: Reply, attempt: int, draft_ms: int | None = None, *,
        data: bytes = b"",
    ) -> None:  # fmt: skip
        try:
            actor.need("answer")
            replica = self._replicas.peek(actor.session_id)
            copy = None if replica is None else replica.activities.get(command.activity_id)
            hidden = copy is None or copy.document is None or copy.document["state"] not in VISIBLE
            # What was accepted while the activity was open counts, whatever became of the activity since.
            if copy is None or copy.document is None or (hidden and not command.receipt):
                # Perhaps it was just opened, on another hub: look again before refusing.
                if attempt > 1:
                    raise Refusal("unknown_activity" if copy is None or copy.document is None else "activity_not_open")
                self._look_again(actor, command, reply, attempt, draft_ms, load=replica is None)
                return
            assert replica is not None
            self._put(actor, command, reply, attempt, draft_ms, copy, replica, data)
        except Refusal as refusal:
            reply(refusal_frame(command.id, refusal))

    def _put(
        self, actor: Actor, command: Submit | Withdraw, reply: Reply, attempt: int, draft_ms: int | None, copy: ActivityCopy,
        replica: Replica, text: bytes,
    ) -> None:  # fmt: skip
        assert actor.participant_id is not None
        kind, config, settings = copy.rules(self._registry)
        document = copy.document
        assert document is not None
        round = command.round or document["round"]
        data = command.data if isinstance(command, Submit) else None
        expected = -1
        signed = Signed(
            actor.session_id, command.activity_id, actor.participant_id, command.submission_id, round, digest_of(encode(data))
        )
        proof = self._ring.read_receipt(command.receipt, signed) if command.receipt else None
        barred: Refusal | None = None
        # What was accepted before took as long as it took then, however late it is sent again.
        now_ms = (proof.at_ms if proof else 0) or draft_ms or int(self._clock() * 1_000)
        if isinstance(command, Submit):
            from_ms = document.get("from_ms")
            elapsed_ms = max(0, now_ms - from_ms) if from_ms else None
            judged = judge(
                kind, config, settings, command.data, elapsed_ms=elapsed_ms, submission_id=command.submission_id,
                entry=command.entry
            )  # fmt: skip
            if judged.answer is not None and proof is None and type(kind).admit is not ActivityType.admit:
                barred = admission(kind, live_of(copy, settings, replica.people), actor.participant_id, judged.answer)
            judgement = judgement_of(kind, document["type"], judged, signed.digest)
            if text and judged.item is None and is_alike_for_all(kind, config) and json_text.is_value(text):
                self._judgements.keep((command.activity_id, copy.settings_version, text), judgement)
            metadata = encode(command.metadata.model_dump(exclude_none=True)) if command.metadata else "{}"
            others = copy.crowd(round).others(kind, settings, judged.counters, copy.tallies.get(round, {}))
            if others or judgement.counters is None:
                counters = encode(fold(kind, settings, judged.counters, others) if others else judged.counters)
            else:
                counters = judgement.counters
            payload = judgement.payload(metadata, elapsed_ms, others)
            entry, limit = judged.entry, judged.entry_limit
            item = judgement.item_of(actor.participant_id, name_of(actor, config))
            if command.expected_revision is not None and proof is None:
                expected = command.expected_revision
        else:
            counters = item = ""
            payload = encode(envelope(document["type"], kind.version, {}, {}, None))
            entry, limit = command.entry, 0
        revision = proof.revision if proof else command.revision or 0

        def done(verdict: Verdict) -> None:
            if verdict.error is None:
                at_ms = verdict.at_ms if verdict.duplicate and proof is None else now_ms
                receipt = self._ring.receipt(signed, Receipt(verdict.epoch, verdict.offset, verdict.revision, at_ms))
                reply(
                    Accepted.model_construct(
                        type="accepted", id=command.id, activity_id=command.activity_id, submission_id=command.submission_id,
                        response_id=verdict.response_id, entry=entry, round=round, revision=verdict.revision, epoch=verdict.epoch,
                        offset=verdict.offset, receipt=receipt, durability=self._durability, duplicate=verdict.duplicate,
                    )
                )  # fmt: skip
            elif isinstance(verdict.error, Refusal) and not (
                verdict.error.code == "wrong_round" and command.round is None and attempt < MOST_JUDGEMENTS
            ):
                reply(refusal_frame(command.id, verdict.error))
            elif attempt < MOST_JUDGEMENTS:
                self._look_again(
                    actor, command, reply, attempt, draft_ms, load=verdict.error == COLD, readmit=verdict.error == UNKNOWN
                )
            else:
                reply(refusal_frame(command.id, Refusal("recovering", after_ms=500)))

        target = self._pressing.standing_of(copy, actor.session_id).target(round)
        self._intake.put(
            Told(
                done, target, Body(entry, limit, counters, payload, item), "", actor.participant_id, command.submission_id,
                new_uuid(now_ms), revision, expected, proof is not None, barred, draft_ms is not None,
            )
        )  # fmt: skip

    def _press_again(self, actor: Actor, press: Press, presser: Presser, verdict: Verdict) -> None:
        command = read_command(press.text)
        assert isinstance(command, Submit)
        self._look_again(actor, command, presser.reply, 1, None, load=verdict.error == COLD, readmit=verdict.error == UNKNOWN)

    def _look_again(
        self, actor: Actor, command: Submit | Withdraw, reply: Reply, attempt: int, draft_ms: int | None, *, load: bool,
        readmit: bool = False,
    ) -> None:  # fmt: skip
        if len(self._slow) >= self._most_slow:
            reply(refusal_frame(command.id, Refusal("overloaded", after_ms=1_000)))
            return
        task = self._errands.start(self._refresh_and_judge(actor, command, reply, attempt, draft_ms, load, readmit))
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _refresh_and_judge(
        self, actor: Actor, command: Submit | Withdraw, reply: Reply, attempt: int, draft_ms: int | None, load: bool, readmit: bool
    ) -> None:
        try:
            if load:
                await self._ensure(actor.session_id)
            if readmit:
                await self._readmit(actor)
            await self._replicas.refresh(actor.session_id)
        except Refusal as refusal:
            reply(refusal_frame(command.id, refusal))
        except Cold:
            reply(refusal_frame(command.id, Refusal("recovering", after_ms=200)))
        else:
            self._judge(actor, command, reply, attempt + 1, draft_ms)
