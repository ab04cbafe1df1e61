"""A refusal, as it is told over a connection."""

from realtime.core.errors import Refusal
from realtime.core.messages import Refused, Retry


def refusal_frame(message_id: int | None, refusal: Refusal) -> Refused | Retry:
    """The reply that carries a refusal."""
    details = {name: value for name, value in refusal.details.items() if name != "id"}
    if refusal.retry:
        return Retry(id=message_id, code=refusal.code, message=refusal.message, after_ms=refusal.after_ms or 500, details=details)
    return Refused(id=message_id, code=refusal.code, message=refusal.message, details=details)
