import json
from datetime import UTC, datetime, timedelta

from persistence import activities, responses
from persistence.responses import ActivityCount, ResponseSummary
from realtime.core.response import Response
from tests.persistence.stage import ACCEPTED_AT_MS, Stage, make_id


async def answer_all(stage: Stage, count: int) -> list[Response]:
    """Let `count` people answer, in order."""
    people = await stage.admit(count)
    made = [stage.make_response(participant_id=person) for person in people]
    await stage.save(*made)
    return made


async def test_a_response_is_read_as_it_was_saved(stage: Stage) -> None:
    data = {"type": "poll", "version": 1, "data": {"text": "naïve 🦊", "estimate": 5, "confidence": "high"}}
    saved = stage.make_response(response_data=json.dumps(data), entry="q:1", round=2)
    await stage.save(saved)

    row = await responses.read(stage.db, saved.id)

    assert row is not None
    assert json.loads(row.response_data) == data
    assert (row.session_id, row.activity_id, row.participant_id) == (
        stage.session_id,
        stage.activity_id,
        stage.participant_ids[0],
    )
    assert (row.round, row.entry, row.revision, row.submission_id) == (2, "q:1", 1, saved.submission_id)
    assert (row.seq, row.epoch, row.deleted_at) == (saved.offset, stage.epoch, None)
    assert row.created_at == datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=saved.accepted_at_ms)
    assert await responses.read(stage.db, make_id()) is None


async def test_a_page_has_the_newest_first(stage: Stage) -> None:
    made = await answer_all(stage, 5)

    page = await responses.newest_page(stage.db, stage.activity_id, offset=1, limit=3)

    assert [row.id for row in page] == [made[3].id, made[2].id, made[1].id]


async def test_the_summary_is_of_the_whole_activity_without_the_withdrawn(stage: Stage) -> None:
    assert await responses.summary(stage.db, stage.activity_id) == ResponseSummary(0, 0, None)
    made = await answer_all(stage, 3)
    again = stage.make_response(participant_id=made[0].participant_id, entry="second")
    gone = stage.make_response(participant_id=made[2].participant_id, revision=2, withdrawn=True)
    await stage.save(again, gone)

    summary = await responses.summary(stage.db, stage.activity_id)

    assert (summary.total_responses, summary.unique_participants) == (3, 2)
    assert summary.last_updated is not None
    page = await responses.newest_page(stage.db, stage.activity_id, offset=0, limit=10)
    assert {row.id for row in page} == {made[0].id, made[1].id, again.id}


async def test_since_seq_shows_the_new_the_changed_and_the_withdrawn(stage: Stage) -> None:
    made = await answer_all(stage, 4)
    cursor = made[-1].offset
    changed = stage.make_response(participant_id=made[1].participant_id, revision=2)
    withdrawn = stage.make_response(participant_id=made[0].participant_id, revision=2, withdrawn=True)
    await stage.save(changed, withdrawn)

    news = await responses.since_seq(stage.db, stage.session_id, cursor, limit=10)

    assert [(row.id, row.revision) for row in news] == [(made[1].id, 2), (made[0].id, 2)]
    assert [row.deleted_at is None for row in news] == [True, False]


async def test_since_seq_pages_through_everything_once(stage: Stage) -> None:
    made = await answer_all(stage, 7)
    other = await activities.create(
        stage.db, id=make_id(), session_id=stage.session_id, type="poll", title="Other"
    )
    elsewhere = stage.make_response(activity_id=other.id)
    await stage.save(elsewhere)

    seen: list[str] = []
    seq = 0
    while page := await responses.since_seq(stage.db, stage.session_id, seq, limit=3):
        seen += [row.id for row in page]
        seq = page[-1].seq

    assert seen == [row.id for row in [*made, elsewhere]]
    only = await responses.since_seq(stage.db, stage.session_id, 0, limit=99, activity_id=other.id)
    assert [row.id for row in only] == [elsewhere.id]


