"""What operators ask of a store: proof, dead letters, keys. Prints; returns the exit status."""

import json
import secrets
import sys
import uuid

from persistence import batch, server_keys, sessions, shards
from persistence import dead_letters as letters
from realtime.app import App
from realtime.audit import Report
from realtime.core.errors import Refusal
from realtime.core.response import Join
from realtime.store.keys import shard_of

_PAGE = 500


async def verify(app: App, session_id: str | None, *, as_json: bool) -> int:
    """Recount sessions and print what was found; 1 when a count is wrong, 3 when a session never rested."""
    reports: list[Report] = []
    async with app.flushing():
        ids = [_read_id(session_id)] if session_id else await _all_sessions(app)
        for one in ids:
            try:
                reports.append(await app.auditor.verify(one, patience_seconds=10.0))
            except Refusal as error:
                if error.code != "unknown_session":
                    raise
                if session_id:
                    return _impossible(f"There is no session {one}.")
                # One of all, which was deleted in the meantime.
    if as_json:
        print(json.dumps([report.document() for report in reports], indent=2))
    else:
        _print_table(reports)
    if any(report.settled and not report.sound for report in reports):
        return 1
    return 3 if any(not report.settled for report in reports) else 0


def _read_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise Refusal("unknown_session", f"{text!r} is no session's id.") from error


def _impossible(sentence: str) -> int:
    print(f"plenum: {sentence}", file=sys.stderr)
    return 2


async def _all_sessions(app: App) -> list[str]:
    ids: list[str] = []
    while True:
        rows, total = await sessions.list_page(app.pool, offset=len(ids), limit=_PAGE)
        ids += [row.id for row in rows]
        if not rows or len(ids) >= total:
            return ids


def _print_table(reports: list[Report]) -> None:
    print(f"{'session':<38}{'activity':<38}{'round':>5}{'live':>8}{'rows':>8}  verdict")
    for report in reports:
        if not report.settled:
            print(f"{report.session_id:<38}{'':<38}{'':>5}{'':>8}{'':>8}  busy: {report.waiting} offsets not yet saved")
        for one in report.activities:
            verdict = "equal" if one.sound else f"DIFFERENT: drift {one.drift} missing {one.missing} differing {one.differing}"
            print(f"{report.session_id:<38}{one.activity_id:<38}{one.round:>5}{one.live_responses:>8}{one.rows:>8}  {verdict}")
        if report.duplicates or report.dead_letters:
            print(f"{report.session_id:<38}{report.duplicates} duplicates, {report.dead_letters} dead letters")
    wrong = sum(1 for report in reports if report.settled and not report.sound)
    print(f"{len(reports)} sessions verified, {wrong} wrong, {sum(1 for report in reports if not report.settled)} busy.")


async def dead_letters(app: App, action: str, only: int | None) -> int:
    """List, retry or export dead letters; 1 when some of those retried were refused again."""
    after, refused, seen = 0, 0, 0
    while True:
        page = await letters.list_page(app.pool, limit=_PAGE, after_id=after)
        if not page:
            break
        after = page[-1].id
        for row in page:
            if only is not None and row.id != only:
                continue
            seen += 1
            if action == "export":
                print(json.dumps({"id": row.id, "sqlstate": row.sqlstate, **json.loads(row.payload)}))
            elif action == "list":
                print(
                    f"{row.id:>8}  {row.created_at:%Y-%m-%d %H:%M:%S}  {row.kind:<9}{row.sqlstate}  "
                    f"{row.submission_id or ''}  {row.message}"
                )
            elif not await _retry(app, row):
                refused += 1
                print(f"{row.id:>8}  refused again")
    if only is not None and not seen:
        return _impossible(f"No dead letter {only} waits.")
    if action != "export":
        print(f"{seen} dead letters{f', {refused} refused again' if refused else ''}.")
    return 1 if refused else 0


async def _retry(app: App, row: letters.DeadLetterRow) -> bool:
    response = letters.decode_payload(row.payload)
    shard = shard_of(response.session_id, app.settings.shards)
    epoch = app.incarnation.epoch_of(shard)
    token = await shards.seize_lease(app.pool, shard, "dead-letters", 30.0)
    if token is None:
        return False
    try:
        joins, responses = ([response], []) if isinstance(response, Join) else ([], [response])
        saved = await batch.save(app.pool, batch.pack(joins, responses), shard=shard, epoch=epoch, lease_token=token)
    finally:
        await shards.release_lease(app.pool, shard, token)
    if saved.dead:
        return False
    await letters.note_retried(app.pool, row.id)
    return True


async def keys(app: App, action: str, kid: str | None) -> int:
    """List the key ring, add a key to sign with from now on, or retire one."""
    if action == "rotate":
        added = await server_keys.add(app.pool, secrets.token_hex(4), secrets.token_bytes(32))
        print(
            f"Key {added.kid} is used from {app.settings.key_settle_seconds:.0f} s from now; "
            "older keys still count until they are retired."
        )
    elif action == "retire":
        ring = [key.kid for key in await server_keys.ring(app.pool)]
        if kid not in ring:
            return _impossible("Name a key of the ring to retire.")
        if len(ring) == 1:
            return _impossible(f"Key {kid} is the only one, with which all is signed: run `plenum keys rotate` first.")
        await server_keys.retire(app.pool, kid)
    for key in await server_keys.ring(app.pool):
        print(f"{key.kid}  since {key.created_at:%Y-%m-%d %H:%M:%S}")
    return 0
