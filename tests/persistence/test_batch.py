import asyncio
import itertools
import random
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence import activities, dead_letters, participants, responses, sessions, shards
from persistence.batch import Saved
from persistence.errors import Fenced
from realtime.core.response import Join, Response
from tests.persistence.stage import Stage, make_id
from tests.waiting import eventually


async def test_joins_land_before_the_responses_that_need_them(stage: Stage) -> None:
    join = stage.make_join(nickname="Zoë", anonymous=True)
    response = stage.make_response(participant_id=join.participant_id)

    assert await stage.save(response, join) == Saved(rows=2, dead=0)

    stored = await participants.read(stage.db, join.participant_id)
    assert stored is not None
    assert (stored.nickname, stored.anonymous) == ("Zoë", True)
    assert stored.joined_at.timestamp() == pytest.approx(join.joined_at_ms / 1000, abs=0.0005)
    assert await responses.read(stage.db, response.id) is not None


async def test_an_empty_batch_is_nothing(stage: Stage) -> None:
    assert await stage.save() == Saved(rows=0, dead=0)


async def test_the_same_batch_again_changes_nothing(stage: Stage) -> None:
    joins = [stage.make_join() for _ in range(5)]
    batch: list[Join | Response] = [
        *joins,
        *[stage.make_response(participant_id=join.participant_id) for join in joins],
        stage.make_response(participant_id=joins[0].participant_id, revision=2),
        stage.make_response(participant_id=joins[1].participant_id, revision=2, withdrawn=True),
        stage.make_response(response_data='"\\u0000"'),
    ]
    tables = ("participants", "user_responses", "dead_letters")
    first = await stage.save(*batch)
    before = [await stage.read_table(table) for table in tables]

    again = await stage.save(*batch)

    assert first == again == Saved(rows=12, dead=1)
    assert [await stage.read_table(table) for table in tables] == before


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    revisions=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 8), max_size=3),
    seed=st.randoms(use_true_random=False),
)
async def test_the_highest_revision_wins_in_any_order(
    stage: Stage, revisions: list[int], cuts: list[int], seed: random.Random
) -> None:
    entry = make_id()
    made = [
        stage.make_response(entry=entry, revision=revision, withdrawn=seed.random() < 0.3)
        for revision in revisions
    ]
    winner = max(made, key=lambda row: (row.revision, row.submission_id))

    edges = [0, *sorted(min(cut, len(made)) for cut in cuts), len(made)]
    for start, end in itertools.pairwise(edges):
        saved = await stage.save(*made[start:end])
        assert saved == Saved(rows=end - start, dead=0)

    stored = [
        row
        for row in await responses.since_seq(stage.db, stage.session_id, 0, limit=9999)
        if row.entry == entry
    ]
    assert [(row.revision, row.submission_id, row.seq, row.deleted_at is not None) for row in stored] == [
        (winner.revision, winner.submission_id, winner.offset, winner.withdrawn)
    ]
    if len(edges) == 2:
        assert stored[0].id == min(made, key=lambda row: (row.revision, row.submission_id)).id


async def test_an_answer_given_again_after_withdrawing_is_there_again(stage: Stage) -> None:
    first = stage.make_response()
    await stage.save(first)
    await stage.save(stage.make_response(id=first.id, revision=2, withdrawn=True))
    await stage.save(stage.make_response(id=first.id, revision=3))

    row = await responses.read(stage.db, first.id)

    assert row is not None
    assert (row.revision, row.deleted_at) == (3, None)


POISON_RESPONSES: dict[str, dict[str, object]] = {
    "null character": {"response_data": '{"text": "a\\u0000b"}'},
    "huge number": {"response_data": '{"number": 1e200000}'},
    "no JSON": {"response_data": "{"},
    "lone surrogate": {"response_data": '"\ud800"'},
    "no uuid": {"submission_id": "x"},
    "round too large": {"round": 70_000},
    "entry too long": {"entry": "e" * 81},
    "deleted activity": {"activity_id": make_id()},
}
POISON_JOINS = {"nickname too long": "n" * 51, "nickname with null": "n\0"}


