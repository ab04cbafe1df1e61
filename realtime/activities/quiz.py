"""A quiz question: a choice with a key, marked by one of five rules."""

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from realtime.activities.contract import ActivityType, Answered, Json, Live, Mark, Model, Sight
from realtime.activities.labels import (
    Id,
    Labelled,
    Prompt,
    as_ids,
    as_labelled,
    clean_lines,
    require_distinct,
    require_known,
    require_number,
    sheet,
)
from realtime.activities.marking import map_response, mark_choice, mean_score, score_units, share
from realtime.activities.statistics import (
    Number,
    answered,
    histogram_under,
    median,
    quantile,
    smallest,
    time_bucket_ms,
)
from realtime.core.errors import invalid

CONFIDENCES = ("low", "medium", "high")
Confidence = Literal["low", "medium", "high"]


class Option(Labelled):
    text: Annotated[str, AfterValidator(clean_lines), Field(max_length=200)] = ""


class ResponseMapping(Model):
    """QTI's `mapping`: what each choice is worth."""

    mapped_values: dict[Id, Annotated[Number, Field(ge=-1_000, le=1_000)]]
    default_value: Annotated[Number, Field(ge=-1_000, le=1_000)] = 0
    lower_bound: Annotated[Number, Field(ge=-50_000, le=50_000)] | None = 0
    upper_bound: Annotated[Number, Field(ge=-50_000, le=50_000)] | None = None

    def most(self, options: Iterable[str]) -> float:
        """The best that can be had: the upper bound, or all choices that are worth something."""
        best = sum(max(0, self.mapped_values.get(option, self.default_value)) for option in options)
        return best if self.upper_bound is None else min(best, self.upper_bound)


class Phases(Model):
    read_ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    answer_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 0


class Settings(Model):
    """`list_fastest`: how many of those right first are listed; 0 spares an item for each right answer."""

    question: Prompt
    options: Annotated[list[Option], Field(min_length=2, max_length=50)]
    correct: Annotated[list[Id], Field(max_length=50)]
    min_choices: Annotated[int, Field(ge=0)] = 1
    max_choices: Annotated[int, Field(ge=1)] = 1
    shuffle: bool = False
    marking: Literal["exact", "partial", "kprim", "per_option", "mapping"] = "exact"
    mapping: ResponseMapping | None = None
    explanation: Annotated[str, AfterValidator(clean_lines), Field(max_length=2_000)] | None = None
    ask_confidence: bool = False
    phases: Phases | None = None
    list_fastest: Annotated[int, Field(ge=0, le=20)] = 3

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        ids = [option.id for option in self.options]
        require_distinct(ids, "option ids")
        require_distinct(self.correct, "correct options")
        if not set(self.correct) <= set(ids):
            raise ValueError("correct names an option that does not exist")
        by_statement = self.marking in ("kprim", "per_option")
        if not self.correct and not by_statement:
            raise ValueError("this marking needs a correct option")
        if not self.min_choices and not by_statement:
            raise ValueError("min_choices 0 needs a marking by statement (kprim, per_option)")
        if not self.min_choices <= self.max_choices <= len(ids):
            raise ValueError("min_choices <= max_choices <= number of options must hold")
        if self.marking != "mapping" and not self.min_choices <= len(self.correct) <= self.max_choices:
            raise ValueError("the correct options cannot be chosen within min_choices and max_choices")
        if (self.marking == "mapping") != (self.mapping is not None):
            raise ValueError("mapping belongs to the marking of that name, and to no other")
        if self.mapping is not None:
            if not set(self.mapping.mapped_values) <= set(ids):
                raise ValueError("mapping names an option that does not exist")
            if self.mapping.most(ids) <= 0:
                raise ValueError("mapping leaves nothing to gain")
        return self


class Answer(Model):
    selected: Annotated[list[str], Field(max_length=50)]
    confidence: Confidence | None = None


