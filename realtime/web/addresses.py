"""Where a request comes from, as far as it can be known, and in the unit that limits are counted in."""

from asyncio import BaseTransport
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.requests import Request

from realtime.settings import UnfitSettings

_MOST_HOPS: Final = 20
UNKNOWN: Final = "unknown"


def peer_of(transport: BaseTransport) -> tuple[str, int] | None:
    """The other end, as the loop noted it (uvicorn's own function asks the kernel again); None on a Unix socket."""
    peer = transport.get_extra_info("peername")
    return (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None


class Addresses:
    """Knows which proxies may speak for others; by default none, and then the peer is who asks."""

    def __init__(self, trusted_proxies: str) -> None:
        self._trusted: list[IPv4Network | IPv6Network] = []
        for text in filter(None, (part.strip() for part in trusted_proxies.split(","))):
            try:
                self._trusted.append(ip_network(text, strict=False))
            except ValueError as error:
                raise UnfitSettings(f"PLENUM_TRUSTED_PROXIES holds {text!r}, which is no address and no network.") from error

    def of(self, request: Request) -> str:
        """Who asks: an IPv4 address, or the /64 of an IPv6 one, which one household or phone has to itself."""
        peer = request.client.host if request.client is not None else UNKNOWN
        if self._trusted and self._is_trusted(peer):
            peer = self._named_by_proxies(peer, ",".join(request.headers.getlist("x-forwarded-for")))
        return unit_of(peer)

    def _named_by_proxies(self, peer: str, header: str) -> str:
        """The last hop that no trusted proxy stands for; what stands before it, anybody may have written."""
        for hop in reversed(header.split(",")[-_MOST_HOPS:]):
            text = _without_port(hop.strip())
            if not _is_address(text):
                return peer
            peer = text
            if not self._is_trusted(peer):
                return peer
        return peer

    def _is_trusted(self, text: str) -> bool:
        if not _is_address(text):
            return False
        address = ip_address(text)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=4_096)
def unit_of(text: str) -> str:
    """What limits count as one: an IPv4 address, or the /64 of an IPv6 address."""
    if not _is_address(text):
        return UNKNOWN
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
