"""Activities in and out over HTTP."""

import base64
from typing import Any

from tests.interchange.workbooks import KAHOOT, workbook
from tests.journey.stages import Scene, Stage, bearer

GIFT = "::Sky::Is the sky blue? {T}\n\nBroken {\n\nWhich? {=This ~That}\n\nMatch {=a -> b}\n"


async def send(scene: Scene, **body: Any) -> Any:
    return await scene.post("/activities/import", body)


async def titles(scene: Scene) -> list[str]:
    return [one["config"]["settings"]["question"] for one in (await scene.get("/activities")).json()["activities"]]


async def test_preview_creates_nothing_and_names_what_is_wrong(stage: Stage) -> None:
    scene = await stage.session()
    answer = await send(scene, text=GIFT, words=["Wahr", "Falsch"])
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["format"], told["created"]) == ("gift", {})
    assert [(draft["place"], draft["type"], draft["title"], draft["question"]) for draft in told["drafts"]] == [
        ("line 1", "quiz", "Sky", "Is the sky blue?"), ("line 5", "quiz", "", "Which?"),
    ]  # fmt: skip
    assert told["drafts"][0]["config"]["settings"]["options"][0]["text"] == "Wahr"
    assert [(problem["place"], problem["code"]) for problem in told["problems"]] == [
        ("line 3", "unclosed_brace"),
        ("line 7", "unfit"),
    ]
    assert await titles(scene) == []


async def test_import_creates_what_is_good_and_only_what_was_chosen(stage: Stage) -> None:
    scene = await stage.session()
    told = (await send(scene, text=GIFT, create=True)).json()
    assert sorted(told["created"]) == ["0", "1"]
    assert await titles(scene) == ["Is the sky blue?", "Which?"]
    one = (await send(scene, text=GIFT, create=True, only=[1])).json()
    assert sorted(one["created"]) == ["1"]
    assert await titles(scene) == ["Is the sky blue?", "Which?", "Which?"]


async def test_workbook_comes_as_base64(stage: Stage) -> None:
    scene = await stage.session()
    told = (await send(scene, base64=base64.b64encode(workbook(KAHOOT)).decode(), create=True)).json()
    assert (told["format"], len(told["created"]), len(told["problems"])) == ("xlsx", 2, 3)


async def test_what_is_exported_comes_back_equal(stage: Stage) -> None:
    scene, other = await stage.session("One"), await stage.session("One")
    for kind, settings in (("poll", None), ("open_text", {"prompt": "Why?"}), ("word_cloud", {"prompt": "A word"})):
        await scene.add(kind, settings, state="draft", constraints={"time_limit": 30}, reveal={"results": "live"})
    exported = await scene.get("/activities/export")
    assert exported.headers["content-disposition"].startswith("attachment")
    told = (await send(other, text=exported.text, create=True)).json()
    assert (told["problems"], len(told["created"])) == ([], 3)
    assert (await other.get("/activities/export")).json() == exported.json()


async def test_file_that_cannot_be_read_is_refused_with_the_reason(stage: Stage) -> None:
    scene = await stage.session()
    for body, code in (({"text": "hello"}, "unknown_format"), ({"base64": "####"}, "bad_base64"), ({"text": " "}, "empty")):
        answer = await send(scene, **body)
        assert answer.status_code == 422
        assert answer.json()["error"]["details"]["code"] == code
        assert answer.json()["error"]["details"]["reason"]
    both = await send(scene, text="a", base64="YQ==")
    assert both.json()["error"]["details"]["field"] == "text"


async def test_who_may_not_author_may_not_import(stage: Stage) -> None:
    scene = await stage.session()
    seat = await scene.join("Ann")
    url = f"/api/v1/sessions/{scene.id}/activities/import"
    answer = await stage.http.post(url, json={"text": GIFT, "create": True}, headers=bearer(seat.ticket))
    assert answer.status_code == 403
