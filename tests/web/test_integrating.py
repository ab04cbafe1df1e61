"""The examples of docs/integrating.md run as they stand there, against the real server."""

import asyncio
import re
import sys
from pathlib import Path

import playwright
import pytest

from tests.journey.servers import environment
from tests.journey.stages import Stage

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "realtime" / "web" / "static" / "app"
NODE = Path(playwright.__file__).parent / "driver" / "node"
WAIT_SECONDS = 40


def example(language: str) -> str:
    """The one example of a language that says that it runs."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "integrating.md").read_text("utf-8"), re.DOTALL)
    (text,) = (block for block in blocks if "runs: " in block.splitlines()[0])
    return str(text)


@pytest.mark.parametrize("language", ["js", "python"])
async def test_example_joins_answers_and_sees_it_saved(stage: Stage, tmp_path: Path, language: str) -> None:
    scene = await stage.session()
    poll = await scene.add("poll")
    (tmp_path / "app").symlink_to(APP)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    script = tmp_path / ("example.mjs" if language == "js" else "example.py")
    script.write_text(example(language), encoding="utf-8")
    program = [str(NODE), "--preserve-symlinks"] if language == "js" else [sys.executable]
    process = await asyncio.create_subprocess_exec(
        *program, str(script), stage.url, scene.code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment(), cwd=tmp_path,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    assert out.decode().split() == (["waiting", "counted", "saved"] if language == "js" else ["counted", "saved"])
    assert await stage.database.fetchval("SELECT count(*) FROM user_responses WHERE activity_id = $1", poll) == 1
