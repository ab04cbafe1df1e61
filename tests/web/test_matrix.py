"""The authorisation matrix: every endpoint and every command, by everybody, made from the one table of each.

What is expected follows from the tables alone: `Endpoint.right` and ALLOWED. "allowed" means that authorisation lets it
through; what it then answers is other tests' affair, but it is never somebody else's.
"""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from realtime.commands.actors import ALLOWED
from realtime.core.messages import COMMANDS
from realtime.tickets import KeyRing, ParticipantTicket, new_presenter_ticket
from realtime.web.api import ENDPOINTS
from realtime.web.asyncapi import type_of
from realtime.web.endpoints import ROOT, Endpoint
from tests.journey.stages import Scene, Seat, Stage, bearer, new_id

EXAMPLES = Path(__file__).resolve().parents[1] / "wire" / "examples"
SECRET = "Only-this-session-knows-it"
# What each command of the wire needs; a command that is not here fails the test that asks for it.
COMMAND_RIGHTS = {
    "submit": "answer", "withdraw": "answer", "save_draft": "answer", "sync": "watch", "ping": "watch", "move": "direct",
    "reveal": "direct", "create_activity": "direct", "update_activity": "direct", "delete_activity": "direct",
    "move_session": "direct", "remove": "moderate", "decide": "moderate", "accommodate": "direct", "correct_key": "direct",
    "assign_team": "direct", "take_lease": "lead", "release_lease": "lead",
}  # fmt: skip
WHO = [
    "anonymous", "participant", "other_participant", "foreign_participant", "moderator", "presenter", "owner", "foreign_owner",
    "display", "expired", "removed", "revoked", "unknown", "spent_pass",
]  # fmt: skip
NOBODIES = ("anonymous", "expired", "revoked", "removed", "unknown", "spent_pass")
ROLES = {"participant": "participant", "other_participant": "participant", "moderator": "moderator", "presenter": "presenter",
         "owner": "owner", "display": "display"}  # fmt: skip


@dataclass
class House:
    """One session with everybody in it, and another session next door."""

    scene: Scene
    seat: Seat
    activity_id: str
    response_id: str
    ticket_id: str
    tickets: dict[str, str]

    def path(self, endpoint: Endpoint) -> str:
        values = {
            "session_id": self.scene.id, "activity_id": self.activity_id, "participant_id": self.seat.participant_id,
            "response_id": self.response_id, "ticket_id": self.ticket_id, "code": self.scene.code,
            "timestamp": "2020-01-01T00:00:00Z", "activity_type": "poll",
        }  # fmt: skip
        return ROOT + endpoint.path.format(**values)


@pytest.fixture
async def house(stage: Stage) -> House:
    scene, other = await stage.session(SECRET), await stage.session("Next door")
    tickets = {"owner": scene.ticket, "foreign_owner": other.ticket, "anonymous": ""}
    for role in ("moderator", "presenter", "display"):
        _, tickets[role] = await hand_out(scene, role)
    activity_id = await scene.add()
    seat = await scene.join("Ann")
    response = (await scene.answer(activity_id, seat, {"selected": ["a"]})).json()
    tickets["participant"] = seat.ticket
    tickets["other_participant"] = (await scene.join("Ben")).ticket
    tickets["foreign_participant"] = (await other.join("Cleo")).ticket
    gone = await scene.join("Gone")
    removed = await stage.http.delete(f"{ROOT}/participants/{gone.participant_id}", headers=bearer(scene.ticket))
    assert removed.status_code == 204, removed.text
    tickets["removed"] = gone.ticket
    tickets["unknown"] = new_presenter_ticket(scene.id)  # of the right form, and known to nobody
    tickets["expired"] = await expired(stage, scene)
    revoked_id, tickets["revoked"] = await hand_out(scene, "presenter")
    taken_back = await stage.http.delete(f"{scene.path}/tickets/{revoked_id}", headers=bearer(scene.ticket))
    assert taken_back.status_code == 204, taken_back.text
    made = await stage.http.post(f"{ROOT}/ws-ticket", headers=bearer(scene.ticket))
    tickets["spent_pass"] = made.json()["ticket"]
    await stage.enter(tickets["spent_pass"])
    spare_id, _ = await hand_out(scene, "presenter")  # for those who try to take one back
    return House(scene, seat, activity_id, response["id"], spare_id, tickets)


