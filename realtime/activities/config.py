"""The envelope round every activity's settings: what is shown, what is allowed, what is revealed when."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from realtime.activities.contract import ActivityType, Json, Model, first_fault, read_settings
from realtime.core.errors import Refusal

Text = Annotated[str, Field(max_length=2_000)]


class Display(Model):
    title: Annotated[str, Field(max_length=500)] | None = None
    description: Text | None = None
    instructions: Text | None = None
    media: Annotated[list[dict[str, Any]], Field(max_length=10)] = []


class Constraints(Model):
    """`time_limit` is in seconds, 0 or null for none; `max_responses` counts entries per person."""

    time_limit: Annotated[int, Field(ge=0, le=86_400)] | None = None
    grace_ms: Annotated[int, Field(ge=0, le=60_000)] = 2_000
    max_responses: Annotated[int, Field(ge=1, le=1_000)] = 1
    allow_changes: bool = True
    identity: Literal["named", "pseudonym", "anonymous"] = "pseudonym"
    autoclose_when_all: bool = False


class Reveal(Model):
    """When participants see counts, results, the answer key and names; presenters always see the first three."""

    counts: Literal["live", "after_close", "presenter"] = "live"
    results: Literal["live", "on_reveal", "after_close", "never"] = "on_reveal"
    answer_key: Literal["on_reveal", "after_close", "never"] = "on_reveal"
    names: Literal["presenter", "everyone", "nobody"] = "presenter"


class Scoring(Model):
    mode: Literal["none", "participation", "accuracy", "speed"] = "none"
    points: Annotated[int, Field(ge=0, le=100_000)] = 1_000
    speed: Literal["none", "kahoot", "linear", "floor10"] = "none"
    streak: Literal["none", "kahoot", "arsnova"] = "none"
    negative: Annotated[float, Field(ge=0, le=1)] = 0


class Config(Model):
    version: Literal[1] = 1
    display: Display = Display()
    constraints: Constraints = Constraints()
    reveal: Reveal = Reveal()
    scoring: Scoring = Scoring()
    settings: dict[str, Any] = {}

    @property
    def unnamed(self) -> bool:
        """Whether nothing may tell anybody, presenters included, who gave which answer."""
        anonymous_votes = self.settings.get("anonymous_votes") is True  # planning_poker's own word for it
        return anonymous_votes or self.constraints.identity == "anonymous" or self.reveal.names == "nobody"

    def reveal_rules(self) -> dict[str, Any]:
        """When what is seen, for `sight_of`: an anonymous activity has no names for anybody."""
        return self.reveal.model_dump() | ({"names": "nobody"} if self.constraints.identity == "anonymous" else {})


_ENVELOPE = frozenset(Config.model_fields)


def read_config(kind: ActivityType[Any, Any], document: Json) -> Config:
    """Check a whole config; a flat legacy document is lifted into `settings`. Raises Refusal `invalid`."""
    if not isinstance(document, Mapping):
        raise Refusal("invalid", details={"field": "config", "reason": "must be an object"})
    if not (document.keys() <= _ENVELOPE and ("settings" in document or not document)):
        document = _lift(document)
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise first_fault(error, "config") from error
    settings = read_settings(kind, config.settings)
    return config.model_copy(update={"settings": settings.model_dump(mode="json")})


def _lift(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A founding client's flat config: everything is a setting, some of it says what to reveal or allow."""
    envelope = {name: flat[name] for name in _ENVELOPE & flat.keys() if name not in ("settings", "version")}
    settings = {name: value for name, value in flat.items() if name not in _ENVELOPE}
    if isinstance(flat.get("settings"), Mapping):
        settings |= flat["settings"]
    reveal: dict[str, Any] = {}
    if isinstance(flat.get("show_live_results"), bool):
        reveal["counts"] = "live" if flat["show_live_results"] else "presenter"
    if reveal and "reveal" not in envelope:
        envelope["reveal"] = reveal
    constraints: dict[str, Any] = {}
    if flat.get("anonymous_voting") is True:
        constraints["identity"] = "anonymous"
    if isinstance(flat.get("time_limit"), int):
        constraints["time_limit"] = settings.pop("time_limit")
    if constraints and "constraints" not in envelope:
        envelope["constraints"] = constraints
    return envelope | {"settings": settings}
