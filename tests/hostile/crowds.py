"""Many requests from one address, by a client that costs less than the server it asks."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 100


class Crowd:
    """Keeps connections open and posts over them; `post_all` spreads bodies over all of them."""

    def __init__(self, url: str, path: str, **headers: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        lines = [f"POST {path} HTTP/1.1", f"host: {parts.netloc}", "content-type: application/json"]
        self._head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items())]) + "\r\ncontent-length: "

    async def post_all(self, bodies: Iterable[Any], *, patiently: bool = False) -> list[tuple[int, Any]]:
        """Status and document of each; `patiently` sends again what is to be tried again, after the time that was told."""
        answers: list[tuple[int, Any]] = []
        waiting = iter(list(bodies))
        await asyncio.gather(*(self._work(waiting, answers, patiently) for _ in range(CONNECTIONS)))
        return answers

    async def _work(self, waiting: Iterator[Any], answers: list[tuple[int, Any]], patiently: bool) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            for body in waiting:
                content = json.dumps(body).encode()
                while True:
                    writer.write(f"{self._head}{len(content)}\r\n\r\n".encode() + content)
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                    answers.append((int(head.split(b" ", 2)[1]), json.loads(await reader.readexactly(length))))
                    after_ms = answers[-1][1].get("after_ms")
                    if not patiently or after_ms is None:
                        break
                    await asyncio.sleep(after_ms / 1_000)
        finally:
            writer.close()
