"""The Lua scripts, one file each, by name; loaded into Redis once per incarnation and called by digest."""

from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

NAMES: Final = (
    "accept", "changes", "confirm", "count_unanswered", "drop", "drop_drafts", "give_time", "hold_drafts", "idempotency", "join",
    "load_begin", "load_finish", "load_part", "presence", "remove", "retally", "revoke", "save_draft", "write_activity",
    "write_scores", "write_value",
)  # fmt: skip

TEXTS: Final[dict[str, str]] = {name: files("realtime.store").joinpath(f"{name}.lua").read_text(encoding="utf-8") for name in NAMES}
# SHA-1 is Redis' name for a script, no security rests on it.
DIGESTS: Final[dict[str, str]] = {name: sha1(text.encode(), usedforsecurity=False).hexdigest() for name, text in TEXTS.items()}


async def load(redis: "Redis") -> None:
    """Make every script known to the server."""
    for text in TEXTS.values():
        await redis.script_load(text)


async def call(redis: "Redis", name: str, keys: list[Any], arguments: list[Any]) -> Any:
    """Run one script; loads the scripts again if the server forgot them."""
    try:
        return await redis.evalsha(DIGESTS[name], len(keys), *keys, *arguments)
    except NoScriptError:
        await load(redis)
        return await redis.evalsha(DIGESTS[name], len(keys), *keys, *arguments)
