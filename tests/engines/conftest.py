"""Engines for tests: started on temporary folders, stopped whatever the test does."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from realtime.engines import Engines, start_engines
from tests.engines.surroundings import ORDINARY_ID, Parent


@pytest.fixture
def start() -> Iterator[Callable[..., Engines]]:
    """`start_engines`, with a stop at the end of the test."""
    running: list[Engines] = []

    def start_and_remember(folder: Path, **options: Any) -> Engines:
        running.append(start_engines(folder, **options))
        return running[-1]

    yield start_and_remember
    for engines in running:
        engines.stop()


@pytest.fixture
def parent() -> Iterator[Callable[..., Parent]]:
    """Makes `Parent`s, and ends what the test leaves of them."""
    made: list[Parent] = []

    def make(folder: Path, *options: str, user: int | None = None) -> Parent:
        made.append(Parent(folder, *options, user=user))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an ordinary user owns and can reach, unlike pytest's own ones."""
    folder = Path(tempfile.mkdtemp(prefix="plenum-test-"))
    if os.geteuid() == 0:
        os.chown(folder, ORDINARY_ID, ORDINARY_ID)
    yield folder
    shutil.rmtree(folder)
