"""Fault 43: ids that try to be a piece of SQL, JSON, Lua or a Redis key are refused before they get near one."""

import json
from urllib.parse import quote

import pytest

from tests.journey.servers import Server
from tests.journey.stages import Stage, bearer, new_id

IDS = [
    "' OR 1=1 --", "'; DROP TABLE sessions; --", '" OR ""="', "{tag}:counts", "plenum:{0}:*", "*", "a\r\nFLUSHALL\r\n",
    "return 1", "'..redis.call('FLUSHALL')..'", "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd", "%s%n",
    "a\u0000b", "\u202eabc", "x" * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("text", IDS, ids=range(len(IDS)))
async def test_injection_by_ids(server: Server, stage: Stage, text: str) -> None:
    scene = await stage.session()
    activity_id = await scene.add()
    phone = await scene.enter(await scene.join())
    good = {"activity_id": activity_id, "submission_id": new_id(), "data": {"selected": ["a"]}}
    for field in ("activity_id", "submission_id", "entry", "receipt"):
        reply = await phone.ask("submit", **{**good, "submission_id": new_id(), field: text})
        assert reply["type"] in ("refused", "accepted"), reply
        # A receipt that is none only fails to help, and the name of an entry is any text: it is stored as that, see below.
        assert reply["type"] == "refused" or field in ("receipt", "entry"), reply
    path = quote(text, safe="")
    for where in (f"/api/v1/sessions/{path}", f"{scene.path}/activities/{path}", f"{scene.path}/participants/{path}/responses"):
        answer = await stage.http.get(where, headers=bearer(scene.ticket))
        assert 400 <= answer.status_code < 500, (where, answer.status_code)
    named = await stage.http.post(
        "/api/v1/join", content=json.dumps({"code": text, "nickname": "Ann"}), headers={"content-type": "application/json"}
    )
    assert 400 <= named.status_code < 500
    assert (await phone.ask("ping"))["type"] == "pong"
    assert (await scene.get("/status")).status_code == 200, "everything is still there"
    assert {row["entry"] for row in await scene.settled_rows(activity_id)} <= {"", text}
