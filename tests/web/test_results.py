"""Results over HTTP: what the stage shows, the report and every file say the same, and nothing that was to stay unknown."""

import csv
import io
import json
import zipfile
from typing import Any

import pytest

from realtime.interchange.workbook import read_workbook
from tests.journey.stages import Scene, Stage, bearer, new_id

QUIZ = {
    "question": "Which is right?",
    "options": [{"id": "a", "text": "This"}, {"id": "b", "text": "=SUM(A1)"}, {"id": "c", "text": "Neither"}],
    "correct": ["a"],
}


@pytest.fixture
async def scene(stage: Stage) -> Scene:
    return await stage.session("Results & <more>")


async def get(scene: Scene, path: str, **query: Any) -> Any:
    answer = await scene.stage.http.get(f"/api/v1{path}", params=query, headers=bearer(scene.ticket))
    assert answer.status_code == 200, answer.text
    return answer


async def lines(scene: Scene, path: str, **query: Any) -> list[dict[str, str]]:
    answer = await get(scene, path, format="csv", **query)
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_stage_report_and_files_say_the_same_number(scene: Scene) -> None:
    quiz = await scene.add("quiz", QUIZ, scoring={"mode": "accuracy", "points": 100})
    seats = [await scene.join(f"Person {number}") for number in range(12)]
    for number, seat in enumerate(seats):
        await scene.answer(quiz, seat, {"selected": ["abc"[number % 3]]})
    stage_shows = (await get(scene, f"/activities/{quiz}/results")).json()["results"]["total_responses"]
    overview = (await get(scene, f"/sessions/{scene.id}/results")).json()
    (round_,) = overview["activities"][0]["rounds"]
    rows = await lines(scene, f"/sessions/{scene.id}/export")
    wide = await lines(scene, f"/activities/{quiz}/export")
    document = (await get(scene, f"/sessions/{scene.id}/export", format="json")).json()
    tables = {table["name"]: table["rows"] for table in document["tables"]}
    answer = await get(scene, f"/sessions/{scene.id}/export", format="ndjson")
    records = [json.loads(line) for line in answer.text.splitlines()]
    report = (await get(scene, f"/activities/{quiz}/report")).json()
    numbers = {
        stage_shows, round_["responses"], round_["live"], len(rows), len(wide), len(tables["responses"]),
        sum(record["record"] == "responses" for record in records), report["counts"]["responses"],
        sum(report["course"][0]["counts"]),
    }  # fmt: skip
    assert numbers == {12}
    assert overview["complete"] is document["complete"] is True
    assert answer.headers["plenum-complete"] == "true"
    assert int(answer.headers["plenum-saved"]) >= 12
    assert {row["name"] for row in rows} == {seat.nickname for seat in seats}
    assert {row["answer"] for row in wide} == {"This", "'=SUM(A1)", "Neither"}
    assert report["view"]["vote_counts"] == {"a": 4, "b": 4, "c": 4}


async def test_workbook_has_a_sheet_for_each_and_never_a_formula(scene: Scene) -> None:
    quiz = await scene.add("quiz", QUIZ)
    await scene.answer(quiz, await scene.join("=cmd|'/c calc'!A1"), {"selected": ["b"]})
    content = (await get(scene, f"/sessions/{scene.id}/export", format="xlsx")).content
    tables = read_workbook(content)
    assert [table.rows[0].cells[0] for table in tables] == ["session_id", "activity", "participant", "round"]
    found = dict(zip(tables[3].rows[0].cells, tables[3].rows[1].cells, strict=False))
    assert (found["answer"], found["name"]) == ("=SUM(A1)", "=cmd|'/c calc'!A1")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name]
    assert not any("<f>" in sheet or "hyperlink" in sheet for sheet in sheets)


async def test_csv_is_safe_quoted_and_says_its_encoding_if_asked(scene: Scene) -> None:
    text = await scene.add("open_text", {"prompt": "Why?"})
    await scene.answer(text, await scene.join("@Ann"), {"entries": ['+1 "so", he\nsaid\täöü']})
    answer = await get(scene, f"/activities/{text}/export", bom="true")
    assert answer.content.startswith(b"\xef\xbb\xbfround,participant,name,")
    assert answer.content.count(b"\r\n") == 2
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert row["name"] == "'@Ann"
    assert row["text"].startswith('\'+1 "so", he')
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


