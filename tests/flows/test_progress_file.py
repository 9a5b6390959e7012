"""How far a run is, as others read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import progress_file
from flows.progress_file import ProgressFile, progress_path, read_progress
from tasks.results import StageResult
from tasks.watching import Advance


def result(name: str) -> StageResult:
    return StageResult(name, "computed", "k", "d", 1, 1, 0, 0, (), 0.1, "new")


def test_a_run_is_told_while_it_goes_and_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "WRITE_EVERY_S", 0.0)
    assert read_progress(tmp_path, "anna") is None
    progress = ProgressFile(tmp_path, "anna", ["ingest", "train"])
    progress.started("ingest")
    progress.advanced("ingest", Advance(3, 4, "clips"))
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


def test_what_is_left_is_first_what_was_foreseen(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path, "anna", ["ingest", "fit_kokoro", "export", "report"])
    # The last one is done already.
    progress.foreseen("about 5 min", {"ingest": 20.0, "fit_kokoro": 250.0, "export": 30.0})
    progress.started("ingest")
    left = [read_progress(tmp_path, "anna")]
    progress.finished(result("ingest"))
    progress.started("fit_kokoro")
    progress.advanced("fit_kokoro", Advance(9, 117, phase="trying official voices"))
    left.append(read_progress(tmp_path, "anna"))
    assert [one.left_s for one in left if one] == [pytest.approx(300, abs=1), pytest.approx(280, abs=1)]
    assert left[1] is not None
    assert (left[1].phase, left[1].done, left[1].total) == ("trying official voices", 9, 117)
    progress.end("finished")
    found = read_progress(tmp_path, "anna")
    assert found is not None and found.left_s is None


def test_nothing_is_left_to_tell_where_a_training_was_never_measured(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path, "anna", ["ingest", "train_sovits"])
    progress.foreseen("was never measured", {"ingest": 20.0, "train_sovits": None})
    progress.started("ingest")
    found = read_progress(tmp_path, "anna")
    assert found is not None and found.left_s is None


@pytest.mark.parametrize("content", ["", "[]", '{"stage": 1}', "\x00"])
def test_what_is_no_progress_is_none(tmp_path: Path, content: str) -> None:
    path = progress_path(tmp_path, "anna")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert read_progress(tmp_path, "anna") is None


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    ProgressFile(tmp_path, "anna", ["ingest"]).end("finished")
