"""What runs again after a change, and what does not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.pipeline import Pipeline
from tasks.results import StageResult
from tasks.stage import RowStage
from tasks.voice import Request, open_pipeline
from tests.pipeline.finished import CLIPS, HERE, Finished

PREPARED = "shard"


@pytest.fixture
def recordings(finished: Finished, tmp_path: Path) -> Path:
    """Those of a finished voice, whose workspace is here too."""
    return finished.copied(tmp_path).recordings


@pytest.fixture
def prepare(tmp_path: Path) -> Iterator[Callable[..., dict[str, StageResult]]]:
    """Run all data stages and return how each went."""
    opened: list[Pipeline] = []

    def run(recordings: Path, *overrides: str) -> dict[str, StageResult]:
        request = Request(recordings, "v", "tiny", None, (*HERE, *overrides))
        pipeline = open_pipeline(tmp_path / "workspace", request)
        opened.append(pipeline)
        results = {}
        for name in pipeline.stages:
            results[name] = pipeline.run_stage(name)
            if name == PREPARED:
                break
        return results

    yield run
    for pipeline in opened:
        pipeline.close()


def statuses(results: dict[str, StageResult]) -> set[str]:
    return {result.status for result in results.values()}


@pytest.mark.slow
def test_one_recording_more_is_one_row_more(recordings: Path, few, prepare):
    assert statuses(prepare(recordings)) == {"cached"}
    assert few(CLIPS + 1) == recordings
    results = prepare(recordings)
    from tasks.stages import every_way

    for stage in every_way()["gpt-sovits"].prepare:
        if isinstance(stage, RowStage) and stage.name in results:
            assert results[stage.name].rows_computed == 1, stage.name
            assert results[stage.name].rows_cached == CLIPS, stage.name


@pytest.mark.slow
def test_touch_and_move_run_nothing(recordings: Path, prepare, tmp_path: Path):
    for path in recordings.rglob("*"):
        os.utime(path, (1, 1))
    assert statuses(prepare(recordings)) == {"cached"}
    moved = recordings.rename(tmp_path / "moved")
    assert statuses(prepare(moved)) == {"cached"}


@pytest.mark.slow
def test_another_pitch_method_runs_pitch_and_what_reads_it(recordings: Path, prepare, tmp_path: Path):
    request = Request(recordings, "v", "tiny", None, (*HERE, "features.pitch.method=harvest"))
    pipeline = open_pipeline(tmp_path / "workspace", request)
    would, reasons = pipeline.why("pitch")
    pipeline.close()
    assert would
    assert "features.pitch.method dio -> harvest" in reasons
    results = prepare(recordings, "features.pitch.method=harvest")
    assert {name for name, result in results.items() if result.status == "computed"} == {"pitch", "shard"}


@pytest.mark.slow
def test_lost_shard_is_rebuilt_alone(recordings: Path, prepare, tmp_path: Path):
    before = prepare(recordings)
    request = Request(recordings, "v", "tiny")
    pipeline = open_pipeline(tmp_path / "workspace", request)
    victim = pipeline.store.local_path(pipeline.known("pitch").rows[0].blob)
    pipeline.close()
    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    after = prepare(recordings)
    assert {name for name, result in after.items() if result.status == "computed"} == {"pitch"}
    assert {n: r.output_digest for n, r in after.items()} == {n: r.output_digest for n, r in before.items()}