async def test_rounds_are_compared_person_by_person(scene: Scene) -> None:
    quiz = await scene.add("quiz", QUIZ)
    people = [await scene.join(f"P{number}") for number in range(4)]
    for seat, choice in zip(people, "aabb", strict=True):
        await scene.answer(quiz, seat, {"selected": [choice]})
    await scene.move(quiz, "closed")
    again = await scene.post(f"/activities/{quiz}/transition", {"target_state": "active", "new_round": True})
    assert again.status_code == 200, again.text
    for seat, choice in zip(people[:3], "aba", strict=True):
        await scene.answer(quiz, seat, {"selected": [choice]})
    report = (await get(scene, f"/activities/{quiz}/report")).json()
    (change,) = report["changes"]
    assert (change["both"], change["same"], change["changed"], change["only_before"], change["only_after"]) == (3, 1, 2, 1, 0)
    assert change["verdicts"] == {"right_right": 1, "right_wrong": 1, "wrong_right": 1, "wrong_wrong": 0}
    assert {(flow["from"], flow["to"]) for flow in change["flows"]} == {
        ("This", "This"),
        ("This", "=SUM(A1)"),
        ("=SUM(A1)", "This"),
    }
    assert report["view"]["total_responses"] == 3
    first = (await get(scene, f"/activities/{quiz}/report", round=1)).json()
    assert (first["view"]["vote_counts"], first["round"]) == ({"a": 2, "b": 2, "c": 0}, 1)


async def test_anonymous_answers_name_nobody_anywhere(scene: Scene) -> None:
    secret = await scene.add("poll", constraints={"identity": "anonymous"})
    nobody = await scene.add("poll", reveal={"names": "nobody"})
    named = await scene.add("poll")
    seat = await scene.join("Zoë Quince")
    for activity in (secret, nobody, named):
        await scene.answer(activity, seat, {"selected": ["a"]})
    for activity in (secret, nobody):
        for format in ("csv", "json", "ndjson"):
            told = (await get(scene, f"/activities/{activity}/export", format=format)).text
            assert "Zoë" not in told
            assert seat.participant_id not in told
            assert seat.ticket not in told
        for path in (
            f"/sessions/{scene.id}/activities/{activity}/responses",
            f"/sessions/{scene.id}/activities/{activity}/responses/{seat.participant_id}",
            f"/sessions/{scene.id}/activities/{activity}/responses/since/2020-01-01T00:00:00Z",
            f"/activities/{activity}/review",
            f"/activities/{activity}/results",
            f"/activities/{activity}/report",
        ):
            told = (await get(scene, path)).text
            assert "Zoë" not in told
            assert seat.participant_id not in told
    of_person = (await get(scene, f"/sessions/{scene.id}/participants/{seat.participant_id}/responses")).json()
    assert [row["activity_id"] for row in of_person] == [named]
    own = await scene.get(f"/participants/{seat.participant_id}/responses", seat.ticket)
    assert {row["activity_id"] for row in own.json()} == {secret, nobody, named}
    after = (await get(scene, f"/sessions/{scene.id}/responses")).json()["items"]
    assert {row["activity_id"]: row["participant_id"] for row in after} == {secret: None, nobody: None, named: seat.participant_id}
    for row in await lines(scene, f"/sessions/{scene.id}/export"):
        assert (row["name"] == "Zoë Quince") == (row["activity_id"] == named)
        assert bool(row["answered_at"]) == (row["activity_id"] == named)
    (person,) = (await get(scene, f"/sessions/{scene.id}/results/participants")).json()["participants"]
    assert set(person["answers"]) == {named}


