"""The pulse of the room: thumbs, hearts, "too fast", held for a while or sent in bursts.

Nothing here reads a clock. Presses are counted by when they came, in steps of the server's time since
the activity opened. "now" is the window that ends with the newest press; a client lets it fade by its
own time.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from realtime.activities.contract import ActivityType, Json, Live, Model, Sight
from realtime.activities.labels import Id, require_distinct, require_known
from realtime.core.tally import under

SERIES_STEPS: Final = 60  # steps of the series in a view
_STEPS_PER_WINDOW = 6
_SHORTEST_STEP_S = 10
_LAST_STEP = 8_640  # a day of the shortest steps: later presses count as its last


class Settings(Model):
    """`window_s` is how long a press lasts, `min_interval_ms` how far apart one person's presses must be."""

    kinds: Annotated[list[Id], Field(min_length=1, max_length=20)]
    mode: Literal["sustained", "burst"] = "sustained"
    window_s: Annotated[int, Field(ge=5, le=3_600)] = 60
    min_interval_ms: Annotated[int, Field(ge=0, le=60_000)] = 1_000
    prompt: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        require_distinct(self.kinds, "kinds")
        return self

    @property
    def step_s(self) -> int:
        """The length of one step of time in seconds."""
        return max(_SHORTEST_STEP_S, self.window_s // _STEPS_PER_WINDOW)


class Answer(Model):
    kind: Annotated[str, Field(max_length=40)]
    on: bool = True


class Reaction(ActivityType[Settings, Answer]):
    name = "reaction"
    aliases = ("pulse", "feedback", "confusion")
    xapi = "other"
    timed = True
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "kinds": ["thumbs_up", "heart", "too_fast", "too_slow", "confused"],
            "mode": "sustained",
            "window_s": 60,
            "min_interval_ms": 1000,
        },
        "answers": [
            {"kind": "too_fast", "on": True},
            {"kind": "confused"},
            {"kind": "too_fast", "on": False},
        ],
    }

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: `reaction` or `emoji` for `kind`."""
        migrated = dict(data)
        for name in ("reaction", "emoji"):
            if name in migrated and "kind" not in migrated:
                migrated["kind"] = migrated.pop(name)
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        require_known([answer.kind], settings.kinds, "data.kind")
        return answer

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        if not answer.on:
            return {}
        step = min((elapsed_ms or 0) // 1_000 // settings.step_s, _LAST_STEP)
        return {f"at:{step}:{answer.kind}": 1}

    def entry(self, settings: Settings, answer: Answer, submission_id: str) -> str:
        # Sustained: one state per person, and a new press replaces it. A burst only ever adds.
        return "" if settings.mode == "sustained" else f"b:{submission_id}"

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        settings = live.settings
        steps: dict[int, dict[str, int]] = {}
        for name, number in under(live.tally, "at:").items():
            step, _, kind = name.partition(":")
            steps.setdefault(int(step), {})[kind] = number
        newest = max(steps, default=0)
        window = -(-settings.window_s // settings.step_s)
        main: dict[str, Any] = {
            "now": _sums(settings, [kinds for step, kinds in steps.items() if step > newest - window]),
            "total": _sums(settings, list(steps.values())),
            "step_s": settings.step_s,
            "series": [
                {"elapsed_s": step * settings.step_s} | steps[step]
                for step in sorted(steps)
                if step > newest - SERIES_STEPS
            ],
        }
        return {"": main}


def _sums(settings: Settings, steps: list[dict[str, int]]) -> dict[str, int]:
    sums = {kind: sum(kinds.get(kind, 0) for kinds in steps) for kind in settings.kinds}
    return {kind: number for kind, number in sums.items() if number}


TYPE = Reaction()
