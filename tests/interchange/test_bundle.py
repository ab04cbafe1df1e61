"""Activities as JSON: what goes out comes back the same, for every type."""

import json

import pytest

from realtime.activities.config import read_config
from realtime.activities.registry import installed
from realtime.interchange.bundle import make_bundle, read_bundle
from realtime.interchange.reading import read_file

KINDS = installed().kinds()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_type_comes_back_as_it_was(name: str) -> None:
    config = read_config(KINDS[name], {"settings": KINDS[name].example["settings"]}).model_dump(mode="json")
    document = make_bundle("A session", [(name, "A title", config)])
    format, findings = read_file(json.dumps(document).encode(), None, installed())
    (draft,) = findings.drafts
    again = read_config(KINDS[draft.type], draft.config).model_dump(mode="json")
    assert (format, findings.problems) == ("json", [])
    assert make_bundle("A session", [(draft.type, draft.title, again)]) == document


def test_bare_list_and_single_activity_are_taken_too() -> None:
    poll = {"type": "vote", "config": {"question": "Which?", "options": ["A", "B"]}}
    for document in ([poll], poll, {"activities": [poll]}):
        _, findings = read_file(json.dumps(document).encode(), None, installed())
        assert [draft.type for draft in findings.drafts] == ["poll"]


def test_bad_entries_name_their_place_and_spare_the_others() -> None:
    entries = [7, {"type": 3}, {"type": "poll", "config": []}, {"type": "poll", "title": 1}, {"type": "poll", "config": {}}]
    good = {"type": "open_text", "title": "Fine", "config": {"settings": {"prompt": "Why?"}}}
    _, findings = read_file(json.dumps({"activities": [*entries, good]}).encode(), None, installed())
    assert [problem.place for problem in findings.problems] == [f"activity {number}" for number in range(1, 6)]
    assert [draft.title for draft in findings.drafts] == ["Fine"]


def test_more_than_a_session_holds_is_cut_and_said() -> None:
    findings = read_bundle(json.dumps([{"type": "generic"}] * 501))
    assert len(findings.drafts) == 500
    assert [problem.code for problem in findings.problems] == ["too_many"]