async def test_hidden_estimates_stay_hidden_until_the_reveal(scene: Scene) -> None:
    poker = await scene.add("planning_poker", {"story": {"key": "S-1", "title": "Login"}, "auto_reveal": False})
    answered = await scene.answer(poker, await scene.join("Ann"), {"estimate": "13"})
    assert answered.status_code == 201, answered.text
    assert await lines(scene, f"/sessions/{scene.id}/export") == []
    (person,) = (await get(scene, f"/sessions/{scene.id}/results/participants")).json()["participants"]
    assert person["answers"] == {}
    assert (await get(scene, f"/activities/{poker}/report")).json()["withheld"] is True
    shown = await scene.post(f"/activities/{poker}/reveal", {"revealed": True})
    assert shown.status_code == 200, shown.text
    (row,) = await lines(scene, f"/sessions/{scene.id}/export")
    assert row["answer"] == "13"


async def test_anonymous_contributions_reach_no_presenter_with_a_name_or_an_id(scene: Scene) -> None:
    board = await scene.add("brainstorm", {"prompt": "?"}, constraints={"identity": "anonymous"})
    buzzer = await scene.add("buzzer", {"prompt": "?"}, constraints={"identity": "anonymous"})
    seat = await scene.join("Quirin")
    presenter = await scene.present()
    for activity, data in ((board, {"action": "idea", "text": "Fly"}), (buzzer, {"press": True})):
        given = await scene.answer(activity, seat, data)
        assert given.status_code == 201, given.text
    await presenter.until(lambda: presenter.map.get(f"view:{buzzer}", {}).get("queue"), "the presenter sees the press")
    await presenter.until(lambda: any(key.startswith(f"view:{board}:item:") for key in presenter.map), "and the idea")
    seen = {key: value for key, value in presenter.map.items() if key.startswith("view:")}
    assert seat.participant_id not in json.dumps(seen)
    assert "Quirin" not in json.dumps(seen)


async def test_single_contributions_without_a_name_stay_without_one(scene: Scene) -> None:
    qna = await scene.add("qna", {"topic": "Ask", "moderate_questions": False})
    seat = await scene.join("Quirin")
    for text, anonymous in (("Named one?", False), ("Hidden one?", True)):
        given = await scene.answer(qna, seat, {"action": "question", "text": text, "anonymous": anonymous})
        assert given.status_code == 201, given.text
    for path in (f"/activities/{qna}/export", f"/sessions/{scene.id}/export"):
        rows = {row["name"]: row for row in await lines(scene, path)}
        assert set(rows) == {"Quirin", ""}
        assert not any(rows[""].get(name) for name in ("participant", "team", "answered_at", "elapsed_ms", "points"))
        assert "Hidden one?" in rows[""]["answer"]
    (person,) = (await get(scene, f"/sessions/{scene.id}/results/participants")).json()["participants"]
    assert "Hidden" not in json.dumps(person)
    poker = await scene.add(
        "planning_poker", {"story": {"key": "S", "title": "Login"}, "anonymous_votes": True, "auto_reveal": False}
    )
    await scene.answer(poker, seat, {"estimate": "5"})
    await scene.post(f"/activities/{poker}/reveal", {"revealed": True})
    (row,) = await lines(scene, f"/activities/{poker}/export")
    assert (row["answer"], row["name"], row["participant"], row["answered_at"]) == ("5", "", "", "")


async def test_activity_whose_settings_no_longer_fit_spoils_no_other(scene: Scene) -> None:
    old, new = await scene.add("poll"), await scene.add("poll")
    seat = await scene.join("Ann")
    for activity in (old, new):
        await scene.answer(activity, seat, {"selected": ["a"]})
    await get(scene, f"/sessions/{scene.id}/results")  # and so both are stored
    await scene.stage.database.execute("UPDATE activities SET config = jsonb_set(config, '{settings}', '{}') WHERE id = $1", old)
    rows = await lines(scene, f"/sessions/{scene.id}/export")
    assert [(row["activity_id"], json.loads(row["data"])) for row in rows] == [(id, {"selected": ["a"]}) for id in (old, new)]


