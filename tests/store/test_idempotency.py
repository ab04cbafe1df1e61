"""The table of answers to creations is bounded: what is forgotten first is the oldest answer, never what is still being done."""

import pytest

from realtime.store.idempotency import Idempotency
from tests.store.stage import Hall

MOST = 3


@pytest.fixture
def table(hall: Hall) -> Idempotency:
    return Idempotency(hall.live.servers, timeout_seconds=5, lifetime_seconds=3_600, most=MOST)


async def remember(table: Idempotency, *names: str) -> None:
    for name in names:
        assert await table.claim(name, "body") is None
        await table.finish(name, "body", f"answer to {name}")


async def test_when_it_is_full_the_oldest_answer_goes(table: Idempotency) -> None:
    await remember(table, "a", "b", "c", "d")
    assert await table.claim("d", "body") == ("body", "answer to d")
    assert await table.claim("b", "body") == ("body", "answer to b")
    assert await table.claim("a", "body") is None


async def test_what_is_under_way_outlives_answers_that_are_kept(table: Idempotency) -> None:
    await remember(table, "a", "b", "c")
    assert await table.claim("slow", "body") is None
    await remember(table, "d", "e")
    assert await table.claim("slow", "body") == ("body", ""), "sent again meanwhile, it is not done a second time"
    await table.finish("slow", "body", "answer to slow")
    assert await table.claim("slow", "body") == ("body", "answer to slow")


async def test_with_nothing_but_claims_the_oldest_of_them_goes(table: Idempotency) -> None:
    for name in ("a", "b", "c", "d"):
        assert await table.claim(name, "body") is None
    assert await table.claim("d", "body") == ("body", "")
    assert await table.claim("a", "body") is None
