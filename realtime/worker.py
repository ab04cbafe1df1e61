"""One worker of `plenum serve --workers`: a hub that is told its settings by its parent and tells it how it is.

Started by realtime/workers.py only. Arguments: the descriptor of the channel, and that of the listening
socket where it is inherited. The channel carries lines of JSON; when it closes, the parent is gone.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from typing import Any

from realtime.app import App, open_app
from realtime.hosting import Unable, leave, run_to_end
from realtime.loops import end_tasks
from realtime.server import listen, serve
from realtime.settings import Settings
from realtime.workers import CHANNEL_BYTES


async def talk(app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the parent's questions until it is gone, and then leave as at its signal."""
    while await reader.readline():
        writer.write(json.dumps({"metrics": dict(app.readings())}).encode() + b"\n")
    os.kill(os.getpid(), signal.SIGTERM)


async def work(settings: Settings, number: int, flusher: bool, channel: socket.socket, inherited: int | None) -> None:
    """Be a hub until a signal."""
    listener = (
        listen(settings.host, settings.port, settings.stall_seconds, shared=True)
        if inherited is None
        else socket.socket(fileno=inherited)
    )
    with listener:
        async with open_app(settings, migrate=False) as app:
            # Else the first to start would flush for all of them.
            app.flusher.prefer(range(number - 1, settings.shards, settings.workers))
            reader, writer = await asyncio.open_connection(sock=channel, limit=CHANNEL_BYTES)
            talking = asyncio.create_task(talk(app, reader, writer))
            try:
                await serve(app, listener, flusher=flusher, on_ready=lambda: writer.write(b'{"ready": true}\n'))
            finally:
                await end_tasks([talking])
                writer.close()


def read_order(channel: socket.socket) -> dict[str, Any]:
    """The first line: what to be."""
    line = b""
    while not line.endswith(b"\n"):
        part = channel.recv(1)  # and no more: what follows belongs to the loop
        if not part:
            raise SystemExit("the parent ended before the worker began")
        line += part
    order: dict[str, Any] = json.loads(line)
    return order


def main() -> int:
    channel, *inherited = map(int, sys.argv[1:])
    with socket.socket(fileno=channel) as ours:
        order = read_order(ours)
        settings = Settings(**order["settings"])
        ours.setblocking(False)
        try:
            run_to_end(
                settings,
                lambda: work(settings, order["number"], order["flusher"], ours, inherited[0] if inherited else None),
                worker=order["number"],
            )
        except Unable as error:
            sys.stderr.write(f"plenum: {error}\n")
            return 2
    return 0


if __name__ == "__main__":
    leave(main())
