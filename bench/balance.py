"""How evenly do several processes share a port: one inherited listening socket, or one each (SO_REUSEPORT)?

Processes that accept on uvloop and keep what they accepted; connections come in bursts, as after a hub has died. The share
of the busiest and of the idlest process is what decides whether workers are worth having.
"""

import asyncio
import multiprocessing
import socket
from multiprocessing.connection import Connection

import uvloop

from bench.measure import Report, arguments, conclude, leave, spread

BURST = 500


def listen(port: int, *, shared: bool) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(4_096)
    listener.setblocking(False)
    return listener


def accept(listener: socket.socket | None, port: int, channel: Connection) -> None:
    """A worker: accepts until asked how often it did."""

    async def work() -> int:
        accepted: set[asyncio.BaseTransport] = set()

        class Kept(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted.add(transport)

        own = listener if listener is not None else listen(port, shared=False)
        server = await asyncio.get_running_loop().create_server(Kept, sock=own, backlog=4_096)
        channel.send("ready")
        await asyncio.to_thread(channel.recv)
        count = len(accepted)
        server.close()
        return count

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        channel.send(runner.run(work()))


def share_out(workers: int, connections: int, *, shared: bool) -> list[float]:
    """The share of each worker, the busiest first."""
    context = multiprocessing.get_context("fork")
    kept = listen(0, shared=shared)
    port = kept.getsockname()[1]
    if not shared:
        kept.close()  # a listening socket that nobody accepts from would take its part
    channels, started = [], []
    for _ in range(workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=accept, args=(kept if shared else None, port, theirs))
        process.start()
        channels.append(ours)
        started.append(process)
    for channel in channels:
        channel.recv()
    clients = []
    for _ in range(connections // BURST):
        burst = [socket.socket() for _ in range(BURST)]
        for client in burst:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        for client in burst:
            client.setblocking(True)
            client.getpeername()
        clients += burst
    for channel in channels:
        channel.send("how many")
    counts = [channel.recv() for channel in channels]
    for client in clients:
        client.close()
    for process in started:
        process.join(10)
    return sorted((count / sum(counts) for count in counts), reverse=True)


def main(quick: bool, repeats: int) -> Report:
    report = Report("balance", "Who gets the connections", ["sockets", "workers", "busiest %", "idlest %"])
    for workers in (2,) if quick else (2, 4):
        for name, shared in (("one, inherited", True), ("one each", False)):
            shares = [share_out(workers, 2_000, shared=shared) for _ in range(repeats)]
            report.row(name, workers, spread([100 * one[0] for one in shares]), spread([100 * one[-1] for one in shares]))
    report.remark(f"2,000 connections in bursts of {BURST} over the loopback.")
    return report


if __name__ == "__main__":
    given = arguments(__doc__)
    options = given.parse_args()
    leave(conclude(main(options.quick, options.repeats), options.json))
