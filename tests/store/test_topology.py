"""Who holds a slot: what servers say of each other, and whom to believe."""

import pytest

from realtime.store.connection import Incarnation
from realtime.store.topology import find_owners, list_places, must_be_cluster, read_nodes, read_seeds, slot_of, url_at

VIEW = """\
aaa 10.0.0.1:7000@17000,one.example myself,master - 0 0 5 connected 0-5460 [93-<-bbb] [77->-bbb]
bbb 10.0.0.2:7000@17000,two.example master - 0 1 2 connected 5461-10922 16000
ccc 10.0.0.3:7000@17000 slave bbb 0 1 2 connected
ddd 10.0.0.4:7000@17000 master,fail - 0 1 3 disconnected 10923-15999
eee :0@0 slave,noaddr bbb 0 1 0 disconnected
"""


def test_a_view_is_read() -> None:
    nodes = read_nodes(VIEW, "10.0.0.1:7000")
    assert [node.place for node in nodes[:4]] == [f"10.0.0.{number}:7000" for number in (1, 2, 3, 4)]
    assert nodes[0].slots == ((0, 5460),), "slots on the way belong to their owner still"
    assert nodes[1].slots == ((5461, 10922), (16000, 16000))
    assert [node.reachable for node in nodes] == [True, True, True, False, False]
    assert [node.place for node in read_nodes(VIEW, "x:1", by_name=True)][:2] == ["one.example:7000", "two.example:7000"]
    assert read_nodes("aaa :7000@17000 myself,master - 0 0 1 connected 0-3", "[::1]:7000")[0].place == "[::1]:7000"
    assert list_places([nodes]) == ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"], "masters first, nobody who is gone"


def test_the_newer_claim_counts_whoever_is_asked_first() -> None:
    old = read_nodes("aaa h:1@2 myself,master - 0 0 1 connected 0-100", "h:1")
    new = read_nodes("bbb h:2@3 myself,master - 0 0 7 connected 50-100\naaa h:1@2 master - 0 0 1 connected 0-49", "h:2")
    expected = {10: "h:1", 60: "h:2"}
    assert find_owners([old, new], [10, 60, 200]) == find_owners([new, old], [10, 60, 200]) == expected


def test_addresses() -> None:
    assert read_seeds("redis://user:p%40ss@one:7000,two/0?cluster=true") == ["one:7000", "two:6379"]
    assert read_seeds("rediss://[::1]:7000") == ["[::1]:7000"]
    assert read_seeds("unix:///run/valkey.sock") == []
    assert url_at("rediss://user:p%40ss@one:7000,two/0?cluster=true&ssl_cert_reqs=none", "three:1") == (
        "rediss://user:p%40ss@three:1/0?ssl_cert_reqs=none"
    )
    assert url_at("redis://one:7000", "::1:7001") == "redis://[::1]:7001"
    assert url_at("unix:///run/valkey.sock?db=1", "") == "unix:///run/valkey.sock?db=1"
    assert must_be_cluster("redis://h?cluster=true")
    assert not must_be_cluster("redis://h")


def test_the_default_shards_lie_in_slots_of_their_own() -> None:
    assert len({slot_of(shard) for shard in range(16)}) == 16


def test_a_shard_that_has_moved_has_no_epoch_and_the_others_keep_theirs() -> None:
    incarnation = Incarnation(3)
    incarnation.arrange(["a", "a", "b"])
    incarnation.epochs, incarnation.run_ids = ["e0", "e1", "e2"], {"a": "1", "b": "2"}
    incarnation.lost.clear()
    arranged = incarnation.arranged
    incarnation.arrange(["a", None, "b"])
    assert not incarnation.lost.is_set()
    assert not arranged.is_set()
    incarnation.arrange(["a", "c", None])
    assert incarnation.epochs == ["e0", None, "e2"]
    assert incarnation.places == ["a", "c", "b"]
    assert incarnation.lost.is_set()
    assert arranged.is_set()
    incarnation.lose_place("b")
    assert incarnation.epochs == ["e0", None, None]
    assert incarnation.run_ids == {"a": "1"}


@pytest.mark.parametrize("text", ["", "nonsense\n", "a b c\n"])
def test_what_is_no_view_is_no_view(text: str) -> None:
    assert read_nodes(text, "h:1") == []
