"""What the key says never reaches those who may not see it, whoever wrote the type."""

import json
from typing import Any

from realtime.activities.contract import Item, Json, Live, count, read_answer, read_settings, without
from realtime.activities.registry import Kind
from realtime.core.errors import Refusal
from realtime.core.tally import total
from tests.activities.answer_strategies import strings_in
from tests.activities.test_laws import EVERY_SIGHT, plain


def secret_values(document: Json, path: str) -> list[Json]:
    """The values at one path of `secrets`."""
    nodes = [document]
    for step in path.replace("[]", ".[]").split("."):
        if step == "[]":
            nodes = [
                child
                for node in nodes
                for child in (
                    node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
                )
            ]
        else:
            nodes = [node[step] for node in nodes if isinstance(node, dict) and step in node]
    return nodes


def planted(kind: Kind) -> tuple[Any, list[str]]:
    """The example's settings with the texts of the key replaced where the type allows it, and those texts."""
    document = plain(kind.example["settings"])
    planted_texts: list[str] = []
    for path in kind.secrets:
        for index, text in enumerate(
            text for value in secret_values(document, path) for text in strings_in(value)
        ):
            secret = f"planted{len(planted_texts)}x{index}"
            trial = _replaced(document, path.replace("[]", ".[]").split("."), text, secret)
            try:
                read_settings(kind, trial)
            except Refusal:
                continue  # an id of something that is public: there is nothing to plant
            document = trial
            planted_texts.append(secret)
    return read_settings(kind, document), planted_texts


def _replaced(node: Json, steps: list[str], text: str, secret: str) -> Json:
    if not steps:
        if isinstance(node, dict):
            return {name: _replaced(child, [], text, secret) for name, child in node.items()}
        if isinstance(node, list):
            return [_replaced(child, [], text, secret) for child in node]
        return secret if node == text else node
    step, rest = steps[0], steps[1:]
    if step == "[]":
        if isinstance(node, dict):
            return {name: _replaced(child, rest, text, secret) for name, child in node.items()}
        return [_replaced(child, rest, text, secret) for child in node] if isinstance(node, list) else node
    if isinstance(node, dict) and step in node:
        return node | {step: _replaced(node[step], rest, text, secret)}
    return node


def test_the_key_is_hidden_from_those_who_may_not_see_it(kind: Kind) -> None:
    chosen, secrets = planted(kind)
    read = [read_answer(kind, chosen, document) for document in kind.example["answers"]]
    tally = total(count(kind, chosen, answer, 1_000) for answer in read)
    items = {
        f"r{number}": Item(f"r{number}", f"p{number}", data, 1_790_000_000_000)
        for number, answer in enumerate(read)
        if answer is not None and (data := kind.item(chosen, answer)) is not None
    }
    for sight in EVERY_SIGHT:
        if sight.host or sight.key:
            continue
        public = plain(kind.public_settings(chosen, sight))
        assert public == plain(without(public, kind.secrets)), "a key path is still there"
        seen = json.dumps([public, kind.view(Live(chosen, revealed=True, tally=tally, items=items), sight)])
        assert [secret for secret in secrets if secret in seen] == []