async def hand_out(scene: Scene, role: str) -> tuple[str, str]:
    """A ticket of a role from its owner: its id, and itself."""
    answer = await scene.post("/tickets", {"role": role, "label": role})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["ticket"]


async def expired(stage: Stage, scene: Scene) -> str:
    """A ticket that the server itself signed, whose time is over."""
    row = await stage.database.fetchrow("SELECT kid, secret FROM server_keys WHERE retired_at IS NULL ORDER BY created_at LIMIT 1")
    ring = KeyRing([(row["kid"], row["secret"])])
    return ring.participant_ticket(ParticipantTicket(scene.id, str(uuid.uuid4()), "Late", False, int(time.time()) - 10))


def expected(endpoint: Endpoint, who: str) -> set[int] | None:
    """The statuses that must come, or None for "let through"."""
    if endpoint.right is None:
        return None
    if who in NOBODIES:
        return {403} if who == "removed" else {401}
    if who.startswith("foreign"):
        return expected_of_foreigner(endpoint, "owner" if who == "foreign_owner" else "participant")
    role = ROLES[who]
    about_ann = endpoint.self_or is not None and role not in ALLOWED[endpoint.self_or] and who != "participant"
    hers = who == "other_participant" and endpoint.path == "/participants/{participant_id}/heartbeat"
    if role not in ALLOWED[endpoint.right] or about_ann or hers:
        return {403}
    return {404} if who == "other_participant" and "{response_id}" in endpoint.path else None


def expected_of_foreigner(endpoint: Endpoint, role: str) -> set[int] | None:
    """A path that names a session says whose it is; any other thing of it does not exist for a foreigner."""
    assert endpoint.right is not None
    if "{session_id}" in endpoint.path or role not in ALLOWED[endpoint.right]:
        return {403}
    return {403, 404} if endpoint.parameters() else None


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


# Reading first and ending last, so that one house serves all of them.
IN_ORDER = sorted(ENDPOINTS, key=lambda one: ("GET", "PATCH", "PUT", "POST", "DELETE").index(one.method))
LAST = {"/sessions/{session_id}": 3, "/activities/{activity_id}": 2, "/sessions/{session_id}/activities/{activity_id}": 2}
IN_ORDER.sort(key=lambda one: (one.method == "DELETE", LAST.get(one.path, 0) if one.method == "DELETE" else 0))


