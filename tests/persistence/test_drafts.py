"""Drafts in PostgreSQL: whoever is not named as missing has his draft stored, whatever happens meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any

from persistence import drafts
from persistence.drafts import DraftRow
from persistence.pool import Database
from tests.persistence.stage import ACCEPTED_AT_MS, Stage


class Interrupted:
    """A database on which something else is done after the first statement."""

    def __init__(self, database: Database, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        self._database = database
        self._meanwhile = meanwhile
        self._statements = 0

    async def execute(self, *arguments: Any) -> Any:
        return await self._do(self._database.execute(*arguments))

    async def fetch(self, *arguments: Any) -> Any:
        return await self._do(self._database.fetch(*arguments))

    async def _do(self, statement: Awaitable[Any]) -> Any:
        found = await statement
        self._statements += 1
        if self._statements == 1:
            await self._meanwhile()
        return found


async def stored(stage: Stage) -> set[str]:
    return {str(row["participant_id"]) for row in await stage.read_table("response_drafts")}


async def test_a_draft_whose_author_is_stored_meanwhile_is_not_taken_for_stored(stage: Stage) -> None:
    join = stage.make_join(nickname="Late")
    known = stage.participant_ids[0]
    rows = [
        DraftRow(stage.session_id, stage.activity_id, who, 1, 1, 0, False, ACCEPTED_AT_MS, '{"selected":["a"]}')
        for who in (known, join.participant_id)
    ]
    database: Any = Interrupted(stage.db, lambda: stage.save(join))
    missing = await drafts.save(database, rows)
    assert {known, join.participant_id} - set(missing) <= await stored(stage)
    assert not await drafts.save(stage.db, rows)
    assert await stored(stage) == {known, join.participant_id}


async def test_who_is_not_stored_is_named(stage: Stage) -> None:
    join = stage.make_join()
    row = DraftRow(stage.session_id, stage.activity_id, join.participant_id, 1, 1, 0, False, ACCEPTED_AT_MS, "{}")
    assert set(await drafts.save(stage.db, [row])) == {join.participant_id}
    assert await stored(stage) == set()
