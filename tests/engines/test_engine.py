"""What a person is told when an engine fails, and how long its log grows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from realtime.engines import EngineError, Engines, engine, start_engines

pytestmark = pytest.mark.timeout(60)
Start = Callable[..., Engines]


def test_a_death_at_the_start_is_told_with_the_log(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"Valkey ended while starting \(exit status 1\)") as failed:
        start_engines(tmp_path / "data", postgres=False, valkey_options={"maxmemory": "much"})
    assert "argument must be a memory value" in str(failed.value)
    assert str(tmp_path / "data" / "valkey.log") in str(failed.value)


def test_only_the_present_run_is_quoted(tmp_path: Path, start: Start) -> None:
    start(tmp_path / "data", postgres=False).stop()
    with pytest.raises(EngineError) as failed:
        start_engines(tmp_path / "data", postgres=False, valkey_options={"maxmemory": "much"})
    assert "ready to exit" not in str(failed.value)


def test_a_late_engine_is_ended_and_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="not ready in time: give it longer"):
        start_engines(tmp_path / "data", postgres=False, start_timeout_seconds=0.001)
    with pytest.raises(EngineError, match="initdb was not done in time"):
        start_engines(tmp_path / "data", valkey=False, start_timeout_seconds=0.1)
    assert not list((tmp_path / "data").glob("postgres*/"))


def test_a_big_log_is_put_aside_at_the_start(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    start(folder, postgres=False).stop()
    size_bytes = (folder / "valkey.log").stat().st_size
    monkeypatch.setattr(engine, "LOG_MAX_BYTES", size_bytes - 1)
    start(folder, postgres=False).stop()
    assert (folder / "valkey.log.1").stat().st_size == size_bytes
