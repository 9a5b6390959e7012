"""How far a run is, as others read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import progress_file
from flows.progress_file import ProgressFile, progress_path, read_progress
from tasks.pipeline import StageResult


def result(name: str) -> StageResult:
    return StageResult(name, "computed", "k", "d", 1, 1, 0, 0, (), 0.1, "new")


def test_a_run_is_told_while_it_goes_and_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "WRITE_EVERY_S", 0.0)
    assert read_progress(tmp_path, "anna") is None
    progress = ProgressFile(tmp_path, "anna", ["ingest", "train"])
    progress.started("ingest")
    progress.advanced("ingest", 3, 4, "clips")
    found = read_progress(tmp_path, "anna")
    assert found is not None
    assert (found.stage, found.done, found.total, found.text) == ("ingest", 3, 4, "clips")
    assert (found.stages_done, found.stages_total, found.state) == (0, 2, "running")
    progress.finished(result("ingest"))
    progress.started("train")
    found = read_progress(tmp_path, "anna")
    assert found is not None and (found.stage, found.stages_done, found.done) == ("train", 1, 0)
    assert found.began_s <= found.stage_began_s <= found.at_s
    progress.end("stopped")
    found = read_progress(tmp_path, "anna")
    assert found is not None and found.state == "stopped"


@pytest.mark.parametrize("content", ["", "[]", '{"stage": 1}', "\x00"])
def test_what_is_no_progress_is_none(tmp_path: Path, content: str) -> None:
    path = progress_path(tmp_path, "anna")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert read_progress(tmp_path, "anna") is None


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    ProgressFile(tmp_path, "anna", ["ingest"]).end("finished")
