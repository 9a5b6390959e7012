"""The registry and the record of versions agree, whichever of them changed last; on a real MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.store import Store
from artifacts.tracking import Tracker
from flows.registry import take_over, tell
from tasks.versions.folders import champion_folder
from tasks.versions.record import read_versions
from tasks.versions.voices import roll_back
from tests.tasks.versions.made import made, spoken_by

pytestmark = pytest.mark.slow

GOOD, WORSE = [0.8] * 6, [0.5] * 6


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    opened = Tracker(f"sqlite:///{tmp_path / 'mlflow.db'}", "voices", str(tmp_path / "files"))
    opened.start("anna", {}, {})
    return opened


def registered(tracker: Tracker, workspace: Path, quality: list[float]) -> str:
    """Make a version and register it; its digest."""
    digest = made(workspace, quality).version["output"]
    tracker.registry.register("anna", tracker.run_id, digest)
    tell(tracker.registry, workspace, "anna")
    return digest


def test_what_changes_here_is_told_and_what_changes_there_is_taken_over(
    tracker: Tracker, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    good = registered(tracker, tmp_path, GOOD)
    spoken = spoken_by(champion_folder(tmp_path, "anna"))
    worse = registered(tracker, tmp_path, WORSE)
    assert tracker.registry.aliases("anna") == {"champion": good, "challenger": worse}
    described = tracker._client.get_model_version("anna", "2").description
    assert described.startswith("anna@2: unlike\n\n")
    assert "Not live: text/speaker_similarity worse: 0.5, was 0.8" in described
    assert "| similarity | 0.50 |" in described
    assert f"/runs/{tracker.run_id}/artifacts/lineage/lineage.html)" in described
    voice = tracker._client.get_registered_model("anna").description
    assert voice.startswith("**anna@1 is live: unlike**")
    assert "| anna@2 | tiny | 6.0 | 0.50 | unlike |\n| anna@1 (live) | tiny | 6.0 | 0.80 | unlike |" in voice

    assert take_over(tracker.registry, tmp_path, store, "anna") is None
    # Somebody gives the alias to the other version in MLflow's pages.
    tracker._client.set_registered_model_alias("anna", "champion", "2")
    assert take_over(tracker.registry, tmp_path, store, "anna") == "version 2 is live: chosen in MLflow"
    assert spoken_by(champion_folder(tmp_path, "anna")) != spoken
    assert read_versions(tmp_path, "anna")["changes"][-1]["by"] == "registry"

    roll_back(store, tmp_path, "anna")
    # Not told yet: what changed here goes before what stands there.
    assert take_over(tracker.registry, tmp_path, store, "anna") is None
    tell(tracker.registry, tmp_path, "anna")
    assert tracker.registry.aliases("anna")["champion"] == good
    assert spoken_by(champion_folder(tmp_path, "anna")) == spoken


def test_a_champion_that_was_never_registered_moves_no_alias(tracker: Tracker, tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    tell(tracker.registry, tmp_path, "anna")
    assert tracker.registry.aliases("anna") == {}
    assert read_versions(tmp_path, "anna")["registered"] is None
    assert (
        take_over(tracker.registry, tmp_path, Store(str(tmp_path / "store"), tmp_path / "cache"), "anna")
        is None
    )
