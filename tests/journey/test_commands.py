"""The command line: help that reads well, migrations, and starts that are refused with a sentence that says what to do."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from persistence.migration import HEAD
from realtime.engines import Engines, start_engines
from tests.journey.servers import PLENUM, REPOSITORY, environment, free_port, is_ready, run_plenum
from tests.journey.stages import new_id, open_stage
from tests.waiting import wait_until

COMMANDS = ["serve", "demo", "flush", "migrate", "settings"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_reads_well(command: str) -> None:
    done = run_plenum(*([command] if command else []), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"\s+", " ", done.stdout)
    assert text.startswith(f"usage: plenum {command}".strip())
    assert "`plenum settings` lists them" in text
    for other in () if command else COMMANDS:
        assert re.search(rf" {other} [a-z]", text), f"{other} is explained"
    for line in done.stdout.splitlines():
        assert len(line) <= 80
    undescribed = re.findall(r"^  (--[a-z-]+)(?: [A-Z]+)?$\n(?!    )", done.stdout, re.MULTILINE)
    assert undescribed == []


def test_no_command_shows_the_help_and_unknown_ones_are_refused() -> None:
    assert run_plenum().stdout.startswith("usage: plenum")
    unknown = run_plenum("fly")
    assert (unknown.returncode, "invalid choice: 'fly'" in unknown.stderr) == (2, True)


def test_settings_lists_values_and_hides_secrets() -> None:
    listed = run_plenum("settings", DATABASE_URL="postgresql://me:password@host/db", PLENUM_TICK_MS="250")
    assert listed.returncode == 0
    assert "password" not in listed.stdout
    assert re.search(r"^PLENUM_TICK_MS +250$", listed.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PLENUM_TICK_MS", "soon", "PLENUM_TICK_MS is 'soon', which is not a number."),
        ("PLENUM_TICK_MS", "1", "PLENUM_TICK_MS is 1; it must be at least 10."),
        ("PORT", "99999", "PORT is 99999; it must be at most 65535."),
        ("PLENUM_LOG_FORMAT", "xml", "PLENUM_LOG_FORMAT is 'xml'; it must be one of text, json."),
        ("PLENUM_STRICT_TYPES", "maybe", "PLENUM_STRICT_TYPES is 'maybe', which is not a yes or no."),
    ],
)
def test_setting_that_cannot_be_is_refused_by_name(name: str, value: str, sentence: str) -> None:
    refused = run_plenum("serve", **{name: value})
    assert (refused.returncode, refused.stderr.strip()) == (2, f"plenum: {sentence}")


async def test_migrate_goes_up_and_down_and_tells_where_it_is(external_engines: Engines, empty_database: str) -> None:
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": empty_database}

    def migrate(*arguments: str) -> tuple[int, str]:
        done = run_plenum("migrate", *arguments, **variables)
        return done.returncode, (done.stdout + done.stderr).strip()

    assert migrate("status") == (0, f"schema: none (this version needs {HEAD})")
    code, text = migrate("check")
    assert (code, "run `plenum migrate up`" in text) == (1, True)
    for _ in range(2):
        assert migrate("up") == (0, f"schema: {HEAD} (this version needs {HEAD})")
    assert migrate("check")[0] == 0
    assert "user_responses" in await tables(empty_database)
    code, text = migrate("down")
    assert code == 0, text
    assert f"schema: {HEAD} (" not in text, "one revision back"
    assert migrate("check")[0] == 1
    assert migrate("down", "--to", "base") == (0, f"schema: none (this version needs {HEAD})")
    assert await tables(empty_database) <= {"alembic_version"}


async def tables(database_url: str) -> set[str]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in rows}


@pytest.mark.parametrize("command", ["serve", "flush"])
async def test_start_on_another_schema_names_the_command(external_engines: Engines, empty_database: str, command: str) -> None:
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": empty_database, "PORT": str(free_port())}
    refused = run_plenum(command, **variables)
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("The database has no Plenum schema yet: run `plenum migrate up`.")
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    await connection.execute("INSERT INTO alembic_version VALUES ('0000')")
    await connection.close()
    refused = run_plenum(command, **variables)
    assert refused.returncode == 2
    assert f"is at revision 0000, but this program needs {HEAD}: run `plenum migrate up`" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_start_on_a_redis_that_evicts_is_refused(external_engines: Engines, tmp_path: Path) -> None:
    options = {"maxmemory-policy": "allkeys-lru"}
    engines = start_engines(tmp_path, tcp=True, postgres=False, valkey_options=options)
    try:
        refused = run_plenum(
            "serve", REDIS_URL=engines.redis_url, DATABASE_URL=external_engines.database_url, PORT=str(free_port())
        )
    finally:
        engines.stop()
    assert refused.returncode == 2
    assert "Redis evicts keys when memory is short (maxmemory-policy allkeys-lru)" in refused.stderr
    assert refused.stderr.strip().endswith("Set maxmemory-policy to noeviction.")


def test_start_on_a_postgresql_without_durable_commits_is_refused(external_engines: Engines, tmp_path: Path) -> None:
    engines = start_engines(tmp_path, tcp=True, valkey=False, postgres_options={"fsync": "off"})
    try:
        refused = run_plenum(
            "serve", REDIS_URL=external_engines.redis_url, DATABASE_URL=engines.database_url, PORT=str(free_port())
        )
    finally:
        engines.stop()
    assert refused.returncode == 2
    assert "PostgreSQL runs with fsync = off and may lose what it confirmed" in refused.stderr


async def test_start_where_commits_are_not_awaited_is_refused(external_engines: Engines, empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    name = empty_database.rpartition("/")[2]
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.close()
    refused = run_plenum("serve", REDIS_URL=external_engines.redis_url, DATABASE_URL=empty_database, PORT=str(free_port()))
    assert refused.returncode == 2
    assert "synchronous_commit = off" in refused.stderr


@pytest.mark.parametrize("missing", ["REDIS_URL", "DATABASE_URL"])
def test_servers_that_do_not_answer_are_named(external_engines: Engines, missing: str) -> None:
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url}
    variables[missing] = f"{'redis' if missing == 'REDIS_URL' else 'postgresql'}://127.0.0.1:{free_port()}/0"
    refused = run_plenum("serve", PORT=str(free_port()), **variables)
    assert refused.returncode == 2
    assert f"does not answer at {missing}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL"])
@pytest.mark.parametrize("address", ["nonsense", "{scheme}://user:pass/word@host:1/0"])
def test_an_address_that_is_none_is_named_without_what_may_be_its_password(
    external_engines: Engines, name: str, address: str
) -> None:
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url}
    variables[name] = address.format(scheme="redis" if name == "REDIS_URL" else "postgresql")
    refused = run_plenum("verify", **variables)
    assert (refused.returncode, f"plenum: {name} is no address" in refused.stderr) == (2, True), refused.stderr
    assert ("pass" in refused.stderr.replace("password", ""), "Traceback" in refused.stderr) == (False, False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("verify", "abc"), "'abc' is no session's id."),
        (("verify", "0195a7c0-1111-7000-8000-000000000001"), "There is no session 0195a7c0-1111-7000-8000-000000000001."),
        (("dead-letters", "retry", "--id", "99"), "No dead letter 99 waits."),
        (("keys", "retire"), "Name a key of the ring to retire."),
        (("keys", "retire", "{kid}"), "Key {kid} is the only one, with which all is signed: run `plenum keys rotate` first."),
        (("serve", "--port", "{taken}"), "Port {taken} cannot be used on 0.0.0.0 (Address already in use)."),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_said_in_a_sentence_and_is_no_finding(
    external_engines: Engines, arguments: tuple[str, ...], sentence: str
) -> None:
    """Status 1 of these commands means that something is wrong with the data, and nobody shall be sent looking for that."""
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url}
    listed = run_plenum("keys", **variables) if "{kid}" in arguments else None
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        known = {"kid": listed.stdout.split()[0] if listed else "", "taken": taken.getsockname()[1]}
        refused = run_plenum(*(one.format(**known) for one in arguments), **variables)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1].startswith(f"plenum: {sentence.format(**known)}")
    assert "Traceback" not in refused.stderr


def test_a_port_of_metrics_that_is_taken_is_found_before_anybody_is_told_an_address(external_engines: Engines) -> None:
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url, "PORT": "0"}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = run_plenum("serve", PLENUM_METRICS_PORT=str(taken.getsockname()[1]), **variables)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "cannot be used on 127.0.0.1 (Address already in use). Choose another in PLENUM_METRICS_PORT." in refused.stderr


def test_the_demo_plays_on_whatever_port_the_system_chose(external_engines: Engines, tmp_path: Path) -> None:
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url}
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [*PLENUM, "demo", "--port", "0", "--host", "127.0.0.1", "--phones", "2", "--seconds", "1"],
            env=environment(**variables), cwd=REPOSITORY, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_until(lambda: "answers are in" in log.read_text(), "the phones answer", 40)
        assert re.search(r"Watch it live  http://127\.0\.0\.1:[1-9]\d+/present", log.read_text())
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(40) == 0


@pytest.mark.parametrize("arguments", [("--phones", "-5"), ("--seconds", "nan"), ("--seconds", "0")])
def test_a_demo_that_cannot_be_played_is_refused(arguments: tuple[str, str]) -> None:
    refused = run_plenum("demo", *arguments)
    assert (refused.returncode, f"argument {arguments[0]}: must be between 1 and" in refused.stderr) == (2, True)


def test_who_reads_only_the_first_lines_is_not_complained_at() -> None:
    listing = subprocess.Popen(
        [*PLENUM, "settings"], env=environment(), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert listing.stdout is not None
    assert listing.stderr is not None
    listing.stdout.close()
    assert (listing.wait(40), listing.stderr.read()) == (141, b"")
    listing.stderr.close()


@pytest.mark.parametrize("arguments", [("status",), ("up",), ("down",), ("check",)])
def test_migrate_says_in_a_sentence_that_the_database_does_not_answer(arguments: tuple[str, ...]) -> None:
    nobody = f"postgresql://127.0.0.1:{free_port()}/0"
    refused = run_plenum("migrate", *arguments, REDIS_URL="redis://127.0.0.1:1/0", DATABASE_URL=nobody)
    assert "Traceback" not in refused.stderr
    assert refused.returncode in (1, 2)
    assert "DATABASE_URL" in refused.stderr


def test_migrate_to_a_revision_that_is_not_there_is_refused(external_engines: Engines) -> None:
    variables = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url}
    refused = run_plenum("migrate", "up", "--to", "nonsense", **variables)
    assert "Traceback" not in refused.stderr
    assert refused.returncode in (1, 2)
    assert "nonsense" in refused.stderr


def test_flusher_of_its_own_needs_servers_of_its_own() -> None:
    refused = run_plenum("flush")
    assert (refused.returncode, "set REDIS_URL and DATABASE_URL" in refused.stderr) == (2, True)


def procfile_runner(port: int) -> list[str]:
    return [
        sys.executable, "-m", "honcho", "--no-colour", "-f", str(REPOSITORY / "Procfile"), "-d", str(REPOSITORY),
        "start", "-p", str(port),
    ]  # fmt: skip


def test_procfile_runs_as_it_stands(external_engines: Engines, empty_database: str, tmp_path: Path) -> None:
    """Release, then web and flusher, by a Procfile runner; an answer goes all the way."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    variables = {
        "REDIS_URL": external_engines.redis_url.rpartition("/")[0] + "/3", "DATABASE_URL": empty_database, "PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }  # fmt: skip
    runner = procfile_runner(port)
    release = subprocess.run(
        [*runner, "release"], env=environment(**variables), capture_output=True, text=True, check=False, timeout=40
    )
    assert f"schema: {HEAD} (this version needs {HEAD})" in release.stdout, release.stdout + release.stderr
    log = tmp_path / "procfile.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*runner, "web", "flusher"], env=environment(**variables), stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):  # fmt: skip
        try:
            wait_until(lambda: is_ready(url) or process.poll() is not None, "the web process is ready", 40)
            wait_until(lambda: "flushing 16 shards" in log.read_text(), "the flusher process is at work", 20)
            asyncio.run(answer_once(url, empty_database))
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: not is_ready(url), "the web process ended too", 10)
    assert "Traceback" not in log.read_text(), log.read_text()


async def answer_once(url: str, database_url: str) -> None:
    """One answer from the press to the row."""
    stage = await open_stage(url, database_url)
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    accepted = await phone.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"selected": ["a"]})
    await phone.until_saved(accepted)
    assert len(await scene.rows(activity_id)) == 1
    await stage.close()
