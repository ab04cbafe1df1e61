"""Which server of a Redis Cluster holds which slot, read from what its servers say of each other. No I/O.

Each server has a view of its own, and one that was cut off has an old one. A newer owner of a slot always
has the higher configuration epoch, which is the rule that the servers themselves go by.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis.crc import key_slot

SLOTS: Final = 16_384
# A server that is not to be asked: it is gone, or has no address yet.
_ABSENT: Final = frozenset({"fail", "noaddr", "handshake"})


@dataclass(frozen=True, slots=True)
class Node:
    """One server, as one of them sees it. `place` is host and port, the name by which we know a server."""

    place: str
    flags: frozenset[str]
    config_epoch: int
    slots: tuple[tuple[int, int], ...]

    @property
    def reachable(self) -> bool:
        return not self.flags & _ABSENT


def slot_of(shard: int) -> int:
    """The slot of a shard: that of its hash tag."""
    return key_slot(str(shard).encode())


def read_nodes(text: str, asked: str, *, by_name: bool = False) -> list[Node]:
    """What `CLUSTER NODES` said; `asked` is the place it was asked at, which may not know its own address yet.

    `by_name` takes the announced host names where there are any: certificates are made out to names.
    """
    nodes: list[Node] = []
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) < 8:
            continue
        address, *names = parts[1].split(",")
        host, _, port = address.partition("@")[0].rpartition(":")
        flags = frozenset(parts[2].split(","))
        if by_name and names and names[0]:
            host = names[0]
        if not host and "myself" in flags:
            host = asked.rpartition(":")[0]
        slots = tuple(_range(part) for part in parts[8:] if not part.startswith("["))
        nodes.append(Node(f"{host}:{port}", flags, int(parts[6]), slots))
    return nodes


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def find_owners(views: Iterable[Sequence[Node]], slots: Iterable[int]) -> dict[int, str]:
    """The place that holds each slot, by the claim with the highest configuration epoch; a slot nobody holds is left out."""
    wanted = set(slots)
    best: dict[int, tuple[int, str]] = {}
    for node in (node for view in views for node in view if "master" in node.flags):
        for first, last in node.slots:
            for slot in wanted:
                if first <= slot <= last and (slot not in best or node.config_epoch > best[slot][0]):
                    best[slot] = (node.config_epoch, node.place)
    return {slot: place for slot, (_, place) in best.items()}


def list_places(views: Iterable[Sequence[Node]]) -> list[str]:
    """Every place that somebody sees alive, masters first, each once."""
    found: dict[str, bool] = {}
    for node in (node for view in views for node in view if node.reachable):
        found[node.place] = found.get(node.place, False) or "master" in node.flags
    return sorted(found, key=lambda place: (not found[place], place))


def must_be_cluster(url: str) -> bool:
    """Whether a URL asks for a cluster and nothing else; else what is found there counts."""
    return dict(parse_qsl(urlsplit(url).query)).get("cluster", "").lower() in ("true", "1", "yes")


def read_seeds(url: str) -> list[str]:
    """The places that a URL names: several are separated by commas; none for a socket."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return []
    return [_with_port(host) for host in parts.netloc.rpartition("@")[2].split(",")]


def _with_port(host: str) -> str:
    return host if host.rpartition(":")[2].isdigit() and not host.endswith("]") else f"{host}:6379"


def url_at(url: str, place: str) -> str:
    """The URL of one server as redis-py reads it: with the scheme, user, password and options of the given one.

    The empty place is the server that the given one names.
    """
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return url
    netloc = parts.netloc
    if place:
        user, at, _ = netloc.rpartition("@")
        host, _, port = place.rpartition(":")
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        netloc = f"{user}{at}{host}:{port}"
    options = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "cluster"]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(options), ""))
