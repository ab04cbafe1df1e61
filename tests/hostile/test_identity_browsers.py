"""Faults 43, 45, 46 and 50: pages of other sites, ids that are no ids, secrets in logs, and what every answer says to browsers."""

import asyncio
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from realtime.engines import Engines
from realtime.web.api import ENDPOINTS
from realtime.web.endpoints import ROOT, Endpoint
from realtime.web.pages import PAGES, REFERENCE
from tests.faults.hubs import address_of
from tests.faults.proxy import FaultProxy
from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage, bearer, open_stage
from tests.waiting import eventually

FRIEND, EVIL = "https://friend.example", "https://evil.example"
HEADERS = {
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}  # fmt: skip


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def filled(endpoint: Endpoint, session_id: str, text: str) -> str:
    names = dict.fromkeys(endpoint.parameters(), text) | {"session_id": session_id}
    return ROOT + endpoint.path.format(**names)


@pytest.fixture
async def friendly(make_hub: Callable[..., Server]):  # type: ignore[no-untyped-def]
    """A hub whose operator lets the pages of one other site in."""
    hub = make_hub(PLENUM_CORS_ORIGINS=FRIEND, PLENUM_PUBLIC_URL="https://plenum.example")
    opened = await open_stage(hub.url, hub.database_url)
    yield opened
    await opened.close()


async def test_every_answer_tells_browsers_what_they_may_do(stage: Stage) -> None:
    scene = await stage.session()
    requests = [("GET", path) for path in (*PAGES, *REFERENCE, "/favicon.ico", "/qr.svg?text=x", "/nothing", "/static/x/none.js")]
    requests += [("GET", f"{ROOT}/health/{tail}") for tail in ("", "live", "ready")]
    requests += [(one.method, filled(one, scene.id, "0" * 36)) for one in ENDPOINTS] + [("TRACE", ROOT), ("POST", f"{ROOT}/none")]
    for method, path in requests:
        for headers in ({}, bearer(scene.ticket), {"origin": EVIL}):
            if path == scene.path and method == "DELETE":
                continue  # the session is needed by the others
            answer = await stage.http.request(method, path, headers=headers)
            place = f"{method} {path}: {answer.status_code} {dict(answer.headers)}"
            for name, value in HEADERS.items():
                assert answer.headers.get(name) == value, f"{name} at {place}"
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy, place
            assert "frame-ancestors 'none'" in policy, place
            assert "set-cookie" not in answer.headers, place
            assert "access-control-allow-origin" not in answer.headers, place
            assert "server" not in answer.headers, place
            if path.startswith(ROOT) and not path.endswith(".json"):
                assert answer.headers.get("cache-control") == "no-store", place
    sheet = re.findall(r'href="(/static/[^"]+\.css)"', (await stage.http.get("/join")).text)[0]
    assert (await stage.http.get(sheet)).headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in (await stage.http.get(sheet.rpartition("/app/")[0] + "/icon.svg")).headers


async def test_pages_of_other_sites_do_nothing_here(stage: Stage, friendly: Stage) -> None:
    """Fault 45, over HTTP: no preflight stands in the way of a plain-text POST, so the server does."""
    body = {"title": "Planted"}
    cases: list[tuple[dict[str, str], int]] = [
        ({}, 201), ({"origin": stage.url}, 201), ({"origin": EVIL}, 403), ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-origin"}, 201), ({"sec-fetch-site": "none"}, 201),
        ({"origin": f"{stage.url}.evil.example"}, 403),
    ]  # fmt: skip
    for headers, status in cases:
        answer = await stage.http.post(f"{ROOT}/sessions", json=body, headers=headers)
        assert answer.status_code == status, (headers, answer.text)
        if status == 403:
            assert answer.json()["code"] == "wrong_origin"
    for headers, status in (
        ({"origin": FRIEND, "sec-fetch-site": "cross-site"}, 201), ({"origin": "https://plenum.example"}, 201),
        ({"origin": EVIL, "sec-fetch-site": "cross-site"}, 403), ({"origin": "http://friend.example"}, 403),
    ):  # fmt: skip
        assert (await friendly.http.post(f"{ROOT}/sessions", json=body, headers=headers)).status_code == status, headers


