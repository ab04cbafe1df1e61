"""The `plenum` command."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from realtime.hosting import Unable, announced_url, host, local_url, run_to_end, running_engines
from realtime.settings import Settings, UnfitSettings, environment

_EPILOG: Final = "Every setting can also be given as an environment variable; `plenum settings` lists them with their defaults."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        settings = Settings.read(environment(), **{name: value for name, value in vars(given).items() if name in _FLAGS})
        status: int = given.run(settings, given)
        sys.stdout.flush()
    except (UnfitSettings, Unable) as error:
        print(f"plenum: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; Python shall not complain about it again while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


_MOST_PHONES: Final = 10_000  # simulated by this one process
_MOST_SECONDS: Final = 86_400
_FLAGS: Final = ("host", "port", "data_folder", "public_url", "log_level", "workers")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plenum",
        description="A live-session server: people answer on their phones, presenters watch the counts, no answer is lost.",
        epilog=_EPILOG,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, run: Callable[[Settings, Any], int], help_text: str, more: str = "") -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}. {more}".strip(), epilog=_EPILOG
        )
        command.set_defaults(run=run)
        command.add_argument(
            "--data-folder", metavar="DIR", help="folder of the embedded engines (default: in your data directory)"
        )
        command.add_argument("--log-level", choices=["debug", "info", "warning", "error"], help="how much is logged")
        return command

    serve = add("serve", _serve, "run the server", "Without REDIS_URL and DATABASE_URL it starts its own Valkey and PostgreSQL.")
    demo = add(
        "demo", _demo, "run the server with a sample session and simulated phones", "Open the presenter address to watch it live."
    )
    for command in (serve, demo):
        command.add_argument("--host", help="address to listen on (default: all)")
        command.add_argument("--port", type=int, help="port to listen on (default: 8000)")
        command.add_argument("--workers", type=int, metavar="N", help="hub processes that share the port (default: 1)")
        command.add_argument("--public-url", metavar="URL", help="the address people type, if it is not this machine's")
    serve.add_argument("--no-flusher", action="store_true", help="leave flushing to `plenum flush` processes")
    demo.add_argument("--phones", type=_count, default=100, metavar="N", help="simulated phones (default: 100)")
    demo.add_argument("--seconds", type=_duration, default=60, metavar="S", help="how long they take to answer (default: 60)")

    add("flush", _flush, "run a flusher of its own", "Any number may run; each shard is flushed by one of them.")

    migrate = add("migrate", _migrate, "bring the database schema up or down, or look at it")
    migrate.add_argument(
        "direction", choices=["up", "down", "status", "check"], help="check exits with 1 when the schema does not fit"
    )
    migrate.add_argument("--to", metavar="REVISION", help="revision to go to (up: newest, down: one back)")

    tune = add(
        "tune", _tune, "look at or change how PostgreSQL keeps responses",
        "For big installations; see docs/scaling.md. Saving waits while a table is changed, answers do not.",
    )  # fmt: skip
    tune.add_argument("what", choices=["show", "partitions", "gin", "foreign-keys"], nargs="?", default="show")
    tune.add_argument("value", nargs="?", help="a number of partitions (0: none), or on or off")

    verify = add(
        "verify", _verify, "prove that live counts equal stored rows",
        "Recounts every session, or one, and exits with 1 when anything differs. "
        "Runs beside a server on the same REDIS_URL and DATABASE_URL, "
        "or by itself on the embedded engines.",
    )  # fmt: skip
    verify.add_argument("session", nargs="?", help="a session's id (default: all)")
    verify.add_argument("--json", action="store_true", help="print JSON instead of a table")

    letters = add("dead-letters", _dead_letters, "list, retry or export the rows that PostgreSQL refused")
    letters.add_argument("action", choices=["list", "retry", "export"], nargs="?", default="list")
    letters.add_argument("--id", type=int, help="only this one")

    keys = add("keys", _keys, "list or rotate the keys that tickets and receipts are signed with")
    keys.add_argument("action", choices=["list", "rotate", "retire"], nargs="?", default="list")
    keys.add_argument("kid", nargs="?", help="the key to retire: what it signed counts no more")

    export = add(
        "export", _export, "write a session's results, or its activities, to a file",
        "Waits until every accepted answer is saved; exits with 3 when the file could not be complete. "
        "Anonymous activities name nobody.",
    )  # fmt: skip
    export.add_argument("session", help="the session's id")
    export.add_argument("--format", choices=["csv", "xlsx", "json", "ndjson"], default="csv", help="default: csv")
    export.add_argument(
        "--table", choices=["responses", "activities", "participants", "bundle"], default="responses",
        help="which table a CSV holds (default: responses); bundle: the activities themselves as JSON, for `plenum import`",
    )  # fmt: skip
    export.add_argument("--activity", metavar="ID", help="only this activity, with the columns of its type")
    export.add_argument("--output", "-o", metavar="FILE", help="default: standard output")
    export.add_argument("--bom", action="store_true", help="begin a CSV with a byte order mark, for older spreadsheets")

    bring = add(
        "import", _import, "create activities from JSON, CSV, GIFT or an Excel workbook",
        "What cannot be read is named by line or cell and left out; then it exits with 1.",
    )  # fmt: skip
    bring.add_argument("session", help="the session's id")
    bring.add_argument("file", help="the file; - reads standard input")
    bring.add_argument("--format", choices=["json", "csv", "gift", "xlsx"], help="default: found out from the content")
    bring.add_argument("--dry-run", action="store_true", help="only say what would be created")

    seed = add(
        "seed", _seed, "fill this installation with sample data, always the same",
        "A lecture in English that is running, a review in German that has ended, and every activity type in every state. "
        "Prints the links of every role. What is there already stays as it is. "
        "Runs beside a server on the same REDIS_URL and DATABASE_URL, or by itself on the embedded engines.",
    )  # fmt: skip
    seed.add_argument("--again", action="store_true", help="delete what an earlier run made, and make it anew")
    seed.add_argument("--json", action="store_true", help="print JSON, with the tickets of every role and of two participants")
    seed.add_argument("--public-url", metavar="URL", help="the address that the links begin with")

    add("settings", _settings, "list every setting with its variable, default and present value")
    return parser


def _count(text: str) -> int:
    if not 1 <= (number := int(text)) <= _MOST_PHONES:
        raise argparse.ArgumentTypeError(f"must be between 1 and {_MOST_PHONES:,}")
    return number


def _duration(text: str) -> float:
    if not 1 <= (seconds := float(text)) <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"must be between 1 and {_MOST_SECONDS:,}")
    return seconds


# ----------------------------------------------------------------------------------------------- commands


def _serve(settings: Settings, given: Any) -> int:
    return host(settings, flusher=not given.no_flusher)


def _demo(settings: Settings, given: Any) -> int:
    from realtime.demo import perform

    async def play(ready: Settings) -> None:
        await perform(local_url(ready), ready.public_url, phones=given.phones, seconds=given.seconds, say=print)

    return host(settings, flusher=True, beside=play)


def _flush(settings: Settings, _given: Any) -> int:
    from realtime.app import open_app
    from realtime.server import calm_collector, until_signal

    async def run() -> None:
        async with open_app(settings, migrate=False) as app, app.recovering(), app.flushing():
            print(f"plenum: flushing {settings.shards} shards as {os.getpid()}", flush=True)
            calm_collector()
            await until_signal()

    with running_engines(settings, external_only="plenum flush") as (ready, _):
        settings = ready
        run_to_end(settings, run)
    return 0


def _migrate(settings: Settings, given: Any) -> int:
    from alembic.util import CommandError

    from persistence import migration
    from persistence.errors import STORAGE_ERRORS, PersistenceError, UnfitDatabase
    from persistence.pool import open_pool

    async def run() -> int:
        if given.direction == "up":
            await migration.upgrade(ready.database_url, given.to or "head")
        elif given.direction == "down":
            await migration.downgrade(ready.database_url, given.to or "-1")
        pool = await open_pool(
            ready.database_url, size=2, command_timeout_seconds=30, connect_timeout_seconds=10, application_name="plenum migrate"
        )
        try:
            print(f"schema: {await migration.current(pool) or 'none'} (this version needs {migration.HEAD})")
            if given.direction == "check":
                await migration.check(pool)
        finally:
            await pool.close()
        return 0

    with running_engines(settings) as (ready, _):
        try:
            return asyncio.run(run())
        except UnfitDatabase as error:
            raise Unable(str(error)) from error
        except PersistenceError as error:
            print(f"plenum: {error}", file=sys.stderr)
            return 1
        except CommandError as error:
            wanted = "further revision" if given.to is None else f"revision {given.to!r}"
            raise Unable(f"There is no {wanted} to go {given.direction} to ({error}).") from error
        except STORAGE_ERRORS as error:
            reason = str(error) or type(error).__name__
            raise Unable(f"PostgreSQL does not answer at DATABASE_URL: {reason}. Check the address.") from error


def _tune(settings: Settings, given: Any) -> int:
    from persistence import tuning
    from persistence.errors import STORAGE_ERRORS, PersistenceError
    from persistence.pool import connect

    partitions, on = str(given.value or "").isdigit(), {"on": True, "off": False}.get(given.value)
    if given.what == "partitions" and not partitions:
        raise Unable("`plenum tune partitions` needs a number: how many parts, or 0 for one table.")
    if given.what in ("gin", "foreign-keys") and on is None:
        raise Unable(f"`plenum tune {given.what}` needs on or off.")

    async def run() -> None:
        connection = await connect(ready.database_url, timeout_seconds=ready.database_connect_seconds)
        try:
            if given.what == "partitions":
                print(f"{await tuning.set_partitions(connection, int(given.value))} rows were copied")
            elif given.what == "gin":
                await tuning.set_gin(connection, bool(on))
            elif given.what == "foreign-keys":
                print(f"{await tuning.set_foreign_keys(connection, bool(on))} orphans were deleted")
            found = await tuning.read(connection)
            gin, foreign_keys = ("on" if value else "off" for value in (found.gin, found.foreign_keys))
            print(f"partitions {found.partitions}, gin {gin}, foreign-keys {foreign_keys}")
        finally:
            await connection.close()

    with running_engines(settings) as (ready, _):
        try:
            asyncio.run(run())
        except (PersistenceError, *STORAGE_ERRORS) as error:
            raise Unable(f"Nothing was changed: {str(error) or type(error).__name__}") from error
    return 0


def _with_app(settings: Settings, work: Callable[[Any], Any]) -> int:
    """Run work on an app that has epochs but no hub and no flusher of its own."""
    from persistence.errors import STORAGE_ERRORS
    from realtime.app import open_app

    with running_engines(settings) as (ready, migrate):

        async def run() -> int:
            async with open_app(ready, migrate=migrate) as app, app.recovering():
                await app.established(30.0)
                status: int = await work(app)
                return status

        try:
            status: int = run_to_end(ready, run)
        except BrokenPipeError:
            raise
        except STORAGE_ERRORS as error:  # else what was not finished would look like what was found wrong
            raise Unable(f"It was not finished: {str(error) or type(error).__name__}. Run it again.") from error
        return status


def _verify(settings: Settings, given: Any) -> int:
    from realtime.inspection import verify

    return _with_app(settings, lambda app: verify(app, given.session, as_json=given.json))


def _dead_letters(settings: Settings, given: Any) -> int:
    from realtime.inspection import dead_letters

    return _with_app(settings, lambda app: dead_letters(app, given.action, given.id))


def _keys(settings: Settings, given: Any) -> int:
    from realtime.inspection import keys

    return _with_app(settings, lambda app: keys(app, given.action, given.kid))


def _export(settings: Settings, given: Any) -> int:
    from realtime.transfer import export

    return _with_app(
        settings,
        lambda app: export(
            app, given.session, format=given.format, table=given.table, activity_id=given.activity, output=given.output,
            bom=given.bom,
        ),
    )  # fmt: skip


def _import(settings: Settings, given: Any) -> int:
    from realtime.transfer import bring

    return _with_app(settings, lambda app: bring(app, given.session, given.file, format=given.format, dry_run=given.dry_run))


def _seed(settings: Settings, given: Any) -> int:
    from realtime.seed import seed

    return _with_app(settings, lambda app: seed(app, again=given.again, as_json=given.json, url=announced_url(settings)))


def _settings(settings: Settings, _given: Any) -> int:
    import dataclasses

    from realtime.settings import variable_of

    for knob in dataclasses.fields(settings):
        value = getattr(settings, knob.name)
        shown = "(set)" if knob.metadata["secret"] and value else repr(value)
        print(f"{variable_of(knob):<34} {shown}\n{'':<34} {knob.metadata['doc']}; default {knob.default!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
