"""Voices in the registry of a real MLflow."""

from __future__ import annotations

import pytest

from artifacts.tracking import Tracker

pytestmark = pytest.mark.slow

MADE, READ, OLD = "ab" * 32, "cd" * 32, "ef" * 32


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    """A run that versions can come from."""
    place = tmp_path_factory.mktemp("mlflow")
    made = Tracker(f"sqlite:///{place / 'mlflow.db'}", "speech", str(place / "files"))
    made.start("lj", {}, {})
    return made


def test_aliases_stand_on_the_versions_that_are_live_and_newest(tracker: Tracker) -> None:
    first = tracker.registry.register("v", tracker.run_id, MADE)
    assert first == tracker.registry.register("v", tracker.run_id, MADE)
    assert (first.version, first.aliases) == ("1", ())
    assert tracker.registry.point("v", {"champion": MADE, "challenger": None})
    tracker.registry.register("v", tracker.run_id, READ)
    assert tracker.registry.point("v", {"champion": MADE, "challenger": READ})
    assert tracker.registry.aliases("v") == {"champion": MADE, "challenger": READ}
    # What is not registered leaves its alias where it is, and is told.
    assert not tracker.registry.point("v", {"champion": OLD})
    assert tracker.registry.point("v", {"champion": READ, "challenger": None})
    assert tracker.registry.aliases("v") == {"champion": READ}
    assert tracker.registry.aliases("nobody") == {}


def test_versions_are_described_and_voices_renamed(tracker: Tracker) -> None:
    from mlflow import MlflowClient

    tracker.registry.register("w", tracker.run_id, MADE)
    look = MlflowClient(tracking_uri=tracker.uri)
    look.set_model_version_tag("w", "1", "metric.mel", "2")
    look.set_model_version_tag("w", "1", "mine", "kept")
    tracker.registry.describe("w", MADE, "understood by strangers", {"minutes": "12.0"})
    tracker.registry.describe_voice("w", "a voice")
    tracker.registry.describe_voice("nobody", "no voice")
    tracker.registry.rename_voice("w", "walter")
    tracker.registry.rename_voice("nobody", "somebody")
    version = look.get_model_version("walter", "1")
    place = f"#/experiments/{tracker.experiment_id}/runs/{tracker.run_id}"
    assert version.description == (
        f"understood by strangers\n\n[Lineage]({place}/artifacts/lineage/lineage.html) · "
        f"[Report]({place}/artifacts/report/report.html) · [Run]({place})"
    )
    assert version.tags == {"artifact.digest": MADE, "minutes": "12.0", "mine": "kept"}
    assert look.get_registered_model("walter").description == "a voice"