async def test_configured_sites_may_read_and_nobody_else(friendly: Stage) -> None:
    scene = await friendly.session()
    ask = {"access-control-request-headers": "authorization,content-type,if-match,idempotency-key,plenum-lease"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        asked = await friendly.http.options(
            f"{scene.path}/status", headers={"origin": FRIEND, "access-control-request-method": method} | ask
        )
        assert asked.status_code == 200, asked.text
        assert asked.headers["access-control-allow-origin"] == FRIEND
        assert method in asked.headers["access-control-allow-methods"]
        assert asked.headers["x-content-type-options"] == "nosniff"
        evil = await friendly.http.options(
            f"{scene.path}/status", headers={"origin": EVIL, "access-control-request-method": method} | ask
        )
        assert "access-control-allow-origin" not in evil.headers
    for origin, allowed in ((FRIEND, FRIEND), (EVIL, None), ("null", None)):
        read = await friendly.http.get(f"{scene.path}/status", headers=bearer(scene.ticket) | {"origin": origin})
        assert read.headers.get("access-control-allow-origin") == allowed
        assert "access-control-allow-credentials" not in read.headers
        assert "origin" in read.headers.get("vary", "").lower()


async def shake_hands(url: str, *origins: str) -> int:
    """The status of a WebSocket handshake with these Origin headers."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [
        "GET /ws HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Cookie: session=stolen", *(f"Origin: {one}" for one in origins),
    ]  # fmt: skip
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = int((await asyncio.wait_for(reader.readline(), 10)).split()[1])
    writer.close()
    return status


async def test_a_page_of_another_site_gets_no_socket(stage: Stage, friendly: Stage) -> None:
    """Fault 45: cross-site WebSocket hijacking. Programs say no origin, and a ticket is needed anyway."""
    evil = (EVIL, "null", f"{stage.url}.evil.example", "http://127.0.0.1", "file://", "https://", "")
    for origin in evil:
        assert await shake_hands(stage.url, origin) == 403, origin
    for origins in ((), (stage.url,)):
        assert await shake_hands(stage.url, *origins) == 101
    assert await shake_hands(stage.url, EVIL, stage.url) in (400, 403)
    assert [await shake_hands(friendly.url, one) for one in (FRIEND, "https://plenum.example", EVIL)] == [101, 101, 403]


NO_IDS = (
    "%00", "..%2f..%2fetc%2fpasswd", "{a}", "a:b", "*", "%0d%0aSET%20x%201", "'%20OR%201=1--", "%22;FLUSHALL", "0", "9" * 400,
    "0195a7c0-1111-7000-8000-00000000000Z", "%f0%9f%92%a3", "redis.call('FLUSHALL')", "%C0%AE", "$1", "\\",
)  # fmt: skip


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.parameters()], ids=name_of)
async def test_what_is_no_id_reaches_no_key_and_no_statement(stage: Stage, endpoint: Endpoint) -> None:
    """Fault 43: injection by way of ids."""
    scene = await _shared(stage)
    for text in NO_IDS:
        paths = {ROOT + endpoint.path.format(**dict.fromkeys(endpoint.parameters(), text)), filled(endpoint, scene.id, text)}
        for path in paths - {scene.path}:
            answer = await stage.http.request(
                endpoint.method, path, headers=bearer(scene.ticket), json=endpoint.example if endpoint.body else None
            )
            assert answer.status_code < 500, f"{path}: {answer.text}"
            if "session_id" in endpoint.parameters() and not path.startswith(scene.path):
                assert answer.status_code >= 400 or answer.status_code == 307, f"{path}: {answer.text}"
    assert (await scene.get("/status")).status_code == 200, "nothing was deleted"


_scenes: dict[str, tuple[str, str, str]] = {}


async def _shared(stage: Stage) -> Scene:
    """One session for all of these; its stage is that of the test."""
    if stage.url not in _scenes:
        made = await stage.session("'; DROP TABLE sessions; --")
        _scenes[stage.url] = made.id, made.code, made.ticket
    return Scene(stage, *_scenes[stage.url])


async def test_ids_in_frames_are_checked_too(stage: Stage) -> None:
    scene = await _shared(stage)
    presenter, phone = await scene.present(), await scene.enter(await scene.join())
    for text in ("*", "a:b", "{0}", "\r\nFLUSHALL\r\n", "'; DROP TABLE activities; --", "x" * 300, ""):
        for client, kind, fields in (
            (presenter, "move", {"activity_id": text, "to": "active"}), (presenter, "remove", {"participant_id": text}),
            (phone, "submit", {"activity_id": text, "submission_id": text, "data": {}}),
            (phone, "withdraw", {"activity_id": text, "submission_id": text}),
        ):  # fmt: skip
            refused = await client.ask(kind, **fields)
            assert (refused["type"], refused["code"]) == ("refused", "invalid"), refused
            assert refused["details"]["field"].endswith("_id")


async def test_no_secret_is_in_the_log_however_much_is_logged(make_hub: Callable[..., Server]) -> None:
    """Fault 46: tickets, receipts, passes, passcodes and numbers, in every place where somebody could put one."""
    secret = secrets.token_urlsafe(40)
    hub = make_hub(
        PLENUM_LOG_LEVEL="debug", PLENUM_JWT_SECRET=secret, PLENUM_JWT_ISSUER="https://school.example", PLENUM_JWT_AUDIENCE="plenum"
    )
    stage = await open_stage(hub.url, hub.database_url)
    hidden = {secret}
    try:
        passcode = f"passcode-{secrets.token_hex(8)}"
        made = (await stage.http.post(f"{ROOT}/sessions", json={"title": "Quiet", "passcode": passcode})).json()
        scene = Scene(stage, made["id"], made["join_code"], made["presenter_ticket"])
        hidden |= {passcode, made["presenter_ticket"], made["screen_ticket"]}
        activity_id = await scene.add()
        joined = await stage.http.post(f"{ROOT}/join", json={"code": scene.code, "nickname": "Ann", "passcode": passcode})
        ticket = joined.json()["ticket"]
        given = (await scene.post("/tickets", {"role": "presenter"})).json()
        one_time = (await stage.http.post(f"{ROOT}/ws-ticket", headers=bearer(ticket))).json()["ticket"]
        phone, desk = await stage.enter(one_time), await scene.present()
        accepted = await phone.ask("submit", activity_id=activity_id, submission_id=ID, data={"selected": ["a"]})
        hidden |= {ticket, given["ticket"], one_time, accepted["receipt"]}
        foreign = f"eyJhbGciOiJIUzI1NiJ9.{secrets.token_urlsafe(60)}.{secrets.token_urlsafe(32)}"
        wrong = f"wrong-{secrets.token_hex(8)}"
        hidden |= {foreign, wrong}
        for one in (*hidden, foreign):
            await misuse(stage, scene, one)
        await stage.http.post(f"{ROOT}/join", json={"code": scene.code, "nickname": "Ben", "passcode": wrong})
        await desk.ask("move_session", passcode=f"{passcode}-2", second_factor=True)
        await desk.ask("remove", participant_id=joined.json()["participant_id"])
        await stage.http.delete(f"{scene.path}/tickets/{given['id']}", headers=bearer(scene.ticket))
        await stage.http.delete(scene.path, headers=bearer(scene.ticket))
        hidden.add(f"{passcode}-2")
    finally:
        await stage.close()
        hub.end()
    log = hub.log.read_text()
    assert log, "something was logged"
    for one in hidden:
        # A ticket's last part is its secret; the parts before may name a session.
        assert one.rpartition(".")[2] not in log, f"{one[:12]}… is in the log"


ID = "0195a7c0-5555-7000-8000-0000000000f5"


async def misuse(stage: Stage, scene: Scene, text: str) -> None:
    """Show something secret wherever a careless client might."""
    for path in (f"{scene.path}/status?ticket={text}", f"/join?ticket={text}#x", f"{ROOT}/sessions/{text}", f"/{text}"):
        await stage.http.get(path, headers=bearer(text))
    await stage.http.post(f"{ROOT}/join", json={"code": text[:40], "nickname": text[:40], "second_factor": text[:8]})
    await stage.http.post(f"{ROOT}/sessions", content=f'{{"title": "{text}'.encode(), headers=bearer(text))
    client: Any = await stage.open()
    await client.ask("hello", ticket=text)
    host, _, port = stage.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /ws?ticket={text} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n".encode())
    await writer.drain()
    writer.close()


async def test_readiness_needs_redis_and_not_postgresql(
    external_engines: Engines, tmp_path: Path
) -> None:
    """Fault 50: what a load balancer is told while an engine is away, and what nobody is told."""
    redis = await FaultProxy(address_of(external_engines.redis_url)).start()
    postgres = await FaultProxy(address_of(external_engines.database_url)).start()
    hub = Server(
        tmp_path, REDIS_URL=f"redis://127.0.0.1:{redis.port}", DATABASE_URL=with_port(external_engines.database_url, postgres.port),
        PLENUM_DATABASE_TIMEOUT_SECONDS="1", PLENUM_DATABASE_CONNECT_SECONDS="1",
    )  # fmt: skip
    async with httpx.AsyncClient(base_url=f"{hub.url}{ROOT}/health", trust_env=False, verify=False, timeout=20) as http:

        async def told(status: int, word: str) -> bool:
            answer = await http.get("/ready")
            return (answer.status_code, answer.json()["status"]) == (status, word)

        try:
            await asyncio.to_thread(hub.start)
            ready = (await http.get("/ready")).json()
            assert set(ready) == {"status", "redis", "database", "connections", "timestamp", "version"}
            for engine, status, word in ((postgres, 200, "degraded"), (redis, 503, "unavailable")):
                engine.refusing = True
                engine.reset()
                await eventually(lambda status=status, word=word: told(status, word), word, 20)  # type: ignore[misc]
                assert (await http.get("/live")).json() == {"status": "alive"}
                engine.heal()
                await eventually(lambda: told(200, "ready"), "ready again", 30)
            assert (await http.get(f"{hub.url}/metrics")).status_code == 404, "metrics have a port of their own"
        finally:
            await asyncio.to_thread(hub.end)
            await redis.close()
            await postgres.close()


def with_port(url: str, port: int) -> str:
    """The same server by way of a proxy."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return parts._replace(netloc=f"{user}127.0.0.1:{port}").geturl()
