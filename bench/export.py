"""What an export costs: `python bench/export.py [--rows 200000]`.

One session with as many stored answers, exported in every format. Printed: seconds until the whole file is here, its size, how much
the server's memory grew at most meanwhile, and the longest that another request (the session's status) had to wait.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.journey.servers import Server
from tests.journey.stages import Scene, bearer, open_stage

_PEOPLE = """
INSERT INTO participants (id, session_id, nickname)
SELECT gen_random_uuid(), $1, 'Person ' || number FROM generate_series(1, $2) AS number
"""
_ANSWERS = """
INSERT INTO user_responses
       (id, session_id, activity_id, participant_id, response_data, round, entry, revision, submission_id, seq, epoch)
SELECT gen_random_uuid(), $1, $2, participants.id, response_data, 1, '', 1, gen_random_uuid(), seq + row_number() OVER (), epoch
FROM participants, (SELECT response_data, seq, epoch FROM user_responses WHERE activity_id = $2 LIMIT 1) AS first
WHERE participants.session_id = $1 AND nickname LIKE 'Person %'
"""


def memory_mb(pid: int) -> float:
    """Resident memory of a process now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1_024


async def fill(scene: Scene, rows: int) -> None:
    """Store the answers behind the server's back: what is measured is reading them."""
    poll = await scene.add("poll")
    await scene.answer(poll, await scene.join("First"), {"selected": ["a"]})
    await scene.get(f"/activities/{poll}/responses")  # and so it is stored
    await scene.stage.database.execute(_PEOPLE, scene.id, rows, timeout=600)
    await scene.stage.database.execute(_ANSWERS, scene.id, poll, timeout=600)


async def watch(scene: Scene, pid: int, seen: dict[str, float]) -> None:
    while True:
        started = time.perf_counter()
        await scene.get("/status")
        seen["waited_ms"] = max(seen["waited_ms"], (time.perf_counter() - started) * 1_000)
        seen["memory_mb"] = max(seen["memory_mb"], memory_mb(pid))
        await asyncio.sleep(0.02)


async def measure(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            await asyncio.to_thread(server.start)
            stage = await open_stage(server.url, server.database_url)
            scene = await stage.session("Export")
            await fill(scene, rows)
            print(f"{rows:,} answers")
            print(f"{'format':<8}{'seconds':>9}{'MB':>9}{'rows/s':>10}{'memory grew, MB':>18}{'longest wait, ms':>19}")
            for format in ("csv", "ndjson", "json", "xlsx"):
                before = memory_mb(server.pid)
                seen = {"waited_ms": 0.0, "memory_mb": before}
                watcher = asyncio.create_task(watch(scene, server.pid, seen))
                started, size = time.perf_counter(), 0
                url = f"/api/v1/sessions/{scene.id}/export?format={format}"
                async with stage.http.stream("GET", url, headers=bearer(scene.ticket), timeout=900) as answer:
                    answer.raise_for_status()
                    async for piece in answer.aiter_bytes():
                        size += len(piece)
                seconds = time.perf_counter() - started
                watcher.cancel()
                with suppress(asyncio.CancelledError):
                    await watcher
                grew = seen["memory_mb"] - before
                told = f"{format:<8}{seconds:>9.1f}{size / 1e6:>9.1f}{rows / seconds:>10,.0f}"
                print(f"{told}{grew:>18.1f}{seen['waited_ms']:>19.0f}", flush=True)
            await stage.close()
        finally:
            server.end()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, metavar="N")
    asyncio.run(measure(parser.parse_args().rows))
