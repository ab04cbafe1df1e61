from datetime import timedelta

import pytest

from persistence import participants, responses
from persistence.errors import ParentMissing
from tests.persistence.stage import Stage, make_id


async def test_a_participant_is_read_as_created(stage: Stage) -> None:
    created = await participants.create(
        stage.db, id=make_id(), session_id=stage.session_id, nickname="Zoë 🦊", anonymous=True, legacy_id=4
    )

    assert created == await participants.read(stage.db, created.id)
    assert (created.nickname, created.anonymous, created.role, created.is_active) == (
        "Zoë 🦊",
        True,
        "participant",
        True,
    )
    assert await participants.read(stage.db, make_id()) is None
    with pytest.raises(ParentMissing):
        await participants.create(stage.db, id=make_id(), session_id=make_id(), nickname="x")


async def test_a_removed_participant_stays_stored(stage: Stage) -> None:
    await stage.admit(3)
    out = stage.participant_ids[1]

    removed = await participants.set_inactive(stage.db, out)

    assert removed is not None
    assert not removed.is_active
    assert await participants.count(stage.db, stage.session_id) == 4
    assert await participants.count(stage.db, stage.session_id, active_only=True) == 3
    everyone = await participants.of_session(stage.db, stage.session_id)
    active = await participants.of_session(stage.db, stage.session_id, active_only=True)
    assert {row.id for row in everyone} - {row.id for row in active} == {out}
    assert await participants.set_inactive(stage.db, make_id()) is None


async def test_participants_come_in_pages(stage: Stage) -> None:
    await stage.admit(4)
    ids = sorted(stage.participant_ids)

    page = await participants.of_session(stage.db, stage.session_id, offset=1, limit=2)

    assert [row.id for row in page] == ids[1:3]


async def test_last_seen_never_goes_back(stage: Stage) -> None:
    before = await participants.read(stage.db, stage.participant_ids[0])
    assert before is not None
    later = before.last_seen + timedelta(minutes=1)

    assert await participants.touch(stage.db, {before.id: later, make_id(): later}) == 1
    assert await participants.touch(stage.db, {before.id: before.last_seen}) == 0

    after = await participants.read(stage.db, before.id)
    assert after is not None
    assert after.last_seen == later


async def test_a_deleted_participant_takes_the_responses_but_not_their_highest_seq(stage: Stage) -> None:
    await stage.save(stage.make_response(offset=9))

    assert await participants.delete(stage.db, stage.participant_ids[0])

    assert not await participants.delete(stage.db, stage.participant_ids[0])
    assert await responses.recount(stage.db, stage.session_id) == []
    assert await responses.max_seq(stage.db, stage.session_id) == 9
