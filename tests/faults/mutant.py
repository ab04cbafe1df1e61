"""`plenum` without one of the rules that carry the promises: python -m tests.faults.mutant RULE serve …

A server that cannot break a promise without a rule does not need the rule. The rules that only a simulation
can break on purpose (it does all of them) are not here.
"""

import sys
from collections.abc import Callable
from hashlib import sha1
from typing import Any, Final

from persistence import batch, statements
from realtime import recovery, tickets
from realtime.store import connection, outbox, scripts


def _edit_script(name: str, old: str, new: str) -> None:
    text = scripts.TEXTS[name]
    assert old in text, f"{name}.lua says it in other words now"
    scripts.TEXTS[name] = text.replace(old, new)
    scripts.DIGESTS[name] = sha1(scripts.TEXTS[name].encode(), usedforsecurity=False).hexdigest()


def drop_dedup() -> None:
    """An answer that was seen before is judged like a new one, and a second revision of it is no less than the first."""
    _edit_script("accept", "if seen then", "if false then")
    _edit_script("accept", "submission <= old_submission", "false")


def drop_epoch_on_restart() -> None:
    """Every life of Redis looks like the same."""
    connection._identity = lambda _: "always-the-same"  # type: ignore[assignment]


def drop_rebuild_from_pg() -> None:
    """After a restart sessions go on with what Redis happens to have."""
    renew = recovery.Recovery._renew

    async def renew_only(self: Any, number: int, run_id: str) -> str:
        epoch = await renew(self, number, run_id)
        async for key in self._servers.of(number).scan_iter(match=f"plenum:{{{number}}}:s:*:meta", count=1_000):
            await self._servers.of(number).hset(key, "epoch", epoch)
        return epoch

    recovery.Recovery._renew = renew_only  # type: ignore[method-assign]


def drop_pg_epoch_fence() -> None:
    """A flush commits whoever owns the shard by now."""

    async def check_nothing(*_: object) -> None:
        return None

    batch._Fence.check = check_nothing  # type: ignore[method-assign,assignment]


def drop_on_conflict() -> None:
    """Saving a response again is an error."""
    batch._SAVE_RESPONSES = statements.statement("save_responses").partition("ON CONFLICT")[0]  # type: ignore[misc]


def drop_watermark_after_commit() -> None:
    """Answers are told to be saved, and forgotten, when they were read and not when they are committed."""
    read = outbox.Outbox.read

    async def read_and_confirm(self: Any, shard: int, rows: int, **how: Any) -> outbox.Batch:
        found = await read(self, shard, rows, **how)
        if found.rows and how.get("epoch") is None:
            await self.confirm(found)
        return found

    outbox.Outbox.read = read_and_confirm  # type: ignore[method-assign]


def drop_receipts() -> None:
    """No receipt is good for anything."""
    tickets.KeyRing.read_receipt = lambda *_: None  # type: ignore[method-assign]


MUTATIONS: Final[dict[str, Callable[[], None]]] = {
    "dedup": drop_dedup,
    "epoch_on_restart": drop_epoch_on_restart,
    "rebuild_from_pg": drop_rebuild_from_pg,
    "pg_epoch_fence": drop_pg_epoch_fence,
    "on_conflict": drop_on_conflict,
    "watermark_after_commit": drop_watermark_after_commit,
    "receipts": drop_receipts,
}

if __name__ == "__main__":
    MUTATIONS[sys.argv.pop(1)]()
    from realtime.cli import main

    sys.exit(main())
