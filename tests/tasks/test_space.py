"""Whether recordings fit is asked with the least that they can become."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from artifacts import space
from artifacts.store import Store
from tasks.space import require_space_for_recordings


@pytest.mark.parametrize(("name", "expected"), [("a.wav", 50_000.0), ("a.mp4", 0.0), ("a.MKV", 0.0)])
def test_only_what_will_surely_be_written_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: float
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(space, "require", lambda place, size_bytes, what: asked.append(size_bytes))
    (tmp_path / name).write_bytes(bytes(1_000_000))
    stage: Any = SimpleNamespace(name="ingest")
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    require_space_for_recordings(stage, [{"location": str(tmp_path / name)}], store)
    assert asked == [expected]
