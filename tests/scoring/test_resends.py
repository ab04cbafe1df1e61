"""An answer is worth what it was worth when it was first accepted, however late it is sent again."""

from typing import Any

import pytest

from realtime.core.messages import Accepted
from realtime.engines import Engines
from realtime.identifiers import new_uuid
from tests.scoring.stage import Stage, open_stage, run_app
from tests.waiting import eventually

SPEED = {"mode": "speed", "points": 1_000, "speed": "linear"}
LIMIT = {"time_limit": 20}


async def accepted(stage: Stage, *arguments: Any, seconds: float, **fields: Any) -> Accepted:
    """Send an answer so many seconds after it could be given; returns the reply."""
    from_ms = (await stage.seen(arguments[1]))["activity"]["from_ms"]
    stage.app.answering._clock = lambda: (from_ms + seconds * 1_000 + 0.5) / 1_000
    frame = await stage.send(*arguments, **fields)
    assert isinstance(frame, Accepted), frame
    return frame


@pytest.mark.parametrize("reply_lost", [False, True])
async def test_a_late_resend_after_a_loss_of_redis(engines: Engines, reply_lost: bool) -> None:
    """Nothing was saved when Redis forgot everything; the phone sends its answer again by its receipt, seconds later."""
    async with open_stage(engines, flusher=False) as stage:
        activity_id = await stage.ask(scoring=SPEED, constraints=LIMIT)
        ann, bob = await stage.join("Ann"), await stage.join("Bob")
        press = {"submission_id": new_uuid()}
        first = await accepted(stage, ann, activity_id, {"selected": ["a"]}, seconds=0.0, **press)
        if reply_lost:  # the phone never heard of it, sends again, and gets its receipt only now
            first = await accepted(stage, ann, activity_id, {"selected": ["a"]}, seconds=10.0, **press)
            assert first.duplicate
        await stage.forget()
        again = await accepted(stage, ann, activity_id, {"selected": ["a"]}, seconds=15.0, receipt=first.receipt, **press)
        assert not again.duplicate
        assert again.epoch != first.epoch
        await accepted(stage, bob, activity_id, {"selected": ["a"]}, seconds=15.0)
        # Its new receipt says the same, in case Redis forgets once more.
        await stage.forget()
        await accepted(stage, ann, activity_id, {"selected": ["a"]}, seconds=19.0, receipt=again.receipt, **press)
        await accepted(stage, bob, activity_id, {"selected": ["a"]}, seconds=15.0)
        await run_app(engines, stage.stack)  # now somebody saves
        await stage.finish(activity_id)
        points = await stage.points()
        assert ann.participant_id is not None
        assert bob.participant_id is not None
        assert points[ann.participant_id] >= 900, "as of the first acceptance"
        assert points[bob.participant_id] == 250
        await stage.verify()


async def test_a_resend_of_what_was_saved_changes_nothing(engines: Engines) -> None:
    async with open_stage(engines) as stage:
        activity_id = await stage.ask(scoring=SPEED, constraints=LIMIT)
        ann = await stage.join("Ann")
        press = {"submission_id": new_uuid()}
        await accepted(stage, ann, activity_id, {"selected": ["a"]}, seconds=5.0, **press)
        await eventually(lambda: stage.app.reading.settle(stage.session_id), "saved")
        await stage.forget()
        again = await accepted(stage, ann, activity_id, {"selected": ["a"]}, seconds=15.0, **press)
        assert again.duplicate
        await stage.finish(activity_id)
        assert await stage.points() == {ann.participant_id: 750}
