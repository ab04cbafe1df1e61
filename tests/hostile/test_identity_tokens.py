"""A host's users on the real server: who presents, who takes part, and that nobody else's token opens anything."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage, bearer, open_stage

ROOT = "/api/v1"
KEY, STRANGER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


def token(subject: str, *, key: Any = KEY, **claims: Any) -> str:
    content = {"iss": "https://school.example", "aud": "plenum", "sub": subject, "exp": int(time.time()) + 300, **claims}
    return jwt.encode(content, key, "ES256", headers={"kid": "k1"})


TEACHER = {"roles": ["teacher"], "name": "Ms Frizzle"}


@pytest.fixture(scope="module")
def school_hub(start_hub: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A hub that takes tokens of a school, and asks everybody for one."""
    keys: Path = tmp_path_factory.mktemp("school") / "keys.json"
    public = ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    keys.write_text(json.dumps({"keys": [{**public, "kid": "k1"}]}))
    hub = start_hub(
        PLENUM_JWT_JWKS_FILE=str(keys), PLENUM_JWT_ISSUER="https://school.example", PLENUM_JWT_AUDIENCE="plenum",
        PLENUM_JWT_PRESENTERS="roles=teacher", PLENUM_JWT_REQUIRED="everybody", PLENUM_LOG_LEVEL="debug",
    )  # fmt: skip
    yield hub
    hub.end()


@pytest.fixture
async def school(school_hub: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(school_hub.url, school_hub.database_url)
    yield opened
    await opened.close()


async def lesson(school: Stage, teacher: str) -> Scene:
    answer = await school.http.post(f"{ROOT}/sessions", json={"title": "Lesson"}, headers=bearer(teacher))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Scene(school, made["id"], made["join_code"], made["presenter_ticket"])


async def join(school: Stage, scene: Scene, by: str | None, **fields: Any) -> Any:
    headers = bearer(by) if by else {}
    return await school.http.post(f"{ROOT}/join", json={"code": scene.code, **fields}, headers=headers)


async def test_only_teachers_create_sessions_and_own_them_from_any_device(school: Stage) -> None:
    body = {"title": "Lesson"}
    for headers, status in (({}, 401), (bearer(token("p1", roles=["pupil"])), 403), (bearer(token("t", key=STRANGER)), 401)):
        refused = await school.http.post(f"{ROOT}/sessions", json=body, headers=headers)
        assert refused.status_code == status, refused.text
    scene = await lesson(school, token("t1", **TEACHER))
    fresh, colleague = token("t1", **TEACHER, jti="another device"), token("t2", **TEACHER)
    assert (await scene.get(ticket=fresh)).status_code == 200
    ended = await school.http.put(scene.path, json={"title": "Renamed"}, headers=bearer(fresh))
    assert (ended.status_code, ended.json()["title"]) == (200, "Renamed")
    assert (await scene.get(ticket=colleague)).status_code == 403, "another teacher is nobody here"
    given = await scene.post("/tickets", {"role": "presenter", "label": "Ms T2", "subject": "t2"}, fresh)
    assert (given.status_code, given.json()["ticket"]) == (201, None)
    assert (await scene.get(ticket=colleague)).status_code == 200
    assert (await scene.post("/tickets", {"role": "display"}, colleague)).status_code == 403
    taken = await school.http.delete(f"{scene.path}/tickets/{given.json()['id']}", headers=bearer(fresh))
    assert taken.status_code == 204
    assert (await scene.get(ticket=colleague)).status_code == 403


async def test_who_is_given_a_lesser_role_has_it_at_once(school: Stage) -> None:
    """An open connection has the role it came with, so it is ended; the next one has the new role."""
    scene = await lesson(school, token("t1", **TEACHER))
    colleague = token("t2", **TEACHER)

    async def come() -> Any:
        made = await school.http.post(f"{scene.path}/ws-ticket", headers=bearer(colleague))
        return await school.enter(made.json()["ticket"])

    assert (await scene.post("/tickets", {"role": "presenter", "subject": "t2"})).status_code == 201
    desk = await come()
    assert desk.welcome["you"]["role"] == "presenter"
    same = await scene.post("/tickets", {"role": "presenter", "label": "Ms T2", "subject": "t2"})
    assert same.status_code == 201
    assert (await desk.ask("ping"))["type"] == "pong", "a new label ends nothing"
    assert (await scene.post("/tickets", {"role": "display", "subject": "t2"})).status_code == 201
    assert await desk.until_closed() == 4500
    assert (await come()).welcome["you"]["role"] == "display"


async def test_the_same_pupil_is_the_same_participant_whatever_he_sends(school: Stage) -> None:
    scene = await lesson(school, token("t1", **TEACHER))
    activity_id = await scene.add()
    assert (await join(school, scene, None, nickname="Nobody")).status_code == 401
    first = (await join(school, scene, token("p1", name="Arnold"))).json()
    again = (await join(school, scene, token("p1", name="Arnold"), nickname="Another", join_id="another-join")).json()
    assert (first["participant_id"], first["nickname"]) == (again["participant_id"], "Arnold")
    other = (await join(school, scene, token("p2"), nickname="Wanda")).json()
    assert other["participant_id"] != first["participant_id"]
    answered = await school.http.post(
        f"{scene.path}/activities/{activity_id}/responses", json={"response_data": {"selected": ["a"]}}, headers=bearer(token("p1"))
    )
    assert (answered.status_code, answered.json()["participant_id"]) == (201, first["participant_id"])
    made = await school.http.post(f"{scene.path}/ws-ticket", headers=bearer(token("p1")))
    client = await school.enter(made.json()["ticket"])
    assert client.welcome["you"]["participant_id"] == first["participant_id"]
    assert activity_id in client.welcome["mine"]
    removed = await school.http.delete(f"{ROOT}/participants/{first['participant_id']}", headers=bearer(scene.ticket))
    assert removed.status_code == 204
    assert await client.until_closed(1.0) == 4501
    for answer in (
        await join(school, scene, token("p1"), join_id="yet-another-join"),
        await scene.get("/status", token("p1")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "removed"), "a new join does not help"


async def test_a_socket_takes_no_token_that_names_no_session(school: Stage) -> None:
    client = await school.open()
    assert (await client.ask("hello", ticket=token("t1", **TEACHER)))["code"] == "forbidden"
    assert await client.until_closed() == 4500


async def test_expired_and_foreign_tokens_open_nothing(school: Stage) -> None:
    scene = await lesson(school, token("t1", **TEACHER))
    cases = {
        "ticket_expired": token("t1", **TEACHER, exp=int(time.time()) - 100),
        "unauthenticated": token("t1", **TEACHER, aud="elsewhere"),
    }
    for code, bad in cases.items():
        for answer in (await scene.get(ticket=bad), await join(school, scene, bad, nickname="X")):
            assert (answer.status_code, answer.json()["code"]) == (401, code)
    other = await lesson(school, token("t3", **TEACHER))
    assert (await scene.get(ticket=other.ticket)).status_code == 403


async def test_without_the_settings_a_token_is_nothing(stage: Stage) -> None:
    scene = await stage.session()
    answer = await scene.get(ticket=token("t1", **TEACHER))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    refused = await scene.post("/tickets", {"role": "presenter", "subject": "t1"})
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (422, "subject")
