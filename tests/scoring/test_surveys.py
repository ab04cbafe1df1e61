"""Questions of a survey have keys of their own: they can be corrected, and what is decided about an answer is worth points."""

from typing import Any

from tests.commands.stage import refused
from tests.scoring.stage import QUIZ, Stage
from tests.scoring.test_decisions import decide, until_ledger

SURVEY: dict[str, Any] = {
    "items": [
        {"id": "q1", "type": "quiz", "required": True, "settings": dict(QUIZ)},
        {"id": "q2", "type": "short_answer", "settings": {"prompt": "Colour?", "answers": ["red"]}},
        {"id": "q3", "type": "poll", "settings": {"question": "Well?", "options": ["Yes", "No"]}},
    ]
}


def answered(choice: str, text: str) -> dict[str, Any]:
    return {"answers": {"q1": {"selected": [choice]}, "q2": {"text": text}}, "final": True}


async def test_a_corrected_key_of_one_question_marks_everybody_again(stage: Stage) -> None:
    activity_id = await stage.ask("survey", SURVEY)
    ann, bob = await stage.join("Ann"), await stage.join("Bob")
    await stage.give(ann, activity_id, answered("a", "red"))
    await stage.give(bob, activity_id, answered("b", "blue"))
    await stage.finish(activity_id)
    assert [await stage.ledger(one) for one in (ann, bob)] == [[1_000], [0]]

    correction = {"items": [{"id": "q1", "settings": {"correct": ["b"]}}]}
    row = await stage.app.correcting.correct_key(stage.presenter, activity_id, correction)
    seen = await stage.seen(activity_id)
    items = seen["activity"]["config"]["settings"]["items"]
    assert [item["settings"].get("correct") for item in items] == [["b"], None, None]
    assert items[1]["settings"]["answers"][0]["text"] == "red"
    assert seen["view"]["items"]["q1"]["correct_count"] == 1
    assert seen["activity"]["version"] == row.version
    await stage.verify()
    await stage.score()
    assert [await stage.ledger(one) for one in (ann, bob)] == [[1_000, -500], [0, 500]]

    await stage.forget()
    assert (await stage.seen(activity_id))["view"]["items"]["q1"]["correct_count"] == 1
    await stage.verify()
    again = {"items": [{"id": "q1", "settings": {"correct": ["a"]}}, {"id": "q2", "settings": {"answers": ["red", "blue"]}}]}
    await stage.app.correcting.correct_key(stage.presenter, activity_id, again)
    await stage.score()
    assert [sum(await stage.ledger(one)) for one in (ann, bob)] == [1_000, 500]
    await stage.verify()


async def test_an_accepted_answer_to_one_question_earns_its_points(stage: Stage) -> None:
    activity_id = await stage.ask("survey", SURVEY)
    ann = await stage.join("Ann")
    await stage.give(ann, activity_id, answered("a", "crimson"))
    await stage.finish(activity_id)
    assert await stage.ledger(ann) == [500]
    await decide(stage, activity_id, question="q2", action="accept", text="crimson")
    await until_ledger(stage, ann, [500, 500])
    await stage.verify()


async def test_only_keys_of_questions_that_are_there_can_be_corrected(stage: Stage) -> None:
    activity_id = await stage.ask("survey", SURVEY)
    correct = stage.app.correcting.correct_key
    for settings, code in (
        ({"items": [{"id": "q1", "settings": {"question": "3 + 3?"}}]}, "in_use"),
        ({"items": [{"id": "q1", "required": False}]}, "in_use"),
        ({"items": [{"id": "q1", "settings": {"correct": ["z"]}}]}, "invalid"),
        ({"items": [{"id": "q9", "settings": {}}]}, "unknown_option"),
        ({"items": [{"id": "q1", "settings": 7}]}, "invalid"),
        ({"items": []}, None),
        ({"title": "Another"}, "in_use"),
    ):
        if code is None:
            await correct(stage.presenter, activity_id, settings)
        else:
            assert (await refused(correct(stage.presenter, activity_id, settings))).code == code, settings
    plain = await stage.open("survey", {"items": [SURVEY["items"][2]]})
    assert (await refused(correct(stage.presenter, plain, {"items": []}))).code == "invalid"
