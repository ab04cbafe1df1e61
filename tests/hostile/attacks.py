"""Attacks as a process of their own, so that they cost the measuring nothing but the machine: `python -m tests.hostile.attacks NAMES URL TICKET`.

Each runs until it is killed, from a few connections that come back as soon as they are ended.
"""  # noqa: E501 - a command line

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from tests.hostile.raw import CONTINUATION, PING, TEXT, Raw, frame, handshake

CHUNK_BYTES: Final = 65_536
ENOUGH_BYTES: Final = 1_000_000  # of one connection; by then any limit has been met
Begun = Callable[[], None]
Attack = Callable[[str, str, Begun], Awaitable[None]]  # `begun` is told once the attacker is connected


async def pour(raw: Raw, data: bytes, most: int = ENOUGH_BYTES) -> int:
    """Send the same again and again without reading, until the server ends it; returns how many bytes it let in."""
    sent = 0
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(5):
            while sent < most and not raw.reader.at_eof():
                raw.writer.write(data)
                await raw.writer.drain()
                sent += len(data)
    return sent


def whole(piece: bytes) -> bytes:
    """A chunk of repeated frames."""
    return piece * (CHUNK_BYTES // len(piece))


FLOODS: Final[dict[str, bytes]] = {
    "messages": whole(frame(TEXT, b'{"type":"ping","id":1}')),
    "pings": whole(frame(PING, b"x" * 125)),
    "tiny pings": whole(frame(PING)),
    "empty fragments": frame(TEXT, b"{", fin=False) + whole(frame(CONTINUATION, fin=False)),
    "tiny texts": whole(frame(TEXT)),
    "oversize": frame(TEXT, declared=2**62) + b"x" * CHUNK_BYTES,
    "deflate bomb": whole(frame(TEXT, b"\xec\xc1\x01\x01\x00\x00\x00\x80\x90\xfe\xaf\xee\x08\n" * 8, rsv=4)),
}


def flood(name: str) -> Attack:
    async def attack(url: str, ticket: str, begun: Begun) -> None:
        raw = await Raw.enter(url, ticket)
        begun()
        await pour(raw, FLOODS[name])
        await raw.close()

    return attack


async def slow_headers(url: str, _: str, begun: Begun) -> None:
    raw = await Raw.connect(url)
    begun()
    for letter in handshake("x")[:-4].decode():
        await raw.send(letter.encode())
        await asyncio.sleep(0.2)
    await raw.close()


async def slow_reader(url: str, ticket: str, begun: Begun) -> None:
    """Takes a thousand bytes a second of everything it is told."""
    raw = await Raw.enter(url, ticket, receive_bytes=4_096)
    begun()
    with contextlib.suppress(ConnectionError):
        while await raw.reader.read(1_000):  # noqa: ASYNC110 - slowness is the point, not a condition
            await asyncio.sleep(1)
    await raw.close()


async def no_reader(url: str, ticket: str, begun: Begun) -> None:
    """Takes nothing."""
    raw = await Raw.enter(url, ticket, receive_bytes=4_096)
    begun()
    raw.stop_reading()
    with contextlib.suppress(ConnectionError):
        while True:
            await raw.tell({"type": "ping", "id": 2})
            await asyncio.sleep(0.5)


ATTACKS: Final[dict[str, tuple[int, Attack]]] = {
    **{name: (2, flood(name)) for name in FLOODS},
    "slow headers": (300, slow_headers),
    "slow readers": (20, slow_reader),
    "no readers": (20, no_reader),
}


async def main(names: str, url: str, ticket: str) -> None:
    attackers = [attack for count, attack in (ATTACKS[name] for name in names.split(", ")) for _ in range(count)]
    missing = set(range(len(attackers)))
    complete = asyncio.Event()

    def has_begun(number: int) -> None:
        missing.discard(number)
        if not missing:
            complete.set()

    async def again(number: int, attack: Attack) -> None:
        while True:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError, AssertionError):
                await attack(url, ticket, lambda: has_begun(number))
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for number, attack in enumerate(attackers):
            group.create_task(again(number, attack))
        await complete.wait()
        sys.stdout.write("under way\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.nice(10)  # it is the server's time that is to be taken, not the measuring's
    asyncio.run(main(*sys.argv[1:4]))