async def test_since_timestamp_shows_what_was_saved_later(stage: Stage) -> None:
    made = await answer_all(stage, 3)
    before = (await responses.summary(stage.db, stage.activity_id)).last_updated
    assert before is not None
    changed = stage.make_response(participant_id=made[1].participant_id, revision=2)
    await stage.save(changed)

    def since(time: datetime, after_seq: int = 0):  # type: ignore[no-untyped-def]
        return responses.since_timestamp(
            stage.db, stage.session_id, stage.activity_id, time, limit=2, after_seq=after_seq
        )

    just_after = before + timedelta(microseconds=1)
    assert [row.id for row in await since(just_after)] == [made[1].id]
    first = await since(before)
    rest = await since(before, first[-1].seq)
    assert [row.id for row in [*first, *rest]] == [made[0].id, made[2].id, made[1].id]
    assert await since(datetime(2999, 1, 1, tzinfo=UTC)) == []


async def test_a_participants_responses_are_found(stage: Stage) -> None:
    made = await answer_all(stage, 2)
    second = stage.make_response(participant_id=made[0].participant_id, entry="b")
    await stage.save(second)

    mine = await responses.of_participant(stage.db, made[0].participant_id, activity_id=stage.activity_id)

    assert [row.id for row in mine] == [made[0].id, second.id]
    assert await responses.of_participant(stage.db, made[0].participant_id) == mine
    assert await responses.of_participant(stage.db, made[0].participant_id, activity_id=make_id()) == []


async def test_responses_are_found_by_what_they_contain(stage: Stage) -> None:
    people = await stage.admit(2)
    await stage.save(
        stage.make_response(participant_id=people[0], response_data='{"type": "poll", "data": {"x": 1}}'),
        stage.make_response(participant_id=people[1], response_data='{"type": "quiz"}'),
    )

    found = await responses.containing(
        stage.db, stage.session_id, stage.activity_id, '{"type":"poll"}', limit=9
    )

    assert [row.participant_id for row in found] == [people[0]]


async def test_a_rebuild_reads_everything_in_chunks_at_one_point_in_time(stage: Stage) -> None:
    made = await answer_all(stage, 5)
    await stage.save(stage.make_response(participant_id=made[2].participant_id, revision=2, withdrawn=True))

    chunks = []
    async for chunk in responses.for_rebuild(stage.db, stage.session_id, chunk_rows=2):
        if not chunks:
            await stage.save(stage.make_response(participant_id=stage.participant_ids[0]))
        chunks.append(chunk)

    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    rows = [row for chunk in chunks for row in chunk]
    assert [row.id for row in rows] == [made[index].id for index in (0, 1, 3, 4, 2)]
    assert rows[-1].deleted_at is not None


async def test_a_rebuild_of_nothing_has_no_chunks(stage: Stage) -> None:
    assert [chunk async for chunk in responses.for_rebuild(stage.db, make_id())] == []


async def test_the_highest_seq_is_known(stage: Stage) -> None:
    assert await responses.max_seq(stage.db, stage.session_id) == 0
    assert await responses.max_seq(stage.db, make_id()) == 0
    made = await answer_all(stage, 3)
    assert await responses.max_seq(stage.db, stage.session_id) == made[-1].offset


async def test_the_recount_tells_rounds_and_withdrawn_apart(stage: Stage) -> None:
    made = await answer_all(stage, 3)
    await stage.save(
        stage.make_response(participant_id=made[0].participant_id, round=2),
        stage.make_response(participant_id=made[0].participant_id, round=2, entry="b"),
        stage.make_response(
            participant_id=made[1].participant_id,
            revision=2,
            withdrawn=True,
            accepted_at_ms=ACCEPTED_AT_MS + 99,
        ),
    )

    assert await responses.recount(stage.db, stage.session_id) == [
        ActivityCount(stage.activity_id, 1, 2, 1, 2),
        ActivityCount(stage.activity_id, 2, 2, 0, 1),
    ]
    assert await responses.count_duplicates(stage.db, stage.session_id) == 0