class Quiz(ActivityType[Settings, Answer]):
    name = "quiz"
    aliases = ("quiz_question", "mcq", "true_false")
    qti, moodle, xapi = "choiceInteraction", "multichoice", "choice"
    timed = True
    settings_model, answer_model = Settings, Answer
    secrets = ("correct", "mapping", "explanation")
    example: ClassVar[Mapping[str, Json]] = {
        "settings": {
            "question": "Where does the Calvin cycle run?",
            "min_choices": 1,
            "max_choices": 2,
            "shuffle": True,
            "options": [
                {"id": "a", "text": "Stroma"},
                {"id": "b", "text": "Thylakoid"},
                {"id": "c", "text": "Matrix"},
                {"id": "d", "text": "Cytosol"},
            ],
            "correct": ["a"],
            "marking": "exact",
            "mapping": None,
            "explanation": "The enzymes of the cycle are dissolved in the stroma.",
            "ask_confidence": True,
            "phases": {"read_ms": 5000, "answer_ms": 30000},
            "list_fastest": 3,
        },
        "answers": [
            {"selected": ["a"], "confidence": "high"},
            {"selected": ["b", "d"]},
            {"selected": ["c"], "confidence": "low"},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept strings as options, one correct option as such, `correct: true` for true or false."""
        migrated = dict(settings)
        if "question" not in migrated and "prompt" in migrated:
            migrated["question"] = migrated.pop("prompt")
        for old in ("correct_options", "correct_answers", "correct_answer"):
            if old in migrated and "correct" not in migrated:
                migrated["correct"] = migrated.pop(old)
        correct = migrated.get("correct")
        if isinstance(correct, bool):
            migrated["correct"] = correct = "true" if correct else "false"
            migrated.setdefault("options", [{"id": "true", "text": "True"}, {"id": "false", "text": "False"}])
        texts = migrated.get("options")
        migrated["options"] = as_labelled(texts)
        if isinstance(correct, str):
            migrated["correct"] = correct = [correct]
        if migrated["options"] is not texts and isinstance(correct, list):
            by_text = {option["text"]: option["id"] for option in migrated["options"]}
            migrated["correct"] = [
                by_text.get(choice, choice) if isinstance(choice, str) else choice for choice in correct
            ]
        if migrated.get("marking") in ("kprim", "per_option") and isinstance(migrated["options"], list):
            migrated = {"min_choices": 0, "max_choices": len(migrated["options"])} | migrated
        mapping = migrated.get("mapping")
        if isinstance(mapping, Mapping):
            migrated["mapping"] = {name.replace("-", "_"): value for name, value in mapping.items()}
        return migrated

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Accept `selected_options`, one choice as such, texts of options, and true or false."""
        migrated = dict(data)
        for old in ("selected_options", "answer"):
            if old in migrated and "selected" not in migrated:
                migrated["selected"] = migrated.pop(old)
        selected = migrated.get("selected")
        if isinstance(selected, bool):
            selected = "true" if selected else "false"
        if isinstance(selected, str):
            selected = [selected]
        if isinstance(selected, list):
            migrated["selected"] = as_ids(selected, {option.id: option.text for option in settings.options})
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        require_known(answer.selected, {option.id for option in settings.options}, "data.selected")
        require_number(len(answer.selected), settings.min_choices, settings.max_choices, "data.selected")
        if answer.confidence is not None and not settings.ask_confidence:
            raise invalid("data.confidence", "this question does not ask for it")
        return Answer(selected=sorted(answer.selected), confidence=answer.confidence)

    def reading_ms(self, settings: Settings) -> int:
        return settings.phases.read_ms if settings.phases else 0

    def answering_ms(self, settings: Settings) -> int:
        return settings.phases.answer_ms if settings.phases else 0

    def mark(self, settings: Settings, answer: Answer) -> Mark:
        if settings.marking == "mapping" and settings.mapping is not None:
            mapping = settings.mapping
            points = map_response(
                answer.selected,
                mapping.mapped_values,
                mapping.default_value,
                mapping.lower_bound,
                mapping.upper_bound,
            )
            score = min(1.0, max(0.0, points / mapping.most(option.id for option in settings.options)))
            return Mark(score >= 1, score, {"points": points})
        rule = "exact" if settings.marking == "mapping" else settings.marking
        score = mark_choice(rule, settings.correct, answer.selected, len(settings.options))
        return Mark(score >= 1, score)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        mark = self.mark(settings, answer)
        right = "right" if mark.correct else "wrong"
        result = {f"choice:{choice}": 1 for choice in answer.selected}
        result[right] = 1
        if mark.score:
            result["score"] = score_units(mark.score)
        if answer.confidence:
            result[f"confidence:{answer.confidence}:{right}"] = 1
        if elapsed_ms is not None:
            result[f"ms:{right}:{time_bucket_ms(elapsed_ms)}"] = 1
        return result

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        if settings.list_fastest and self.mark(settings, answer).correct:
            return {"right": True}
        return None

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        people = answered(live.tally)
        main: dict[str, Json] = {"total_responses": people}
        if sight.results:
            votes = {option.id: live.tally.get(f"choice:{option.id}", 0) for option in live.settings.options}
            main["vote_counts"] = votes
            right_ms = histogram_under(live.tally, "ms:right:")
            times = dict(right_ms)
            for bucket, count in histogram_under(live.tally, "ms:wrong:").items():
                times[bucket] = times.get(bucket, 0) + count
            if times:
                main["time"] = {"median_ms": round(median(times)), "p90_ms": quantile(times, 0.9)}
            if sight.key:
                right = live.tally.get("right", 0)
                main["correct_count"] = right
                main["correct_fraction"] = share(right, people)
                main["mean_score"] = mean_score(live.tally.get("score", 0), people)
                main["confidence"] = self._confidence(live) if live.settings.ask_confidence else None
                if live.settings.list_fastest and sight.names:
                    main["fastest"] = self._fastest(live, right_ms)
        return {"": main}

    def _confidence(self, live: Live[Settings]) -> dict[str, Json]:
        levels: dict[str, Json] = {}
        for level in CONFIDENCES:
            right = live.tally.get(f"confidence:{level}:right", 0)
            levels[level] = {"n": right + live.tally.get(f"confidence:{level}:wrong", 0), "correct": right}
        return levels

    def _fastest(self, live: Live[Settings], right_ms: Mapping[int, int]) -> list[Json]:
        most = live.settings.list_fastest
        first = nsmallest(most, live.items.values(), key=lambda item: (item.at_ms, item.id))
        fastest: list[Json] = [{"participant": item.participant_id} for item in first]
        # Items know when, not after how long; the times of right answers in order belong to them in order.
        if sum(right_ms.values()) == len(live.items):
            for entry, elapsed_ms in zip(fastest, smallest(right_ms, len(fastest)), strict=True):
                entry["ms"] = elapsed_ms
        return fastest

    def rows(self, settings: Settings, responses: Iterable[Answered[Answer]]) -> list[dict[str, Json]]:
        def columns(answer: Answer) -> dict[str, Json]:
            mark = self.mark(settings, answer)
            return {
                "selected": answer.selected,
                "confidence": answer.confidence,
                "correct": mark.correct,
                "score": mark.score,
            }

        return sheet(responses, columns)


TYPE = Quiz()