async def test_large_responses_are_saved_in_parts(stage: Stage) -> None:
    """A thousand answers of a megabyte would be more than PostgreSQL takes in one statement."""
    large = '{"text": "' + "x" * 1_000_000 + '"}'
    made = [stage.make_response(entry=f"e{number}", response_data=large) for number in range(35)]
    made[20] = replace(made[20], response_data=large[:-1])

    assert await stage.save(stage.make_join(), *made) == Saved(rows=35, dead=1)

    transactions = "SELECT count(DISTINCT xmin::text) FROM user_responses"
    assert await stage.db.fetchval(transactions) > 2


def make_poison(stage: Stage, kind: str) -> Join | Response:
    if kind in POISON_JOINS:
        return stage.make_join(nickname=POISON_JOINS[kind])
    return stage.make_response(**({"entry": kind} | POISON_RESPONSES[kind]))


@pytest.mark.parametrize(
    ("kind", "sqlstate"),
    [
        ("null character", "22P05"),
        ("huge number", "22003"),
        ("no JSON", "22P02"),
        ("lone surrogate", "22000"),
        ("no uuid", "22000"),
        ("round too large", "22000"),
        ("entry too long", "22001"),
        ("nickname too long", "22001"),
        ("nickname with null", "22021"),
        ("deleted activity", "23503"),
    ],
)
async def test_poison_is_set_aside_and_everything_else_lands(stage: Stage, kind: str, sqlstate: str) -> None:
    poison = make_poison(stage, kind)
    joins = [stage.make_join() for _ in range(6)]
    good = [stage.make_response(entry=f"good{number}") for number in range(13)]

    assert await stage.save(*joins, *good[:5], poison, *good[5:]) == Saved(rows=19, dead=1)

    stored = await responses.since_seq(stage.db, stage.session_id, 0, limit=99)
    assert {row.id for row in stored} == {row.id for row in good}
    assert await participants.count(stage.db, stage.session_id) == 7
    (letter,) = await dead_letters.list_page(stage.db, limit=9)
    assert letter.sqlstate == sqlstate
    assert dead_letters.decode_payload(letter.payload) == poison


async def test_many_poisonous_rows_are_all_found(stage: Stage) -> None:
    kinds = ["null character", "huge number", "no uuid", "nickname with null", "deleted activity"]
    poison = [make_poison(stage, kind) for kind in kinds]
    good = [stage.make_response(entry=f"good{number}") for number in range(40)]
    batch = [*poison, *good]
    random.Random(7).shuffle(batch)

    assert await stage.save(*batch) == Saved(rows=40, dead=5)
    letters = await dead_letters.list_page(stage.db, limit=9)
    assert {dead_letters.decode_payload(letter.payload) for letter in letters} == set(poison)


async def test_a_poisonous_change_leaves_the_answer_before_it(stage: Stage) -> None:
    first = stage.make_response()
    poison = stage.make_response(id=first.id, revision=2, response_data='"\\u0000"')

    assert await stage.save(first, poison) == Saved(rows=1, dead=1)

    row = await responses.read(stage.db, first.id)
    assert row is not None
    assert row.revision == 1


async def test_a_submission_id_stands_for_one_response(stage: Stage) -> None:
    first = stage.make_response(entry="a")
    second = stage.make_response(entry="b", submission_id=first.submission_id)
    await stage.save(first)

    assert await stage.save(second, stage.make_response(entry="c")) == Saved(rows=1, dead=1)
    (letter,) = await dead_letters.list_page(stage.db, limit=9)
    assert (letter.sqlstate, letter.submission_id) == ("23505", first.submission_id)


async def test_responses_to_what_was_deleted_meanwhile_are_set_aside(stage: Stage) -> None:
    other = await activities.create(
        stage.db, id=make_id(), session_id=stage.session_id, type="poll", title="Other"
    )
    late = [stage.make_response(entry=f"late{number}") for number in range(4)]
    good = stage.make_response(activity_id=other.id)
    await activities.delete(stage.db, stage.activity_id)

    assert await stage.save(*late[:2], good, *late[2:]) == Saved(rows=1, dead=4)

    await sessions.delete(stage.db, stage.session_id)
    assert await stage.save(stage.make_join(), replace(good, entry="z")) == Saved(rows=0, dead=2)


