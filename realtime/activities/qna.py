"""Questions from the audience, voted up by it, moderated and answered by the presenter."""

from collections.abc import Mapping
from math import sqrt
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from realtime.activities.contract import ActivityType, Item, Json, Live, Model, Sight
from realtime.activities.contributions import (
    SEEN,
    STATUS_AFTER,
    ItemId,
    action_of,
    author_of,
    decide_status,
    is_shown,
    iso_time,
    item_of,
    status_of,
    verdict,
    written_text,
)
from realtime.core.errors import Refusal, invalid

SHOWN: Final = 500  # questions in a view; all of them are in the responses list
_Z = 1.96  # of the 95 % confidence interval
_LONGEST_ANSWER = 2_000


class Settings(Model):
    """`votes_per_participant` None means no limit; `max_open_per_participant` limits questions."""

    topic: Annotated[str, Field(max_length=200)] = ""
    allow_anonymous: bool = True
    enable_voting: bool = True
    allow_downvotes: bool = False
    moderate_questions: bool = True
    max_question_length: Annotated[int, Field(ge=10, le=1_000)] = 500
    max_open_per_participant: Annotated[int, Field(ge=1, le=100)] = 3
    allow_multiple_votes: bool = True
    votes_per_participant: Annotated[int, Field(ge=1, le=500)] | None = None
    show_vote_counts: bool = True
    sort: Literal["votes", "newest", "oldest"] = "votes"
    self_vote: bool = False


class Answer(Model):
    """A question or a vote. `edits` is the submission id that first sent the question this one replaces."""

    action: Literal["question", "vote"]
    text: Annotated[str, Field(max_length=2_000)] | None = None
    anonymous: bool = False
    edits: ItemId | None = None
    item_id: ItemId | None = None
    value: Literal[-1, 0, 1] | None = None


