"""MLflow through the real client and a real SQLite database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.mlflow_connection import TrackingError, without_password
from artifacts.tracking import StageRecord, Tracker
from configs.errors import UserError
from configs.loading import resolve

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MADE, READ, OLD = "ab" * 32, "cd" * 32, "ef" * 32


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def tracker(place: Path) -> Tracker:
    """One finished run: a stage that computed, one that was found done."""
    audio = place / "clip.wav"
    audio.write_bytes(b"RIFF" + bytes(2_000_000))
    note = place / "note.txt"
    note.write_text("hello")
    made = Tracker(f"sqlite:///{place / 'mlflow.db'}", "speech", str(place / "files"), max_file_mb=1.0)
    made.start(
        "lj", {"train.lr": 1e-4, "hub_token": "hf_very_secret"}, {"code.version": "1.2"}, 1_700_000_000_000
    )
    made.stage(StageRecord("ingest", "cached", OLD))
    made.stage(
        StageRecord(
            "train_sovits",
            "computed",
            MADE,
            inputs={"shard": READ},
            code_version="c0de",
            reason="never run for this voice",
            params={"train.sovits.max_steps": 3000},
            metrics={"rows": 7.0},
            series={"loss/total": [(step, 1.0 / (step + 1)) for step in range(1500)]},
            files={"samples/clip.wav": audio, "notes/note.txt": note},
            seconds=3.0,
        )
    )
    made.log_files(made.run_id, {"lineage/lineage.html": note})
    made.finish("FINISHED", "2 stages")
    return made


def client(tracker: Tracker):  # type: ignore[no-untyped-def]
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracker.uri)


def test_a_run_is_found_from_any_digest(tracker: Tracker) -> None:
    def named(digest: str) -> set[str]:
        tags = ("artifact.digest", "artifact.inputs", "artifact.outputs")
        searches = [f"tags.`{tag}` LIKE '%{digest}%'" for tag in tags]
        found = [client(tracker).search_runs([tracker.experiment_id], search) for search in searches]
        return {run.info.run_name for runs in found for run in runs}

    assert named(MADE) == named(MADE[:12]) == {"lj", "train_sovits"}
    assert named(READ) == {"train_sovits"}
    assert named(OLD) == {"lj"}
    assert named("0" * 64) == set()


def test_child_carries_everything_and_the_parent_sums_up(tracker: Tracker) -> None:
    look = client(tracker)
    [child] = look.search_runs([tracker.experiment_id], "tags.stage = 'train_sovits'")
    parent = look.get_run(tracker.run_id)
    assert child.data.tags["mlflow.parentRunId"] == tracker.run_id
    assert child.data.tags["artifact.digest"] == MADE
    assert child.data.tags["artifact.inputs"] == f"shard={READ}"
    assert child.data.tags["code.version"] == "c0de"
    assert child.data.params == {"train.sovits.max_steps": "3000"}
    assert len(look.get_metric_history(child.info.run_id, "loss/total")) == 1500
    assert {one.dataset.name: one.dataset.digest for one in child.inputs.dataset_inputs} == {
        "shard": READ[:36],
        "train_sovits": MADE[:36],
    }
    assert parent.data.metrics["train_sovits.rows"] == 7.0
    assert parent.data.tags["stages.computed"] == "train_sovits"
    assert parent.info.start_time == 1_700_000_000_000


def test_files_lie_where_the_experiment_says_and_large_ones_are_named(tracker: Tracker, place: Path) -> None:
    look = client(tracker)
    [child] = look.search_runs([tracker.experiment_id], "tags.stage = 'train_sovits'")
    assert [f.path for f in look.list_artifacts(child.info.run_id, "notes")] == ["notes/note.txt"]
    assert "samples/clip.wav" in child.data.tags["files.left_out"]
    assert child.info.artifact_uri.startswith(str(place / "files"))
    assert [f.path for f in look.list_artifacts(tracker.run_id, "lineage")] == ["lineage/lineage.html"]


def test_no_secret_is_logged(tracker: Tracker, place: Path) -> None:
    assert b"hf_very_secret" not in (place / "mlflow.db").read_bytes()
    assert without_password("postgresql://me:hunter2@db/mlflow") == "postgresql://me:***@db/mlflow"


def test_runs_are_told_by_their_identifiers(place: Path) -> None:
    made = Tracker(f"sqlite:///{place / 'mlflow.db'}", "speech", str(place / "files"))
    parent = made.start("lj", {}, {})
    child = made.stage(StageRecord("pitch", "computed", MADE))
    found_done = made.stage(StageRecord("ingest", "cached", OLD))
    look = client(made)
    assert look.get_run(parent).info.run_name == "lj"
    assert look.get_run(child).data.tags["mlflow.parentRunId"] == parent == found_done == made.run_id


def test_files_of_another_file_system_are_uploaded_too(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    source = tmp_path / "note.txt"
    source.write_text("from afar")
    made = Tracker(f"sqlite:///{place / 'mlflow.db'}", "speech", str(place / "files"))
    run = made.start("lj", {}, {})
    made.log_files(run, {"notes/note.txt": source})
    fetched = client(made).download_artifacts(run, "notes/note.txt", str(tmp_path))
    assert Path(fetched).read_text() == source.read_text() == "from afar"


def test_a_database_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all" * 100)
    with pytest.raises(TrackingError, match=r"tracking.uri sqlite:///.*broken.db: "):
        Tracker(f"sqlite:///{broken}", "speech")


@pytest.mark.parametrize("uri", ["/runs", "file:///runs"])
def test_a_folder_is_refused_as_uri(uri: str) -> None:
    with pytest.raises(UserError, match="tracking"):
        resolve(overrides=[f"tracking.uri={uri}"])


def test_importing_it_does_not_import_mlflow() -> None:
    code = "import sys, artifacts.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
