"""Log lines: one per connection at most, never a ticket, never a query string."""

import json
import logging
import re
import sys
from typing import Final

# The end of a ticket, a pass, a receipt or a host's token, should one ever get into a message or a trace: 256 bits
# or more after a dot, as the text of all of them ends.
_SECRETS: Final = re.compile(r"(?<=\.)[A-Za-z0-9_-]{40,}")
_QUERY: Final = re.compile(r"(\?)[^\s\"']+")


class Discretion(logging.Filter):
    """Masks secrets in whatever is logged, and query strings in uvicorn's lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = _SECRETS.sub("…", message)
        if record.name.startswith("uvicorn"):
            masked = _QUERY.sub(r"\1…", masked)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


class JsonLines(logging.Formatter):
    """One JSON object per line; line breaks in messages are escaped by JSON itself."""

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self._worker:
            line["worker"] = self._worker
        if record.exc_info:
            line["trace"] = _SECRETS.sub("…", self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class TextLines(logging.Formatter):
    def __init__(self, worker: int = 0) -> None:
        who = f"[{worker}] " if worker else ""
        super().__init__(f"%(asctime)s %(levelname)-7s {who}%(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        if record.exc_info:
            return _SECRETS.sub("…", message)
        return message.replace("\n", "\\n").replace("\r", "\\r")


def set_up(level: str, shape: str, worker: int = 0) -> None:
    """Send all logging to standard error in one shape; one of several workers says which it is."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(worker) if shape == "json" else TextLines(worker))
    handler.addFilter(Discretion())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("plenum").setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
