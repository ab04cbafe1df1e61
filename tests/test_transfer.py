"""`plenum export` and `plenum import` on a store of their own, as an operator runs them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journey.servers import Server, run_plenum, serving
from tests.journey.stages import open_stage


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("transfer")) as running:
        yield running


async def test_questions_go_in_and_answers_come_out(server: Server, tmp_path: Path) -> None:
    stage = await open_stage(server.url, server.database_url)
    try:
        scene = await stage.session("Carried")
        engines = {"REDIS_URL": server.redis_url, "DATABASE_URL": server.database_url}
        questions = tmp_path / "questions.gift"
        questions.write_text("Is the sky blue? {T}\n\nBroken {\n", encoding="utf-8")
        tried = run_plenum("import", scene.id, str(questions), "--dry-run", **engines)
        assert (tried.returncode, tried.stdout) == (1, "Would create 1 activity from GIFT.\n")
        assert "line 3: A “{” is never closed" in tried.stderr
        done = run_plenum("import", scene.id, str(questions), **engines)
        assert done.stdout == "Created 1 activity from GIFT.\n"
        (activity,) = (await scene.get("/activities")).json()["activities"]
        await scene.move(activity["id"], "active")
        await scene.answer(activity["id"], await scene.join("Ann"), {"selected": ["a"]})

        out = run_plenum("export", scene.id, **engines)  # to standard output
        assert out.returncode == 0, out.stderr
        (row,) = csv.DictReader(io.StringIO(out.stdout, newline=""))
        assert (row["name"], row["answer"], row["correct"]) == ("Ann", "True", "true")
        book = tmp_path / "results.xlsx"
        told = run_plenum("export", scene.id, "--format", "xlsx", "--output", str(book), **engines)
        assert told.returncode == 0, told.stderr
        assert book.read_bytes().startswith(b"PK")
    finally:
        await stage.close()


def test_what_is_not_there_is_said_in_a_sentence(server: Server) -> None:
    engines = {"REDIS_URL": server.redis_url, "DATABASE_URL": server.database_url}
    nobody = run_plenum("export", "0195a7c0-1111-7000-8000-000000000001", **engines)
    assert (nobody.returncode, nobody.stderr.splitlines()[-1]) == (2, "plenum: There is no such session.")


async def test_a_file_that_cannot_be_written_and_an_id_that_is_none_are_said_in_a_sentence(server: Server, tmp_path: Path) -> None:
    engines = {"REDIS_URL": server.redis_url, "DATABASE_URL": server.database_url}
    stage = await open_stage(server.url, server.database_url)
    try:
        scene = await stage.session("Carried")
        nowhere = str(tmp_path / "missing" / "out.csv")
        for table in ("responses", "bundle"):
            failed = run_plenum("export", scene.id, "--table", table, "--output", nowhere, **engines)
            told = (failed.returncode, failed.stderr.splitlines()[-1])
            assert told == (2, f"plenum: {nowhere} cannot be written: No such file or directory.")
        failed = run_plenum("export", scene.id, "--activity", "first", **engines)
        assert (failed.returncode, failed.stderr.splitlines()[-1]) == (2, "plenum: There is no such activity in this session.")
    finally:
        await stage.close()
