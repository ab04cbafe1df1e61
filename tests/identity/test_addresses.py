"""Where a request comes from: only configured proxies may say so for others."""

import pytest
from starlette.requests import Request

from realtime.settings import UnfitSettings
from realtime.web.addresses import Addresses, unit_of


def request(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "known_as"),
    [
        ("", "192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("", "127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
        ("10.0.0.0/8", "192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.0/8", "10.0.0.3", [], "10.0.0.3"),
        ("10.0.0.0/8", "10.0.0.3", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.3", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.3", ["1.1.1.1, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.3", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.3", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.3", ["[2001:db8::5]:4711"], "2001:db8::/64"),
        ("10.0.0.0/8", "10.0.0.3", ["203.0.113.9, nonsense"], "10.0.0.3"),
        ("10.0.0.0/8", "::ffff:10.0.0.3", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8,::1", "::1", ["203.0.113.9"], "203.0.113.9"),
    ],
)  # fmt: skip
def test_who_asks(trusted: str, peer: str, forwarded: list[str], known_as: str) -> None:
    assert Addresses(trusted).of(request(peer, *forwarded)) == known_as


def test_a_household_is_one_and_its_neighbours_are_others() -> None:
    assert unit_of("2001:db8:1:2:aaaa::1") == unit_of("2001:db8:1:2:bbbb::9") != unit_of("2001:db8:1:3::1")
    assert unit_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert unit_of("testclient") == "unknown"


def test_what_is_no_network_stops_the_start() -> None:
    with pytest.raises(UnfitSettings, match="PLENUM_TRUSTED_PROXIES"):
        Addresses("10.0.0.0/8, the-proxy")
