"""The network between a phone and the server, which a test can cut and join again."""

import asyncio
from typing import Self


class Wire:
    """Relays TCP to a server. While cut, open connections are dropped and new ones end at once; while muted,
    what the server says is swallowed, and it does not notice."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._is_cut = False
        self._is_mute = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self.cut()
        assert self._listener is not None
        self._listener.close()
        await asyncio.gather(*self._tasks)

    def cut(self) -> None:
        """From now on nothing passes."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mute(self) -> None:
        """From now on nothing of what the server says arrives."""
        self._is_mute = True

    def mend(self) -> None:
        """From now on new connections pass, both ways."""
        self._is_cut = self._is_mute = False

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:  # The server is down: what the phone is to see as well.
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._writers |= both
        try:
            await asyncio.gather(self._copy(reader, server_writer), self._copy(server_reader, writer, is_down=True))
        finally:
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_down: bool = False) -> None:
        try:
            while piece := await source.read(65_536):
                if is_down and self._is_mute:
                    continue
                target.write(piece)
                await target.drain()
            target.write_eof()
        except OSError:
            target.transport.abort()  # One side is gone, so the other one goes as well.
