"""Static files as they travel: without comments and indentation, compressed, each made once per content."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LEAN: Final = frozenset({".js", ".mjs", ".css"})
_COMPRESSED: Final = _LEAN | {".svg", ".json", ".html", ".ts", ".webmanifest"}


@dataclass(frozen=True)
class Packet:
    """A file's content for the wire; `gzipped` is None where compressing gains nothing."""

    changed_at: float
    plain: bytes
    gzipped: bytes | None
    etag: str


class Packets:
    """Packs files, and packs one again only when it has changed; there are only so many files."""

    def __init__(self) -> None:
        self._packed: dict[Path, Packet] = {}

    def pack(self, path: Path) -> Packet:
        changed_at = path.stat().st_mtime
        known = self._packed.get(path)
        if known is None or known.changed_at != changed_at:
            known = self._packed[path] = pack_bytes(path.read_bytes(), path.suffix, changed_at)
        return known


def pack_bytes(content: bytes, suffix: str, changed_at: float = 0.0) -> Packet:
    """Content of a kind of file, made lean where the kind allows it, and compressed as far as gzip goes."""
    if suffix in _LEAN:
        content = lean(content.decode()).encode()
    gzipped = gzip.compress(content, 9, mtime=0) if suffix in _COMPRESSED else None
    return Packet(changed_at, content, gzipped, f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def lean(source: str) -> str:
    """JavaScript or CSS without lines that are only comment, and without indentation.

    Line by line, so it needs sources in which no text spans lines: a test keeps ours so.
    """
    kept: list[str] = []
    inside = False
    for line in source.splitlines():
        text = line.strip()
        if inside:
            inside = not text.endswith("*/")
        elif text.startswith("/*") and "*/" not in text:
            inside = True
        elif text and not text.startswith("//") and not (text.startswith("/*") and text.index("*/") == len(text) - 2):
            kept.append(text)
    return "\n".join(kept) + "\n"
