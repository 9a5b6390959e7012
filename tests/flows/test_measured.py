"""What stages took is kept for the next estimate, where they had enough to do to tell."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import measured
from flows.measured import Measurer
from tasks.advice.throughput import read_throughput
from tasks.corpus.embedded import write_embedded
from tasks.results import StageResult
from tasks.watching import Advance


def result(name: str, seconds: float, computed: int = 11, total: int = 11, **further: Any) -> StageResult:
    status = "computed" if computed or not total else "cached"
    return StageResult(
        name, status, "k", "d", total, computed, total - computed, 0, (), seconds, "", **further
    )


@pytest.fixture
def measurer(tmp_path: Path) -> Measurer:
    write_embedded(tmp_path / "in")
    rows = [
        {"recording_id": path.stem, "location": str(path), "member": None}
        for path in sorted((tmp_path / "in").glob("*.flac"))
    ]
    pipeline: Any = SimpleNamespace(
        workspace=tmp_path,
        settings=SimpleNamespace(preset="kokoro-fit"),
        scanned=lambda: SimpleNamespace(rows=rows),
    )
    return Measurer(pipeline)


def test_a_training_is_measured_by_its_steps_and_by_what_comes_beside_them(
    measurer: Measurer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = iter([100.0, 103.0, 106.0])
    monkeypatch.setattr(measured.time, "monotonic", lambda: next(now_s))
    measurer.started("fit_kokoro")
    # What comes before the steps is no step, and asks for no time here.
    measurer.advanced("fit_kokoro", Advance(9, 117, phase="trying official voices"))
    # It goes on from step 40: those before are not this run's.
    for step in (41, 42, 43):
        measurer.advanced("fit_kokoro", Advance(step, 60))
    measurer.finished(result("fit_kokoro", 36.0, 0, 0, metrics={"steps": 60.0}))
    found = read_throughput(tmp_path)["fit_kokoro|kokoro-fit|cpu"]
    assert (found["each_s"], found["further_s"]) == (3.0, 30.0)
    assert found["memory_gb"] > 0.01


def test_other_stages_are_measured_by_seconds_of_speech(measurer: Measurer, tmp_path: Path) -> None:
    measurer.started("align")
    measurer.finished(result("align", 42.0))
    measurer.started("pitch")
    measurer.finished(result("pitch", 5.0, computed=1))
    measurer.started("screen")
    measurer.finished(result("screen", 0.0, computed=0))
    found = read_throughput(tmp_path)
    # One row of eleven is too little speech to tell, and what was cached took nothing.
    assert list(found) == ["align||cpu"]
    assert found["align||cpu"]["each_s"] == pytest.approx(42 / 86, rel=0.25)


def test_what_a_finished_voice_says_takes_as_long_from_an_hour_of_speech(
    measurer: Measurer, tmp_path: Path
) -> None:
    measurer.started("evaluate")
    measurer.finished(result("evaluate", 84.0, 0, 0))
    found = read_throughput(tmp_path)["evaluate||cpu"]
    assert (found["each_s"], found["further_s"]) == (0.0, 84.0)
