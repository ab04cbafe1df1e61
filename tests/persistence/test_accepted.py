"""Rows, and in their places what was set aside: each response once, in its highest revision."""

from dataclasses import replace

from persistence import accepted, dead_letters
from tests.persistence.stage import Stage, make_id


async def test_of_each_response_the_highest_revision_comes_wherever_it_is(stage: Stage) -> None:
    people = await stage.admit(4)
    rows = [stage.make_response(participant_id=one) for one in people]
    await stage.save(*rows[:3])
    changed = replace(rows[0], revision=2, submission_id=make_id(), offset=50)
    older = replace(rows[1], revision=0, submission_id=make_id())
    for letter in (changed, older, rows[3], replace(rows[3], revision=2, submission_id=make_id(), withdrawn=True)):
        await dead_letters.add(stage.db, letter, sqlstate="23514", message="picky")
    found = {row.id: row async for chunk in accepted.of_session(stage.db, stage.session_id, chunk_rows=2) for row in chunk}
    assert {one: (row.revision, row.seq, row.deleted_at is not None) for one, row in found.items()} == {
        rows[0].id: (2, 50, False), rows[1].id: (1, rows[1].offset, False), rows[2].id: (1, rows[2].offset, False),
        rows[3].id: (2, rows[3].offset, True),
    }  # fmt: skip


async def test_a_letter_that_cannot_be_read_keeps_nobody_from_counting(stage: Stage) -> None:
    await stage.admit(1)
    good = stage.make_response()
    for letter in (stage.make_response(response_data="no JSON"), stage.make_response(response_data="[]"), good):
        await dead_letters.add(stage.db, letter, sqlstate="22P02", message="what is this")
    await stage.db.execute(
        "INSERT INTO dead_letters (digest, kind, session_id, payload) VALUES ('later', 'response', $1, $2)",
        stage.session_id, b'{"kind": "response", "of": "a later version"}',
    )  # fmt: skip
    assert await dead_letters.responses_of(stage.db, stage.session_id) == [good]
