"""What the operator of a big installation may change about the table of responses, and take back: nothing else notices.

    partitions     the table is cut by session id, so that indexes stay small and vacuum works on parts
    GIN index      on what is in responses; the dearest index to keep, and only searches inside answers need it
    foreign keys   three look-ups per row saved; without them triggers go on deleting what belongs to something deleted

Each change is one transaction on a locked table. Saving waits for it and goes on; answers do not wait.
"""

import re
from dataclasses import dataclass
from typing import Final

import asyncpg

from persistence.errors import PersistenceError

TABLE: Final = "user_responses"
MOST_PARTITIONS: Final = 256
GIN_INDEX: Final = "idx_user_responses_data_gin"
_KEY: Final = "session_id"
# What deletes the responses of something deleted: the parent, and the column that names it.
_PARENTS: Final = {"sessions": "session_id", "activities": "activity_id", "participants": "participant_id"}
# Tables of this size are built in minutes; the deadline is there for a lock that nobody gives up.
_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '30s'"

_CONSTRAINTS: Final = f"""
    SELECT conname AS name, contype::text AS kind, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE conrelid = '{TABLE}'::regclass AND contype IN ('p', 'u', 'f') ORDER BY contype DESC, conname
"""
_INDEXES: Final = f"""
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indrelid = '{TABLE}'::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
"""
_TRIGGERS: Final = f"""
    SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE tgrelid = '{TABLE}'::regclass AND NOT tgisinternal
"""
_GRANTS: Final = f"""
    SELECT quote_ident(grantee::regrole::text) AS grantee, privilege_type FROM pg_class, aclexplode(relacl)
    WHERE pg_class.oid = '{TABLE}'::regclass AND grantee <> relowner AND grantee <> 0
"""
_COUNT_PARTITIONS: Final = f"SELECT count(*) FROM pg_inherits WHERE inhparent = '{TABLE}'::regclass"
_HAS_GIN: Final = f"SELECT to_regclass('{GIN_INDEX}') IS NOT NULL"
_HAS_KEYS: Final = f"SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = '{TABLE}'::regclass AND contype = 'f')"

_FORGET: Final = """
    CREATE OR REPLACE FUNCTION forget_responses() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE format('DELETE FROM user_responses WHERE %I = $1', TG_ARGV[0]) USING OLD.id;
        RETURN NULL;
    END $$
"""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the table of responses is at present; no partitions means that it is one table."""

    partitions: int
    gin: bool
    foreign_keys: bool


async def read(connection: asyncpg.Connection) -> Tuning:
    """Return how the table is."""
    partitions = int(await connection.fetchval(_COUNT_PARTITIONS))
    return Tuning(partitions, bool(await connection.fetchval(_HAS_GIN)), bool(await connection.fetchval(_HAS_KEYS)))


async def set_partitions(connection: asyncpg.Connection, partitions: int) -> int:
    """Cut the table into partitions, or make it one again with 0; returns how many rows were copied.

    A unique constraint of a partitioned table must contain the key it is cut by, so `session_id` is added to each, and
    taken out again. Responses of one participant to one activity lie in one session, so this means the same.
    """
    if not 0 <= partitions <= MOST_PARTITIONS or partitions == 1:
        raise PersistenceError(f"A table has 2 to {MOST_PARTITIONS} partitions, or 0 for none; not {partitions}.")
    if (await read(connection)).partitions == partitions:
        return 0
    async with connection.transaction():
        await connection.execute(_LOCK_TIMEOUT)
        await connection.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        constraints = await connection.fetch(_CONSTRAINTS)
        indexes = await connection.fetch(_INDEXES)
        triggers = await connection.fetch(_TRIGGERS)
        grants = await connection.fetch(_GRANTS)
        before = f"{TABLE}_before"
        await connection.execute(f"ALTER TABLE {TABLE} RENAME TO {before}")
        for constraint in constraints:  # names are unique in a schema, and the new table is to have them
            await connection.execute(f'ALTER TABLE {before} DROP CONSTRAINT "{constraint["name"]}"')
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        like = f"CREATE TABLE {TABLE} (LIKE {before} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
        await connection.execute(f"{like} PARTITION BY HASH ({_KEY})" if partitions else like)
        for number in range(partitions):
            await connection.execute(
                f"CREATE TABLE {TABLE}_{partitions}_{number} PARTITION OF {TABLE} "
                f"FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number})"
            )
        copied = await connection.execute(f"INSERT INTO {TABLE} SELECT * FROM {before}")
        await connection.execute(f"DROP TABLE {before}")
        for constraint in constraints:
            definition = constraint["definition"]
            if constraint["kind"] in ("p", "u"):
                definition = _with_key(definition) if partitions else _without_key(definition)
            await connection.execute(f'ALTER TABLE {TABLE} ADD CONSTRAINT "{constraint["name"]}" {definition}')
        for index in indexes:
            await connection.execute(re.sub(r" ON ONLY ", " ON ", index["definition"], count=1))
        for trigger in triggers:
            await connection.execute(trigger["definition"])
        for grant in grants:
            await connection.execute(f"GRANT {grant['privilege_type']} ON {TABLE} TO {grant['grantee']}")
    await connection.execute(f"ANALYZE {TABLE}")
    return int(copied.rpartition(" ")[2])


def _with_key(definition: str) -> str:
    columns = definition.partition("(")[2].rpartition(")")[0].split(", ")
    return definition if _KEY in columns else re.sub(r"\)", f", {_KEY})", definition, count=1)


def _without_key(definition: str) -> str:
    return definition.replace(f", {_KEY})", ")", 1)


async def set_gin(connection: asyncpg.Connection, on: bool) -> None:
    """Build or drop the index on what is in responses. Building keeps saving waiting, so do it after the event."""
    build = f"CREATE INDEX IF NOT EXISTS {GIN_INDEX} ON {TABLE} USING gin (response_data) WITH (fastupdate = on)"
    async with connection.transaction():
        await connection.execute(_LOCK_TIMEOUT)  # dropping waits for a lock too, and saving waits behind it
        await connection.execute(build if on else f"DROP INDEX IF EXISTS {GIN_INDEX}")


async def set_foreign_keys(connection: asyncpg.Connection, on: bool) -> int:
    """Have foreign keys from responses, or triggers that delete in their place; returns how many orphans were deleted.

    Without foreign keys a response that is saved after its activity was deleted stays as an orphan, which nothing
    shows; with them it becomes a dead letter.
    """
    orphans = 0
    if (await read(connection)).foreign_keys is on:
        return orphans
    async with connection.transaction():
        await connection.execute(_LOCK_TIMEOUT)
        await connection.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        await connection.execute(_FORGET)
        for parent, column in _PARENTS.items():
            if on:
                await connection.execute(f"DROP TRIGGER IF EXISTS forget_responses ON {parent}")
                gone = await connection.execute(
                    f"DELETE FROM {TABLE} WHERE NOT EXISTS (SELECT FROM {parent} WHERE {parent}.id = {TABLE}.{column})"
                )
                orphans += int(gone.rpartition(" ")[2])
                await connection.execute(
                    f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_{column}_fkey FOREIGN KEY ({column}) REFERENCES {parent} (id) "
                    "ON DELETE CASCADE"
                )
            else:
                await connection.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_{column}_fkey")
                await connection.execute(
                    f"CREATE TRIGGER forget_responses AFTER DELETE ON {parent} FOR EACH ROW "
                    f"EXECUTE FUNCTION forget_responses('{column}')"
                )
        if on:
            await connection.execute("DROP FUNCTION forget_responses()")
    return orphans
