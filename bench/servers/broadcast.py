"""`websockets.broadcast`, the way its documentation shows: `python -m bench.servers.broadcast PORT`."""

import asyncio
import contextlib
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

FRAME = "x" * 200
subscribers: set[ServerConnection] = set()


async def handle(socket: ServerConnection) -> None:
    assert socket.request is not None
    if socket.request.path == "/sub":
        subscribers.add(socket)
        try:
            await socket.wait_closed()
        finally:
            subscribers.discard(socket)
        return
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            broadcast(subscribers, FRAME)


async def main() -> None:
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None, ping_interval=None, backlog=4_096, open_timeout=60):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(main())
        except KeyboardInterrupt:
            sys.exit(0)
