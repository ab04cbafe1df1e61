"""The pages under docs/: generated parts are fresh, links lead somewhere, promises name tests that exist."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from realtime.core.errors import REASONS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
_TEST = re.compile(r"`(tests/[\w/.]+\.(?:py|mjs))(?:::(\w+))?`")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    found = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_parts_are_fresh(page: Path, generate: ModuleType) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.renew(text) == text, "stale: run `python docs/generate.py`"


def test_every_generated_part_is_used(generate: ModuleType) -> None:
    used = {name for page in PAGES for name in re.findall(r"<!-- generated: ([a-z-]+) -->", page.read_text(encoding="utf-8"))}
    assert used == set(generate.PARTS)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads} | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_tests_exist(page: Path) -> None:
    for name, function in _TEST.findall(page.read_text(encoding="utf-8")):
        path = ROOT / name
        assert path.exists(), name
        if function:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert function in functions, f"{name}::{function}"


def test_every_promise_names_its_proof() -> None:
    text = (DOCS / "guarantees.md").read_text(encoding="utf-8").partition("## What is not promised")[0]
    promises = re.findall(r"^- (.+?)(?=^- |^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(promises) >= 15
    for promise in promises:
        assert _TEST.search(promise), promise


def test_problem_documents_point_to_the_list_of_errors() -> None:
    known = anchors(DOCS / "errors.md")
    assert set(REASONS) <= known


def test_sentences_for_people_have_no_code_in_them() -> None:
    for code, reason in REASONS.items():
        assert reason.message.endswith("."), code
        assert "_" not in reason.message, code
        assert reason.message[0].isupper(), code