class Qna(ActivityType[Settings, Answer]):
    name = "qna"
    aliases = ("qa", "questions", "q_and_a")
    xapi = "other"
    settings_model, answer_model = Settings, Answer
    example = {
        "settings": {
            "topic": "Ask anything",
            "allow_anonymous": True,
            "enable_voting": True,
            "allow_downvotes": False,
            "moderate_questions": True,
            "max_question_length": 500,
            "max_open_per_participant": 3,
            "allow_multiple_votes": True,
            "votes_per_participant": None,
            "show_vote_counts": True,
            "sort": "votes",
            "self_vote": False,
        },
        "answers": [
            {"action": "question", "text": "Why is it called dark reaction?", "anonymous": True},
            {"action": "question", "text": "Does it need darkness?"},
            {"action": "vote", "item_id": "q17", "value": 1},
        ],
    }

    def migrate_settings(self, settings: Mapping[str, Json]) -> Mapping[str, Json]:
        migrated = dict(settings)
        migrated.pop("show_live_results", None)
        return migrated

    def migrate_answer(self, settings: Settings, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Legacy: `type`, `question_id`, `vote_type` up or down; `edit` is a question that `edits`."""
        migrated = dict(data)
        if "type" in migrated and "action" not in migrated:
            migrated["action"] = migrated.pop("type")
        if "question_id" in migrated and "item_id" not in migrated:
            migrated["item_id"] = migrated.pop("question_id")
        if "vote_type" in migrated and "value" not in migrated:
            migrated["value"] = {"up": 1, "down": -1, "none": 0}.get(str(migrated.pop("vote_type")))
        if migrated.get("action") == "edit":
            migrated["action"] = "question"
        return migrated

    def check(self, settings: Settings, answer: Answer) -> Answer:
        if answer.action == "question":
            return self._check_question(settings, answer)
        if not settings.enable_voting:
            raise invalid("data.action", "voting is not offered here")
        if answer.item_id is None or answer.value is None:
            missing = "item_id" if answer.item_id is None else "value"
            raise invalid(f"data.{missing}", "a vote needs it")
        if answer.value < 0 and not settings.allow_downvotes:
            raise invalid("data.value", "votes against are not offered here")
        return Answer(action="vote", item_id=answer.item_id, value=answer.value)

    def _check_question(self, settings: Settings, answer: Answer) -> Answer:
        if answer.anonymous and not settings.allow_anonymous:
            raise invalid("data.anonymous", "questions carry a name here")
        most = settings.max_question_length
        text = written_text(answer.text or "", "data.text", 1, most, keep_lines=True)
        return Answer(action="question", text=text, anonymous=answer.anonymous, edits=answer.edits)

    def counters(self, settings: Settings, answer: Answer, elapsed_ms: int | None) -> dict[str, int]:
        if answer.action == "question":
            return {"questions": 1}
        return {f"{'up' if answer.value > 0 else 'down'}:{answer.item_id}": 1} if answer.value else {}

    def entry(self, settings: Settings, answer: Answer, submission_id: str) -> str:
        if answer.action == "question":
            return f"q:{answer.edits or submission_id}"
        # With one vote for all questions together, voting for another one moves the vote.
        return f"v:{answer.item_id}" if settings.allow_multiple_votes else "v"

    def entry_limit(self, settings: Settings, kind: str) -> int:
        if kind == "q":
            return settings.max_open_per_participant
        return (settings.votes_per_participant or 0) if settings.allow_multiple_votes else 1

    def admit(self, live: Live[Settings], participant_id: str, answer: Answer) -> None:
        """Refuse votes on questions that are not there to be seen, and on one's own."""
        if answer.item_id is None or not answer.value:
            return  # a vote can always be taken back
        item = live.items.get(answer.item_id)
        moderated = live.settings.moderate_questions
        if item is None or status_of(live.decisions, item.id, moderated=moderated) not in SEEN:
            raise Refusal("unknown_response", details={"field": "data.item_id", "reason": "no such question"})
        if item.participant_id == participant_id and not live.settings.self_vote:
            raise Refusal("forbidden", details={"field": "data.item_id", "reason": "it is your own question"})

    def item(self, settings: Settings, answer: Answer) -> dict[str, Json] | None:
        return {"text": answer.text, "anonymous": answer.anonymous} if answer.action == "question" else None

    def view(self, live: Live[Settings], sight: Sight) -> dict[str, Json]:
        moderated = live.settings.moderate_questions
        status = {item_id: status_of(live.decisions, item_id, moderated=moderated) for item_id in live.items}
        votes = _votes(live)
        shown = [
            item
            for item in live.items.values()
            if is_shown(status[item.id], sight) and (sight.host or _merged_into(live, item.id) == item.id)
        ]
        names = ["pending", "active", "pinned", "archived", "rejected", "hidden", "deleted"]
        by_status = {name: sum(value == name for value in status.values()) for name in names}
        if not sight.host:
            by_status = {name: by_status[name] for name in ("active", "pinned", "archived")}
        main = {"total": len(shown), "by_status": by_status, "sort": live.settings.sort}
        counted = sight.host or live.settings.show_vote_counts
        shown.sort(
            key=lambda item: (status[item.id] != "pinned", -_score(votes[item.id]) * counted, -item.at_ms)
        )
        parts: dict[str, Json] = {"": main}
        for item in shown[:SHOWN]:
            parts[f"item:{item.id}"] = self._part(live, sight, item, status[item.id], votes[item.id])
        return parts

    def _part(
        self, live: Live[Settings], sight: Sight, item: Item, status: str, votes: tuple[int, int]
    ) -> dict[str, Json]:
        up, down = votes
        decided = verdict(live.decisions, item.id)
        part: dict[str, Any] = {"id": item.id, "text": item.data["text"]}
        part |= author_of(live, item, sight)
        part |= {"status": status, "pinned": status == "pinned", "answered": decided.get("answered") is True}
        if decided.get("answer"):
            part["answer"] = decided["answer"]
        if live.settings.enable_voting and (sight.host or live.settings.show_vote_counts):
            part |= {"score": up - down, "up": up, "down": down}
        if sight.host:
            part["wilson"] = round(wilson(up, up + down), 3)
            part["controversy"] = round(controversy(up, down, live.joined), 3)
            if "merged_into" in decided:
                part["merged_into"] = decided["merged_into"]
        return part | {"created_at": iso_time(item.at_ms)}

    def assemble(self, parts: Mapping[str, Json]) -> dict[str, Json]:
        main = dict(parts.get("", {}))
        items = [part for name, part in parts.items() if name.startswith("item:")]
        items.sort(key=lambda part: (part["created_at"], part["id"]), reverse=main.get("sort") != "oldest")
        if main.get("sort") == "votes":
            items.sort(key=lambda part: -part.get("score", 0))
        items.sort(key=lambda part: not part["pinned"])
        return {"items": items} | main

    def decide(self, live: Live[Settings], decision: Mapping[str, Json]) -> Mapping[str, Json]:
        """A status action, `answer` with a text or none, `unanswer`, `merge` into another one, `part`."""
        action = action_of(decision, {*STATUS_AFTER, "answer", "unanswer", "merge", "part"})
        if action in STATUS_AFTER:
            return decide_status(live, decision, action)
        item = item_of(live, decision)
        decided = verdict(live.decisions, item.id)
        if action == "answer":
            text = decision.get("text", "")
            if not isinstance(text, str):
                raise invalid("text", "must be a text")
            decided["answered"] = True
            decided["answer"] = written_text(text, "text", 0, _LONGEST_ANSWER, keep_lines=True)
        elif action == "merge":
            into = item_of(live, decision, "into")
            if _merged_into(live, into.id) == item.id:
                raise Refusal(
                    "illegal_move", details={"field": "into", "reason": "it is merged into this one"}
                )
            decided["merged_into"] = into.id
        else:
            dropped = {"unanswer": ("answered", "answer"), "part": ("merged_into",)}[action]
            decided = {name: value for name, value in decided.items() if name not in dropped}
        return {f"item:{item.id}": decided or None}


def wilson(up: int, votes: int) -> float:
    """The lower bound of the share of votes in favour that the votes so far make certain to 95 %."""
    if not votes:
        return 0.0
    share = up / votes
    middle = share + _Z * _Z / (2 * votes)
    spread = _Z * sqrt((share * (1 - share) + _Z * _Z / (4 * votes)) / votes)
    return max(0.0, (middle - spread) / (1 + _Z * _Z / votes))


def controversy(up: int, down: int, people: int) -> float:
    """0 where nobody disagrees, near 1 where many are split evenly; few among many count less."""
    return 2 * min(up, down) / (up + down + max(1.0, 0.1 * people))


def _score(votes: tuple[int, int]) -> int:
    return votes[0] - votes[1]


def _votes(live: Live[Settings]) -> dict[str, tuple[int, int]]:
    """Votes for and against by question; those of merged questions are added to where they went."""
    votes = dict.fromkeys(live.items, (0, 0))
    for item_id in live.items:
        pair = (live.tally.get(f"up:{item_id}", 0), live.tally.get(f"down:{item_id}", 0))
        for receiver in {item_id, _merged_into(live, item_id)}:
            votes[receiver] = (votes[receiver][0] + pair[0], votes[receiver][1] + pair[1])
    return votes


def _merged_into(live: Live[Settings], item_id: str) -> str:
    """The question that a merged one ended up in; itself where it was not merged."""
    seen = {item_id}
    while isinstance(into := verdict(live.decisions, item_id).get("merged_into"), str) and into in live.items:
        if into in seen:
            break
        seen.add(into)
        item_id = into
    return item_id


TYPE = Qna()
