"""A type costs one file: a package that is only installed brings one, and a whole session is played with it over the wire."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.journey.servers import REPOSITORY, Server
from tests.journey.stages import Stage, new_id, open_stage

THE_FILE = '''
"""Higher or lower: one number is guessed, and everybody sees how many guessed too low."""

from typing import Annotated, Any, Literal

from pydantic import Field

from realtime.activities.contract import ActivityType, Live, Mark, Model, Sight


class Settings(Model):
    question: Annotated[str, Field(min_length=1, max_length=200)]
    secret: int


class Answer(Model):
    guess: Literal["higher", "lower"]


class HigherLower(ActivityType[Settings, Answer]):
    name = "higher_lower"
    aliases = ("guessing",)
    settings_model, answer_model = Settings, Answer
    secrets = ("secret",)
    example = {
        "settings": {"question": "More than 50?", "secret": 77},
        "answers": [{"guess": "higher"}, {"guess": "lower"}, {"guess": "higher"}],
    }

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        return {answer.guess: 1}

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Any]:
        return {"": {name: live.tally.get(name, 0) for name in ("higher", "lower")}}

    def mark(self, settings: Settings, answer: Answer) -> Mark:
        right = (answer.guess == "higher") == (settings.secret > 50)
        return Mark(right, float(right))


TYPE = HigherLower()
'''


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installer leaves of a package: its one file, and the metadata that names it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "higher_lower.py").write_text(THE_FILE)
    metadata = folder / "plenum_higher_lower-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plenum-higher-lower\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[plenum.activity_types]\nhigher_lower = higher_lower:TYPE\n")
    return folder


@pytest.fixture(scope="module")
def richer_server(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("richer"), PYTHONPATH=f"{REPOSITORY}:{package}", PLENUM_STRICT_TYPES="1")
    try:
        running.start()
        yield running
    finally:
        running.end()


@pytest.fixture
async def richer(richer_server: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(richer_server.url, richer_server.database_url)
    yield opened
    await opened.close()


async def test_a_whole_session_with_a_type_from_an_installed_package(richer: Stage) -> None:
    scene = await richer.session()
    activity_id = await scene.add("guessing", {"question": "More than 50?", "secret": 77})
    presenter = await scene.present()
    players = [await scene.enter(await scene.join(f"P{number}")) for number in range(4)]
    shown = players[0].map[f"activity:{activity_id}"]
    assert (shown["type"], shown["config"]["settings"]) == ("higher_lower", {"question": "More than 50?"})
    assert "77" not in str(players[0].map[f"activity:{activity_id}"]["config"]["settings"])

    replies = [
        await player.ask("submit", activity_id=activity_id, submission_id=new_id(), data={"guess": guess})
        for player, guess in zip(players, ["higher", "higher", "lower", "lower"], strict=True)
    ]
    assert {reply["type"] for reply in replies} == {"accepted"}
    wrong = await players[0].ask("submit", activity_id=activity_id, submission_id=new_id(), data={"guess": "sideways"})
    assert (wrong["code"], wrong["details"]["field"]) == ("invalid", "data.guess")
    changed = await players[3].ask("submit", activity_id=activity_id, submission_id=new_id(), data={"guess": "higher"})
    assert (changed["type"], changed["revision"]) == ("accepted", 2)
    await presenter.until(lambda: presenter.map[f"view:{activity_id}"] == {"higher": 3, "lower": 1}, "the counts")

    await presenter.ask("move", activity_id=activity_id, to="closed")
    late = await players[0].ask("submit", activity_id=activity_id, submission_id=new_id(), data={"guess": "lower"})
    assert late["code"] == "activity_closed"
    await presenter.ask("reveal", activity_id=activity_id)
    await players[1].until(lambda: players[1].map[f"activity:{activity_id}"]["config"]["settings"].get("secret") == 77, "the key")
    await players[1].until(lambda: players[1].map[f"activity:{activity_id}"]["final"], "the result is final")
    assert len(await scene.settled_rows(activity_id)) == 4
    report = (await scene.get("/integrity")).json()
    assert report["sound"], report


async def test_a_type_that_nobody_installed_is_refused(richer: Stage) -> None:
    scene = await richer.session()
    answer = await scene.post("/activities", {"type": f"t{uuid.uuid4().hex[:8]}", "title": "x", "config": {"settings": {}}})
    assert answer.status_code == 422