@pytest.mark.parametrize("who", WHO)
async def test_everybody_at_every_endpoint(house: House, who: str) -> None:
    wrong: list[str] = []
    for endpoint in IN_ORDER:
        answer = await ask(house, endpoint, who)
        wanted = expected(endpoint, who)
        allowed = wanted is None and answer.status_code not in (401, 403) and answer.status_code < 500
        if not allowed and (wanted is None or answer.status_code not in wanted):
            wrong.append(f"{name_of(endpoint)}: {answer.status_code} {answer.text[:120]}, wanted {wanted or 'let through'}")
        if who.startswith("foreign") and endpoint.right is not None and tells_of(house, answer.text):
            wrong.append(f"{name_of(endpoint)} tells of another session: {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


async def ask(house: House, endpoint: Endpoint, who: str) -> Any:
    ticket = house.tickets[who]
    query = {"status": "active"} if endpoint.method == "PATCH" else {"nickname": "Dan"} if "nicknames" in endpoint.path else {}
    body = endpoint.example
    if endpoint.path.endswith("/join") and body is not None:
        body = dict(body) | ({"code": house.scene.code} if "code" in body else {}) | {"nickname": f"Joiner {who}"}
    if body is not None and "submission_id" in body:
        body = dict(body) | {"submission_id": new_id()}
    if endpoint.method == "PUT" and body is not None:
        body = {name: value for name, value in body.items() if name not in ("expected_version", "status")} or {"title": SECRET}
    return await house.scene.stage.http.request(
        endpoint.method, house.path(endpoint), params=query, headers=bearer(ticket) if ticket else {},
        content=None if body is None else json.dumps(body),
    )  # fmt: skip


def tells_of(house: House, text: str) -> bool:
    """Whether an answer to somebody of another session holds anything of this one."""
    return SECRET in text or house.scene.code in text or any(
        one in text for one in (house.seat.participant_id, house.response_id, house.ticket_id)
    )


def test_every_command_has_a_right() -> None:
    assert {type_of(command) for command in COMMANDS} - {"hello"} == set(COMMAND_RIGHTS)
    assert set(COMMAND_RIGHTS.values()) <= set(ALLOWED)


def command_fields(house: House, kind: str) -> dict[str, Any]:
    """The documented example of a command, aimed at the house."""
    example: dict[str, Any] = json.loads((EXAMPLES / f"{kind}.json").read_text(encoding="utf-8"))
    ours = {"activity_id": house.activity_id, "participant_id": house.seat.participant_id, "submission_id": new_id()}
    kept = {
        name: value
        for name, value in example.items()
        if name not in ("id", "type", "position", "expected_version", "focus", "receipt")
    }
    return kept | {name: value for name, value in ours.items() if name in kept}


@pytest.mark.parametrize("who", [who for who in WHO if who != "anonymous"])
async def test_everybody_with_every_command(house: House, who: str) -> None:
    stage = house.scene.stage
    client = await stage.open()
    hello = await client.ask("hello", ticket=house.tickets[who])
    if who in NOBODIES:
        code = {"expired": "ticket_expired", "removed": "removed"}.get(who, "unauthenticated")
        assert (hello["type"], hello["code"]) == ("refused", code)
        return
    assert hello["type"] == "welcome", hello
    assert who.startswith("foreign") != (hello["session_id"] == house.scene.id)
    wrong: list[str] = []
    for command in sorted(COMMANDS, key=lambda one: type_of(one) in ("delete_activity", "remove")):
        kind = type_of(command)
        if kind == "hello" or (kind == "remove" and not who.startswith("foreign")):
            continue  # removing Ann ends her own turn; that it is refused to the others is seen over HTTP
        reply = await client.ask(kind, **command_fields(house, kind))
        role = ROLES.get(who) or ("owner" if who == "foreign_owner" else "participant")
        allowed = role in ALLOWED[COMMAND_RIGHTS[kind]]
        refused = reply.get("code") == "forbidden"
        if allowed == refused:
            wrong.append(f"{kind}: {json.dumps(reply)[:200]}, wanted {'let through' if allowed else 'forbidden'}")
        if who.startswith("foreign") and (tells_of(house, json.dumps(reply)) or names_the_house(reply, kind)):
            wrong.append(f"{kind} reaches into another session: {json.dumps(reply)[:200]}")
    assert not wrong, "\n".join(wrong)


def names_the_house(reply: dict[str, Any], kind: str) -> bool:
    """A command that names an activity or person of another session must not be done."""
    return reply["type"] in ("done", "accepted") and kind not in (
        "create_activity", "move_session", "sync", "ping", "take_lease", "release_lease",
    )  # fmt: skip


async def test_nobody_gets_in_without_a_ticket(house: House) -> None:
    for command in COMMANDS:
        client = await house.scene.stage.open()
        kind = type_of(command)
        reply = await client.ask(kind, **({"ticket": ""} if kind == "hello" else command_fields(house, kind)))
        assert (reply["type"], reply["code"]) == ("refused", "unauthenticated"), kind
        async with asyncio.timeout(5):
            assert await client.until_closed() >= 4500