async def test_a_dead_letter_can_be_saved_after_a_repair(stage: Stage) -> None:
    activity_id = make_id()
    await stage.save(stage.make_response(activity_id=activity_id))
    (letter,) = await dead_letters.list_page(stage.db, limit=9)
    await activities.create(stage.db, id=activity_id, session_id=stage.session_id, type="poll", title="Back")

    assert await stage.save(dead_letters.decode_payload(letter.payload)) == Saved(rows=1, dead=0)


async def test_another_epoch_fences(stage: Stage) -> None:
    await shards.renew_epoch(stage.db, 0, "next", "run")

    with pytest.raises(Fenced, match="Shard 0") as fenced:
        await stage.save(stage.make_response())
    assert fenced.value.epoch_over
    with pytest.raises(Fenced):
        await stage.save(stage.make_response(), epoch="guess")

    assert await stage.read_table("user_responses") == []
    assert await stage.save(stage.make_response(), epoch="next") == Saved(rows=1, dead=0)


async def test_another_lease_token_fences_also_the_dead_letters(stage: Stage) -> None:
    old = stage.lease_token
    await shards.acquire_lease(stage.db, 0, "tester", 60)

    with pytest.raises(Fenced) as fenced:
        await stage.save(stage.make_response(), lease_token=old)
    assert not fenced.value.epoch_over, "whoever lost a lease still knows the epoch"
    with pytest.raises(Fenced):
        await stage.save(make_poison(stage, "null character"), lease_token=old)

    assert await stage.read_table("user_responses") == []
    assert await stage.read_table("dead_letters") == []


async def test_a_new_epoch_waits_for_the_flush_under_way(stage: Stage) -> None:
    """When renewing returns, all rows of the old epoch are visible: what a rebuild counts on."""
    people = await stage.admit(400)
    made = [stage.make_response(participant_id=person) for person in people]

    async def flush() -> int:
        saved = 0
        try:
            for start in range(0, len(made), 20):
                saved += (await stage.save(*made[start : start + 20])).rows
        except Fenced:
            return saved
        return saved

    flushing = asyncio.create_task(flush())
    await eventually(lambda: responses.max_seq(stage.db, stage.session_id))
    await shards.renew_epoch(stage.db, 0, "next", "run")
    visible = await stage.db.fetchval("SELECT count(*) FROM user_responses")

    assert visible == await asyncio.wait_for(flushing, 10)


async def test_an_error_that_is_not_the_rows_fault_passes_unchanged(stage: Stage) -> None:
    await stage.db.execute("ALTER TABLE user_responses RENAME TO elsewhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await stage.save(stage.make_response())

    await stage.db.execute("ALTER TABLE elsewhere RENAME TO user_responses")
    assert await stage.save(stage.make_response()) == Saved(rows=1, dead=0)
    assert await dead_letters.count(stage.db) == 0


async def test_a_lost_connection_passes_unchanged(stage: Stage) -> None:
    blocker = await stage.db.acquire()
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE user_responses")
    saving = asyncio.create_task(stage.save(stage.make_response()))
    waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    await eventually(lambda: stage.db.fetchval(f"SELECT count(*) {waiting}"))
    await stage.db.execute(f"SELECT pg_terminate_backend(pid) {waiting}")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await asyncio.wait_for(saving, 10)
    await transaction.rollback()
    await stage.db.release(blocker)
    assert await stage.read_table("user_responses") == []


async def test_a_server_that_became_a_standby_is_left(stage: Stage, database_url: str) -> None:
    """The pool's connection is stuck in a read-only session; only a new one finds the promoted server."""
    name = urlsplit(database_url).path[1:]
    await stage.db.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await stage.db.expire_connections()
    assert await stage.db.fetchval("SHOW default_transaction_read_only") == "on"
    operator = await asyncpg.connect(database_url, server_settings={"default_transaction_read_only": "off"})
    await operator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await operator.close()

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await stage.save(stage.make_response())

    assert await stage.save(stage.make_response()) == Saved(rows=1, dead=0)
