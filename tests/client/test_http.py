"""The requests before a connection, against answers that a test makes up."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from realtime.client import Refused, Unreachable, create_session, join
from realtime.client.http import read_problem

SEAT = {"session_id": "s", "participant_id": "p", "nickname": "Ann", "ticket": "t"}
BUSY = {"code": "overloaded", "detail": "Busy.", "after_ms": 1, "retry": True}


@asynccontextmanager
async def answering(*answers: tuple[int, Any]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives these answers in turn; with the bodies it was sent."""
    heard: list[dict[str, Any]] = []
    waiting = iter(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        heard.append(json.loads(await reader.readexactly(length)))
        status, content = next(waiting)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        writer.write(f"HTTP/1.1 {status} Told\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


async def test_joining_is_tried_again_as_the_same_person() -> None:
    async with answering((503, BUSY), (503, b"<html>"), (201, SEAT)) as (url, heard):
        joined = await join(url, "K7QX2M", "Ann")
    assert joined.ticket == "t"
    assert len({body["join_id"] for body in heard}) == 1
    assert [body["nickname"] for body in heard] == ["Ann"] * 3


async def test_a_final_refusal_is_not_tried_again() -> None:
    async with answering((404, {"code": "unknown_code", "detail": "No such code."})) as (url, heard):
        with pytest.raises(Refused) as refused:
            await join(url, "ZZZZZZ")
    assert (refused.value.code, refused.value.message, len(heard)) == ("unknown_code", "No such code.", 1)


async def test_making_a_session_is_tried_once() -> None:
    async with answering((503, BUSY)) as (url, heard):
        with pytest.raises(Refused) as refused:
            await create_session(url, "Biology")
    assert refused.value.after_ms == 1
    assert heard == [{"title": "Biology"}]


async def test_whatever_is_not_plenum_is_unreachable() -> None:
    async with answering((200, b"hello")) as (url, _):
        with pytest.raises(Unreachable):
            await create_session(url, "Biology")
    with pytest.raises(Unreachable):  # nobody listens there any more
        await create_session(url, "Biology")
    with pytest.raises(Unreachable):
        await create_session("gopher://hall", "Biology")


def test_the_older_shape_of_an_error_is_read_too() -> None:
    error = {"code": "invalid", "message": "No.", "details": {"field": "title"}}
    refusal = read_problem({"error": error}, 422)
    assert (refusal.code, refusal.message, refusal.details, refusal.after_ms) == ("invalid", "No.", {"field": "title"}, None)
