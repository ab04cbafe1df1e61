"""More wrong texts than a cell has room for: nobody is refused, and counts equal rows before and after a loss of Redis."""

import asyncio
import json

from realtime.activities.table_completion import MOST_TEXTS
from realtime.activities.table_completion import TYPE as TABLE
from tests.commands.stage import Stage, code_of
from tests.waiting import eventually


async def test_a_cell_with_too_many_texts(stage: Stage) -> None:
    other = await stage.another()
    activity_id = await stage.open("table_completion", TABLE.example["settings"])
    people = await stage.crowd(MOST_TEXTS + 80)
    for start in range(0, len(people), 70):
        part = list(enumerate(people))[start : start + 70]
        frames = await asyncio.gather(
            *(
                stage.send(
                    one, activity_id, {"value": {"studentAnswers": {"0-1": f"wrong {number}", "0-2": "ATP"}}, "final": True},
                    app=other if number % 4 == 0 else stage.app,
                )
                for number, one in part
            )
        )  # fmt: skip
        assert {code_of(frame) for frame in frames} == {"accepted"}
        await stage.seen(activity_id)
    tally = await stage.app.live.tally(stage.session_id, activity_id, 1)
    texts = [name for name in tally if name.startswith("wrong:0-1:") and name != "wrong:0-1:"]
    assert MOST_TEXTS <= len(texts) <= 2 * MOST_TEXTS
    assert tally["wrong:0-1:"] + len(texts) == len(people)
    cell = (await stage.seen(activity_id))["view"]["cells"]["0-1"]
    assert (cell["answered"], cell["other"], len(cell["top_wrong"])) == (len(people), tally["wrong:0-1:"], 10)
    await stage.verify()

    # Who changes an answer is taken away from where he was counted.
    rows = await stage.app.pool.fetch("SELECT response_data FROM user_responses WHERE activity_id = $1", activity_id)
    assert sum("others" in json.loads(row["response_data"]) for row in rows) == tally["wrong:0-1:"]
    changed = await asyncio.gather(*(stage.send(one, activity_id, {"abstain": True}) for one in people[::3]))
    assert {code_of(frame) for frame in changed} == {"accepted"}
    await stage.verify()
    await stage.forget()
    await eventually(lambda: stage.app.reading.settle(stage.session_id), "saved")
    await stage.verify()
    cells = (await stage.seen(activity_id))["activity"]["config"]["settings"]["cells"]
    for cell in cells:
        if (cell["rowIndex"], cell["colIndex"]) == (0, 1):
            cell |= {"expectedAnswer": "wrong 250", "alternativeAnswers": []}
    await stage.app.correcting.correct_key(stage.presenter, activity_id, {"cells": cells})
    assert (await stage.app.live.tally(stage.session_id, activity_id, 1))["right:0-1"] == 1
    await stage.verify()