async def test_people_come_by_the_page_with_their_answers_and_points(scene: Scene) -> None:
    quiz = await scene.add("quiz", QUIZ, scoring={"mode": "accuracy", "points": 100})
    for number in range(5):
        await scene.answer(quiz, await scene.join(f"P{number}"), {"selected": ["a" if number else "b"]})
    await scene.move(quiz, "closed")
    people: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (
            await get(scene, f"/sessions/{scene.id}/results/participants", limit=2, **({"after": after} if after else {}))
        ).json()
        people += page["participants"]
        after = page["next"]
        if after is None:
            break
    assert sorted(person["name"] for person in people) == ["P0", "P1", "P2", "P3", "P4"]
    right = {person["name"]: person["answers"][quiz]["correct"] for person in people}
    assert right == {"P0": False, "P1": True, "P2": True, "P3": True, "P4": True}


async def test_what_was_said_without_a_name_is_in_no_comparison(scene: Scene) -> None:
    """Beside what the same person said under their name it would tell who it was."""
    asked = {"topic": "Ask anything", "moderate_questions": False, "max_open_per_participant": 5}
    qna = await scene.add("qna", asked)
    seat = await scene.join("Ann")
    for number in (1, 2):
        for text, anonymous in ((f"My own question {number}", False), (f"A delicate matter {number}", True)):
            said = {"action": "question", "text": text, "anonymous": anonymous}
            assert (await scene.answer(qna, seat, said, submission_id=new_id())).status_code == 201
        if number == 1:
            await scene.post(f"/activities/{qna}/transition", {"target_state": "closed"})
            await scene.post(f"/activities/{qna}/transition", {"target_state": "active", "new_round": True})
    (change,) = (await get(scene, f"/activities/{qna}/report")).json()["changes"]
    assert change["both"] == 1
    assert "My own question 1" in json.dumps(change["flows"])
    assert "delicate" not in json.dumps(change["flows"])


async def test_withdrawn_answers_are_gone_and_changes_count_once(scene: Scene) -> None:
    poll = await scene.add("poll")
    ann, ben = await scene.join("Ann"), await scene.join("Ben")
    await scene.answer(poll, ann, {"selected": ["a"]})
    await scene.answer(poll, ann, {"selected": ["b"]})
    gone = (await scene.answer(poll, ben, {"selected": ["c"]})).json()
    await scene.stage.http.delete(f"/api/v1/responses/{gone['id']}", headers=bearer(ben.ticket))
    (row,) = await lines(scene, f"/activities/{poll}/export")
    assert (row["name"], row["answer"]) == ("Ann", "B")


async def test_more_rows_than_a_chunk_come_whole(scene: Scene) -> None:
    text = await scene.add("open_text", {"prompt": "?", "profanity": "off"})
    await scene.answer(text, await scene.join("Ann"), {"entries": ["0"]})
    assert len(await lines(scene, f"/activities/{text}/export")) == 1  # and so it is stored
    await scene.stage.database.execute(
        """
        INSERT INTO user_responses (id, session_id, activity_id, participant_id, response_data, round, entry, revision,
                                    submission_id, seq, epoch)
        SELECT gen_random_uuid(), session_id, activity_id, participant_id,
               jsonb_set(response_data, '{data,entries,0}', to_jsonb(number::text)), round, 'n:' || number, revision,
               gen_random_uuid(), seq + number, epoch
        FROM user_responses, generate_series(1, 1200) AS number WHERE activity_id = $1
        """,
        text,
    )
    rows = await lines(scene, f"/activities/{text}/export")
    assert sorted(int(row["text"]) for row in rows) == list(range(1_201))
    tables = read_workbook((await get(scene, f"/activities/{text}/export", format="xlsx")).content)
    assert len(tables[1].rows) == 1_202


@pytest.mark.parametrize("query", [{"format": "pdf"}, {"bom": "maybe"}, {"table": "secrets"}])
async def test_unknown_options_are_refused_by_name(scene: Scene, query: dict[str, str]) -> None:
    answer = await scene.stage.http.get(f"/api/v1/sessions/{scene.id}/export", params=query, headers=bearer(scene.ticket))
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (422, next(iter(query)))
