"""Sessions that Redis does not have are brought to life before something is done with them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from realtime.core.errors import Refusal
from realtime.store.live import Cold

Found = TypeVar("Found")


async def do_warm(ensure: Callable[[str], Awaitable[None]], session_id: str, act: Callable[[], Awaitable[Found]]) -> Found:
    """Do something with a live session; where it is not live, `ensure` and once more. Refusal `recovering` if that is no help."""
    try:
        return await act()
    except Cold:
        await ensure(session_id)
        try:
            return await act()
        except Cold as error:
            raise Refusal("recovering", after_ms=200) from error
