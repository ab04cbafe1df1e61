"""The plain stack on Starlette, as a tutorial would build it: `python -m bench.servers.starlette_plain PORT`.

/sub and /pub: a frame on /pub is sent to everybody on /sub, in a loop of `await send_text`. /echo: what comes goes back.
/answer: each answer is one script call by redis-py (REDIS_URL) and one INSERT by asyncpg (DATABASE_URL), then the reply.
"""

import asyncio
import json
import os
import sys
import uuid
from typing import Any

import asyncpg
import uvicorn
from redis.asyncio import BlockingConnectionPool, Redis
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

FRAME = "x" * 200
subscribers: set[WebSocket] = set()
stores: dict[str, Any] = {}
opening = asyncio.Lock()

# What a plain server asks of Redis for one answer: is it open, is it new, count it.
COUNT = """
if redis.call('HGET', KEYS[1], 'state') ~= 'active' then return {-1, 0} end
local seq = redis.call('HGET', KEYS[2], ARGV[1])
if seq then return {2, seq} end
local old = redis.call('HGET', KEYS[3], ARGV[2])
if old then redis.call('HINCRBY', KEYS[4], old, -1) end
seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
redis.call('HSET', KEYS[2], ARGV[1], seq)
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('HINCRBY', KEYS[4], ARGV[3], 1)
return {1, seq}
"""


async def subscribe(socket: WebSocket) -> None:
    await socket.accept()
    subscribers.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        subscribers.discard(socket)


async def publish(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.receive_text()
            for one in list(subscribers):
                await one.send_text(FRAME)
    except WebSocketDisconnect:
        return


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


async def open_stores() -> None:
    async with opening:
        if stores:
            return
        # Its default pool refuses the hundred-and-first call at a time.
        connections = BlockingConnectionPool.from_url(os.environ["REDIS_URL"], max_connections=50, decode_responses=True)
        redis = Redis(connection_pool=connections)
        await redis.hset("plain:activity", mapping={"state": "active"})
        pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=10)
        stores.update(redis=redis, count=redis.register_script(COUNT), pool=pool)


async def answer(socket: WebSocket) -> None:
    await open_stores()
    await socket.accept(subprotocol="plenum.v1")
    participant = str(uuid.uuid4())
    try:
        while True:
            message = json.loads(await socket.receive_text())
            choice = message["data"]["selected"][0]
            _, offset = await stores["count"](
                keys=["plain:activity", "plain:seen", "plain:answers", "plain:tally"],
                args=[message["submission_id"], participant, choice],
            )
            await stores["pool"].execute(
                "INSERT INTO plain_responses (id, activity_id, participant_id, seq, response_data) VALUES ($1, $2, $3, $4, $5)",
                message["submission_id"], message["activity_id"], participant, int(offset), json.dumps(message["data"]),
            )  # fmt: skip
            await socket.send_text(
                json.dumps({"type": "accepted", "id": message["id"], "submission_id": message["submission_id"], "offset": offset})
            )
    except (WebSocketDisconnect, RuntimeError):  # Starlette's word for a send after the peer has gone
        return


app = Starlette(
    routes=[
        WebSocketRoute("/sub", subscribe),
        WebSocketRoute("/pub", publish),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/answer", answer),
    ]
)

if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", log_level="warning", backlog=4_096, lifespan="off",
        ws_per_message_deflate=False, ws_ping_interval=None,
    )  # fmt: skip
